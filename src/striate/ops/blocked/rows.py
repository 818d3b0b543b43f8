"""What kernels that write rows of outputs share: strides as words, and the padding they need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from striate.errors import GeometryError
from striate.geometry import Window
from striate.ops.blocked.layout import Blocked
from striate.ops.blocked.task import Word
from striate.ops.blocked.walk import volume
from striate.ops.codegen import Index, Pointer, Writer

__all__ = ["check_padding", "row_of", "stride_names", "strides"]


def stride_names(name: str) -> list[str]:
    """Return the names of a value's strides: of images, blocks, slices and rows."""
    return [f"{name}_{step}" for step in ("image", "plane", "slice", "row")]


def strides(name: str, layout: Blocked, d_stride: int = 1, h_stride: int = 1) -> dict[str, Word]:
    """Return a value's strides by their names; those of slices and rows may be multiplied."""
    d, h, _ = volume(layout).strides
    steps = (layout.image, layout.plane, d * d_stride, h * h_stride)
    return dict(zip(stride_names(name), steps, strict=True))


def row_of(w: Writer, a: Any, name: str, place: Sequence[Index]) -> Pointer:
    """Return where a row of a value begins; `place` counts images, blocks, slices and rows."""
    steps = [getattr(a, step) for step in stride_names(name)]
    offsets = [index * step for index, step in zip(place, steps, strict=True)]
    start: Pointer = w.pointer(getattr(a, name)) + sum(offsets[1:], offsets[0])
    return start


def check_padding(x: Blocked, outputs: Sequence[int], window: Window) -> None:
    """Raise GeometryError if a layout has less padding than a window reads."""
    for axis, size, out, before, after in zip(
        window.axes, x.spatial, outputs, x.before, x.after, strict=True
    ):
        reach = (out - 1) * axis.stride + axis.extent - axis.before - size
        if before < axis.before or after < reach:
            raise GeometryError(
                f"the window reads {axis.before} pixels before and {max(0, reach)} after an image "
                f"that has {before} and {after}"
            )
