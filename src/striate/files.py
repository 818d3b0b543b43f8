"""Files that are whole or not there: written beside their place, then renamed onto it."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from striate.errors import FileError

__all__ = ["replacing", "unfinished", "write_whole"]

BESIDE = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{8}\.part", re.DOTALL)


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a path beside `path` to write to; rename it onto `path` if all went well.

    Whatever interrupts the writing, `path` holds what it held before, and nothing lies beside it
    unless the process was killed: see `unfinished`.

    Raises
    ------
    FileError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "note.txt"
    >>> with replacing(target) as beside:
    ...     _ = beside.write_text("whole")
    >>> target.read_text()
    'whole'
    """
    target = Path(path)
    if target.is_dir():
        raise FileError(f"{target}: a folder; name a file in it")
    if not target.parent.is_dir():
        raise FileError(f"{target}: its folder does not exist; create {target.parent} first")
    beside = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        try:
            yield beside
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
    except FileError:
        raise
    except OSError as error:
        raise FileError(
            f"{target}: cannot be written ({error.strerror or error}); "
            "check that its folder may be written and has room"
        ) from None


def unfinished(folder: str | os.PathLike[str]) -> Iterator[tuple[Path, str]]:
    """Yield the files that `replacing` left in a folder as its process was killed.

    With each comes the name that it would have got. One that is still being written looks alike.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with replacing(folder / "note.txt") as beside:
    ...     _ = beside.write_text("half")
    ...     [name for _, name in unfinished(folder)]
    ['note.txt']
    """
    for path in Path(folder).iterdir():
        if match := BESIDE.fullmatch(path.name):
            yield path, match["name"]


def write_whole(path: str | os.PathLike[str], data: bytes | str) -> Path:
    """Write a file at once, text as UTF-8, and return its path; see `replacing`."""
    with replacing(path) as beside:
        beside.write_bytes(data.encode() if isinstance(data, str) else data)
    return Path(path)
