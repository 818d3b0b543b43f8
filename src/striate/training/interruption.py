"""Ctrl-C and SIGTERM while training: noted at once, obeyed where everything can be saved."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["Interruption", "Stopped"]

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(Exception):
    """Somebody wants training to stop."""


class Interruption:
    """While it is entered, the first signal is only noted; a second one is as it always was.

    A signal that is ignored (as SIGINT is in background jobs of scripts) stays so. In threads other
    than the main one Python delivers no signals, and nothing is changed.

    Parameters
    ----------
    agreed : function of the signal's number, or 0, to such a number; optional
        What processes that train together do about it: signals do not reach all of them at the
        same step, but all must stop at the same one.

    Examples
    --------
    >>> with Interruption() as interruption:
    ...     interruption.check()
    """

    def __init__(self, agreed: Callable[[int], int] | None = None) -> None:
        self.number: int | None = None
        self._agreed = agreed
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for which in SIGNALS:
                if signal.getsignal(which) not in (signal.SIG_IGN, None):
                    self._before[which] = signal.signal(which, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._give_back()

    def check(self) -> None:
        """Raise Stopped if a signal has come."""
        if self._agreed is not None:
            self.number = self._agreed(self.number or 0) or None
        if self.number is not None:
            raise Stopped

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        self._give_back()

    def _give_back(self) -> None:
        for which, handler in self._before.items():
            signal.signal(which, handler)
        self._before = {}
