"""Transposed convolution as ordinary ones: the outputs of each phase of the stride by themselves.

Output o of an axis gets tap k of input i where o = i * stride + k * dilation - before. Outputs
that are equal modulo the stride share their taps, and along them the input advances by one.
"""

from __future__ import annotations

from itertools import product
from math import prod

from striate.geometry import TransposedWindow
from striate.ops.blocked.convolution import Sweep

__all__ = ["MOST", "Taps", "axis_phases", "count_phases", "phases"]

MOST = 1024
"""Phases that are worth a sweep each: those of a stride of 32 along two axes."""

Taps = list[tuple[int, int]]  # of an axis: offset of the input, and index into the kernel


def count_phases(window: TransposedWindow, outputs: tuple[int, ...]) -> int:
    """Return how many sweeps `phases` gives."""
    return prod(min(axis.stride, size) for axis, size in zip(window.axes, outputs, strict=True))


def phases(
    window: TransposedWindow, outputs: tuple[int, ...]
) -> list[tuple[Sweep, tuple[int, ...]]]:
    """Return the sweep of each phase that has outputs, and which taps of the kernel it takes.

    Taps are counted through the kernel in row-major order.
    """
    axes = zip(window.axes, outputs, strict=True)
    each = [axis_phases(a.kernel, a.stride, a.dilation, a.padding[0], size) for a, size in axes]
    found = []
    for choice in product(*each):
        counts, firsts, taps = zip(*choice, strict=True)
        offsets, numbers = [], []
        for combination in product(*taps):
            offsets.append(tuple(offset for offset, _ in combination))
            number = 0
            for (_, k), size in zip(combination, window.kernel, strict=True):
                number = number * size + k
            numbers.append(number)
        ones = (1,) * len(counts)
        sweep = Sweep(tuple(counts), ones, tuple(firsts), window.strides, tuple(offsets))
        found.append((sweep, tuple(numbers)))
    return found


def axis_phases(
    kernel: int, stride: int, dilation: int, before: int, size: int
) -> list[tuple[int, int, Taps]]:
    """Return count, first output and taps of each phase along one axis."""
    result = []
    for first in range(min(stride, size)):
        taps = [
            ((first + before - k * dilation) // stride, k)
            for k in range(kernel)
            if (first + before - k * dilation) % stride == 0
        ]
        result.append((-(-(size - first) // stride), first, taps))
    return result
