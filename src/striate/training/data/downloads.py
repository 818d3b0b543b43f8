"""Files fetched from the network: checked, and gone on with where they broke off."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from striate.errors import FileError, MissingExtraError, one_line

__all__ = ["download", "sha256_of"]

SECONDS = 30.0
"""How long to wait for the site to answer, and for each piece."""

TRIES = 4
PAUSE = 1.0
"""Seconds before the second try; doubled before each one after."""

PIECE = 2**14
"""Bytes read at a time: the most that is lost where a connection breaks."""

BRIEF = 2**21
"""Bytes below which no progress is shown."""


class _Broken(Exception):
    """A transfer that ended early: another try may go on with it."""


def download(url: str, place: Path, sha256: str | None, size: int) -> None:
    """Fetch a file, and put it in its place when it is whole.

    It grows beside its place; what an interrupted transfer, or process, leaves is gone on with
    (HTTP Range) where the site allows it. A file that is whole but wrong is fetched once more from
    its beginning, in case two versions of it were joined.

    Parameters
    ----------
    url : str
    place : Path
        Its folder is made if need be.
    sha256 : str or None
        What the file must have; None if the caller checks it.
    size : int
        In bytes: what it must have, or where `sha256` is None the most it may have.

    Raises
    ------
    FileError
        If the network or the site fails, or the file is not the right one.
    MissingExtraError
        If pooch, which brings the HTTP client, is not installed.
    """
    try:
        import pooch  # noqa: F401  # the extra brings requests with it
        import requests
    except ImportError:
        raise MissingExtraError.of("pooch", "train", f"fetching {place.name}") from None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with _partial(place) as (path, file):
            try:
                _until_right(url, file, sha256, size)
            except requests.RequestException as error:
                raise FileError(_reason(error)) from None
            file.flush()
            os.fsync(file.fileno())
            path.replace(place)
    except FileError:
        raise
    except OSError as error:
        raise FileError(
            f"{place}: cannot be written ({error.strerror or one_line(error)}); set STRIATE_CACHE "
            "to another folder"
        ) from None


def _until_right(url: str, file: IO[bytes], sha256: str | None, size: int) -> None:
    """Fetch what is missing until the file is right, or raise."""
    resumed = file.seek(0, os.SEEK_END) > 0
    while True:
        _until_whole(url, file, sha256 is not None, size)
        found = _sha256(file)
        if sha256 in (None, found):
            return
        file.truncate(0)
        if not resumed:
            raise FileError(f"what came has the SHA-256 {found}")
        resumed = False


def _until_whole(url: str, file: IO[bytes], exact: bool, size: int) -> None:
    """Fetch the file's end, going on with it as often as the connection breaks."""
    import requests

    for attempt in range(1, TRIES + 1):
        try:
            _fetch(url, file, exact, size)
            return
        except (_Broken, requests.ConnectionError, requests.Timeout) as error:
            if attempt == 1 and not isinstance(error, _Broken):
                raise FileError(_reason(error)) from None  # nobody answers
            if attempt == TRIES:
                raise FileError(f"{_reason(error)}, {TRIES} times") from None
        time.sleep(PAUSE * 2 ** (attempt - 1))


def _fetch(url: str, file: IO[bytes], exact: bool, size: int) -> None:
    """Append what is missing to the file; raise `_Broken` if the transfer ends before."""
    import requests

    begin = file.seek(0, os.SEEK_END)
    if exact and begin == size:
        return
    if begin > size:
        begin = file.truncate(0)
    headers = {"Accept-Encoding": "identity"}
    if begin:
        headers["Range"] = f"bytes={begin}-"
    with requests.get(url, headers=headers, stream=True, timeout=SECONDS) as answer:
        if answer.status_code == 416:  # nothing from there on: what we have is another file
            file.truncate(0)
            raise _Broken("the site has less than was fetched before")
        answer.raise_for_status()
        if answer.status_code != 206 or _first(answer.headers) != begin:
            begin = file.truncate(0)
        file.seek(begin)
        announced = answer.headers.get("Content-Length", "")
        total = begin + int(announced) if announced.isdecimal() else None
        with _progress(url, size if exact else total) as advance:
            advance(begin)
            try:
                for piece in answer.iter_content(PIECE):
                    begin += len(piece)
                    if begin > size:
                        file.truncate(0)
                        raise FileError(f"it has more than the {size} bytes that it should have")
                    file.write(piece)
                    advance(len(piece))
            except (requests.RequestException, OSError) as error:
                if isinstance(error, FileError) or not isinstance(error, requests.RequestException):
                    raise
                raise _Broken(f"the connection broke after {begin} bytes") from None
    wanted = size if exact else total
    if wanted is not None and begin < wanted:
        raise _Broken(f"the connection ended after {begin} of {wanted} bytes")


def _first(headers: Any) -> int:
    """Return where the part that a site sends begins, -1 if it does not say."""
    match = re.match(r"bytes (\d+)-", headers.get("Content-Range", ""))
    return int(match[1]) if match else -1


def sha256_of(file: IO[bytes]) -> str:
    """Return the SHA-256 of what is left to read of a file."""
    found = hashlib.sha256()
    while piece := file.read(2**20):
        found.update(piece)
    return found.hexdigest()


def _sha256(file: IO[bytes]) -> str:
    file.flush()
    file.seek(0)
    return sha256_of(file)


def _reason(error: Exception) -> str:
    """Return what went wrong, without the inner names that requests puts around it."""
    import requests

    if isinstance(error, requests.Timeout):
        return f"no answer within {SECONDS:g} s"
    if isinstance(error, requests.ConnectionError):
        inner = re.search(r"\[Errno -?\d+\] ([^')\"]+)", str(error))
        return inner[1].lower() if inner else "no connection"
    return one_line(error)


@contextmanager
def _partial(place: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """Yield the file beside its place that grows; another one if a process is at it already."""
    path = place.with_name(f".{place.name}.partial")
    file = path.open("a+b")
    if not _locked(file):
        file.close()
        path = place.with_name(f".{place.name}.{os.getpid()}.partial")
        file = path.open("a+b")
    with file:
        yield path, file


def _locked(file: IO[bytes]) -> bool:
    """Whether the file is ours alone from now on."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextmanager
def _progress(url: str, total: int | None) -> Iterator[Any]:
    """Yield a function to be told of the bytes that came; a bar shows them at a terminal."""
    if not (sys.stderr is not None and sys.stderr.isatty()) or (total or BRIEF) < BRIEF:
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(
        *columns, TransferSpeedColumn(), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task(f"fetching {url.rpartition('/')[2]}", total=total)
        yield lambda count: bar.advance(task, count)
