"""Operators that move elements: flatten, pad, concatenate; and the matrix product."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from striate.errors import ShapeError
from striate.geometry import Axis, Window, matrix_macs
from striate.network.graph import Fields, Operator, Reach, Shape
from striate.network.operators.convolution import (
    check_volume,
    everything,
    gathered,
    read_by_window,
    through_window,
    volume,
)

__all__ = ["Concat", "Flatten", "Gemm", "Pad"]


@dataclass(frozen=True)
class Flatten(Operator):
    """(N, C, *spatial) as (N, features), row by row."""

    onnx: ClassVar[str] = "Flatten"

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return (N, features)."""
        return (shapes[0][0], volume(shapes[0]))

    def fields(self, fields: Sequence[Fields | None], shapes: Sequence[Shape]) -> Fields | None:
        """Return the hull of all the input's fields: what a unit fed by all features sees."""
        return gathered(fields[0], shapes[0])

    def reads(self, outputs: Reach, shapes: Sequence[Shape]) -> tuple[Reach, ...]:
        """Return everything."""
        return (everything(shapes[0]),)


@dataclass(frozen=True)
class Gemm(Operator):
    """x (N, in) times weight (out, in) transposed, plus bias (out,): a fully connected layer."""

    onnx: ClassVar[str] = "Gemm"
    arity: ClassVar[tuple[int, int]] = (2, 3)

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return (N, out)."""
        x, weight = shapes[0], shapes[1]
        if len(x) != 2:
            raise ShapeError(f"input {x} must be (N, features): flatten it first")
        if weight[1] != x[1]:
            raise ShapeError(f"weight {weight} takes {weight[1]} features but the input has {x[1]}")
        if len(shapes) > 2 and shapes[2] != (weight[0],):
            raise ShapeError(f"bias {shapes[2]} must be {(weight[0],)}")
        return (x[0], weight[0])

    def macs(self, shapes: Sequence[Shape], output: Shape) -> int:
        """Return N * in * out."""
        return matrix_macs(output[0], shapes[0][1], output[1])

    def fields(self, fields: Sequence[Fields | None], shapes: Sequence[Shape]) -> Fields | None:
        """Return those of the features."""
        return fields[0]

    def reads(self, outputs: Reach, shapes: Sequence[Shape]) -> tuple[Reach, ...]:
        """Return what lies behind the features: they have no axes of their own."""
        return ((),)


@dataclass(frozen=True)
class Pad(Operator):
    """Add `before` and `after` elements of `value` to each spatial axis."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    value: float = 0.0
    onnx: ClassVar[str] = "Pad"

    @property
    def window(self) -> Window:
        """The window of one element that slides over the padded input."""
        pairs = zip(self.before, self.after, strict=True)
        return Window(tuple(Axis(1, padding=pair) for pair in pairs))

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return (N, C, *padded spatial)."""
        check_volume(shapes[0], len(self.before))
        return (*shapes[0][:2], *self.window.output_shape(shapes[0][2:]))

    def fields(self, fields: Sequence[Fields | None], shapes: Sequence[Shape]) -> Fields | None:
        """Return the input's fields, shifted."""
        return through_window(fields[0], self.window, shapes[0])

    def reads(self, outputs: Reach, shapes: Sequence[Shape]) -> tuple[Reach, ...]:
        """Return the same elements, without the padding."""
        return (read_by_window(outputs, self.window, shapes[0]),)


@dataclass(frozen=True)
class Concat(Operator):
    """Values one after another along `axis`: 1, the channels."""

    axis: int = 1
    onnx: ClassVar[str] = "Concat"
    arity: ClassVar[tuple[int, int]] = (1, sys.maxsize)

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return the common shape with the channels added up."""
        first = shapes[0]
        if self.axis != 1:
            raise ShapeError(f"axis {self.axis}: only channels (axis 1) can be concatenated")
        if any((s[0], s[2:]) != (first[0], first[2:]) for s in shapes):
            raise ShapeError(f"{', '.join(map(str, shapes))} differ in more than their channels")
        return (first[0], sum(shape[1] for shape in shapes), *first[2:])
