"""Image files to arrays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from striate.errors import FileError, StriateError
from striate.filters.files import deep
from striate.filters.files.formats import COLOURS, DAMAGE, FORMATS, channels_of
from striate.filters.files.metadata import (
    ORIENTATION,
    Metadata,
    exif_of,
    fitting,
    metadata_of,
    upright,
)
from striate.filters.files.quiet import PILLOW_QUIET

__all__ = ["read", "read_with_metadata"]

WIDTH, HEIGHT, BITS = 256, 257, 258  # TIFF's tags; bits of each channel
PHOTOMETRIC, SAMPLES = 262, 277  # what colours they are, and how many channels
PLAIN_COLOURS = (0, 1, 2)  # greys from white or from black, and RGB

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


def read(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Return the image in a file, turned upright as its EXIF orientation says.

    Parameters
    ----------
    path : str or path
        A PNG, JPEG, WebP, TIFF or BMP file; its content decides, not its name.

        Of several pages or frames the first is read.

    Returns
    -------
    array, shape (H, W), or (H, W, C) for C = 2 (grey, alpha), 3 (colour), 4 (colour, alpha) or more
        uint8; uint16 for 16 bits; float32 or float64 for float TIFF. Palettes are looked up,
        bilevel images become 0 and 255, CMYK and others become RGB.

    Raises
    ------
    FileError
        The file is missing, unreadable, no image, damaged, cut short or suspiciously large, or
        holds numbers that no array described above can (32-bit integers).
    MissingExtraError
        It holds deep colours or more than 4 channels, and tifffile or imagecodecs is not installed.

    Examples
    --------
    >>> read("no-such.png")
    Traceback (most recent call last):
    striate.errors.FileError: no-such.png: no such file; check the path
    """
    return opened(Path(path))[0]


def read_with_metadata(path: str | os.PathLike[str]) -> tuple[NDArray[Any], Metadata]:
    """Return the image in a file, as `read`, and what the file says beside its pixels.

    Parameters
    ----------
    path : str or path
        As for `read`.

    Returns
    -------
    array
        As from `read`.
    Metadata
        For `write`. What is damaged, or does not fit the array, such as the profile of a CMYK
        image that became RGB, is left out, and named in its `dropped`.

    Raises
    ------
    FileError, MissingExtraError
        As from `read`.

    Examples
    --------
    >>> import tempfile
    >>> from striate.filters.files import write
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "dot.tif"
    ...     write(path, np.array([[7]], dtype=np.uint8), Metadata(dpi=(300.0, 150.0)))
    ...     read_with_metadata(path)  # doctest: +NORMALIZE_WHITESPACE
    (array([[7]], dtype=uint8),
     Metadata(icc_profile=None, exif=None, dpi=(300.0, 150.0), dropped=(), frames=1))
    """
    return opened(Path(path))


def opened(place: Path) -> tuple[NDArray[Any], Metadata]:
    """Return a file's image, and what it says beside."""
    if place.is_dir():
        raise FileError(f"{place}: a folder, not an image file; name a file in it")
    with told_of(place), PILLOW_QUIET:
        try:
            picture = Image.open(place, formats=FORMATS)
        except UnidentifiedImageError:
            if not deep.is_tiff(place):
                raise
            return of_deep_tiff(place, "a TIFF file that Pillow cannot read")
        with picture:
            deep_colour = is_deep_colour(picture)
            if has_many_channels(picture):
                return of_deep_tiff(place, deep.MANY)
            if deep_colour and picture.format == "TIFF":
                return of_deep_tiff(place, "16-bit or float colour")
            lay_as_stored(picture)
            picture.load()  # what is damaged shows here, and not while metadata are looked at
            pixels = deep.read_png(place) if deep_colour else pixels_of(picture, place)
            exif = exif_of(picture)
            if exif is not None and picture.format != "TIFF":  # which Pillow turns on loading
                pixels = upright(pixels, exif.get(ORIENTATION))
            said = metadata_of(picture, exif, channels_of(pixels))
            lost = deep.unread(samples_of(picture), pixels)
            frames = frames_of(picture, place)
            said = replace(said, dropped=(*said.dropped, *lost), frames=frames)
            return np.ascontiguousarray(pixels), said


