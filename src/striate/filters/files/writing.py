"""Arrays to image files."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from striate.errors import DTypeError, FileError, ParameterError, ShapeError, one_line
from striate.files import replacing
from striate.filters.files import deep
from striate.filters.files.formats import COLOURS, HELD, another, channels_of, format_of, is_deep
from striate.filters.files.metadata import Metadata, kept_by
from striate.filters.files.profiles import trouble_with

__all__ = ["write"]

PREDICTOR = 317  # TIFF's tag: 2 stores differences from the left
BEST = 95  # the quality of JPEG beyond which files grow and pictures do not


def write(
    path: str | os.PathLike[str],
    image: NDArray[Any],
    metadata: Metadata | None = None,
    *,
    quality: int | None = None,
) -> None:
    """Write an image to a file, whole or not at all; an existing file is replaced.

    The image is written beside `path` under another name and then renamed.

    Parameters
    ----------
    path : str or path
        Its suffix names the format: .png, .jpg, .jpeg, .webp, .tif, .tiff or .bmp.
    image : array, shape (H, W), or (H, W, C) for C = 1 to 4, in TIFF also more
        uint8, or what else the format holds: see the table in `striate.filters.files`.
    metadata : Metadata, optional
        What `read_with_metadata` found. The format keeps what it can hold.
    quality : int, optional
        1 to 100. JPEG: 95 if left out. WebP: loses nothing if left out. Others always lose nothing.

    Raises
    ------
    DTypeError
        The format cannot hold the array's dtype.
    ShapeError
        The format cannot hold the array's shape.
    ParameterError
        The format has no such quality, or the profile is damaged or not of the image's colours.
    FileError
        The suffix is unknown, or the file cannot be written.
    MissingExtraError
        The image has deep colours or more than 4 channels, and tifffile or imagecodecs is not
        installed.

    Examples
    --------
    >>> import tempfile
    >>> from striate.filters.files import read
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(Path(folder) / "dot.png", np.array([[7]], dtype=np.uint8))
    ...     read(Path(folder) / "dot.png")
    array([[7]], dtype=uint8)
    """
    place = Path(path)
    format_name = format_of(place)
    pixels = writable(np.asarray(image), format_name, place)
    options = options_of(format_name, pixels, quality, place)
    kept = kept_by(format_name, metadata or Metadata())
    trouble = kept.icc_profile and trouble_with(kept.icc_profile, channels_of(pixels))
    if trouble:
        raise ParameterError(
            f"{place}: {trouble}; leave it out with dataclasses.replace(metadata, icc_profile=None)"
        )
    with replacing(place) as unfinished:
        try:
            with unfinished.open("xb") as file:
                encode(file, format_name, pixels, kept, options, place)
        except (ValueError, struct.error) as error:
            raise FileError(
                f"{place}: {format_name} cannot hold it ({one_line(error)}); choose another format"
            ) from None


def encode(
    file: IO[bytes],
    format_name: str,
    pixels: NDArray[Any],
    metadata: Metadata,
    options: dict[str, Any],
    place: Path,
) -> None:
    """Write the bytes of a format."""
    if is_deep(pixels):
        deep_writer = deep.write_png if format_name == "PNG" else deep.write_tiff
        deep_writer(file, pixels, metadata, place)
        return
    beside = {
        "icc_profile": metadata.icc_profile,
        "exif": metadata.exif,
        "dpi": metadata.dpi,
    }
    options |= {name: value for name, value in beside.items() if value is not None}
    Image.fromarray(pixels).save(file, format=format_name, **options)


def options_of(
    format_name: str, pixels: NDArray[Any], quality: int | None, place: Path
) -> dict[str, Any]:
    """Return how Pillow is to compress."""
    if quality is not None:
        if format_name not in ("JPEG", "WEBP"):
            raise ParameterError(
                f"{place}: quality is {quality}, but {format_name} loses nothing; leave it out"
            )
        whole = isinstance(quality, (int, np.integer)) and not isinstance(quality, bool)
        if not whole or not 1 <= quality <= 100:
            raise ParameterError(
                f"{place}: quality is {quality!r}; it must be a whole number from 1 to 100"
            )
    if format_name == "JPEG":
        return {"quality": BEST if quality is None else int(quality)}
    if format_name == "WEBP":  # exact: colours of what is quite clear are kept, too
        lossy = {"quality": quality and int(quality)}
        return {"lossless": True, "exact": True} if quality is None else lossy
    if format_name == "TIFF":
        differences = {} if pixels.dtype.kind == "f" else {PREDICTOR: 2}
        return {"compression": "tiff_adobe_deflate", "tiffinfo": differences}
    return {}


def writable(image: NDArray[Any], format_name: str, place: Path) -> NDArray[Any]:
    """Return `image` as encoders take it, or raise the error that says what the format holds."""
    held = HELD[format_name]
    native = image.dtype.newbyteorder("=")
    if native.name not in held:
        deep_format = "float32" in held and native.kind in "if"  # what may be negative stays so
        advice = "filter with dtype float32" if deep_format else "scale it with files.scaled"
        raise DTypeError(
            f"{place}: {format_name} cannot hold {image.dtype}; it holds {' or '.join(held)}: "
            f"{advice}, or choose another format"
        )
    if image.ndim not in (2, 3) or image.size == 0:
        raise ShapeError(
            f"{place}: an image of shape {image.shape}; it must be (H, W) or (H, W, C), not empty"
        )
    plane = image[:, :, 0] if channels_of(image) == 1 else image
    possible = held[native.name]
    many = channels_of(plane) > COLOURS and format_name == "TIFF"
    if channels_of(plane) not in possible and not many:
        raise ShapeError(
            f"{place}: {format_name} cannot hold {native.name} with {channels_of(plane)} channels; "
            f"it holds {' or '.join(str(max(count, 1)) for count in possible)}: "
            f"choose {another(native, channels_of(plane))}, or drop channels"
        )
    return np.ascontiguousarray(plane, dtype=native)
