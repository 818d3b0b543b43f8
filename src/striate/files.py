"""Files that are whole or not there: written beside their place, then renamed onto it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from striate.errors import FileError

__all__ = ["replacing", "write_whole"]


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a path beside `path` to write to; rename it onto `path` if all went well.

    Whatever interrupts the writing, `path` holds what it held before, and nothing lies beside it.

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


def write_whole(path: str | os.PathLike[str], data: bytes | str) -> Path:
    """Write a file at once, text as UTF-8, and return its path; see `replacing`."""
    with replacing(path) as beside:
        beside.write_bytes(data.encode() if isinstance(data, str) else data)
    return Path(path)
