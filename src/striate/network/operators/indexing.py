"""Operators that pick elements: slices, gathered indices, triangles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from striate.errors import ParameterError, ShapeError
from striate.network.defined import Defined
from striate.network.graph import Shape
from striate.network.operators.axes import axes_of, axis_of, many, one, settle

__all__ = ["Gather", "GatherElements", "OneHot", "Slice", "Split", "Trilu"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Slice(Defined):
    """x[start:end:step] along each of these axes, as Python slices; None means the first axes."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    axes: tuple[int, ...] | None = None
    steps: tuple[int, ...] | None = None
    onnx: ClassVar[str] = "Slice"

    def __post_init__(self) -> None:
        settle(self, starts=many(self.starts), ends=many(self.ends))
        settle(self, axes=many(self.axes), steps=many(self.steps))
        counts = {len(s) for s in (self.starts, self.ends, self.axes, self.steps) if s is not None}
        if len(counts) > 1:
            raise ParameterError(
                f"starts {self.starts}, ends {self.ends}, axes {self.axes} and steps {self.steps} "
                "must be equally many"
            )
        if self.steps is not None and 0 in self.steps:
            raise ParameterError(f"steps {self.steps} must not be 0")

    def ranges(self, shape: Shape) -> tuple[range, ...]:
        """Return the indices that are picked along each axis of an input of this shape."""
        if self.axes is None and len(self.starts) > len(shape):
            raise ShapeError(f"starts {self.starts} are more than the axes of {shape}")
        axes = axes_of(self.axes or range(len(self.starts)), shape)
        picked = [range(size) for size in shape]
        steps = self.steps or (1,) * len(axes)
        for axis, start, end, step in zip(axes, self.starts, self.ends, steps, strict=True):
            picked[axis] = range(shape[axis])[start:end:step]
        return tuple(picked)

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return how many indices are picked."""
        return tuple(len(picked) for picked in self.ranges(shapes[0]))

    def value(self, *arrays: Array) -> Array:
        """Return the elements picked."""
        (x,) = arrays
        for axis, picked in enumerate(self.ranges(x.shape)):
            if picked != range(x.shape[axis]):
                x = np.take(x, np.arange(picked.start, picked.stop, picked.step), axis)
        return x


@dataclass(frozen=True)
class Split(Defined):
    """x cut along `axis` into parts of these `sizes`, or into this number of
    `parts`.

    Equal parts are as large as the first needs to be; the last may be smaller.
    """

    sizes: tuple[int, ...] | None = None
    axis: int = 0
    parts: int | None = None
    onnx: ClassVar[str] = "Split"

    def __post_init__(self) -> None:
        settle(self, sizes=many(self.sizes), parts=one("parts", self.parts))
        if self.parts is not None and self.sizes is not None and len(self.sizes) != self.parts:
            raise ParameterError(f"sizes {self.sizes} must be those of {self.parts} parts")
        if self.count < 1:
            raise ParameterError(
                f"a split needs sizes, or at least 1 part, not sizes={self.sizes} and "
                f"parts={self.parts}"
            )

    @property
    def count(self) -> int:
        """The number of outputs."""
        return self.parts or len(self.sizes or ())

    def ranges(self, size: int) -> tuple[range, ...]:
        """Return the indices of each part of an axis of this size."""
        return _parts(self.sizes, self.count, self.axis, size)

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return the shape of the first part."""
        return self.infer_all(shapes)[0]

    def infer_all(self, shapes: Sequence[Shape]) -> tuple[Shape, ...]:
        """Return the shapes of all parts."""
        (x,) = shapes
        axis = axis_of(self.axis, x)
        return tuple((*x[:axis], len(part), *x[axis + 1 :]) for part in self.ranges(x[axis]))

    def kinds(self, kinds: Sequence[str]) -> tuple[str, ...]:
        """Return the kind of x, for each part."""
        return (kinds[0],) * self.count

    def value(self, *arrays: Array) -> tuple[Array, ...]:
        """Return the parts."""
        (x,) = arrays
        parts = self.ranges(x.shape[self.axis])
        return tuple(np.split(x, [part.stop for part in parts[:-1]], self.axis))


