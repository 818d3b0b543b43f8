"""Image files, of any kind and from anybody, made into pixels of one form."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from striate.filters.files.quiet import PILLOW_QUIET

__all__ = ["Header", "Unusable", "header", "pixels"]

MOST_PIXELS = 2**26
"""In one picture: beyond these it may be a decompression bomb."""

ORIENTATION = 0x0112
DEEP_GREY = ("I;16", "I;16L", "I;16B", "I;16N")
GREY = ("1", "L", *DEEP_GREY)

DAMAGE = (
    *(OSError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, MemoryError),
    *(SyntaxError, EOFError, NotImplementedError, RuntimeError, Image.DecompressionBombError),
)
"""What decoders raise of files that are not what they seem."""


class Unusable(Exception):
    """A file that is no picture, or one that cannot be used; its text says why."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a picture's file says before its pixels are read."""

    height: int
    width: int
    colour: bool


def header(path: Path) -> Header:
    """Return the size, as shown, and whether there is colour; raise `Unusable`."""
    with PILLOW_QUIET, _named(), Image.open(path, formats=_formats()) as picture:
        _require_usable(picture)
        width, height = picture.size
        if picture.getexif().get(ORIENTATION, 1) in (5, 6, 7, 8):
            width, height = height, width
        grey = picture.mode in (*GREY, "LA", "La")
        return Header(height, width, not grey)


def pixels(path: Path, colour: bool, size: int | None) -> NDArray[np.uint8]:
    """Return a picture, uint8 (C, H, W), of 3 channels if `colour` or else 1.

    It is turned as its camera says; transparent pixels lie on white; of several frames it is the
    first; 16-bit greys keep their upper eight bits. With a `size` the shorter side is resized to
    it, by the triangle filter, and what the longer one has too much is cut off on both sides.

    Raises
    ------
    Unusable
    """
    with PILLOW_QUIET, _named(), Image.open(path, formats=_formats()) as opened:
        _require_usable(opened)
        picture = ImageOps.exif_transpose(opened)
        if picture.mode in DEEP_GREY:
            picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
        if picture.has_transparency_data:
            white = Image.new("RGBA", picture.size, "white")
            picture = Image.alpha_composite(white, picture.convert("RGBA"))
        picture = picture.convert("RGB" if colour else "L")
        if size is not None and picture.size != (size, size):
            picture = ImageOps.fit(picture, (size, size), Image.Resampling.BILINEAR)
        image: NDArray[Any] = np.asarray(picture)
        planes = image.transpose(2, 0, 1) if colour else image[None]
        return np.ascontiguousarray(planes)


def _formats() -> list[str]:
    """Return all that Pillow reads but PostScript, for which it would start Ghostscript."""
    Image.init()
    return [name for name in Image.ID if name != "EPS"]


def _require_usable(picture: Image.Image) -> None:
    count = picture.width * picture.height
    if count > MOST_PIXELS:
        raise Unusable(f"{picture.width}x{picture.height} pixels, more than {MOST_PIXELS}")
    if picture.mode in ("I", "F"):
        raise Unusable("pixels of 32 bits, whose range is not known")


class _named:
    """A context that turns what decoders raise into `Unusable`."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, UnidentifiedImageError):
            raise Unusable("not an image that Pillow reads") from None
        if isinstance(error, Image.DecompressionBombError):
            raise Unusable(f"more than {MOST_PIXELS} pixels") from None
        if isinstance(error, DAMAGE):
            said = error.strerror if isinstance(error, OSError) else None
            raise Unusable(said.lower() if said else "damaged or cut short") from None
