"""What kernels that write rows of outputs share: strides as words, and the padding they need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from striate.errors import GeometryError
from striate.geometry import Axis, Window
from striate.ops.blocked.layout import Blocked
from striate.ops.blocked.task import Word
from striate.ops.blocked.walk import volume
from striate.ops.codegen import Index, Pointer, Writer

__all__ = ["WINDOW", "check_padding", "row_of", "stride_names", "strides", "window_words"]


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


WINDOW = ("slices", "rows", "width", "depth", "height", "row_parts", "d_tap", "h_tap")
"""Names of what a window over rows of outputs is described by, besides strides."""


def window_words(
    x: Blocked, y: Blocked, axes: tuple[Axis, ...], taps: int
) -> tuple[int, dict[str, Word]]:
    """Return how far before its first pixel a value is read, and the words of a window.

    `axes` are three; `taps` of each row of the kernel are written out.
    """
    v, out = volume(x), volume(y)
    inset = sum(axis.before * step for axis, step in zip(axes, v.strides, strict=True))
    numbers = (
        *(*out.sizes, axes[0].kernel, axes[1].kernel, axes[2].kernel // taps),
        *(axes[0].dilation * v.strides[0], axes[1].dilation * v.strides[1]),
    )
    words: dict[str, Word] = dict(zip(WINDOW, numbers, strict=True))
    return inset, words | strides("x", x, axes[0].stride, axes[1].stride) | strides("y", y)


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
