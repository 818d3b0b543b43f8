"""Colour profiles of the International Color Consortium, as far as striate looks into them.

Source: ICC.1:2022, sections 7.2 (header), 7.3 (tags), 10.6 and 10.18 (curves).
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from striate.filters import light

__all__ = ["follows_srgb", "is_of_greys", "trouble_with"]

HEADER = 128  # bytes
LARGEST = 2**24  # bytes; profiles of printers have a few million
NEAR = 0.002  # of white: profiles keep the curve in few points, or in sixteen bits

Values = NDArray[np.float64]


def trouble_with(profile: bytes, channels: int) -> str | None:
    """Return why a profile says nothing of an image with so many channels, or None.

    Examples
    --------
    >>> trouble_with(b"no profile", 3)
    'its ICC profile is damaged'
    """
    if not HEADER + 4 <= len(profile) <= LARGEST or profile[36:40] != b"acsp":
        return "its ICC profile is damaged"
    if int.from_bytes(profile[:4], "big") != len(profile):
        return "its ICC profile is cut short"
    space = profile[16:20].decode("latin-1").strip()
    wanted = "RGB" if channels >= 3 else "GRAY"
    if space != wanted:
        return f"its ICC profile is of {space} colours, and the image of {wanted}"
    return None


def is_of_greys(profile: bytes) -> bool:
    """Whether a profile says what levels of grey mean."""
    return profile[16:20] == b"GRAY"


def follows_srgb(profile: bytes) -> bool:
    """Whether a sound profile's curves are that of sRGB, which `striate.filters.light` knows."""
    names = (b"kTRC",) if is_of_greys(profile) else (b"rTRC", b"gTRC", b"bTRC")
    levels = np.linspace(0, 1, 33)
    try:
        with np.errstate(all="ignore"):  # absurd powers are of another curve, no more
            curves = [curve(tag(profile, name), levels) for name in names]
    except (LookupError, ValueError, struct.error):
        return False  # made of tables alone, or of a curve of another kind
    return all(bool(np.abs(one - light.decode(levels[None])[0]).max() < NEAR) for one in curves)


def tag(profile: bytes, name: bytes) -> bytes:
    """Return what a profile holds under a name, or raise LookupError."""
    (count,) = struct.unpack_from(">I", profile, HEADER)
    for i in range(min(count, 100)):
        found, start, size = struct.unpack_from(">4sII", profile, HEADER + 4 + 12 * i)
        if found == name:
            return profile[start : start + size]
    raise LookupError(name)


def curve(data: bytes, levels: Values) -> Values:
    """Return the light of levels from 0 to 1 under a curve as profiles write it."""
    light_of: Values
    if data[:4] == b"curv":
        (count,) = struct.unpack_from(">I", data, 8)
        points = np.frombuffer(data, ">u2", count, 12)
        if count == 1:
            light_of = levels ** (float(points[0]) / 256)
        else:
            heights = points / 65535 if count else np.array([0.0, 1.0])
            light_of = np.interp(levels, np.linspace(0, 1, heights.size), heights)
    elif data[:4] == b"para" and struct.unpack_from(">H", data, 8)[0] == 3:
        gamma, a, b, c, d = (number / 65536 for number in struct.unpack_from(">5i", data, 12))
        light_of = np.where(levels >= d, np.maximum(a * levels + b, 0) ** gamma, c * levels)
    else:
        raise ValueError("a curve of another kind")
    return light_of
