"""Deep colours, which Pillow halves or refuses: PNG through imagecodecs, TIFF through tifffile."""

from __future__ import annotations

import importlib
import logging
import struct
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from striate.errors import FileError, MissingExtraError
from striate.filters.alpha import has_alpha
from striate.filters.files.formats import COLOURS, channels_of
from striate.filters.files.metadata import ORIENTATION, Metadata, sound_dpi, upright
from striate.filters.light import full_scale
from striate.ops.filtering import round_into

__all__ = [
    "MANY",
    "is_tiff",
    "pages_of",
    "read_png",
    "read_tiff",
    "unread",
    "write_png",
    "write_tiff",
]

TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the last two are BigTIFF
HEADER = 33  # bytes of a PNG file up to the end of its first chunk
INCH = 0.0254  # metres
MANY = "an image of more than 4 channels"
ASSOCIATED, UNASSOCIATED = 1, 2  # TIFF 6.0, tag 338: colours multiplied by alpha, and not

# What tifffile would print on standard error of damaged tags; whoever listens still hears it.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


def extra(package: str, place: Path, what: str = "16-bit or float colour") -> Any:
    """Return an optional package, or raise the error that says how to install it."""
    try:
        return importlib.import_module(package)
    except ImportError:
        raise MissingExtraError.of(package, "large", f"{place}: {what}") from None


def is_tiff(place: Path) -> bool:
    """Whether a file begins as TIFF files do."""
    with place.open("rb") as file:
        return file.read(4) in TIFF


def read_png(place: Path) -> NDArray[Any]:
    """Return the pixels of a 16-bit PNG file."""
    image: NDArray[Any] = extra("imagecodecs", place).png_decode(place.read_bytes())
    return image


def write_png(file: IO[bytes], image: NDArray[Any], metadata: Metadata, place: Path) -> None:
    """Write a 16-bit PNG file, with what is known beside its pixels after the header."""
    data: bytes = extra("imagecodecs", place).png_encode(image)
    file.write(data[:HEADER])
    if metadata.icc_profile:
        file.write(chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc_profile)))
    if metadata.dpi:
        across, down = (round(number / INCH) for number in metadata.dpi)
        file.write(chunk(b"pHYs", struct.pack(">IIB", across, down, 1)))
    if metadata.exif:
        file.write(chunk(b"eXIf", metadata.exif.removeprefix(b"Exif\0\0")))
    file.write(data[HEADER:])


def chunk(name: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG file."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def read_tiff(place: Path, what: str) -> tuple[NDArray[Any], Metadata]:
    """Return the upright pixels of a TIFF file's first page, and what it says beside.

    `what` says why Pillow does not do, for those who lack tifffile.
    """
    tifffile = extra("tifffile", place, what)
    with tifffile.TiffFile(place) as file:
        page = file.pages[0]
        refuse_page(page, place)
        image = page.asarray(maxworkers=1)
        profile, turn = page.iccprofile, page.tags.valueof(ORIENTATION, default=1)
        dpi = sound_dpi(page.get_resolution(tifffile.RESUNIT.INCH))
        frames = len(file.pages)
    if page.axes == "SYX":
        image = np.moveaxis(image, 0, -1)
    if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
        image = (full_scale(image.dtype) - image).astype(image.dtype)
    pixels = upright(shown(image, page), turn)
    lost = unread(page.samplesperpixel, pixels)
    return pixels, Metadata(profile, None, dpi, lost, frames)


def pages_of(place: Path) -> int:
    """Return how many pages a TIFF file has."""
    with extra("tifffile", place).TiffFile(place) as file:
        return len(file.pages)


def refuse_page(page: Any, place: Path) -> None:
    """Raise the error that says what a page holds that `read` does not promise."""
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and page.imagelength * page.imagewidth > 2 * limit:
        raise Image.DecompressionBombError
    if 0 in page.shape:
        raise ValueError("an image without pixels")
    kinds = ("uint8", "uint16", "float32", "float64")
    if str(page.dtype) not in kinds or page.axes not in ("YX", "YXS", "SYX"):
        raise FileError(
            f"{place}: pixels of {page.dtype} with axes {page.axes}, which striate does not read; "
            f"convert it to 8 or 16 bits, or to floats"
        )
    colours = getattr(page.photometric, "name", page.photometric)
    if colours not in ("MINISBLACK", "MINISWHITE", "RGB"):
        raise FileError(
            f"{place}: deep colours of kind {colours}, which striate does not read; "
            f"convert it to grey or RGB"
        )


def shown(image: NDArray[Any], page: Any) -> NDArray[Any]:
    """Return the colours of a page, and its alpha where a channel beside them is said to be one."""
    beside = [int(kind) for kind in page.extrasamples]
    if not beside or channels_of(image) > COLOURS:  # many are no colours: each is for itself
        return image
    colours = channels_of(image) - len(beside)
    if beside[0] == ASSOCIATED:
        image = divided(image[..., : colours + 1])
    else:
        image = image[..., : colours + (beside[0] == UNASSOCIATED)]
    return image[..., 0] if channels_of(image) == 1 else image


def unread(samples: int, image: NDArray[Any]) -> tuple[str, ...]:
    """Return what to say of the channels of a file that `image` has not."""
    lost = samples - max(channels_of(image), 1)
    what = "a channel that is" if lost == 1 else f"{lost} channels that are"
    return (f"{what} neither a colour nor alpha",) if lost > 0 else ()


def divided(image: NDArray[Any]) -> NDArray[Any]:
    """Return the colours that were multiplied by alpha before they were stored."""
    numbers = image.astype(np.float64)
    share = numbers[..., -1:] / full_scale(image.dtype)
    result = np.empty_like(image)
    numbers[..., :-1] /= np.where(share > 0, share, 1)
    round_into(result, numbers)
    return result


def write_tiff(file: IO[bytes], image: NDArray[Any], metadata: Metadata, place: Path) -> None:
    """Write a TIFF file, deflated after a prediction from the left, which suits photographs."""
    channels = channels_of(image)
    many = channels > COLOURS
    coloured = metadata.icc_profile is not None if many else channels >= 3
    others = ["unspecified"] * (channels - (3 if coloured else 1)) if many else None
    extra("tifffile", place, *[MANY] * many).imwrite(
        file,
        image,
        photometric="rgb" if coloured else "minisblack",
        planarconfig="contig" if channels else None,
        extrasamples=["unassalpha"] if has_alpha(image) else others,
        compression="zlib",
        predictor=True,
        iccprofile=metadata.icc_profile,
        resolution=metadata.dpi,
        resolutionunit="inch" if metadata.dpi else None,
        software=False,
        metadata=None,
    )
