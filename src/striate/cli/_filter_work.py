"""Filtering the files of a plan, and what became of each."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from striate.cli._batch import Bar, Stop, Stopped, completed, progress
from striate.cli._filter_journal import Journal, State, noting, state
from striate.cli._filter_kinds import (
    Scaled,
    in_parts,
    notices_of_kinds,
    notices_of_white,
    refuse_unheld,
    shape_written,
)
from striate.cli._filter_large import filter_in_parts, goes_in_parts
from striate.cli._filter_plan import LOSSY, Job, Plan
from striate.cli._filter_sources import ARRAY
from striate.errors import FileError, explained

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from striate.filters.files import Metadata

__all__ = ["Filtering", "Outcome", "Written", "done_before", "filter_all"]


@dataclass(frozen=True)
class Written:
    """A result that was written.

    Attributes
    ----------
    shape, dtype : tuple of int, str
        The result's.
    source : State
        What its input had before it was read.
    notices : tuple of str
        What else there is to say of the input.
    """

    shape: tuple[int, ...]
    dtype: str
    source: State
    notices: tuple[str, ...] = ()

    @property
    def pixels(self) -> int:
        """How many pixels the image has."""
        return self.shape[0] * self.shape[1]


@dataclass(frozen=True)
class Filtering:
    """What is done to each file.

    Attributes
    ----------
    apply : partial
        The filter with its parameters.
    linear_light : bool
        Whether it takes levels for amounts of light.
    quality : int or None
        Of the results in formats that lose something.
    settings : str
        What stands for all of that in a journal.
    memory : int
        Bytes for the pixels of an image that goes part by part.
    """

    apply: partial[NDArray[Any]]
    linear_light: bool
    quality: int | None
    settings: str
    memory: int

    def file(self, job: Job, stop: Stop, bar: Bar) -> Written:
        """Filter one file, whole or not at all."""
        source = state_of_input(job.source)
        if goes_in_parts(job):

            def progress(done: int, total: int) -> None:
                if done < total:  # else the result has its name already
                    stop.check()
                bar.part(job, done, total)

            apply = in_parts(self.apply, job.source)
            shape, dtype = filter_in_parts(job, apply, progress, self.memory)
            notices = tuple(f"{job.source}: {text}" for text in self.notices_of_large(job, dtype))
            return Written(shape, dtype, source, notices)
        return self.at_once(job, stop, source)

    def at_once(self, job: Job, stop: Stop, source: State) -> Written:
        """Filter a file whose pixels memory can hold."""
        from striate.filters import files

        lossy = files.format_of(job.target) in LOSSY
        image, metadata = files.read_with_metadata(job.source)
        stop.check()
        try:
            with explained(str(job.source)):
                result = self.apply(image)
        except MemoryError:
            raise FileError(
                f"{job.source}: not enough memory for {' x '.join(map(str, image.shape))} numbers "
                f"of {image.dtype}; filter fewer files at a time with --jobs 1"
            ) from None
        stop.check()
        refuse_unheld(job.target, result)
        files.write(job.target, result, metadata, quality=self.quality if lossy else None)
        shape = shape_written(job.target, result)
        kinds = list(notices_of_kinds(image.dtype, result.dtype, scaled=self.scaled))
        told = [*self.notices(metadata), *(kinds or notices_of_white(image, result))]
        notices = tuple(f"{job.source}: {text}" for text in told)
        return Written(shape, result.dtype.name, source, notices)

    @property
    def scaled(self) -> bool:
        """Whether white stays white in another dtype."""
        return isinstance(self.apply.func, Scaled)

    def notices_of_large(self, job: Job, dtype: str) -> Iterator[str]:
        """Yield what is to be said of an image that went part by part."""
        import numpy as np

        from striate.filters import large
        from striate.filters.files.deep import pages_of

        if job.source.suffix.lower() != ARRAY:
            yield from pages(pages_of(job.source))
        before = large.layout(job.source).dtype
        yield from notices_of_kinds(before, np.dtype(dtype), scaled=self.scaled)

    def notices(self, metadata: Metadata) -> Iterator[str]:
        """Yield what is to be said of an image's metadata."""
        yield from (f"{what}; left out" for what in metadata.dropped)
        yield from pages(metadata.frames)
        if self.linear_light and not metadata.has_srgb_curve:
            yield "its ICC profile has another curve than sRGB; --linear-light takes that of sRGB"


