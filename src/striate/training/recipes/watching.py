"""What an experiment shows on stderr while it runs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from striate.training.progress import waiting

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["Watch"]


class Watch:
    """A line with the estimate, and a bar whose length is time.

    Parameters
    ----------
    name : str
        The experiment's.
    wanted : bool or None
        None for a bar if stderr is a terminal and for the estimate anyway; False for silence.
    """

    def __init__(self, name: str, wanted: bool | None) -> None:
        self.name, self._silent = name, wanted is False
        self._shown = sys.stderr.isatty() if wanted is None else wanted
        self._bar: tuple[Progress, TaskID] | None = None
        self._seconds: Sequence[float] = ()
        self._before = 0

    def say(self, text: str) -> None:
        """Print a line."""
        if not self._silent:
            print(f"{self.name}: {text}", file=sys.stderr, flush=True)

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """Say what is going on while the first steps are measured, if it takes long."""
        with waiting("measuring a few steps (kernels are compiled the first time)", self._shown):
            yield

    def begin(self, before: int, seconds: Sequence[float]) -> None:
        """Open the bar: how many runs were done before, and what each of the others may take."""
        self._before, self._seconds = before, seconds
        if not self._shown:
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:.0f} %"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        bar.start()
        self._bar = bar, bar.add_task(self.name, total=sum(seconds) or 1.0)

    def of(self, place: int, name: str) -> Callable[[float], None]:
        """Return what a run is to call with the share of it that is done."""
        done, own = sum(self._seconds[:place]), self._seconds[place]
        runs = self._before + len(self._seconds)

        def advance(share: float) -> None:
            if self._bar is not None:
                bar, task = self._bar
                text = f"run {self._before + place + 1}/{runs} {name}"
                bar.update(task, completed=done + share * own, description=text, refresh=True)

        advance(0.0)
        return advance

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar[0].stop()
            self._bar = None
