"""Where compiled kernels are kept, and how: each file after its checksum, written beside."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import sys
import uuid
from pathlib import Path

__all__ = ["cache_folder", "discard", "keep", "kept", "say_that_we_compile"]

CHECKSUM = hashlib.sha256
CHECKSUM_BYTES = CHECKSUM().digest_size


def cache_folder() -> Path:
    """Return the folder that keeps compiled kernels.

    ``STRIATE_CACHE`` names it; otherwise it is ``striate`` in the user's cache folder of the
    operating system. A user without a home, as in a bare container, gets a place that can hold
    nothing: a shared folder would have to be trusted.
    """
    try:
        return users_cache_folder()
    except RuntimeError:  # from Path.home()
        return Path(os.devnull) / "striate"


def users_cache_folder() -> Path:
    """Return the folder of a user who has one; RuntimeError for one without a home."""
    if chosen := os.environ.get("STRIATE_CACHE"):
        return Path(chosen)
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "striate" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "striate"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "striate"


def kept(path: Path) -> bytes | None:
    """Return what a file keeps, or None where it is missing, unreadable or damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    checksum, data = content[:CHECKSUM_BYTES], content[CHECKSUM_BYTES:]
    return data if checksum == CHECKSUM(data).digest() else None


def keep(path: Path, data: bytes) -> None:
    """Keep data in a file; a folder that cannot be written costs only time.

    The file is written beside its place and moved there in one step, so that another process
    sees all of it or none.
    """
    unfinished = path.with_suffix(f".{uuid.uuid4().hex[:12]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(CHECKSUM(data).digest() + data)
        unfinished.replace(path)
    except OSError:
        discard(unfinished)


def discard(path: Path) -> None:
    """Remove a file, if that can be done."""
    with contextlib.suppress(OSError):
        path.unlink()


@functools.cache
def say_that_we_compile() -> None:
    """Tell whoever watches, once, why the first call takes seconds."""
    if sys.stderr is not None and sys.stderr.isatty():
        sys.stderr.write("striate: compiling kernels (first run only)\n")
