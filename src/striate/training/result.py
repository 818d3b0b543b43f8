"""What comes of training."""

from __future__ import annotations

from dataclasses import dataclass

from striate.network import Network
from striate.training.settings import Settings
from striate.training.wording import count_text

__all__ = ["Best", "Epoch", "Result"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """One pass through the training examples.

    `rate` is the learning rate of its last step, `steps` the number of steps since training began.
    `train_loss` and `train_error` (0 to 1) are means over the pass, each example judged just
    before the network learnt from it; those of validation and test are measured after the pass,
    None without such examples. `seconds` is the time of training alone.
    """

    number: int
    steps: int
    rate: float
    train_loss: float
    train_error: float
    validation_loss: float | None = None
    validation_error: float | None = None
    test_loss: float | None = None
    test_error: float | None = None
    seconds: float
    examples_per_second: float


@dataclass(frozen=True, eq=False)
class Best:
    """The network after the epoch with the smallest validation error, the first of equals."""

    network: Network
    epoch: Epoch


@dataclass(frozen=True, eq=False)
class Result:
    """A trained network and the course of its training.

    `network` is as the last epoch left it; `best` is None without validation. `stopped_early`
    tells whether validation got no better for as long as `patience` said.
    """

    network: Network
    history: tuple[Epoch, ...]
    settings: Settings
    best: Best | None = None
    stopped_early: bool = False

    @property
    def seconds(self) -> float:
        """The time of training, without that of testing."""
        return sum(epoch.seconds for epoch in self.history)

    def __repr__(self) -> str:
        last = self.history[-1]
        parts = [("validation", last.validation_error), ("test", last.test_error)]
        found = "".join(f", {name} error {100 * e:.2f} %" for name, e in parts if e is not None)
        return (
            f"Result({self.network.name}, {count_text(last.number, 'epoch')} in "
            f"{self.seconds:.1f} s, train error while learning {100 * last.train_error:.2f} %"
            f"{found})"
        )
