"""Image files to arrays and back: PNG, JPEG, WebP, TIFF and BMP, through Pillow.

========== ============================== ========================================
format     arrays it can hold             what is lost
========== ============================== ========================================
PNG, TIFF  uint8 with 1 to 4 channels,    nothing; TIFF also holds float32 (H, W)
           uint16 (H, W)
BMP        uint8 with 1 or 3 channels     nothing
JPEG       uint8 with 1 or 3 channels     a little of every pixel (quality 95)
WebP       uint8 with 1 to 4 channels     nothing; grey is stored as equal colours
========== ============================== ========================================

Two channels are grey and alpha, four are colour and alpha. Metadata, colour profiles included,
are not kept; of several pages or frames the first is read.
"""

from __future__ import annotations

import os
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from striate.errors import DTypeError, FileError, ShapeError, one_line
from striate.files import replacing

__all__ = ["SUFFIXES", "format_of", "read", "write"]

SUFFIXES = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
}
FORMATS = tuple(dict.fromkeys(SUFFIXES.values()))

# Pillow's modes whose arrays are what they show; every other one is converted.
AS_THEY_ARE = {"L", "LA", "RGB", "RGBA", "I;16", "I;16L", "I;16B", "F"}
CONVERTED = {
    "1": "L",
    "La": "LA",
    "PA": "RGBA",
    "RGBX": "RGB",
    "RGBa": "RGBA",
    "CMYK": "RGB",
    "YCbCr": "RGB",
    "LAB": "RGB",
    "HSV": "RGB",
}
HELD = {  # format -> (dtype, channels); 0 channels is a plane (H, W)
    "PNG": {("uint8", 0), ("uint8", 2), ("uint8", 3), ("uint8", 4), ("uint16", 0)},
    "TIFF": {
        ("uint8", 0),
        ("uint8", 2),
        ("uint8", 3),
        ("uint8", 4),
        ("uint16", 0),
        ("float32", 0),
    },
    "BMP": {("uint8", 0), ("uint8", 3)},
    "JPEG": {("uint8", 0), ("uint8", 3)},
    "WEBP": {("uint8", 0), ("uint8", 2), ("uint8", 3), ("uint8", 4)},
}
OPTIONS: dict[str, dict[str, Any]] = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}}

# What Pillow's decoders raise on bytes that are not what their header says.
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    struct.error,
    zlib.error,
)


