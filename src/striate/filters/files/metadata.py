"""What a file says beside its pixels: its colour profile, how it was taken, and its resolution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray
from PIL import Image

from striate.filters.files.formats import DAMAGE
from striate.filters.files.profiles import follows_srgb, is_of_greys, trouble_with

__all__ = [
    "ORIENTATION",
    "Metadata",
    "exif_of",
    "fitting",
    "kept_by",
    "metadata_of",
    "sound_dpi",
    "upright",
]

ORIENTATION = 0x0112
EXIF_TAGS = 0x8769  # where the tags of Exif itself lie
WIDTH, HEIGHT = 0xA002, 0xA003  # in pixels, as stored: they may lie turned
LARGEST_DPI = 2**16 - 1  # what JPEG can say
LARGEST_EXIF = 2**16 - 3  # bytes of a JPEG segment

HOLD_PROFILES = ("PNG", "TIFF", "JPEG", "WEBP")
HOLD_EXIF = ("PNG", "JPEG", "WEBP")
SAY_EXIF = (*HOLD_EXIF, "MPO")  # which is JPEG with further pictures behind it
HOLD_DPI = ("PNG", "TIFF", "JPEG", "BMP")

# Exif 2.32, tag 274: where row 0 and column 0 of the stored picture lie.
TURNS: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: image[::-1].swapaxes(0, 1),
    7: lambda image: image[::-1, ::-1].swapaxes(0, 1),
    8: lambda image: image[:, ::-1].swapaxes(0, 1),
}


@dataclass(frozen=True)
class Metadata:
    """What a file says beside its pixels; None is unsaid.

    Attributes
    ----------
    icc_profile : bytes or None
        What the levels mean, as an ICC profile; sRGB if unsaid.
    exif : bytes or None
        Camera, time and place, as Exif; never an orientation (`read` turns the pixels) or a
        thumbnail, which would show the image unfiltered.
    dpi : (float, float) or None
        Pixels per inch, across and down.
    dropped : tuple of str
        What was damaged or did not fit the pixels that were read, in words.
    frames : int
        How many pages or frames the file has, of which the first was read.

    Examples
    --------
    >>> Metadata(dpi=(300, 300)).has_srgb_curve
    True
    """

    icc_profile: bytes | None = None
    exif: bytes | None = None
    dpi: tuple[float, float] | None = None
    dropped: tuple[str, ...] = ()
    frames: int = 1

    @property
    def has_srgb_curve(self) -> bool:
        """Whether levels become light by the curve of sRGB, as ``linear_light=True`` takes it."""
        return self.icc_profile is None or follows_srgb(self.icc_profile)


def exif_of(picture: Image.Image) -> Image.Exif | None:
    """Return a picture's Exif, or None where it cannot be read."""
    try:
        # Pillow says only once that Exif is damaged, and may have said so to itself.
        Image.Exif().load(picture.info.get("exif", b""))
        return picture.getexif()
    except DAMAGE:
        return None


def upright(image: NDArray[Any], orientation: Any) -> NDArray[Any]:
    """Return an image turned as its orientation says."""
    return TURNS[orientation](image) if orientation in TURNS else image


def metadata_of(picture: Image.Image, exif: Image.Exif | None, channels: int) -> Metadata:
    """Return what an opened picture says of an image of so many channels."""
    tags = None
    try:
        tags = lasting(exif) if exif is not None and picture.format in SAY_EXIF else None
    except DAMAGE:
        exif = None
    dropped = ("its EXIF is damaged",) if exif is None else ()
    profile = picture.info.get("icc_profile") or None
    dpi = sound_dpi(picture.info.get("dpi"))
    return fitting(Metadata(profile, tags, dpi, dropped), channels)


def fitting(metadata: Metadata, channels: int) -> Metadata:
    """Return what of `metadata` fits an image of so many channels."""
    trouble = metadata.icc_profile and trouble_with(metadata.icc_profile, channels)
    if not trouble:
        return metadata
    return replace(metadata, icc_profile=None, dropped=(*metadata.dropped, trouble))


def kept_by(format_name: str, metadata: Metadata) -> Metadata:
    """Return what of `metadata` a format keeps."""
    profile = metadata.icc_profile if format_name in HOLD_PROFILES else None
    if format_name == "WEBP" and profile is not None and is_of_greys(profile):
        profile = None  # WebP stores greys as colours
    return Metadata(
        profile,
        metadata.exif if format_name in HOLD_EXIF else None,
        sound_dpi(metadata.dpi) if format_name in HOLD_DPI else None,
    )


def lasting(exif: Image.Exif) -> bytes | None:
    """Return what stays true of a turned and filtered picture, or None if that is nothing."""
    exif.pop(ORIENTATION, None)
    if EXIF_TAGS in exif:
        inner = exif.get_ifd(EXIF_TAGS)
        for size in (WIDTH, HEIGHT):
            inner.pop(size, None)
    return exif.tobytes() if exif else None


def sound_dpi(dpi: Any) -> tuple[float, float] | None:
    """Return pixels per inch, across and down, or None where they say nothing."""
    try:
        across, down = (float(number) for number in dpi)
    except DAMAGE:
        return None
    # 1 stands in some files for a shape of pixels without a size.
    return (across, down) if 1 < min(across, down) <= max(across, down) <= LARGEST_DPI else None