@lru_cache(maxsize=64)  # each of thousands of parts asks for its own
def _parts(sizes: Shape | None, count: int, axis: int, size: int) -> tuple[range, ...]:
    each = -(-size // count)
    sizes = sizes or tuple(max(0, min(each, size - part * each)) for part in range(count))
    if sum(sizes) != size or min(sizes) < 0:
        raise ShapeError(f"sizes {sizes} must sum to the {size} elements of axis {axis}")
    ends = accumulate(sizes)
    return tuple(range(end - part, end) for part, end in zip(sizes, ends, strict=True))


@dataclass(frozen=True)
class Gather(Defined):
    """The elements of x at these indices along `axis`, which the axes of the indices replace."""

    axis: int = 0
    onnx: ClassVar[str] = "Gather"
    arity: ClassVar[tuple[int, int]] = (2, 2)

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return the shape of x with that of the indices in place of the axis."""
        x, indices = shapes
        axis = axis_of(self.axis, x)
        return x[:axis] + indices + x[axis + 1 :]

    def value(self, *arrays: Array) -> Array:
        """Return x[..., indices, ...]."""
        x, indices = arrays
        axis = axis_of(self.axis, x.shape)
        _check_indices(indices, axis, x.shape)
        return np.asarray(np.take(x, indices, axis))


@dataclass(frozen=True)
class GatherElements(Defined):
    """For each index, the element of x in the same place but, along `axis`, at that index."""

    axis: int = 0
    onnx: ClassVar[str] = "GatherElements"
    arity: ClassVar[tuple[int, int]] = (2, 2)

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return the shape of the indices."""
        x, indices = shapes
        axis = axis_of(self.axis, x)
        beyond = [a for a in range(min(len(x), len(indices))) if a != axis and indices[a] > x[a]]
        if len(x) != len(indices) or beyond:
            raise ShapeError(
                f"indices {indices} must have the axes of x {x}, none but axis {axis} longer"
            )
        return indices

    def value(self, *arrays: Array) -> Array:
        """Return x[..., indices, ...], element by element."""
        x, indices = arrays
        axis = axis_of(self.axis, x.shape)
        _check_indices(indices, axis, x.shape)
        within = tuple(
            slice(None) if a == axis else slice(size) for a, size in enumerate(indices.shape)
        )
        return np.take_along_axis(x[within], indices, axis)


@dataclass(frozen=True)
class OneHot(Defined):
    """Rows of `depth` elements, along a new `axis`: on where the index says, off elsewhere.

    Inputs are the indices and the two values (off, on). Negative indices count from the end;
    those outside -depth ... depth - 1 set nothing on.
    """

    depth: int
    axis: int = -1
    onnx: ClassVar[str] = "OneHot"
    arity: ClassVar[tuple[int, int]] = (2, 2)

    def __post_init__(self) -> None:
        settle(self, depth=int(one("depth", self.depth)))

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return the shape of the indices with the new axis."""
        indices, values = shapes
        if values != (2,):
            raise ShapeError(f"values {values} must be (2,): off and on")
        axis = axis_of(self.axis, (*indices, self.depth))
        return (*indices[:axis], self.depth, *indices[axis:])

    def kinds(self, kinds: Sequence[str]) -> tuple[str, ...]:
        """Return the kind of the values."""
        return (kinds[1],)

    def value(self, *arrays: Array) -> Array:
        """Return on or off."""
        indices, values = arrays
        axis = axis_of(self.axis, (*indices.shape, self.depth))
        places = np.arange(self.depth).reshape(-1, *(1,) * (indices.ndim - axis))
        where = np.where(indices < 0, indices + self.depth, indices)
        on = np.expand_dims(where, axis) == places
        return np.asarray(np.where(on, values[1], values[0]))


@dataclass(frozen=True)
class Trilu(Defined):
    """The `upper` or lower triangle of matrices (..., n, m), from diagonal `k`; 0 elsewhere."""

    upper: bool = True
    k: int = 0
    onnx: ClassVar[str] = "Trilu"

    def __post_init__(self) -> None:
        settle(self, k=one("k", self.k))

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return the shape of x."""
        if len(shapes[0]) < 2:
            raise ShapeError(f"input {shapes[0]} must be of matrices, (..., n, m)")
        return shapes[0]

    def value(self, *arrays: Array) -> Array:
        """Return the triangle."""
        (x,) = arrays
        return np.triu(x, self.k) if self.upper else np.tril(x, self.k)


def _check_indices(indices: Array, axis: int, shape: Shape) -> None:
    size = shape[axis]
    wrong = indices[(indices < -size) | (indices >= size)]
    if wrong.size:
        raise ParameterError(
            f"index {wrong.flat[0]} is outside axis {axis} of {shape}: "
            f"indices go from {-size} to {size - 1}"
        )
