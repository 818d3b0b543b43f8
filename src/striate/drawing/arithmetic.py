"""Convolution arithmetic drawn: one window after the other, from input to output.

In the manner of Dumoulin and Visin, "A guide to convolution arithmetic for deep learning",
arXiv:1603.07285: the input lies below in blue, the output above in teal, padding is dashed, the
window is shaded, and lines lead from it to the output that it computes. Beyond the original,
any geometry can be drawn, cells that no window reaches are hatched, and the size formula is
written out in numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import index as whole

from striate.drawing.figures import Figure, Numbers
from striate.drawing.lattice import Strip
from striate.drawing.scene import Animation
from striate.drawing.sheet import Sheet
from striate.errors import ParameterError, ShapeError, explained
from striate.geometry import (
    Axis,
    PaddingLike,
    Sizes,
    TransposedAxis,
    TransposedWindow,
    Window,
)

__all__ = ["CELLS", "FRAMES", "NUMBERED", "convolution", "pooling", "transposed_convolution"]

CELLS = 64  # along an axis: smaller cells could not be told apart
NUMBERED = 16  # along an axis, with numbers: smaller ones could not be read
FRAMES = 400


def convolution(
    shape: Sizes,
    kernel: Sizes,
    *,
    stride: Sizes = 1,
    padding: PaddingLike = 0,
    dilation: Sizes = 1,
    ceil: bool = False,
    numbers: Numbers | None = None,
    step: int | None = None,
    seconds: float = 0.8,
) -> Animation:
    """Draw a two-dimensional convolution, one frame for each output.

    Parameters
    ----------
    shape : int or (rows, columns)
        The input's size; one number for a square.
    kernel, stride, padding, dilation, ceil
        As `striate.geometry.Window.parse` takes them.
    numbers : Numbers, optional
        Values and weights to write into the cells. What networks call convolution is correlation:
        the kernel is not flipped.
    step : int, optional
        Draw this output alone, counted from 0 along the rows.
    seconds : float
        How long a frame is shown.

    Raises
    ------
    GeometryError
        If the window does not fit.
    ParameterError
        If there is more than a picture can show: 64 by 64 cells, 16 by 16 with
        numbers, 400 frames.

    Examples
    --------
    >>> animation = convolution((5, 5), 3, stride=2, padding=1)
    >>> len(animation.frames), animation.scene.title
    (9, 'Convolution of a 5×5 input: kernel 3×3, stride 2, padding 1')
    """
    with explained("convolution"):
        size = _shape(shape)
        window = Window.parse(kernel, stride, padding, dilation, rank=2, ceil=ceil).at(size)
        return _animation("convolution", window, size, numbers, step, seconds)


def pooling(
    shape: Sizes,
    kernel: Sizes,
    *,
    kind: str = "max",
    stride: Sizes | None = None,
    padding: PaddingLike = 0,
    dilation: Sizes = 1,
    ceil: bool = False,
    numbers: Numbers | None = None,
    step: int | None = None,
    seconds: float = 0.8,
) -> Animation:
    """Draw a two-dimensional pooling, one frame for each output; see `convolution`.

    Parameters
    ----------
    kind : str
        max, whose padding never wins, or average, whose padding counts as zeros.
    stride : optional
        The kernel's size if left out.

    Examples
    --------
    >>> len(pooling((4, 6), 2, kind="average").frames)
    6
    """
    with explained("pooling"):
        if kind not in ("max", "average"):
            raise ParameterError(f"kind must be max or average, not {kind!r}")
        size = _shape(shape)
        steps = kernel if stride is None else stride
        window = Window.parse(kernel, steps, padding, dilation, rank=2, ceil=ceil).at(size)
        return _animation(f"{kind} pooling", window, size, numbers, step, seconds)


def transposed_convolution(
    shape: Sizes,
    kernel: Sizes,
    *,
    stride: Sizes = 1,
    padding: PaddingLike = 0,
    dilation: Sizes = 1,
    output_padding: Sizes = 0,
    numbers: Numbers | None = None,
    step: int | None = None,
    seconds: float = 0.8,
) -> Animation:
    """Draw a transposed convolution as the convolution it amounts to, one frame for each output.

    Stride s spreads the inputs apart, with s - 1 zeros between. Padding p, which is that of the
    convolution whose transpose this is, leaves D(K - 1) - p cells around them. The window then
    moves by one cell, with the kernel's weights in reverse order.

    Parameters
    ----------
    shape : int or (rows, columns)
        The size of the transposed convolution's input, drawn below.
    kernel, stride, padding, dilation, output_padding
        As `striate.geometry.TransposedWindow.parse` takes them.
    numbers, step, seconds
        As `convolution` takes them.

    Examples
    --------
    >>> animation = transposed_convolution((3, 3), 3, stride=2, padding=1)
    >>> len(animation.frames)
    25
    """
    with explained("transposed_convolution"):
        size = _shape(shape)
        window = TransposedWindow.parse(kernel, stride, padding, dilation, output_padding, rank=2)
        return _animation("transposed convolution", window, size, numbers, step, seconds)


def _shape(shape: Sizes) -> tuple[int, int]:
    try:
        sizes = tuple(map(whole, shape)) if isinstance(shape, Iterable) else (whole(shape),) * 2
    except TypeError:
        sizes = ()
    if len(sizes) != 2:
        raise ShapeError(f"a figure's input is a whole number or (rows, columns), not {shape!r}")
    return sizes[0], sizes[1]


def _animation(
    operation: str,
    window: Window | TransposedWindow,
    shape: tuple[int, int],
    numbers: Numbers | None,
    step: int | None,
    seconds: float,
) -> Animation:
    output = window.output_shape(shape)
    if max(*shape, *output) > CELLS:
        raise ParameterError(_too_large(shape, output))
    axes: Sequence[Axis | TransposedAxis] = window.axes
    rows, columns = (Strip.of(axis, size) for axis, size in zip(axes, shape, strict=True))
    cells = (rows.high - rows.low, columns.high - columns.low)
    if max(cells) > CELLS:
        raise ParameterError(_too_large(cells, output))
    if numbers is not None and max(*cells, *output) > NUMBERED:
        raise ParameterError(
            f"numbers in {cells[0]}x{cells[1]} cells below and {output[0]}x{output[1]} above are "
            f"too small to read, the most is {NUMBERED}x{NUMBERED}: draw them without numbers"
        )
    figure = Figure(operation, rows, columns, numbers)
    steps = figure.steps
    if step is not None:
        if not 0 <= step < len(steps):
            raise ParameterError(f"step must lie in 0 to {len(steps) - 1}, not {step}")
        steps = [steps[step]]
    elif len(steps) > FRAMES:
        raise ParameterError(
            f"{len(steps)} outputs are more than the {FRAMES} frames of an animation: "
            "draw a smaller input, a larger stride, or one step alone"
        )
    sheet = Sheet(figure, window)
    return Animation(tuple(sheet.scene(row, column) for row, column in steps), seconds)


def _too_large(cells: Sequence[int], output: Sequence[int]) -> str:
    return (
        f"{cells[0]}x{cells[1]} cells below and {output[0]}x{output[1]} above are more than the "
        f"{CELLS}x{CELLS} that a picture can show: draw a smaller input with the same window"
    )
