"""What every engine looks like to the bench: ways to run one case, and what it computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Protocol

from numpy.typing import NDArray

from striate.cli.bench.case import Case
from striate.errors import StriateError

__all__ = ["Peer", "Refused", "Result", "Runner", "installed", "one_or_all"]


Result = NDArray[Any] | tuple[NDArray[Any], ...]
"""The only output, or all."""


def one_or_all(outputs: Sequence[NDArray[Any]]) -> Result:
    """Return the only output, or all."""
    return outputs[0] if len(outputs) == 1 else tuple(outputs)


class Refused(StriateError):
    """A peer cannot run a case; the message says why."""


@dataclass(frozen=True, slots=True)
class Runner:
    """One engine in one setting, ready to run one case.

    `run` does the work that is timed and leaves its result with the engine; `result` fetches it
    as an array of the case's output shape, or all of them where there are several outputs.
    """

    setting: str
    run: Callable[[], object]
    result: Callable[[], Result]


class Peer(Protocol):
    """A module that runs networks with another engine."""

    NAME: str

    def runners(self, case: Case, threads: int) -> Iterator[Runner]:
        """Yield the case in every setting that may be the best one; Refused if there is none."""
        ...


def installed(package: str) -> bool:
    """Tell whether a package can be imported, without importing it."""
    return find_spec(package) is not None
