"""Schedules: what the learning rate is multiplied by, step by step.

A schedule is a pure function of how far training is, so that a resumed run needs no memory of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, isfinite, pi
from typing import Any, ClassVar, Protocol, runtime_checkable

from striate.errors import ParameterError, UnknownNameError

__all__ = ["Constant", "Cosine", "OneCycle", "Schedule", "Step", "schedule"]


@runtime_checkable
class Schedule(Protocol):
    """A learning rate's course."""

    @property
    def text(self) -> str:
        """What `schedule` reads back as the same; runs are told apart by it."""

    @property
    def depends_on_epochs(self) -> bool:
        """Whether training for longer changes the course from the beginning."""

    def factor(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        """Return what the rate of a step is multiplied by; steps count from 0."""


@dataclass(frozen=True, slots=True)
class Constant:
    """The same rate throughout.

    Examples
    --------
    >>> Constant().factor(7, 10, 3)
    1.0
    """

    text: str = "constant"
    depends_on_epochs: bool = False

    def factor(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        """Return 1."""
        return 1.0


@dataclass(frozen=True, slots=True)
class Step:
    """A rate that falls at once after some epochs.

    Parameters
    ----------
    at : tuple of int
        The epochs after which it falls, ascending.
    scale : float
        What it is multiplied by, each time.

    Raises
    ------
    ParameterError

    Examples
    --------
    >>> [round(Step((1, 2)).factor(step, 2, 3), 4) for step in range(6)]
    [1.0, 1.0, 0.1, 0.1, 0.01, 0.01]
    """

    at: tuple[int, ...]
    scale: float = 0.1

    def __post_init__(self) -> None:
        whole = isinstance(self.at, tuple) and all(isinstance(epoch, int) for epoch in self.at)
        if not whole or not self.at or self.at[0] < 1 or list(self.at) != sorted({*self.at}):
            raise ParameterError(
                f"step: epochs {self.at!r} must be whole numbers from 1, ascending: try step:30,60"
            )
        _require("step: factor", self.scale, 0, 1, low_open=True)

    @property
    def text(self) -> str:
        """Such as step:30,60 or step:30,factor=0.2."""
        scale = "" if self.scale == 0.1 else f",factor={self.scale!r}"
        return f"step:{','.join(map(str, self.at))}{scale}"

    @property
    def depends_on_epochs(self) -> bool:
        """No."""
        return False

    def factor(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        """Return the scale to the power of the falls so far."""
        epoch = step // steps_per_epoch
        return float(self.scale ** sum(epoch >= at for at in self.at))


class _Planned:
    """A course over all epochs, whose fields are numbers from 0 to the limit of each."""

    __slots__ = ()
    _name: ClassVar[str]
    _limits: ClassVar[dict[str, float]]

    def __post_init__(self) -> None:
        for field, most in self._limits.items():
            _require(f"{self._name}: {field}", getattr(self, field), 0, most)

    @property
    def text(self) -> str:
        """Such as cosine or one-cycle:rise=0.25: the name, and what is not as usual."""
        usual = type(self)()
        given = [(field, getattr(self, field)) for field in self._limits]
        options = [f"{field}={value!r}" for field, value in given if value != getattr(usual, field)]
        return f"{self._name}:{','.join(options)}" if options else self._name

    @property
    def depends_on_epochs(self) -> bool:
        """Yes."""
        return True


@dataclass(frozen=True, slots=True)
class Cosine(_Planned):
    """Half a wave down from the full rate, after a straight way up.

    Parameters
    ----------
    floor : float
        Where it ends, as a share of the learning rate.
    warmup : float
        Epochs in which it first rises, from one step's share to the full rate.

    Raises
    ------
    ParameterError

    Notes
    -----
    Loshchilov and Hutter, "SGDR", 2017, equation 5, without restarts.

    Examples
    --------
    >>> [round(Cosine().factor(step, 2, 2), 3) for step in range(4)]
    [1.0, 0.854, 0.5, 0.146]
    """

    floor: float = 0.0
    warmup: float = 0.0
    _name: ClassVar[str] = "cosine"
    _limits: ClassVar[dict[str, float]] = {"floor": 1, "warmup": 1e6}

    def factor(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        """Return the way up, or the wave's height."""
        rising = round(self.warmup * steps_per_epoch)
        if step < rising:
            return (step + 1) / rising
        falling = max(1, epochs * steps_per_epoch - rising)
        return self.floor + (1 - self.floor) * (1 + cos(pi * (step - rising) / falling)) / 2


@dataclass(frozen=True, slots=True)
class OneCycle(_Planned):
    """Up to the full rate and down to almost nothing, each along half a wave.

    Parameters
    ----------
    rise : float
        The share of all steps in which it goes up.
    start : float
        Where it begins, as a share of the learning rate.
    end : float
        Where it ends.

    Raises
    ------
    ParameterError

    Notes
    -----
    Smith and Topin, "Super-convergence", 2018; PyTorch's OneCycleLR with two phases, whose
    ``div_factor`` is 1 / start and ``final_div_factor`` start / end. Momentum stays as it is.

    Examples
    --------
    >>> [round(OneCycle().factor(step, 10, 1), 2) for step in range(0, 10, 3)]
    [0.04, 0.95, 0.39, 0.0]
    """

    rise: float = 0.3
    start: float = 0.04
    end: float = 4e-6
    _name: ClassVar[str] = "one-cycle"
    _limits: ClassVar[dict[str, float]] = {"rise": 1, "start": 1, "end": 1}

    def factor(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        """Return the height of the wave up or of that down."""
        last = epochs * steps_per_epoch - 1
        top = self.rise * (last + 1) - 1
        if step <= top:
            return _wave(self.start, 1.0, step / top if top > 0 else 1.0)
        return _wave(1.0, self.end, (step - max(top, 0.0)) / max(last - max(top, 0.0), 1.0))


def schedule(text: str | Schedule | None) -> Schedule:
    """Return the schedule that a text describes.

    Parameters
    ----------
    text : str, Schedule or None
        ``constant`` (or None), ``step:30,60`` (epochs; ``step:30,60,factor=0.2``), ``cosine``
        (``cosine:warmup=5,floor=0.01``) or ``one-cycle`` (``one-cycle:rise=0.25``).

    Raises
    ------
    ParameterError, UnknownNameError

    Examples
    --------
    >>> schedule("step:30,60,factor=0.2")
    Step(at=(30, 60), scale=0.2)
    """
    if text is None:
        return Constant()
    if not isinstance(text, str):
        if not isinstance(text, Schedule):
            raise ParameterError(
                f"schedule {text!r} must be text, such as cosine or step:30,60, or a Schedule"
            )
        return text
    name, _, rest = text.strip().partition(":")
    if name not in _KINDS:
        raise UnknownNameError.of("schedule", name, _KINDS)
    words = [word.strip() for word in rest.split(",") if word.strip()]
    named = dict(word.split("=", 1) for word in words if "=" in word)
    make, known = _KINDS[name]
    for option in named:
        if option not in known:
            raise UnknownNameError.of(f"option of schedule {name}", option, known or ("none",))
    options: dict[str, Any] = {known[o]: _number(text, value) for o, value in named.items()}
    plain = [word for word in words if "=" not in word]
    if make is Step:
        options["at"] = _epochs(text, plain)
    elif plain:
        raise ParameterError(
            f"schedule {text!r}: {plain[0]!r} has no name: write it as name=number"
        )
    return make(**options)


def _epochs(text: str, words: list[str]) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in words)
    except ValueError:
        raise ParameterError(
            f"schedule {text!r}: epochs must be whole numbers: step:30,60"
        ) from None


_KINDS: dict[str, tuple[Callable[..., Schedule], dict[str, str]]] = {
    "constant": (Constant, {}),
    "step": (Step, {"factor": "scale"}),
    "cosine": (Cosine, {"floor": "floor", "warmup": "warmup"}),
    "one-cycle": (OneCycle, {"rise": "rise", "start": "start", "end": "end"}),
}
"""What makes each, and its options with the fields that they are."""


def _wave(begin: float, end: float, share: float) -> float:
    return end + (begin - end) * (1 + cos(pi * share)) / 2


def _number(text: str, word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise ParameterError(f"schedule {text!r}: {word!r} must be a number") from None


def _require(what: str, value: Any, low: float, high: float, *, low_open: bool = False) -> None:
    fits = isinstance(value, int | float) and isfinite(value) and low <= value <= high
    if not fits or (low_open and value == low):
        least = "above" if low_open else "at least"
        raise ParameterError(f"{what} {value!r} must be {least} {low} and at most {high:g}")
