"""Many files through one function: what goes where, progress, and what became of each."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from striate.cli._text import visible

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Outcome", "plan", "report", "run"]

PATIENCE = 1.0  # seconds before a progress bar appears


@dataclass
class Outcome:
    """What became of each input."""

    written: list[dict[str, Any]] = field(default_factory=list)
    failed: list[dict[str, str]] = field(default_factory=list)


def plan(sources: list[Path], out: Path) -> list[tuple[Path, Path]]:
    """Return (input, output) for each file; nothing may fall on an input or on another output."""
    from striate.errors import FileError, ParameterError
    from striate.filters.files import format_of

    single = len(sources) == 1 and not sources[0].is_dir() and not out.is_dir()
    if single:
        format_of(out)
        jobs = [(sources[0], out)]
    else:
        if out.exists() and not out.is_dir():
            raise ParameterError(f"{out} is a file; several results need a folder")
        jobs = [(file, out / file.name) for source in sources for file in image_files(source)]
    refuse_collisions(jobs)
    if not single:
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError(
                f"{out}: not created ({error.strerror}); choose another folder"
            ) from None
    return jobs


def refuse_collisions(jobs: list[tuple[Path, Path]]) -> None:
    """Raise ParameterError where an output would replace an input or another output."""
    from striate.errors import ParameterError

    inputs = {identity(source) for source, _ in jobs} - {None}
    taken: dict[Path, Path] = {}
    for source, target in jobs:
        if identity(target) in inputs:
            raise ParameterError(f"{target} is an input and would be lost; choose another output")
        if target in taken:
            raise ParameterError(
                f"{taken[target]} and {source} would both become {target}; filter them apart"
            )
        taken[target] = source


def identity(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from all others, whatever its name; None if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def image_files(source: Path) -> list[Path]:
    """Return the image files of a folder in order of name, or the file itself."""
    from striate.errors import ParameterError
    from striate.filters.files import SUFFIXES

    if not source.is_dir():
        return [source]
    files = sorted(
        file
        for file in source.iterdir()
        if file.suffix.lower() in SUFFIXES and file.is_file() and not file.name.startswith(".")
    )
    if not files:
        raise ParameterError(
            f"{source} holds no image file; striate reads files that end in {', '.join(SUFFIXES)}"
        )
    return files


def run(jobs: list[tuple[Path, Path]], apply: Callable[[NDArray[Any]], NDArray[Any]]) -> Outcome:
    """Filter each file; where there are several, one that fails does not stop the others."""
    from striate.errors import StriateError
    from striate.filters.files import read, write

    outcome = Outcome()
    with progress(len(jobs)) as advance:
        for source, target in jobs:
            try:
                image = apply(read(source))
                write(target, image)
            except StriateError as error:
                if len(jobs) == 1:
                    raise
                outcome.failed.append({"input": str(source), "error": str(error)})
                advance(f"striate: {error}")
                continue
            outcome.written.append(
                {
                    "input": str(source),
                    "output": str(target),
                    "shape": list(image.shape),
                    "dtype": image.dtype.name,
                }
            )
            advance("")
    return outcome


@contextmanager
def progress(total: int) -> Iterator[Callable[[str], None]]:
    """Yield what to call after each file; a bar appears on a terminal after a second."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    console = Console(stderr=True)
    bar = Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    task = bar.add_task("filter", total=total)
    begun = time.monotonic()

    def advance(trouble: str) -> None:
        if trouble:
            console.print(visible(trouble), markup=False, highlight=False, soft_wrap=True)
        bar.advance(task)
        if console.is_terminal and not bar.live.is_started and time.monotonic() > begun + PATIENCE:
            bar.start()

    try:
        yield advance
    finally:
        if bar.live.is_started:
            bar.stop()


def report(outcome: Outcome, as_json: bool, name: str) -> None:
    """Print the files written on stdout, and list the ones that failed on stderr."""
    if as_json:
        result = {"filter": name, "written": outcome.written, "failed": outcome.failed}
        typer.echo(json.dumps(result, indent=2))
    else:
        for file in outcome.written:
            typer.echo(file["output"])
    if outcome.failed:
        total = len(outcome.written) + len(outcome.failed)
        names = visible(", ".join(file["input"] for file in outcome.failed))
        typer.secho(f"striate: {len(outcome.failed)} of {total} files failed: {names}", err=True)
