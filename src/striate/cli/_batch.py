"""Many files through one function: in parallel, stopped in good order, and shown on a bar."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from striate.cli._text import visible

__all__ = ["Bar", "Stop", "Stopped", "completed", "progress"]

PATIENCE = 1.0  # seconds before a progress bar appears
GLANCE = 0.1  # seconds between looks at whether to stop

Job = TypeVar("Job")
Result = TypeVar("Result")


class Stopped(Exception):
    """Work was left because of a signal, and nothing of it remains."""


class Stop:
    """Whether a signal asked to stop.

    Attributes
    ----------
    signal : int or None
        Which one did.
    """

    def __init__(self) -> None:
        self.signal: int | None = None

    def check(self) -> None:
        """Raise `Stopped` if it is time; who works calls this between two steps."""
        if self.signal is not None:
            raise Stopped

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Let SIGINT and SIGTERM ask to stop; the second one ends the process at once."""
        before: dict[int, Any] = {}

        def ask(number: int, frame: object) -> None:
            self.signal = number
            for each in before:
                signal.signal(each, signal.SIG_DFL)

        if threading.current_thread() is threading.main_thread():
            for each in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(each) not in (signal.SIG_IGN, None):
                    before[each] = signal.signal(each, ask)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def completed(
    jobs: Iterable[Job],
    work: Callable[[Job], Result],
    threads: int,
    stop: Stop,
    stopping: Callable[[], None],
) -> Iterator[tuple[Job, Future[Result]]]:
    """Yield each job as its work ends, with what came of it.

    Parameters
    ----------
    jobs : iterable
        What is worked on; none is begun once `stop` is asked for.
    work : function of a job
        Called in several threads. Threads, not processes: decoding, filtering and encoding let
        go of Python's lock, and two threads are as fast as two processes that start at once.
    threads : int
        How many jobs are worked on at a time.
    stop : Stop
        Looked at several times a second.
    stopping : function
        Called once if `stop` is asked for while work goes on.
    """
    left = iter(jobs)
    told = False
    with ThreadPoolExecutor(threads, "file") as pool:
        running: dict[Future[Result], Job] = {}
        while True:
            if stop.signal is None:
                fresh = islice(left, threads - len(running))
                running |= {pool.submit(work, job): job for job in fresh}
            elif running and not told:
                stopping()
                told = True
            if not running:
                return
            done, _ = wait(running, GLANCE, FIRST_COMPLETED)
            for future in done:
                yield running.pop(future), future


class Bar:
    """A progress bar on a terminal: files done, how many failed, how fast it goes, time left."""

    def __init__(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.console = Console(stderr=True)
        self._bar = Progress(
            BarColumn(),
            TextColumn("{task.description}"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._bar.add_task("", total=total)
        self._total, self._begun = total, time.monotonic()
        self._files = self._failed = self._pixels = 0
        self._parts: dict[Hashable, tuple[int, int]] = {}
        self._lock = threading.Lock()
        self._stopped = False

    def advance(
        self, trouble: str = "", *, job: Hashable = None, pixels: int = 0, failed: bool = False
    ) -> None:
        """Count a file; print what the user should know of it above the bar."""
        if trouble:
            self.console.print(visible(trouble), markup=False, highlight=False, soft_wrap=True)
        with self._lock:
            self._parts.pop(job, None)
            self._files += 1
            self._failed += failed
            self._pixels += pixels
            self._show()

    def part(self, job: Hashable, done: int, total: int) -> None:
        """Tell how many pixels of a file are done; from any thread."""
        with self._lock:
            self._parts[job] = (done, total)
            self._show()

    def _show(self) -> None:
        passed = time.monotonic() - self._begun
        pixels = self._pixels + sum(done for done, _ in self._parts.values())
        text = f"{self._files} of {self._total} files"
        text += f", {self._failed} failed" if self._failed else ""
        text += f", {pixels / passed / 1e6:.1f} megapixels/s" if pixels else ""
        done = self._files + sum(done / total for done, total in self._parts.values())
        self._bar.update(self._task, completed=done, description=text)
        late = passed > PATIENCE and not self._stopped
        if late and self.console.is_terminal and not self._bar.live.is_started:
            self._bar.start()

    def stop(self) -> None:
        """Take the bar away."""
        with self._lock:
            self._stopped = True
            if self._bar.live.is_started:
                self._bar.stop()


@contextmanager
def progress(total: int) -> Iterator[Bar]:
    """Yield a bar for so many files; it appears on a terminal after a second."""
    bar = Bar(total)
    try:
        yield bar
    finally:
        bar.stop()
