"""Operators that give the same elements another shape, and those that tell shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from striate.errors import ParameterError, ShapeError
from striate.network.defined import Defined
from striate.network.graph import Shape as Sizes
from striate.network.graph import broadcast_shapes
from striate.network.operators.axes import axes_of, many, settle

__all__ = [
    "Expand",
    "Reshape",
    "Shape",
    "Size",
    "Squeeze",
    "Tile",
    "Transpose",
    "Unsqueeze",
]

Array = NDArray[Any]


@dataclass(frozen=True)
class Reshape(Defined):
    """The same elements, row by row, in another shape.

    A size of 0 copies that of x (unless `allow_zero` takes it at its word); one size may be -1,
    which stands for all that is left.
    """

    shape: tuple[int, ...]
    allow_zero: bool = False
    onnx: ClassVar[str] = "Reshape"

    def __post_init__(self) -> None:
        settle(self, shape=many(self.shape))
        if self.shape.count(-1) > 1 or any(size < -1 for size in self.shape):
            raise ParameterError(
                f"shape {self.shape} must be of sizes of at least 0 and no more than one -1"
            )

    def infer(self, shapes: Sequence[Sizes]) -> Sizes:
        """Return the shape with 0 and -1 worked out."""
        (x,) = shapes
        sizes = list(self.shape)
        if not self.allow_zero:
            if any(size == 0 and axis >= len(x) for axis, size in enumerate(sizes)):
                raise ShapeError(f"shape {self.shape} copies sizes that {x} does not have")
            sizes = [size or x[axis] for axis, size in enumerate(sizes)]
        known = prod(size for size in sizes if size != -1)
        if -1 in sizes and known:
            sizes[sizes.index(-1)] = prod(x) // known
        if prod(sizes) != prod(x) or -1 in sizes:
            raise ShapeError(f"{x} has {prod(x)} elements, which do not fit the shape {self.shape}")
        return tuple(sizes)

    def value(self, *arrays: Array) -> Array:
        """Return x in the new shape."""
        (x,) = arrays
        return x.reshape(self.infer([x.shape]))


@dataclass(frozen=True)
class Squeeze(Defined):
    """x without these axes, or all axes, of size 1."""

    axes: tuple[int, ...] | None = None
    onnx: ClassVar[str] = "Squeeze"

    def __post_init__(self) -> None:
        settle(self, axes=many(self.axes))

    def infer(self, shapes: Sequence[Sizes]) -> Sizes:
        """Return the shape that is left."""
        (x,) = shapes
        ones = tuple(axis for axis, size in enumerate(x) if size == 1)
        gone = ones if self.axes is None else axes_of(self.axes, x)
        for axis in gone:
            if x[axis] != 1:
                raise ShapeError(f"axis {axis} of {x} has {x[axis]} elements: only 1 can go")
        return tuple(size for axis, size in enumerate(x) if axis not in gone)

    def value(self, *arrays: Array) -> Array:
        """Return x without the axes."""
        (x,) = arrays
        return x.reshape(self.infer([x.shape]))


@dataclass(frozen=True)
class Unsqueeze(Defined):
    """x with axes of size 1 added, where they are in the result."""

    axes: tuple[int, ...]
    onnx: ClassVar[str] = "Unsqueeze"

    def __post_init__(self) -> None:
        settle(self, axes=many(self.axes))

    def infer(self, shapes: Sequence[Sizes]) -> Sizes:
        """Return the shape with the new axes."""
        (x,) = shapes
        new = axes_of(self.axes, (1,) * (len(x) + len(self.axes)))
        old = iter(x)
        return tuple(1 if a in new else next(old) for a in range(len(x) + len(new)))

    def value(self, *arrays: Array) -> Array:
        """Return x with the axes."""
        (x,) = arrays
        return x.reshape(self.infer([x.shape]))


@dataclass(frozen=True)
class Expand(Defined):
    """x repeated to the shape that it and `shape` broadcast to."""

    shape: tuple[int, ...]
    onnx: ClassVar[str] = "Expand"

    def __post_init__(self) -> None:
        settle(self, shape=many(self.shape))

    def infer(self, shapes: Sequence[Sizes]) -> Sizes:
        """Return what x and `shape` broadcast to."""
        return broadcast_shapes([shapes[0], self.shape])

    def value(self, *arrays: Array) -> Array:
        """Return x broadcast."""
        (x,) = arrays
        return np.broadcast_to(x, self.infer([x.shape])).copy()


@dataclass(frozen=True)
class Tile(Defined):
    """x repeated, as a whole, `repeats` times along each axis."""

    repeats: tuple[int, ...]
    onnx: ClassVar[str] = "Tile"

    def __post_init__(self) -> None:
        settle(self, repeats=many(self.repeats))
        if any(count < 0 for count in self.repeats):
            raise ParameterError(f"repeats {self.repeats} must be at least 0")

    def infer(self, shapes: Sequence[Sizes]) -> Sizes:
        """Return each size times its repeats."""
        (x,) = shapes
        if len(self.repeats) != len(x):
            raise ShapeError(f"repeats {self.repeats} must be one for each axis of {x}")
        return tuple(size * count for size, count in zip(x, self.repeats, strict=True))

    def value(self, *arrays: Array) -> Array:
        """Return x repeated."""
        return np.tile(arrays[0], self.repeats)


@dataclass(frozen=True)
class Transpose(Defined):
    """x with its axes in another order: axis i of the result is axis perm[i] of x.

    None reverses the order.
    """

    perm: tuple[int, ...] | None = None
    onnx: ClassVar[str] = "Transpose"

    def order(self, rank: int) -> tuple[int, ...]:
        """Return the axes of x, counted from the front, in the order of the result."""
        if self.perm is None:
            return tuple(range(rank))[::-1]
        if sorted(axis % max(rank, 1) for axis in self.perm) != list(range(rank)):
            raise ShapeError(f"perm {self.perm} must name each of {rank} axes once")
        return tuple(axis % rank for axis in self.perm)

    def infer(self, shapes: Sequence[Sizes]) -> Sizes:
        """Return the sizes in the new order."""
        (x,) = shapes
        return tuple(x[axis] for axis in self.order(len(x)))

    def value(self, *arrays: Array) -> Array:
        """Return x in the new order."""
        (x,) = arrays
        return x.transpose(self.order(x.ndim))


@dataclass(frozen=True)
class Shape(Defined):
    """The sizes of x, from axis `start` up to `end`, as int64."""

    start: int = 0
    end: int | None = None
    onnx: ClassVar[str] = "Shape"

    def infer(self, shapes: Sequence[Sizes]) -> Sizes:
        """Return the number of sizes."""
        return (len(shapes[0][self.start : self.end]),)

    def kinds(self, kinds: Sequence[str]) -> tuple[str, ...]:
        """Return int64."""
        return ("int64",)

    def value(self, *arrays: Array) -> Array:
        """Return the sizes."""
        return self.of(arrays[0].shape)

    def of(self, shape: Sizes) -> Array:
        """Return the sizes of a shape, without an array that has it."""
        return np.array(shape[self.start : self.end], np.int64)


@dataclass(frozen=True)
class Size(Defined):
    """The number of elements of x, as int64."""

    onnx: ClassVar[str] = "Size"

    def infer(self, shapes: Sequence[Sizes]) -> Sizes:
        """Return that of one number."""
        return ()

    def kinds(self, kinds: Sequence[str]) -> tuple[str, ...]:
        """Return int64."""
        return ("int64",)

    def value(self, *arrays: Array) -> Array:
        """Return the number."""
        return self.of(arrays[0].shape)

    def of(self, shape: Sizes) -> Array:
        """Return the number of elements that a shape has."""
        return np.array(prod(shape), np.int64)
