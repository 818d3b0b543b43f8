"""What training is asked to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from striate.errors import FileError, ParameterError, UnknownNameError
from striate.runtime.learning.descent import Descent, check_rate
from striate.runtime.learning.losses import find_loss

__all__ = ["DEVICES", "PRECISIONS", "Settings"]

VERSION = 2
BEFORE = 1
"""The version without `freeze`, in which settings that freeze nothing are still written."""

PRECISIONS = ("auto", "exact", "float32", "tf32", "bf16")
DEVICES = ("cpu", "torch", "cuda", "mps")
MAY_CHANGE = ("epochs", "patience", "threads")
"""What a resumed run may have otherwise; the course so far does not depend on it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train; see `fit`. Everything in it can be written as JSON.

    Raises
    ------
    ParameterError, UnknownNameError

    Examples
    --------
    >>> settings = Settings(epochs=3, learning_rate=0.1, momentum=0.9)
    >>> settings.descent.momentum, Settings.of(settings.as_json) == settings
    (0.9, True)
    """

    epochs: int
    learning_rate: float | Mapping[str, float]
    batch_size: int = 32
    optimizer: str = "sgd"
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    schedule: str = "constant"
    clip_norm: float | None = None
    loss: str = "cross-entropy"
    augment: str = "none"
    validation: float | str | None = None
    """The share held out, "given", or None."""
    patience: int | None = None
    seed: int = 0
    shuffle: bool = True
    device: str = "cpu"
    precision: str = "auto"
    threads: int | None = None
    freeze: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch_size", 1), ("seed", 0)):
            _require_whole(name, getattr(self, name), least)
        for name in ("patience", "threads"):
            if getattr(self, name) is not None:
                _require_whole(name, getattr(self, name), 1)
        rates = self.learning_rate
        for rate in (rates.values() or [0.0]) if isinstance(rates, Mapping) else [rates]:
            check_rate(rate)
        find_loss(self.loss)
        self._check_validation()
        self._check_freeze()
        if self.precision not in PRECISIONS:
            raise UnknownNameError.of("precision", self.precision, PRECISIONS)
        if str(self.device).partition(":")[0] not in DEVICES:
            raise UnknownNameError(
                f"no device is called {self.device!r}: choose cpu, or torch, cuda (cuda:1, ...) or "
                "mps, which PyTorch trains on"
            )
        native = ("auto", "exact") if self.device == "cpu" else ("auto", "float32", "tf32", "bf16")
        if self.precision not in native:
            raise ParameterError(
                f"precision {self.precision!r} is none of device {self.device!r}: "
                f"choose one of {', '.join(native)}"
            )
        _ = self.descent  # which checks what is its own

    def _check_validation(self) -> None:
        share = self.validation
        if isinstance(share, int | float) and not 0 < share < 1:
            raise ParameterError(
                f"validation {share!r} must be a share of the training examples, above 0 and "
                "below 1: try 0.1, or give (images, labels)"
            )
        if self.patience is not None and share is None:
            raise ParameterError(
                f"patience {self.patience} needs examples to watch: give validation, such as 0.1"
            )

    def _check_freeze(self) -> None:
        given: Any = self.freeze
        patterns = (given,) if isinstance(given, str) else given
        fits = isinstance(patterns, list | tuple) and all(isinstance(p, str) for p in patterns)
        if not fits:
            raise ParameterError(
                f"freeze {given!r} must be names of parameters, or patterns such as 'features.*'"
            )
        object.__setattr__(self, "freeze", tuple(patterns))

    @property
    def descent(self) -> Descent:
        """How weights follow their gradients."""
        rates = self.learning_rate
        return Descent(
            method=self.optimizer,  # type: ignore[arg-type]  # it is checked there
            momentum=self.momentum,
            nesterov=self.nesterov,
            weight_decay=self.weight_decay,
            clip_norm=self.clip_norm,
            factors=dict(rates) if isinstance(rates, Mapping) else None,
        )

    @property
    def rate(self) -> float:
        """The learning rate that `descent`'s factors and the schedule multiply."""
        return 1.0 if isinstance(self.learning_rate, Mapping) else float(self.learning_rate)

    @property
    def calmer(self) -> str:
        """The learning rate to try where this one is too high: a tenth, or one that may be."""
        if isinstance(self.learning_rate, Mapping):
            return "a tenth of each learning_rate"
        tenth = self.learning_rate / 10
        return f"a learning_rate of {tenth if tenth <= 0.1 else 0.01:g}"

    @property
    def as_json(self) -> dict[str, Any]:
        """Numbers and texts by name."""
        rates = self.learning_rate
        plain = dict(rates) if isinstance(rates, Mapping) else rates
        told = {**asdict(self), "learning_rate": plain, "freeze": list(self.freeze)}
        if self.freeze:
            return {"version": VERSION, **told}
        del told["freeze"]
        return {"version": BEFORE, **told}

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Settings:
        """Return the settings that `as_json` wrote.

        Raises
        ------
        FileError
            If they are of another version.
        """
        version = found.get("version")
        known = {field.name for field in fields(cls)} - ({"freeze"} if version == BEFORE else set())
        if version not in (BEFORE, VERSION) or {*found} != {"version", *known}:
            raise FileError(
                f"settings of version {version!r}, not {BEFORE} or {VERSION}: "
                "read them with the striate that wrote them"
            )
        return cls(**{name: found[name] for name in known})

    def difference(self, other: Settings) -> str | None:
        """Return the first setting in which a run to be resumed is another, or None."""
        for field in fields(self):
            name = field.name
            if name not in MAY_CHANGE and getattr(self, name) != getattr(other, name):
                return name
        return None


def _require_whole(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ParameterError(f"{name} {value!r} must be a whole number of at least {least}")
