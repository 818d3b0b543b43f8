"""The definition of every operation over windows, to be read and to be tested against.

Each function loops over the taps of the kernel and takes, for each tap, the inputs that all
outputs read there as one strided slice. One to three axes are the same code. Kernels compute
the same sums in another order; on integer-valued numbers they must agree to the bit.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.geometry import Window

__all__ = [
    "average_pool",
    "average_pool_gradient",
    "axis_counts",
    "convolve",
    "input_gradient",
    "max_pool",
    "max_pool_gradient",
    "padded",
    "weight_gradient",
]

Array = NDArray[Any]
Taps = tuple[int, ...]
Index = tuple[Any, ...]  # of an array, starting with ... for the leading axes


def taps(window: Window) -> Iterator[tuple[Index, Taps]]:
    """Yield the index of every tap of the kernel and how far it lies from the first one."""
    for tap in itertools.product(*(range(size) for size in window.kernel)):
        yield (..., *tap), tuple(i * d for i, d in zip(tap, window.dilations, strict=True))


def padded(x: Array, window: Window, outputs: Sequence[int], value: float) -> Array:
    """Return x with its spatial axes padded by `value`, or cropped, to what the outputs read."""
    result = np.full((*x.shape[:2], *reach(window, outputs)), value, x.dtype)
    inner, outer = overlap(x.shape[2:], window, outputs)
    result[outer] = x[inner]
    return result


def unpadded(p: Array, window: Window, shape: tuple[int, ...], outputs: Sequence[int]) -> Array:
    """Return the elements of x's `shape` from its padded form; those never read are zero."""
    result = np.zeros(shape, p.dtype)
    inner, outer = overlap(shape[2:], window, outputs)
    result[inner] = p[outer]
    return result


def reach(window: Window, outputs: Sequence[int]) -> tuple[int, ...]:
    """Return how many padded elements the outputs read along each axis."""
    sizes = zip(window.axes, outputs, strict=True)
    return tuple((size - 1) * axis.stride + axis.extent for axis, size in sizes)


def overlap(shape: Sequence[int], window: Window, outputs: Sequence[int]) -> tuple[Index, Index]:
    """Return where x and its padded form are the same: slices of the one and of the other."""
    inner, outer = [], []
    for axis, size, length in zip(window.axes, shape, reach(window, outputs), strict=True):
        start, stop = max(0, -axis.before), max(0, min(size, length - axis.before))
        start = min(start, stop)
        inner.append(slice(start, stop))
        outer.append(slice(start + axis.before, stop + axis.before))
    return (..., *inner), (..., *outer)


def read(offset: Taps, window: Window, outputs: Sequence[int]) -> Index:
    """Return the index of the padded inputs that all outputs read at one tap."""
    steps = zip(offset, window.strides, outputs, strict=True)
    return (
        ...,
        *(slice(start, start + (size - 1) * step + 1, step) for start, step, size in steps),
    )