def read(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Return the image in a file, turned upright as its EXIF orientation says.

    Parameters
    ----------
    path : str or path
        A PNG, JPEG, WebP, TIFF or BMP file; its content decides, not its name.

        Of several pages or frames the first is read.

    Returns
    -------
    array, shape (H, W), or (H, W, C) for C = 2 (grey, alpha), 3 (colour) or 4 (colour, alpha)
        uint8; uint16 for 16-bit grey; float32 for float TIFF. Palettes are looked up, bilevel
        images become 0 and 255, CMYK and others become RGB.

    Raises
    ------
    FileError
        The file is missing, unreadable, no image, damaged, cut short or suspiciously large, or
        holds numbers that no array described above can (16-bit colour, 32-bit integers).

    Examples
    --------
    >>> read("no-such.png")
    Traceback (most recent call last):
    striate.errors.FileError: no-such.png: no such file; check the path
    """
    place = Path(path)
    if place.is_dir():
        raise FileError(f"{place}: a folder, not an image file; name a file in it")
    try:
        with warnings.catch_warnings():
            # Pillow warns of images beyond its limit, and refuses those beyond twice the limit;
            # its other warnings are of damaged metadata, of which only the orientation is used.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            warnings.simplefilter("ignore", UserWarning)
            with Image.open(place, formats=FORMATS) as picture:
                return as_array(picture, place)
    except FileError:
        raise
    except FileNotFoundError:
        raise FileError(f"{place}: no such file; check the path") from None
    except PermissionError:
        raise FileError(f"{place}: not readable; check its permissions") from None
    except UnidentifiedImageError:
        raise FileError(
            f"{place}: not an image that striate reads; it reads PNG, JPEG, WebP, TIFF and BMP"
        ) from None
    except Image.DecompressionBombError:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        raise FileError(
            f"{place}: more than {limit} pixels, which may be a decompression bomb; "
            "if you trust the file, make it smaller in an image editor, or in Python raise "
            "PIL.Image.MAX_IMAGE_PIXELS"
        ) from None
    except DAMAGE as error:
        raise FileError(
            f"{place}: damaged or cut short ({one_line(error)}); get a whole copy of the file"
        ) from None


def as_array(picture: Image.Image, place: Path) -> NDArray[Any]:
    """Return an opened picture's pixels, in one of the forms that `read` promises."""
    if is_deep_colour(picture):
        raise FileError(
            f"{place}: 16-bit colour, of which Pillow reads 8 bits; "
            f"convert it to 8-bit colour or to 16-bit grey"
        )
    upright = ImageOps.exif_transpose(picture)
    mode = array_mode(upright)
    if mode is None:
        raise FileError(
            f"{place}: pixels of Pillow's mode {upright.mode}, which striate does not read; "
            f"convert it to 8-bit colour or to 16-bit grey"
        )
    array = np.array(upright if mode == upright.mode else upright.convert(mode))
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def array_mode(picture: Image.Image) -> str | None:
    """Return the mode in which a picture becomes an array, or None where there is none."""
    clear = "transparency" in picture.info  # one colour, or palette entries, are see-through
    if picture.mode == "P":
        if clear:
            return "RGBA"
        return "L" if grey_palette(picture) else "RGB"
    if clear and picture.mode in {"1", "L", "RGB"}:
        return "RGBA" if picture.mode == "RGB" else "LA"
    return picture.mode if picture.mode in AS_THEY_ARE else CONVERTED.get(picture.mode)


def is_deep_colour(picture: Image.Image) -> bool:
    """Whether the file has 16 bits for each of several channels, which Pillow would halve."""
    if picture.mode in {"I;16", "I;16L", "I;16B"}:
        return False
    tiles = getattr(picture, "tile", [])
    return any("16" in str(part) for tile in tiles for part in flat(tile[3]))


def flat(args: Any) -> tuple[Any, ...]:
    """Return a decoder's arguments as a tuple; the first is the layout of the raw pixels."""
    return args[:1] if isinstance(args, tuple) else (args,)


def grey_palette(picture: Image.Image) -> bool:
    """Whether every colour of the palette is a grey."""
    colours = np.reshape(picture.getpalette("RGB") or [], (-1, 3))
    return bool((colours == colours[:, :1]).all())


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


def write(path: str | os.PathLike[str], image: NDArray[Any]) -> None:
    """Write an image to a file, whole or not at all; an existing file is replaced.

    The image is written beside `path` under another name and then renamed.

    Parameters
    ----------
    path : str or path
        Its suffix names the format: .png, .jpg, .jpeg, .webp, .tif, .tiff or .bmp.
    image : array, shape (H, W), or (H, W, C) for C = 1 to 4
        uint8, or what else the format holds: see the table in `striate.filters.files`.

    Raises
    ------
    DTypeError
        The format cannot hold the array's dtype.
    ShapeError
        The format cannot hold the array's shape.
    FileError
        The suffix is unknown, or the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(Path(folder) / "dot.png", np.array([[7]], dtype=np.uint8))
    ...     read(Path(folder) / "dot.png")
    array([[7]], dtype=uint8)
    """
    place = Path(path)
    format_name = format_of(place)
    pixels = writable(np.asarray(image), format_name, place)
    with replacing(place) as unfinished:
        picture, options = Image.fromarray(pixels), OPTIONS.get(format_name, {})
        try:
            with unfinished.open("xb") as file:
                picture.save(file, format=format_name, **options)
        except (ValueError, struct.error) as error:
            raise FileError(
                f"{place}: {format_name} cannot hold it ({one_line(error)}); choose another format"
            ) from None


def writable(image: NDArray[Any], format_name: str, place: Path) -> NDArray[Any]:
    """Return `image` as Pillow takes it, or raise the error that says what the format holds."""
    held = HELD[format_name]
    native = image.dtype.newbyteorder("=")
    dtypes = sorted({dtype for dtype, _ in held}, reverse=True)
    if native.name not in dtypes:
        deep = "float32" in dtypes and native.kind in "if"  # what may be negative stays so
        advice = f"filter with dtype {'float32' if deep else 'uint8'}"
        raise DTypeError(
            f"{place}: {format_name} cannot hold {image.dtype}; it holds {' or '.join(dtypes)}: "
            f"{advice}, or choose another format"
        )
    if image.ndim not in (2, 3) or image.size == 0:
        raise ShapeError(
            f"{place}: an image of shape {image.shape}; it must be (H, W) or (H, W, C), not empty"
        )
    plane = image[:, :, 0] if image.ndim == 3 and image.shape[2] == 1 else image
    channels = plane.shape[2] if plane.ndim == 3 else 0
    if (native.name, channels) not in held:
        possible = sorted(max(count, 1) for dtype, count in held if dtype == native.name)
        raise ShapeError(
            f"{place}: {format_name} cannot hold {native.name} with {max(channels, 1)} channels; "
            f"it holds {' or '.join(map(str, possible))}: "
            f"{'filter with dtype uint8' if native.kind == 'f' else 'choose another format'}, "
            f"or drop channels"
        )
    return np.ascontiguousarray(plane, dtype=native)