def of_deep_tiff(place: Path, what: str) -> tuple[NDArray[Any], Metadata]:
    """Return what `opened` does, of a TIFF file that is more than Pillow reads."""
    image, metadata = deep.read_tiff(place, what)
    return np.ascontiguousarray(image), fitting(metadata, channels_of(image))


@contextmanager
def told_of(place: Path) -> Iterator[None]:
    """Turn what reading a file may raise into one FileError that names it."""
    try:
        yield
    except StriateError:
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
    except MemoryError:
        raise FileError(f"{place}: more than memory holds; make it smaller") from None
    except DAMAGE as error:
        if isinstance(error, OSError) and error.strerror:
            raise FileError(
                f"{place}: cannot be read ({error.strerror}); check the disk it lies on"
            ) from None
        # What decoders say beside that ("decoder error -2") helps nobody.
        raise FileError(f"{place}: damaged or cut short; get a whole copy of the file") from None


def lay_as_stored(picture: Image.Image) -> None:
    """Give a TIFF picture the size in which it is stored, ahead of decoding.

    Pillow gives those that lie on their side the size of the upright picture, in which it decodes
    uncompressed ones wrongly (Pillow 13.0); after decoding it turns picture and size.
    """
    if picture.format == "TIFF":
        tags = getattr(picture, "tag_v2", {})
        picture._size = tags[WIDTH], tags[HEIGHT]


def pixels_of(picture: Image.Image, place: Path) -> NDArray[Any]:
    """Return an opened picture's pixels as they lie, in one of the forms that `read` promises."""
    mode = array_mode(picture)
    if mode is None:
        raise FileError(
            f"{place}: whole numbers that are signed or have 32 bits, which striate does not read; "
            f"convert it to 8 or 16 bits, or to floats"
        )
    array = np.array(picture if mode == picture.mode else picture.convert(mode))
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
    """Whether the file has more than 8 bits for each of several channels, which Pillow halves.

    It is asked before the pixels are decoded: Pillow then forgets how they were laid out.
    """
    if picture.format == "TIFF":
        bits = getattr(picture, "tag_v2", {}).get(BITS, (1,))
        return len(bits) > 1 and max(bits) > 8
    layouts = [tile[3] for tile in getattr(picture, "tile", [])]
    return picture.format == "PNG" and any(
        str(layout).endswith("16B") and layout != "I;16B" for layout in layouts
    )


def samples_of(picture: Image.Image) -> int:
    """Return how many channels of grey or colours a TIFF picture has; 0 for other pictures."""
    tags = getattr(picture, "tag_v2", {}) if picture.format == "TIFF" else {}
    return int(tags.get(SAMPLES, 1)) if tags.get(PHOTOMETRIC) in PLAIN_COLOURS else 0


def has_many_channels(picture: Image.Image) -> bool:
    """Whether a picture has more channels than colours and alpha; Pillow leaves them out."""
    return samples_of(picture) > COLOURS


def frames_of(picture: Image.Image, place: Path) -> int:
    """Return how many pages or frames a decoded picture has, as far as they can be counted."""
    if picture.format != "TIFF":
        return int(getattr(picture, "n_frames", 1))
    try:  # counting moves on from page to page, which a decoded one cannot
        with Image.open(place, formats=("TIFF",)) as pages:
            return int(getattr(pages, "n_frames", 1))
    except DAMAGE:
        return 1


def grey_palette(picture: Image.Image) -> bool:
    """Whether every colour of the palette is a grey."""
    colours = np.reshape(picture.getpalette("RGB") or [], (-1, 3))
    return bool((colours == colours[:, :1]).all())