def in_groups(channels: Array, groups: int, axis: int) -> Array:
    """Split one axis into (groups, channels of a group)."""
    shape = channels.shape
    return channels.reshape(*shape[:axis], groups, shape[axis] // groups, *shape[axis + 1 :])


def flattened(channels: Array) -> Array:
    """Return (N, groups, channels, *spatial) with one axis for all positions."""
    return channels.reshape(*channels.shape[:3], math.prod(channels.shape[3:]))


def convolve(
    x: Array, weight: Array, bias: Array | None, window: Window, groups: int, outputs: Taps
) -> Array:
    """y[n, m, o] = bias[m] + sum over c, i of weight[m, c, i] * x[n, c, o * S + i * D - before]."""
    p = padded(x, window, outputs, 0)
    w = in_groups(weight, groups, 0)
    y = np.zeros((len(x), groups, w.shape[1], *outputs), x.dtype)
    for tap, offset in taps(window):
        seen = in_groups(p[read(offset, window, outputs)], groups, 1)
        y += np.einsum("gmc,ngc...->ngm...", w[tap], seen)
    y = y.reshape(len(x), len(weight), *outputs)
    return y if bias is None else y + spread(bias, window.rank)


def spread(bias: Array, rank: int) -> Array:
    """Return a bias, one for each map or one for each unit, so that it adds to an output."""
    return bias.reshape(-1, *(1,) * rank) if bias.ndim == 1 else bias


def input_gradient(
    dy: Array, weight: Array, window: Window, groups: int, shape: tuple[int, ...]
) -> Array:
    """dx[n, c, o * S + i * D - before] += sum over m of weight[m, c, i] * dy[n, m, o]."""
    outputs = dy.shape[2:]
    w, d = in_groups(weight, groups, 0), in_groups(dy, groups, 1)
    dp = np.zeros((*shape[:2], *reach(window, outputs)), dy.dtype)
    for tap, offset in taps(window):
        sent = np.einsum("gmc,ngm...->ngc...", w[tap], d)
        dp[read(offset, window, outputs)] += sent.reshape(*shape[:2], *outputs)
    return unpadded(dp, window, shape, outputs)


def weight_gradient(
    dy: Array, x: Array, window: Window, groups: int, shape: tuple[int, ...]
) -> Array:
    """dweight[m, c, i] = sum over n, o of dy[n, m, o] * x[n, c, o * S + i * D - before]."""
    outputs = dy.shape[2:]
    p, d = padded(x, window, outputs, 0), in_groups(dy, groups, 1)
    dw = np.zeros(shape, x.dtype)
    for tap, offset in taps(window):
        seen = in_groups(p[read(offset, window, outputs)], groups, 1)
        dw[tap] = np.einsum("ngmo,ngco->gmc", flattened(d), flattened(seen)).reshape(shape[:2])
    return dw


def max_pool(x: Array, window: Window, outputs: Taps) -> Array:
    """y[n, c, o] = max over i of x[n, c, o * S + i * D - before]; padding never wins, NaN does."""
    p = padded(x, window, outputs, -np.inf)
    y = np.full((*x.shape[:2], *outputs), -np.inf, x.dtype)
    for _, offset in taps(window):
        y = np.maximum(y, p[read(offset, window, outputs)])
    return y


def max_pool_gradient(dy: Array, x: Array, y: Array, window: Window) -> Array:
    """The input gets dy[n, c, o] at the first tap, in row-major order, that holds y[n, c, o]."""
    outputs = dy.shape[2:]
    p = padded(x, window, outputs, -np.inf)
    real = padded(np.ones_like(x), window, outputs, 0)
    dp = np.zeros_like(p)
    open_ = np.ones(dy.shape, bool)  # the outputs whose maximum is not found yet
    for _, offset in taps(window):
        seen, here = p[read(offset, window, outputs)], real[read(offset, window, outputs)] > 0
        won = open_ & here & ((seen == y) | (np.isnan(seen) & np.isnan(y)))
        dp[read(offset, window, outputs)] += np.where(won, dy, 0)
        open_ &= ~won
    return unpadded(dp, window, x.shape, outputs)


def axis_counts(
    shape: Sequence[int], window: Window, outputs: Taps, count_padding: bool
) -> list[list[int]]:
    """Return for each axis how many elements each output of average pooling divides by.

    Padding counts if `count_padding`; what a last window of `ceil` covers beyond it never does.
    """
    counts = []
    for axis, size, count in zip(window.axes, shape, outputs, strict=True):
        low, high = (-axis.before, size + axis.after) if count_padding else (0, size)
        counts.append([_within(axis.taps(o), low, high) for o in range(count)])
    return counts


def _within(taps: range, low: int, high: int) -> int:
    """Return how many taps lie from `low` up to `high`, however many there are."""
    first = max(0, -((taps.start - low) // taps.step))
    return max(0, min(len(taps), -((taps.start - high) // taps.step)) - first)


def shares(
    shape: Sequence[int], window: Window, outputs: Taps, count_padding: bool, dtype: Any
) -> Array:
    """Return how many elements each output of average pooling divides by."""
    counts = axis_counts(shape, window, outputs, count_padding)
    return functools.reduce(np.multiply.outer, (np.array(count, dtype) for count in counts))


def average_pool(x: Array, window: Window, outputs: Taps, count_padding: bool) -> Array:
    """y[n, c, o] = mean over i of x[n, c, o * S + i - before]."""
    p = padded(x, window, outputs, 0)
    y = np.zeros((*x.shape[:2], *outputs), x.dtype)
    for _, offset in taps(window):
        y += p[read(offset, window, outputs)]
    y /= shares(x.shape[2:], window, outputs, count_padding, x.dtype)
    return y


def average_pool_gradient(
    dy: Array, window: Window, shape: tuple[int, ...], count_padding: bool
) -> Array:
    """dx[n, c, o * S + i - before] += dy[n, c, o] / count(o)."""
    outputs = dy.shape[2:]
    share = dy / shares(shape[2:], window, outputs, count_padding, dy.dtype)
    dp = np.zeros((*shape[:2], *reach(window, outputs)), dy.dtype)
    for _, offset in taps(window):
        dp[read(offset, window, outputs)] += share
    return unpadded(dp, window, shape, outputs)
