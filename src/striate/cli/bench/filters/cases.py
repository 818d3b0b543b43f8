"""What is measured: one filter on one image.

All images continue as their nearest pixel: the one border that every library offers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import ParameterError, UnknownNameError

__all__ = [
    "BORDER",
    "DTYPES",
    "FILTERS",
    "MEAN_KINDS",
    "SMALL",
    "FilterCase",
    "Group",
    "filter_groups",
    "parse_size",
]

BORDER = "nearest"
DTYPES = ("float32", "uint8")
SIZES = ((3840, 2160), (640, 480))
SMALL = (64, 64)  # as large as this or smaller, the call itself counts: times in microseconds
STRIP = 16  # rows of the image that are checked at its top, in its middle and at its bottom

FILTERS = (
    *(("box", size) for size in (3, 5, 11, 31)),
    *(("gaussian", sigma) for sigma in (1, 2, 4, 8)),
    *(("general", side) for side in (3, 5, 7, 9, 11, 13, 15)),
    *(("sobel", 0), ("laplacian", 0), ("magnitude", 0), ("median", 3), ("median", 5)),
)
"""Kinds of filter, each with its size, its sigma, or 0 where there is but one."""
MEAN_KINDS = ("box", "gaussian", "general", "sobel", "laplacian")
"""Those that share a mean; the others are told by themselves."""
SMALL_FILTERS = (("box", 3), ("gaussian", 1), ("sobel", 0), ("general", 3))


@dataclass(frozen=True)
class FilterCase:
    """One row of the report; hashable, as its arrays are made when asked for.

    Parameters
    ----------
    kind, number
        As in `FILTERS`.
    width, height, channels : int
        The image's; one channel makes it (height, width).
    dtype : str
        float32, in 0 to 1, or uint8.
    prepared : bool
        Whether the result goes into an array that is there already, where a library allows it.
    """

    kind: str
    number: int
    width: int
    height: int
    channels: int
    dtype: str
    prepared: bool = True

    @property
    def name(self) -> str:
        """As it is printed and as ``--only`` finds it.

        Examples
        --------
        >>> FilterCase("general", 5, 64, 64, 1, "uint8").name
        'general 5x5'
        """
        if self.kind == "general":
            return f"general {self.number}x{self.number}"
        return f"{self.kind} {self.number}" if self.number else self.kind

    @property
    def shape(self) -> tuple[int, ...]:
        """The image's shape, and the result's."""
        plane = (self.height, self.width)
        return plane if self.channels == 1 else (*plane, self.channels)

    @property
    def image(self) -> NDArray[Any]:
        """Noise, the same in every run."""
        return noise(self.shape, self.dtype)

    @property
    def result_dtype(self) -> str:
        """The image's, but for slopes: they have a sign, and their magnitude is no integer."""
        if self.kind == "magnitude":
            return "float32"
        signed = self.kind in ("sobel", "laplacian")
        return "int16" if signed and self.dtype == "uint8" else self.dtype

    @property
    def kernel(self) -> NDArray[np.float64]:
        """The weights of the kind general: noise that adds up to 1, and of full rank."""
        return weights(self.number)

    @property
    def side(self) -> int:
        """Rows that a pixel of the result sees.

        Examples
        --------
        >>> FilterCase("gaussian", 2, 64, 64, 1, "uint8").side  # cut at 4 sigma
        17
        """
        return {"gaussian": 8 * self.number + 1}.get(self.kind, self.number or 3)

    @property
    def macs(self) -> int:
        """Multiply-adds by the best definition: a pass an axis, or an addition and a subtraction.

        Weights of 0 do not count. A median has none.
        """
        each = {
            "box": 4,
            "gaussian": 2 * self.side,
            "general": self.side**2,
            "sobel": 2 + 3,
            "laplacian": 5,
            "magnitude": 2 * (2 + 3) + 2,
            "median": 0,
        }[self.kind]
        return each * self.values

    @property
    def values(self) -> int:
        """Numbers of the image, and of the result."""
        return self.width * self.height * self.channels

    @property
    def bytes(self) -> int:
        """Bytes that must move at least: each pixel is read once and written once."""
        return self.values * (np.dtype(self.dtype).itemsize + np.dtype(self.result_dtype).itemsize)

    @property
    def strips(self) -> tuple[tuple[int, int], ...]:
        """First row and end of the parts that are checked."""
        middle = (self.height - STRIP) // 2
        if middle <= STRIP:
            return ((0, self.height),)
        starts = (0, middle, self.height - STRIP)
        return tuple((start, start + STRIP) for start in starts)


