"""Which formats there are, by what names, and what each can hold."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import FileError

__all__ = [
    "COLOURS",
    "DAMAGE",
    "FORMATS",
    "HELD",
    "SUFFIXES",
    "another",
    "channels_of",
    "format_of",
    "is_deep",
]

SUFFIXES = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
}
COLOURS = 4  # channels that are colours and alpha; only TIFF holds more
FORMATS = tuple(dict.fromkeys(SUFFIXES.values()))

HELD: dict[str, dict[str, tuple[int, ...]]] = {
    # format -> dtype -> channels; 0 channels is a plane (H, W)
    "PNG": {"uint8": (0, 2, 3, 4), "uint16": (0, 2, 3, 4)},
    "TIFF": dict.fromkeys(("uint8", "uint16", "float32", "float64"), (0, 2, 3, 4)),
    "BMP": {"uint8": (0, 3)},
    "JPEG": {"uint8": (0, 3)},
    "WEBP": {"uint8": (0, 2, 3, 4)},
}

# What decoders raise on bytes that are not what their header says; those of imagecodecs are
# RuntimeErrors, those of tifffile ValueErrors.
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    RuntimeError,
    struct.error,
    zlib.error,
)


def channels_of(image: NDArray[Any]) -> int:
    """Return how many channels an image has; 0 for a plane."""
    return image.shape[2] if image.ndim == 3 else 0


def is_deep(image: NDArray[Any]) -> bool:
    """Whether an image is more than Pillow's modes hold: deep colours, float64, many channels."""
    deep_colour = image.dtype != np.uint8 and image.ndim == 3
    return image.dtype == np.float64 or deep_colour or channels_of(image) > COLOURS


def another(dtype: np.dtype[Any], channels: int) -> str:
    """Return which formats hold such numbers in so many channels, where one does not."""
    known = [name for name in FORMATS if channels in HELD[name].get(dtype.name, ())]
    return " or ".join(known or ["TIFF"])


def format_of(path: str | os.PathLike[str]) -> str:
    """Return the format that a file's name asks for, as Pillow calls it.

    Raises
    ------
    FileError
        The name ends in none of the known suffixes.

    Examples
    --------
    >>> format_of("photo.JPG")
    'JPEG'
    """
    suffix = Path(path).suffix
    if suffix.lower() not in SUFFIXES:
        which = f"{suffix} names no format" if suffix else "its name has no suffix for a format"
        raise FileError(
            f"{path}: {which} that striate writes; end the name in {', '.join(SUFFIXES)}"
        )
    return SUFFIXES[suffix.lower()]
