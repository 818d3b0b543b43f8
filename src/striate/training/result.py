"""What training is asked to do, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from striate.errors import ParameterError
from striate.network import Network
from striate.training import losses
from striate.training.optimizer import check_rates

__all__ = ["Epoch", "Result", "Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train; see `fit`.

    Raises
    ------
    ParameterError, UnknownNameError
    """

    epochs: int
    batch_size: int
    learning_rate: float | Mapping[str, float]
    momentum: float
    weight_decay: float
    loss: str
    seed: int
    shuffle: bool

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch_size", 1), ("seed", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or value < least:
                raise ParameterError(f"{name} {value!r} must be a whole number of at least {least}")
        rates = self.learning_rate
        for rate in (rates.values() or [0.0]) if isinstance(rates, Mapping) else [rates]:
            check_rates(rate, self.momentum, self.weight_decay)
        losses.find(self.loss)


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass through the training examples.

    `train_loss` and `train_error` (0 to 1) are means over the pass, each example judged just
    before the network learnt from it; `test_error` is measured after the pass, None without test
    examples; `seconds` is the time of training alone.
    """

    number: int
    train_loss: float
    train_error: float
    test_error: float | None
    seconds: float
    examples_per_second: float


@dataclass(frozen=True, eq=False)
class Result:
    """A trained network and the course of its training."""

    network: Network
    history: tuple[Epoch, ...]
    settings: Settings

    @property
    def seconds(self) -> float:
        """The time of training, without that of testing."""
        return sum(epoch.seconds for epoch in self.history)

    def __repr__(self) -> str:
        last = self.history[-1]
        test = "" if last.test_error is None else f", test error {100 * last.test_error:.2f} %"
        return (
            f"Result({self.network.name}, {last.number} epochs in {self.seconds:.1f} s, "
            f"train error while learning {100 * last.train_error:.2f} %{test})"
        )