def pages(count: int) -> Iterator[str]:
    """Yield what to say of pages or frames that are not filtered."""
    if count > 1:
        yield f"the first of its {count} pages or frames was filtered; the others are left out"


def state_of_input(path: Path) -> State:
    """Return the state of a file that is about to be read."""
    try:
        if path.is_fifo() or path.is_char_device() or path.is_socket():
            raise FileError(
                f"{path}: a pipe, socket or device; store the image in a file and filter that"
            )
        return state(path)
    except FileError:
        raise
    except FileNotFoundError:
        if path.is_symlink():
            raise FileError(
                f"{path}: a link to {path.readlink()}, which does not exist; mend the link"
            ) from None
        raise FileError(f"{path}: no such file; check the path") from None
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror}); check the path") from None


@dataclass
class Outcome:
    """What became of each file of a plan.

    Attributes
    ----------
    written, failed : dict
        By job, and by path, why.
    skipped : list of Job
        What was done before.
    left : int
        How many were not begun, or left again, because of `signal`.
    seconds : float
        How long it all took.
    unnoted : OSError or None
        Why a later run cannot tell of all results that they are done.
    """

    written: dict[Job, Written] = field(default_factory=dict)
    failed: dict[Path, Exception] = field(default_factory=dict)
    skipped: list[Job] = field(default_factory=list)
    left: int = 0
    signal: int | None = None
    seconds: float = 0.0
    unnoted: OSError | None = None

    def take(self, job: Job, future: Future[Written]) -> None:
        """Note what came of a job."""
        error = future.exception()
        if error is None:
            self.written[job] = future.result()
        elif not isinstance(error, Exception):
            raise error
        elif isinstance(error, Stopped):
            return
        else:
            self.failed[job.source] = error
        self.left -= 1

    def sort(self, jobs: Sequence[Job]) -> None:
        """Bring into the order of `jobs` what came as it was completed."""
        self.written = {job: self.written[job] for job in jobs if job in self.written}
        order = {job.source: place for place, job in enumerate(jobs)}
        self.failed = dict(sorted(self.failed.items(), key=lambda it: order.get(it[0], -1)))


def filter_all(plan: Plan, filtering: Filtering, threads: int, *, resume: bool) -> Outcome:
    """Filter the files of a plan; where results go to a folder, a bad file stops no other.

    Raises
    ------
    FileError
        The results' folder cannot be created.
    Exception
        The result goes to a file, and this is why it cannot be had.
    """
    plan.make_folders()
    outcome, stop, begun = Outcome(failed=dict(plan.failed)), Stop(), time.monotonic()
    with stop.on_signals(), journal_of(plan, filtering) as journal:
        outcome.skipped = done_before(plan, filtering) if resume else []
        done = set(outcome.skipped)
        jobs = [job for job in plan.jobs if job not in done]
        outcome.left = len(jobs)
        with progress(len(jobs)) as bar:

            def work(job: Job) -> Written:
                written = filtering.file(job, stop, bar)
                if journal:  # at once: whatever kills the run costs no more than what is at work
                    journal.note(job, written.source)
                return written

            for job, future in completed(jobs, work, threads, stop, lambda: ending(bar)):
                outcome.take(job, future)
                if written := outcome.written.get(job):
                    bar.advance(job=job, pixels=written.pixels)
                else:
                    bar.advance(job=job, failed=job.source in outcome.failed)
        outcome.unnoted = journal.trouble if journal else None
    if plan.folder is None and outcome.failed:
        raise next(iter(outcome.failed.values()))
    outcome.sort(jobs)
    outcome.signal = stop.signal if outcome.left else None
    outcome.seconds = time.monotonic() - begun
    return outcome


def done_before(plan: Plan, filtering: Filtering) -> list[Job]:
    """Return what need not be done again."""
    if plan.folder is None:
        return []
    journal = Journal(plan.folder, filtering.settings)
    return [job for job in plan.jobs if journal.is_done(job)]


def journal_of(plan: Plan, filtering: Filtering) -> AbstractContextManager[Journal | None]:
    """Return the journal of the results' folder; a result of its own has none."""
    if plan.folder is None or not plan.jobs:
        return nullcontext()
    return noting(plan.folder, filtering.settings, plan.jobs)


def ending(bar: Bar) -> None:
    """Say that a signal was seen: the bar would hide the cursor if another one ended it all."""
    bar.stop()
    bar.console.print("striate: ending the files at work; once more to leave them", markup=False)
