"""Parts of an image read, filtered and handed on at once, each ahead of the next."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import product
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from striate.errors import ParameterError
from striate.filters.large.cuts import Cut
from striate.filters.large.layouts import Layout, Part, Source
from striate.filters.large.sizes import sized
from striate.filters.large.trial import Reach, Trial

__all__ = ["ahead", "filtered", "parts_of", "pixels_of"]

One = TypeVar("One")
Other = TypeVar("Other")

HELD = 3  # parts of the image that exist at a time: one is read, one waits, one is filtered
ENOUGH = 2**24  # bytes of a part: more are taken from the system and given back each time
OVERLAP = 16  # how much higher than its margins a part shall be, at the least


def ahead(function: Callable[[One], Other], items: Iterable[One]) -> Iterator[Other]:
    """Yield the function's results; a thread computes the next one while the last is used.

    Examples
    --------
    >>> list(ahead(abs, [-1, -2]))
    [1, 2]
    """
    with ThreadPoolExecutor(1, "striate-ahead") as worker:
        coming: Future[Other] | None = None
        for item in items:
            following = worker.submit(function, item)
            if coming is not None:
                yield coming.result()
            coming = following
        if coming is not None:
            yield coming.result()


def parts_of(source: Layout, target: Layout, trial: Trial, memory: int) -> list[Part]:
    """Return the parts in which an image is filtered, in the order in which they are written.

    A part is a band of some rows of the target's tiles, if `memory` bytes allow so much; of an
    image so wide that no such band fits, some of the tiles of one row.
    """
    reach = trial.reach
    height, width = source.shape[:2]
    down, across = target.tile
    seen = margin(source, reach, 0), margin(source, reach, 1)

    def bytes_of(rows: int, columns: int) -> int:
        read = min(rows + seen[0], height)
        read *= min(columns + seen[1], width) if columns < width else width
        filtering = read * (HELD * source.dtype.itemsize + trial.working)
        writing = rows * columns * target.dtype.itemsize
        return math.ceil((filtering + writing) * max(source.channels, 1))

    def is_enough(rows: int) -> bool:
        line = math.prod(source.shape[1:]) * source.dtype.itemsize
        far = reach.before[0] + reach.after[0] + reach.step[0] - 1
        return rows >= height or (rows * line >= ENOUGH and rows >= OVERLAP * far)

    rows, columns = down, width
    if bytes_of(rows, columns) <= memory:
        while not is_enough(rows) and bytes_of(rows + down, columns) <= memory:
            rows += down
    elif target.tiled:
        columns = across
        while columns < width and bytes_of(rows, columns + across) <= memory:
            columns += across
    if bytes_of(rows, columns) > memory:
        raise ParameterError(
            f"memory is {sized(memory)}; this filter needs {sized(bytes_of(rows, columns))} for "
            f"{rows} x {columns} pixels of this image: raise memory, "
            f"on the command line with --memory"
        )
    return list(product(ranges(height, rows), ranges(width, columns)))


def margin(source: Layout, reach: Reach, axis: int) -> int:
    """Return how many rows or columns more than the wanted ones may have to be read."""
    step = reach.step[axis]
    return reach.before[axis] + reach.after[axis] + 3 * (step - 1) + source.tile[axis] - 1


def ranges(size: int, length: int) -> list[range]:
    """Return an axis in ranges of some length, of which the last may be shorter."""
    return [range(start, min(start + length, size)) for start in range(0, size, length)]


def filtered(
    source: Source, parts: Iterable[Part], reach: Reach, function: Callable[..., NDArray[Any]]
) -> Iterator[tuple[Part, NDArray[Any]]]:
    """Yield each part with its result: one is read, one filtered, one used, at the same time."""
    shape = source.layout.shape
    reader = Reader(source)

    def read(part: Part) -> tuple[Part, tuple[Cut, Cut], NDArray[Any]]:
        rows, columns = (reach.cut(axis, part[axis], shape[axis]) for axis in (0, 1))
        return part, (rows, columns), reader.read(rows, columns)

    def compute(job: tuple[Part, tuple[Cut, Cut], NDArray[Any]]) -> tuple[Part, NDArray[Any]]:
        part, cuts, pixels = job
        pixels.flags.writeable = False  # the next part may begin with a copy of them
        kept = tuple(slice(c.skip, c.skip + len(p)) for c, p in zip(cuts, part, strict=True))
        return part, function(pixels)[kept]

    return ahead(compute, ahead(read, parts))


class Reader:
    """Reads cuts of an image; of bands of whole rows, none is decoded twice.

    The arrays it gives are used again after as many others as exist at a time: memory fresh from
    the system costs more than what is read into it.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.held: tuple[range, NDArray[Any]] | None = None
        self.buffers = deque([np.empty(0, np.uint8)] * HELD)

    def read(self, rows: Cut, columns: Cut) -> NDArray[Any]:
        """Return the pixels of a cut."""
        layout = self.source.layout
        if len(rows.parts) == 1 and columns.parts == (range(layout.shape[1]),):
            return self.band(rows.parts[0])
        pixels = self.empty(len(rows), len(columns))
        top = 0
        for down in rows.parts:
            left = 0
            for across in columns.parts:
                place = slice(top, top + len(down)), slice(left, left + len(across))
                self.source.read(down, across, pixels[place])
                left += len(across)
            top += len(down)
        return pixels

    def band(self, rows: range) -> NDArray[Any]:
        """Return whole rows; those that were decoded with the band before are copied from it."""
        layout = self.source.layout
        height, width = layout.shape[:2]
        down = layout.tile[0]
        stop = min(-(-rows.stop // down) * down, height)
        band = self.empty(stop - rows.start, width)
        begun = rows.start
        if self.held is not None:
            held, pixels = self.held
            if held.start <= rows.start < held.stop:
                begun = min(held.stop, stop)
                kept = slice(rows.start - held.start, begun - held.start)
                band[: begun - rows.start] = pixels[kept]
        self.held = None
        if begun < stop:
            self.source.read(range(begun, stop), range(width), band[begun - rows.start :])
        self.held = range(rows.start, stop), band
        return band[: len(rows)]

    def empty(self, rows: int, columns: int) -> NDArray[Any]:
        """Return an array for so many pixels."""
        layout = self.source.layout
        shape = rows, columns, *layout.shape[2:]
        size = math.prod(shape) * layout.dtype.itemsize
        buffer = self.buffers.popleft()
        if buffer.size < size:
            buffer = np.empty(size, np.uint8)
        self.buffers.append(buffer)
        return buffer[:size].view(layout.dtype).reshape(shape)


def pixels_of(part: Part) -> int:
    """Return how many pixels a part has."""
    return math.prod(map(len, part))
