"""What goes where: for each input its output, and what can be told to fail before starting."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from striate.cli._filter_sources import ARRAY, Sources, is_array, is_pattern
from striate.errors import FileError, ParameterError, StriateError

__all__ = ["LOSSY", "Job", "Plan", "plan", "refuse_collisions"]

LOSSY = ("JPEG", "WEBP")  # formats that can trade likeness for size
SUFFIX_OF = {"png": ".png", "jpeg": ".jpg", "webp": ".webp", "tiff": ".tiff", "bmp": ".bmp"}


@dataclass(frozen=True)
class Job:
    """An image file, and the file that its result becomes."""

    source: Path
    target: Path


@dataclass
class Plan:
    """All that is to be done.

    Attributes
    ----------
    jobs : list of Job
        In order; their targets are files of their own.
    failed : dict
        What cannot be done: for each path, why.
    folder : path or None
        Where the results go; None where a single one goes to a file.
    notices : list of str
        What else there is to say of what was found.
    """

    jobs: list[Job]
    failed: dict[Path, StriateError]
    folder: Path | None
    notices: list[str] = field(default_factory=list)

    def make_folders(self) -> None:
        """Create the folders of the results; the jobs of those that cannot be fail.

        Raises
        ------
        FileError
            The folder of all results cannot be created.
        """
        if self.folder is None or not self.jobs:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError(
                f"{self.folder}: not created ({error.strerror}); choose another folder"
            ) from None
        lacking: dict[Path, OSError] = {}
        for parent in {job.target.parent for job in self.jobs}:
            try:
                parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                lacking[parent] = error
        for job in self.jobs:
            if job.target.parent in lacking:
                why = lacking[job.target.parent].strerror
                self.failed[job.source] = FileError(
                    f"{job.target}: its folder cannot be created ({why}); "
                    "choose another folder for the results"
                )
        self.jobs = [job for job in self.jobs if job.target.parent not in lacking]


def plan(
    sources: Sequence[str],
    out: Path,
    *,
    recursive: bool = False,
    format: str | None = None,
    quality: int | None = None,
) -> Plan:
    """Return what is to be done; nothing may fall on an input or on another result.

    Parameters
    ----------
    sources : sequence of str
        Image files, folders and patterns.
    out : path
        A folder; or a file, where `sources` is one file.
    recursive : bool
        Whether the folders in a folder count too.
    format : str or None
        The results' format, one of `SUFFIX_OF`; None for that of their inputs.
    quality : int or None
        Refused where no result has one.

    Raises
    ------
    ParameterError
        The arguments contradict each other, or results would overwrite something.
    FileError
        `out` is to become a file in a format that is not known.
    """
    from striate.filters.files import SUFFIXES, format_of

    if format is not None and format not in SUFFIX_OF:
        raise ParameterError(f"--format is {format!r}; it must be one of {', '.join(SUFFIX_OF)}")
    if is_single(sources, out):
        if out.suffix.lower() != ARRAY:
            format_of(out)
        if format is not None:
            raise ParameterError(f"--format is {format}, but {out} names its own; leave one out")
        done = Plan([Job(Path(sources[0]), out)], {}, None)
    else:
        if out.exists() and not out.is_dir():
            raise ParameterError(f"{out} is a file; several results need a folder")
        if out.suffix.lower() in (*SUFFIXES, ARRAY) and (is_array(out) or not out.is_dir()):
            raise ParameterError(f"{out} is named as a file is; several results need a folder")
        found = Sources(recursive, avoided=out)
        for text in sources:
            found.add(text)
        jobs = [Job(file.path, out / in_format(file.place, format)) for file in found.files]
        passed = [f"{path}: a pipe, socket or device, which is skipped" for path in found.passed]
        done = Plan(list(dict.fromkeys(jobs)), found.failed, out, sorted(passed))
    if quality is not None:
        refuse_quality(quality, done.jobs)
    refuse_collisions([(job.source, job.target) for job in done.jobs])
    return done


def refuse_quality(quality: int, jobs: Sequence[Job]) -> None:
    """Raise ParameterError where the quality cannot be, or no result has one."""
    from striate.filters.files import SUFFIXES

    if not 1 <= quality <= 100:
        raise ParameterError(f"--quality is {quality}; it must be from 1 to 100")
    if {SUFFIXES.get(job.target.suffix.lower()) for job in jobs}.isdisjoint(LOSSY):
        raise ParameterError(
            f"--quality is {quality}, but no result is a JPEG or WebP file; "
            "add --format jpeg or leave --quality out"
        )


def is_single(sources: Sequence[str], out: Path) -> bool:
    """Whether one file goes to one file."""
    if len(sources) != 1 or is_pattern(sources[0]):
        return False
    source = Path(sources[0])
    return (is_array(source) or not source.is_dir()) and (is_array(out) or not out.is_dir())


def in_format(place: Path, format: str | None) -> Path:
    """Return the path with the suffix of a format, in place of another format's."""
    from striate.filters.files import SUFFIXES

    if format is None:
        return place
    name = place.stem if place.suffix.lower() in SUFFIXES else place.name
    return place.with_name(name + SUFFIX_OF[format])


def refuse_collisions(jobs: Sequence[tuple[Path, Path]]) -> None:
    """Raise ParameterError where an output would replace an input or another output.

    Names that differ in case alone, or in how accents are encoded, are one on some systems.
    """
    inputs = {identity(source) for source, _ in jobs} - {None}
    taken: dict[str, tuple[Path, Path]] = {}
    for source, target in jobs:
        if identity(target) in inputs:
            raise ParameterError(f"{target} is an input and would be lost; choose another output")
        other, its = taken.setdefault(folded(target), (source, target))
        if other is not source:
            alike = "" if its == target else f" where {its} and {target} are one file"
            raise ParameterError(
                f"{other} and {source} would both become {target}{alike}; filter them apart"
            )


def folded(path: Path) -> str:
    """Return what two paths have in common that are one file on some system."""
    return unicodedata.normalize("NFC", str(path)).casefold()


def identity(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from all others, whatever its name; None if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
