"""Captions of convolution arithmetic: output sizes as formulas in numbers, windows in words."""

from __future__ import annotations

from collections.abc import Sequence

from striate.geometry import Axis, TransposedAxis, TransposedWindow, Window
from striate.geometry.text import size_text

__all__ = ["size_formulas", "times", "window_words"]


def size_formulas(window: Window | TransposedWindow, shape: Sequence[int]) -> list[list[str]]:
    """Return how the output's size comes about: symbols, then numbers; once where axes agree.

    Examples
    --------
    >>> for line in size_formulas(Window.parse(3, stride=2, padding=1, rank=2), (5, 5))[0]:
    ...     print(line)
    O = floor((I + before + after - D(K - 1) - 1)/S) + 1
      = floor((5 + 1 + 1 - 2 - 1)/2) + 1 = 3
    """
    axes: Sequence[Axis | TransposedAxis] = window.axes
    pairs = list(dict.fromkeys(zip(axes, shape, strict=True)))
    formulas = [list(_formula(axis, size)) for axis, size in pairs]
    if len(formulas) == 2:
        (symbols, rows), (_, columns) = formulas
        return [[symbols, f"rows {rows.strip()}", f"columns {columns.strip()}"]]
    return formulas


def _formula(axis: Axis | TransposedAxis, size: int) -> tuple[str, str]:
    o, k, s = axis.output_size(size), axis.kernel, axis.stride
    span = axis.dilation * (k - 1)
    if isinstance(axis, TransposedAxis):
        extra = axis.output_padding
        symbols = "O = S(I - 1) + D(K - 1) + 1 - before - after"
        numbers = f"  = {s}({size} - 1) + {span} + 1 - {axis.before} - {axis.after}"
        if extra:
            symbols, numbers = f"{symbols} + output padding", f"{numbers} + {extra}"
        return symbols, f"{numbers} = {o}"
    axis = axis.at(size)
    name = "ceil" if axis.ceil else "floor"
    symbols = f"O = {name}((I + before + after - D(K - 1) - 1)/S) + 1"
    numbers = f"  = {name}(({size} + {axis.before} + {axis.after} - {span} - 1)/{s}) + 1"
    room = size + axis.before + axis.after - span - 1
    if axis.ceil and -(-room // s) + 1 != o:
        numbers += " - 1 (a window past the input is left out)"
    return symbols, f"{numbers} = {o}"


def window_words(window: Window | TransposedWindow) -> str:
    """Return kernel, stride, padding and, if it matters, dilation in words.

    Examples
    --------
    >>> window_words(Window.parse((3, 5), stride=2, padding=((1, 1), (0, 2)), rank=2))
    'kernel 3×5, stride 2, padding 1+1 by 0+2'
    """
    parts = [f"kernel {times(window.kernel)}", f"stride {_short(window.strides)}"]
    parts.append(f"padding {_padding(window.paddings)}")
    if set(window.dilations) != {1}:
        parts.append(f"dilation {_short(window.dilations)}")
    if isinstance(window, TransposedWindow):
        extra = tuple(axis.output_padding for axis in window.axes)
        parts += [f"output padding {_short(extra)}"] * any(extra)
    return ", ".join(parts)


def times(sizes: Sequence[int]) -> str:
    """Return sizes as they are spoken: 3×5."""
    return size_text(sizes, "×")


def _short(values: Sequence[int]) -> str:
    return str(values[0]) if len(set(values)) == 1 else times(values)


def _padding(paddings: Sequence[tuple[int, int]]) -> str:
    if all(before == after for before, after in paddings):
        return _short([before for before, _ in paddings])
    sides = [f"{before}+{after}" for before, after in paddings]
    return sides[0] if len(set(sides)) == 1 else " by ".join(sides)
