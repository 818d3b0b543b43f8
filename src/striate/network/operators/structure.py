"""Operators that arrange whole values: flatten, pad, concatenate; and the linear layer."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from striate.errors import ParameterError, ShapeError
from striate.geometry import Axis, Window, matrix_macs
from striate.network.defined import Defined
from striate.network.graph import Shape
from striate.network.operators.axes import axis_of, many, one, settle
from striate.network.operators.functions import wide

__all__ = ["Concat", "Flatten", "Gemm", "Pad"]

Array = NDArray[Any]
MODES = ("constant", "reflect", "edge", "wrap")


@dataclass(frozen=True)
class Flatten(Defined):
    """All axes before `axis` as one, and all from it on as another: (N, features), row by row."""

    axis: int = 1
    onnx: ClassVar[str] = "Flatten"

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return (elements before the axis, elements from it on)."""
        (x,) = shapes
        axis = axis_of(self.axis, x, ends=True)
        return prod(x[:axis]), prod(x[axis:])

    def value(self, *arrays: Array) -> Array:
        """Return x in two axes."""
        (x,) = arrays
        return x.reshape(self.infer([x.shape]))


@dataclass(frozen=True)
class Gemm(Defined):
    """A fully connected layer: x (..., in) times weight (out, in) transposed, plus bias (out,).

    It works on the last axis and leaves those before it as they are: of sequences (N, L, in), on
    each token. ONNX's operator of this name takes two axes alone.
    """

    onnx: ClassVar[str] = "Gemm"
    arity: ClassVar[tuple[int, int]] = (2, 3)

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return (..., out)."""
        x, weight = shapes[0], shapes[1]
        if not x:
            raise ShapeError("a single number has no axis of features: unsqueeze it first")
        if len(weight) != 2:
            raise ShapeError(f"weight {weight} must be (out, {x[-1]})")
        if weight[1] != x[-1]:
            raise ShapeError(_misfit(x, weight))
        if len(shapes) > 2 and shapes[2] != (weight[0],):
            raise ShapeError(f"bias {shapes[2]} must be {(weight[0],)}")
        return (*x[:-1], weight[0])

    def macs(self, shapes: Sequence[Shape], output: Shape) -> int:
        """Return the product of all axes but the last, times in * out."""
        return matrix_macs(prod(output[:-1]), shapes[0][-1], output[-1])

    def value(self, *arrays: Array) -> Array:
        """Return x weight^T + bias."""
        x, weight, *bias = arrays
        return np.asarray(wide(x) @ wide(weight).T + sum(map(wide, bias))).astype(x.dtype)


def _misfit(x: Shape, weight: Shape) -> str:
    if len(x) == 2:
        return f"weight {weight} takes {weight[1]} features but the input has {x[1]}"
    text = f"weight {weight} takes {weight[1]} features but the last axis of the input {x} has"
    return f"{text} {x[-1]}{': flatten it first' if prod(x[1:]) == weight[1] else ''}"


@dataclass(frozen=True)
class Pad(Defined):
    """Add `before` and `after` elements to each of the last axes; negative counts crop.

    What is added is `fill` ("constant"), or x mirrored about its outermost elements ("reflect"), or
    those repeated ("edge"), or the elements of its other end ("wrap").
    """

    before: tuple[int, ...]
    after: tuple[int, ...]
    fill: float = 0.0
    mode: Literal["constant", "reflect", "edge", "wrap"] = "constant"
    onnx: ClassVar[str] = "Pad"

    def __post_init__(self) -> None:
        settle(self, before=many(self.before), after=many(self.after))
        settle(self, fill=one("fill", self.fill))
        if len(self.before) != len(self.after):
            raise ParameterError(
                f"padding before {self.before} and after {self.after} must be of as many axes"
            )
        if self.mode not in MODES:
            raise ParameterError(f"mode must be one of {', '.join(MODES)}, not {self.mode!r}")

    @property
    def window(self) -> Window:
        """The window of one element that slides over the padded axes."""
        pairs = zip(self.before, self.after, strict=True)
        return Window(tuple(Axis(1, padding=pair) for pair in pairs))

    def pairs(self, rank: int) -> tuple[tuple[int, int], ...]:
        """Return what is added before and after each of `rank` axes."""
        if len(self.before) > rank:
            raise ShapeError(f"padding of {len(self.before)} axes does not fit an input of {rank}")
        listed = tuple(zip(self.before, self.after, strict=True))
        return ((0, 0),) * (rank - len(listed)) + listed

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return each size with what is added to it."""
        (x,) = shapes
        triples = [(s, b, a) for s, (b, a) in zip(x, self.pairs(len(x)), strict=True)]
        for size, before, after in triples:
            kept, left = size + min(before, 0) + min(after, 0), size + before + after
            if kept < 0 or (left == 0 and size > 0):
                raise ShapeError(f"padding {before} and {after} leaves nothing of {size} elements")
            if self.mode != "constant" and kept == 0 and left > 0:
                raise ShapeError(
                    f"padding {before} and {after} of {size} elements leaves none to continue in "
                    f"the mode {self.mode!r}"
                )
        return tuple(sum(triple) for triple in triples)

    def value(self, *arrays: Array) -> Array:
        """Return x cropped, then padded."""
        (x,) = arrays
        self.infer([x.shape])
        pairs = self.pairs(x.ndim)
        ends = [
            (max(-b, 0), size - max(-a, 0)) for size, (b, a) in zip(x.shape, pairs, strict=True)
        ]
        x = x[tuple(slice(start, end) for start, end in ends)]
        added = [(max(b, 0), max(a, 0)) for b, a in pairs]
        if self.mode == "constant":
            return np.pad(x, added, constant_values=x.dtype.type(self.fill))
        return np.pad(x, added, mode=self.mode)


@dataclass(frozen=True)
class Concat(Defined):
    """Values one after another along `axis`: 1, the channels, unless told."""

    axis: int = 1
    onnx: ClassVar[str] = "Concat"
    arity: ClassVar[tuple[int, int]] = (1, sys.maxsize)

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return the common shape with the sizes along the axis added up."""
        axis = axis_of(self.axis, shapes[0])
        before, after = shapes[0][:axis], shapes[0][axis + 1 :]
        rank = len(shapes[0])
        if any(len(s) != rank or (s[:axis], s[axis + 1 :]) != (before, after) for s in shapes):
            differ = "their channels" if axis == 1 else f"axis {axis}"
            raise ShapeError(f"{', '.join(map(str, shapes))} differ in more than {differ}")
        return (*before, sum(shape[axis] for shape in shapes), *after)

    def value(self, *arrays: Array) -> Array:
        """Return the arrays one after another."""
        return np.concatenate(arrays, self.axis)
