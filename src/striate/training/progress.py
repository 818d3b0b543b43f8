"""What shows how work is going, where somebody can see it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from striate.training.loop import Pass

__all__ = ["Display", "waiting"]

PATIENCE = 1.0  # seconds of silence before the line appears
INTERVAL = 0.1  # seconds between its changes


@contextmanager
def waiting(text: str, wanted: bool | None = None) -> Iterator[None]:
    """Show `text` on stderr while what is inside takes longer than a second.

    Parameters
    ----------
    wanted : bool, optional
        By default if stderr is a terminal.
    """
    if not (sys.stderr.isatty() if wanted is None else wanted):
        yield
        return
    from rich.console import Console

    status = Console(stderr=True).status(text)
    timer = Timer(PATIENCE, status.start)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        status.stop()


class Display:
    """A progress bar on stderr; nothing at all in the first second, or where there is no terminal.

    Parameters
    ----------
    epochs, examples : int
        How many passes, and how many examples in each.
    begun : int
        Examples that were met before, in all passes.
    wanted : bool or None
        None for "if stderr is a terminal".
    """

    def __init__(self, epochs: int, examples: int, begun: int, wanted: bool | None) -> None:
        self._epochs, self._examples, self._begun = epochs, examples, begun
        self._due = perf_counter() + PATIENCE
        self.shown = sys.stderr.isatty() if wanted is None else wanted
        if not self.shown:
            self._due = float("inf")
        self._line: tuple[Progress, TaskID] | None = None

    def update(self, course: Pass, loss: float, rate: float) -> None:
        """Show how far a pass is, its mean loss and the rate; cheap when nothing is due."""
        now = perf_counter()
        if now < self._due:
            return
        self._due = now + INTERVAL
        self._line = self._line or self._open()
        bar, task = self._line
        bar.update(
            task,
            description=f"epoch {course.number}/{self._epochs}",
            completed=(course.number - 1) * self._examples + course.done - self._begun,
            text=f"loss {loss:.4f}  error {100 * course.error:5.2f} %  rate {rate:.3g}",
            refresh=True,
        )

    def close(self) -> None:
        """Take the line away."""
        if self._line is not None:
            self._line[0].stop()

    def _open(self) -> tuple[Progress, TaskID]:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            ProgressColumn,
            Task,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.text import Text

        class Speed(ProgressColumn):
            def render(self, task: Task) -> Text:
                return Text(f"{task.speed:,.0f}/s" if task.speed else "")

        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[text]}"),
            Speed(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            auto_refresh=False,
            transient=True,
        )
        bar.start()
        total = self._epochs * self._examples - self._begun
        return bar, bar.add_task("", total=total, text="")
