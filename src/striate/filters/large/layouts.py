"""What is known of a large image before any pixel is read, and what reads and writes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from striate.errors import FileError
from striate.filters._apply import IMAGES

__all__ = ["Layout", "Part", "Source", "checked"]

Part = tuple[range, range]  # rows and columns of an image


@dataclass(frozen=True)
class Layout:
    """An image's shape, and how its pixels lie in the file.

    Attributes
    ----------
    shape : tuple of int
        (H, W) or (H, W, C).
    dtype : dtype
        uint8, uint16, float32 or float64, in the machine's byte order.
    tile : (int, int)
        Rows and columns of what is decoded at once: tiles, strips, chunks, or single rows where
        nothing has to be decoded.
    tiled : bool
        Whether tiles lie side by side; strips are as wide as the image.
    compression : str or None
        deflate, lzw or zstd, in which a TIFF file is written; None for plain numbers.
    extras : dict
        What else a format keeps: profiles, resolution, attributes.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    tile: tuple[int, int]
    tiled: bool = True
    compression: str | None = None
    extras: dict[str, Any] = field(default_factory=dict)

    @property
    def channels(self) -> int:
        """The channels, or 0 where the image has no such axis."""
        return self.shape[2] if len(self.shape) == 3 else 0


class Source(Protocol):
    """An image that is read part by part, while it is open."""

    @property
    def layout(self) -> Layout:
        """What is known of it."""

    def read(self, rows: range, columns: range, out: NDArray[Any]) -> None:
        """Fill `out` with a part of the image."""

    def close(self) -> None:
        """Let go of the file."""


class Writer(Protocol):
    """A function that writes an image to a new place, part by part in the order of its tiles."""

    def __call__(
        self, place: Path, layout: Layout, parts: Iterator[tuple[Part, NDArray[Any]]]
    ) -> None:
        """Write all of them."""


def checked(place: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the native dtype of an image that filters can take, or raise FileError."""
    native = dtype.newbyteorder("=")
    if native not in IMAGES:
        raise FileError(
            f"{place}: numbers of dtype {dtype}; filters take {', '.join(IMAGES)}: convert the file"
        )
    if len(shape) not in (2, 3) or 0 in shape:
        raise FileError(f"{place}: an array of shape {shape}; it must be (H, W) or (H, W, C)")
    return native
