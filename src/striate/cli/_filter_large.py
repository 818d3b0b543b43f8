"""Images too large to be had at once: which they are, and how they go through the filter."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from striate.cli._filter_plan import Job
from striate.cli._filter_sources import ARRAY
from striate.errors import FileError, MissingExtraError, StriateError, explained

__all__ = ["filter_in_parts", "goes_in_parts", "memory_of"]

MEMORY = 2**28  # bytes for the pixels of one image, unless the caller says so
AT_ONCE = 2**27  # bytes of pixels that are read at once, where there is another way


def goes_in_parts(job: Job) -> bool:
    """Whether an image is read and written part by part: Zarr arrays, and large TIFF files."""
    from striate.filters import large

    names = (job.source, job.target)
    if any(name.suffix.lower() == ARRAY for name in names):
        return True
    if not large.takes(job.source):
        return False
    if not large.takes(job.target):
        refuse_too_large(job)
        return False
    return bytes_of(job.source) > AT_ONCE


def memory_of(text: str | None) -> int:
    """Return the bytes that ``--memory`` allows; raise ParameterError if it is no size."""
    if text is None:
        return MEMORY
    from striate.filters.large import sizes

    with explained("--memory"):
        return sizes.bytes_of(text)


def refuse_too_large(job: Job) -> None:
    """Raise FileError for a large scan whose result is of a format that is written at once."""
    from PIL import Image

    from striate.filters import large

    try:
        height, width = large.layout(job.source).shape[:2]
    except (FileError, MissingExtraError):  # reading it at once says why
        return
    if Image.MAX_IMAGE_PIXELS is not None and height * width > 2 * Image.MAX_IMAGE_PIXELS:
        raise FileError(
            f"{job.source}: {height} x {width} pixels, too many for {job.target.name}; "
            f"write a .tif or .zarr, which goes part by part"
        )


def bytes_of(path: Path) -> int:
    """Return how many bytes the pixels of a file take; 0 where it cannot be read in parts."""
    from striate.filters import large

    try:
        layout = large.layout(path)
    except (FileError, MissingExtraError):  # reading it at once will do, or say why not
        return 0
    return math.prod(layout.shape) * layout.dtype.itemsize


def filter_in_parts(
    job: Job,
    apply: partial[Any],
    progress: Callable[[int, int], None],
    memory: int,
) -> tuple[tuple[int, ...], str]:
    """Filter an image part by part, in so many bytes; return the result's shape and dtype.

    `progress` is called with the pixels done and those of the image; what it raises stops all.
    """
    from striate.filters import large

    try:
        large.filter_file(
            job.source, job.target, apply.func, memory=memory, progress=progress, **apply.keywords
        )
    except (FileError, MissingExtraError):  # these name their file, or no file is at fault
        raise
    except StriateError as error:  # the filter was tried before: it is the file that does not suit
        raise FileError(f"{job.source}: {error}") from None
    layout = large.layout(job.target)
    return layout.shape, layout.dtype.name