@dataclass(frozen=True)
class Group:
    """Cases that share a table: all filters of one kind of image."""

    width: int
    height: int
    channels: int
    dtype: str
    cases: tuple[FilterCase, ...]


def filter_groups(
    sizes: Sequence[tuple[int, int]],
    channels: Sequence[int],
    dtypes: Sequence[str],
    only: Sequence[str] = (),
) -> list[Group]:
    """Return the tables: each size with each number of channels and each dtype.

    Parameters
    ----------
    sizes : (width, height) of each image; none stands for the two usual ones, and a few filters
        of small grey images, with a result that is there and with a new one
    channels, dtypes : of the images; none stands for 1 and 3, and for float32 and uint8
    only : patterns of names as in ``box*``; none stands for all

    Raises
    ------
    ParameterError, UnknownNameError
        If there is no such dtype, number of channels, or filter.
    """
    for dtype in dtypes:
        if dtype not in DTYPES:
            raise UnknownNameError.of("dtype", dtype, DTYPES)
    for count in channels:
        if count not in (1, 3):
            raise ParameterError(f"--channels must be 1 (grey) or 3 (colour), not {count}")
    for pattern in only:
        if not any(fnmatchcase(name, pattern) for name in _names()):
            raise UnknownNameError.of("filter", pattern, _names())
    groups = [
        Group(width, height, count, dtype, _cases(width, height, count, dtype))
        for width, height in sizes or SIZES
        for count in channels or (1, 3)
        for dtype in dtypes or DTYPES
    ]
    if not sizes:
        groups += [Group(*SMALL, 1, dtype, _small_cases(dtype)) for dtype in dtypes or DTYPES]
    kept = (Group(g.width, g.height, g.channels, g.dtype, _only(g.cases, only)) for g in groups)
    return [group for group in kept if group.cases]


def _names() -> list[str]:
    return [case.name for case in _cases(1, 1, 1, "uint8")]


def _cases(width: int, height: int, channels: int, dtype: str) -> tuple[FilterCase, ...]:
    return tuple(FilterCase(*one, width, height, channels, dtype) for one in FILTERS)


def _small_cases(dtype: str) -> tuple[FilterCase, ...]:
    return tuple(
        FilterCase(*one, *SMALL, 1, dtype, prepared)
        for one in SMALL_FILTERS
        for prepared in (True, False)
    )


def _only(cases: Sequence[FilterCase], patterns: Sequence[str]) -> tuple[FilterCase, ...]:
    chosen = [c for c in cases if any(fnmatchcase(c.name, pattern) for pattern in patterns)]
    return tuple(chosen if patterns else cases)


def parse_size(text: str) -> tuple[int, int]:
    """Return (width, height) of ``3840x2160``.

    Examples
    --------
    >>> parse_size("640x480")
    (640, 480)
    """
    found = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text)
    if found is None:
        raise ParameterError(f"--size must be width x height, as in 640x480, not {text!r}")
    return int(found[1]), int(found[2])


@lru_cache(maxsize=1)
def noise(shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    """Return an image in which every pixel is another."""
    random = np.random.default_rng(0)
    if dtype == "uint8":
        return random.integers(0, 256, shape, np.uint8)
    return random.random(shape, np.float32)


@cache
def weights(side: int) -> NDArray[np.float64]:
    """Return noise that adds up to 1."""
    drawn = np.random.default_rng(side).random((side, side))
    drawn /= drawn.sum()
    return drawn
