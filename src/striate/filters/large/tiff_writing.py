"""TIFF and BigTIFF files written tile by tile, or strip by strip, encoded in parallel."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.filters.large.layouts import Layout, Part
from striate.filters.large.tiff_reading import require_tifffile
from striate.ops._threads import thread_count

__all__ = ["tiff_layout", "write_tiff"]

CLASSIC = 2**32 - 2**25  # bytes that a TIFF file holds; BigTIFF holds more
STRIP = 2**18  # bytes of a strip, about
MULTIPLE = 16  # what the sides of tiles must be multiples of

Encode = Callable[[NDArray[Any]], bytes]


def tiff_layout(layout: Layout) -> Layout:
    """Return how an image is laid out in a TIFF file: as it was, where that can be."""
    numbers = math.prod(layout.shape[1:]) * layout.dtype.itemsize
    if layout.tiled:
        down, across = (-(-side // MULTIPLE) * MULTIPLE for side in layout.tile)
    else:
        rows = max(layout.tile[0], STRIP // numbers, 1)
        down, across = min(rows, layout.shape[0]), layout.shape[1]
    return Layout(
        layout.shape, layout.dtype, (down, across), layout.tiled, layout.compression, layout.extras
    )


def write_tiff(place: Path, layout: Layout, parts: Iterator[tuple[Part, NDArray[Any]]]) -> None:
    """Write an image that comes in parts, which hold whole tiles in the order of the file."""
    require_tifffile()
    from tifffile import TiffWriter

    big = math.prod(layout.shape) * layout.dtype.itemsize > CLASSIC
    extras = layout.extras
    resolution = extras.get("resolution")
    lossless = layout.compression is not None
    with (
        ThreadPoolExecutor(thread_count(), "striate-encode") as encoders,
        TiffWriter(place, bigtiff=big) as file,
    ):
        file.write(
            segments(layout, parts, encoders),
            shape=layout.shape,
            dtype=layout.dtype,
            tile=layout.tile if layout.tiled else None,
            rowsperstrip=None if layout.tiled else layout.tile[0],
            compression={"lzw": 5, "deflate": 8, "zstd": 50000}.get(layout.compression or ""),
            predictor=predictor(layout.dtype) if lossless else None,
            photometric="rgb" if layout.channels > 2 and extras.get("rgb", True) else "minisblack",
            planarconfig="contig" if layout.channels else None,
            extrasamples=extrasamples(layout),
            resolution=resolution,
            resolutionunit=extras.get("resolutionunit") if resolution else None,
            extratags=extras.get("tags", []),
            software="striate",
            metadata=None,
        )


def extrasamples(layout: Layout) -> tuple[int, ...]:
    """Return what the channels beyond the colours are: as they were, or alpha."""
    kept = layout.extras.get("extrasamples")
    if kept is not None:
        return tuple(int(kind) for kind in kept)
    others = layout.channels - (3 if layout.channels > 2 else 1)
    unspecified, unassociated_alpha = 0, 2
    return (unassociated_alpha, *[unspecified] * (others - 1)) if others > 0 else ()


def segments(
    layout: Layout, parts: Iterator[tuple[Part, NDArray[Any]]], encoders: ThreadPoolExecutor
) -> Iterator[bytes]:
    """Yield the bytes of each tile or strip."""
    encode = encoder(layout)
    for (rows, columns), pixels in parts:
        cells = tiles(layout, rows, columns, pixels.reshape(*pixels.shape[:2], -1))
        yield from map(encode, cells) if encode is plain else encoders.map(encode, cells)


def tiles(layout: Layout, rows: range, columns: range, pixels: NDArray[Any]) -> Iterator[Any]:
    """Yield the tiles of a part, from left to right and downwards."""
    down, across = layout.tile
    for top in range(0, len(rows), down):
        for left in range(0, len(columns), across):
            tile = pixels[top : top + down, left : left + across]
            if layout.tiled and tile.shape[:2] != layout.tile:
                whole = np.zeros((*layout.tile, pixels.shape[2]), pixels.dtype)
                whole[: tile.shape[0], : tile.shape[1]] = tile
                tile = whole
            yield tile


def plain(tile: NDArray[Any]) -> bytes:
    """Return the numbers of a tile."""
    return tile.tobytes()


def predictor(dtype: np.dtype[Any]) -> int:
    """Return TIFF's number for differences of neighbours: those of integers, or of floats."""
    return 2 if dtype.kind in "iu" else 3


def encoder(layout: Layout) -> Encode:
    """Return the function that makes a tile's bytes."""
    if layout.compression is None:
        return plain
    import imagecodecs

    compress = {
        "deflate": imagecodecs.deflate_encode,
        "lzw": imagecodecs.lzw_encode,
        "zstd": imagecodecs.zstd_encode,
    }[layout.compression]
    integers = layout.dtype.kind in "iu"
    differences = imagecodecs.delta_encode if integers else imagecodecs.floatpred_encode

    def encode(tile: NDArray[Any]) -> bytes:
        return bytes(compress(differences(np.ascontiguousarray(tile), axis=-2).tobytes()))

    return encode
