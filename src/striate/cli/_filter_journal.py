"""What is done: one line for each result in a hidden file of the results' folder.

A line names a result and its input, with the size and the time of change of both, and what else
the result depends on. A result counts as done where all of that still holds. Lines are only ever
appended, so whatever kills a run costs at most those of the files at work, and they are filtered
again. Several runs may share a folder; one that is alone in it as it starts tidies up first.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from striate.cli._filter_plan import Job
from striate.files import unfinished, write_whole

__all__ = ["NAME", "Journal", "State", "noting", "state"]

NAME = ".striate-filter.jsonl"

State = list[int]  # of a file: its size in bytes, its time of change in nanoseconds


def state(path: Path) -> State:
    """Return what changes with the content of a file, or of the files of a Zarr array."""
    states = [file.stat() for file in (path, *(path.rglob("*") if path.is_dir() else ()))]
    return [sum(each.st_size for each in states), max(each.st_mtime_ns for each in states)]


class Journal:
    """The journal in one folder, as one run sees it.

    Attributes
    ----------
    trouble : OSError or None
        Why not all results were noted.
    """

    def __init__(self, folder: Path, settings: str) -> None:
        """Read what is done; `settings` stands for all that results depend on but their input."""
        self._folder, self._settings = folder, settings
        self._path = folder / NAME
        self._entries, _ = read_entries(self._path)
        self._file: int | None = None
        self.trouble: OSError | None = None

    def is_done(self, job: Job) -> bool:
        """Whether the result is there, and would come out the same again."""
        noted = self._entries.get(self._key(job))
        try:
            return noted is not None and noted == self._entry(job, state(job.source))
        except OSError:
            return False

    def note(self, job: Job, source: State) -> None:
        """Note a result that was written, and the state its input had before it was read.

        Threads may do so at once: each line is one step of the system.
        """
        try:
            rest = line(self._entry(job, source))
            while self._file is not None and rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError as error:  # costs no result: it will be made again if asked for
            self.trouble = error

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Open the journal for notes."""
        try:
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        except OSError as error:
            self.trouble = error
        try:
            yield
        finally:
            if self._file is not None:
                os.close(self._file)
            self._file = None

    def _key(self, job: Job) -> str:
        return job.target.relative_to(self._folder).as_posix()

    def _entry(self, job: Job, source: State) -> dict[str, Any]:
        return {
            "output": self._key(job),
            "made": state(job.target),
            "input": str(job.source.absolute()),
            "from": source,
            "settings": self._settings,
        }


def line(entry: dict[str, Any]) -> bytes:
    """Return a line of the journal; it begins by ending one that may have been cut short."""
    return f"\n{json.dumps(entry)}".encode()


def read_entries(path: Path) -> tuple[dict[str, dict[str, Any]], int]:
    """Return the last entry of each result, and how many lines there are; broken ones are none."""
    try:
        lines = path.read_bytes().split(b"\n")[1:]
    except OSError:
        return {}, 0
    entries: dict[str, dict[str, Any]] = {}
    for text in lines:
        with suppress(ValueError, KeyError, TypeError):
            entry = json.loads(text)
            entries[str(entry["output"])] = entry
    return entries, len(lines)


@contextmanager
def noting(folder: Path, settings: str, jobs: Sequence[Job]) -> Iterator[Journal]:
    """Yield a folder's journal, open for notes.

    If no other run is at work in the folder, its journal is shortened first, and what killed
    runs left of the results of `jobs` is removed.
    """
    with opened_folder(folder) as handle:
        if is_alone(handle):
            with suppress(OSError):  # being tidy is no condition for going on
                shorten(folder / NAME)
                sweep(jobs)
        stay(handle)
        journal = Journal(folder, settings)
        with journal.opened():
            yield journal


def shorten(path: Path) -> None:
    """Drop the lines of a journal that later ones replaced."""
    entries, lines = read_entries(path)
    if lines > len(entries):
        write_whole(path, b"".join(map(line, entries.values())))


def sweep(jobs: Sequence[Job]) -> None:
    """Remove what killed runs left unfinished of the results of `jobs`."""
    names = defaultdict(set)
    for job in jobs:
        names[job.target.parent].add(job.target.name)
    for folder, expected in names.items():
        for path, name in unfinished(folder):
            if name in expected:
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)


@contextmanager
def opened_folder(folder: Path) -> Iterator[int | None]:
    """Yield a handle of a folder, to be locked: the lock ends with the process, however it ends.

    There is none where folders have no locks, and where this one may not be opened.
    """
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        yield None
        return
    try:
        yield handle
    finally:
        os.close(handle)


def is_alone(handle: int | None) -> bool:
    """Whether no other run is at work in a folder; none begins until `stay` is called."""
    if sys.platform == "win32":
        return True  # what another run has open cannot be removed there anyway
    if handle is None:
        return False
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another run, or a file system without locks
        return False
    return True


def stay(handle: int | None) -> None:
    """Show that a run is at work in a folder, and let others begin."""
    if sys.platform == "win32" or handle is None:
        return
    import fcntl

    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_SH)
