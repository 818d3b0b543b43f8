"""The figures of Dumoulin and Visin's guide, as one table.

"A guide to convolution arithmetic for deep learning", arXiv:1603.07285, and the repository of its
animations, whose transposed captions readers found hard to follow (conv_arithmetic#18, #32, #35):
here a transposed figure's `input` is what lies below, as everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from striate.drawing.arithmetic import convolution, pooling, transposed_convolution
from striate.drawing.figures import Numbers
from striate.drawing.scene import Animation
from striate.errors import UnknownNameError

__all__ = ["CATALOGUE", "INPUT", "KERNEL", "Entry", "figure"]

INPUT = ((3, 3, 2, 1, 0), (0, 0, 1, 3, 1), (3, 1, 2, 2, 3), (2, 0, 0, 2, 2), (2, 0, 0, 0, 1))
KERNEL = ((0, 1, 2), (2, 2, 0), (0, 1, 2))


@dataclass(frozen=True, slots=True)
class Entry:
    """One figure; every size is the same along both axes.

    `padding` of a transposed figure is that of the convolution whose transpose it is.
    `output_padding` is what makes the output one larger where floor lost a cell ("odd").
    """

    what: str
    input: int
    output: int
    padding: int
    kernel: int
    stride: int
    dilation: int
    numbers: bool = False
    output_padding: int = 0


CATALOGUE = {
    "no padding": Entry("convolution", 4, 2, 0, 3, 1, 1),
    "arbitrary padding": Entry("convolution", 5, 6, 2, 4, 1, 1),
    "half padding": Entry("convolution", 5, 5, 1, 3, 1, 1),
    "full padding": Entry("convolution", 5, 7, 2, 3, 1, 1),
    "strides": Entry("convolution", 5, 2, 0, 3, 2, 1),
    "padding and strides": Entry("convolution", 5, 3, 1, 3, 2, 1),
    "odd": Entry("convolution", 6, 3, 1, 3, 2, 1),
    "dilation": Entry("convolution", 7, 3, 0, 3, 1, 2),
    "no padding transposed": Entry("transposed convolution", 2, 4, 0, 3, 1, 1),
    "arbitrary padding transposed": Entry("transposed convolution", 6, 5, 2, 4, 1, 1),
    "half padding transposed": Entry("transposed convolution", 5, 5, 1, 3, 1, 1),
    "full padding transposed": Entry("transposed convolution", 7, 5, 2, 3, 1, 1),
    "strides transposed": Entry("transposed convolution", 2, 5, 0, 3, 2, 1),
    "padding and strides transposed": Entry("transposed convolution", 3, 5, 1, 3, 2, 1),
    "odd transposed": Entry("transposed convolution", 3, 6, 1, 3, 2, 1, output_padding=1),
    "numerical": Entry("convolution", 5, 3, 0, 3, 1, 1, numbers=True),
    "numerical padding and strides": Entry("convolution", 5, 3, 1, 3, 2, 1, numbers=True),
    "numerical average pooling": Entry("average pooling", 5, 3, 0, 3, 1, 1, numbers=True),
    "numerical max pooling": Entry("max pooling", 5, 3, 0, 3, 1, 1, numbers=True),
}


def figure(name: str, *, step: int | None = None, seconds: float = 0.8) -> Animation:
    """Return a figure of the guide by name.

    Raises
    ------
    UnknownNameError
        If the guide has no such figure.

    Examples
    --------
    >>> figure("padding and strides").scene.title
    'Convolution of a 5×5 input: kernel 3×3, stride 2, padding 1'
    """
    if name not in CATALOGUE:
        raise UnknownNameError.of("figure", name, CATALOGUE)
    entry = CATALOGUE[name]
    shape, kernel = (entry.input, entry.input), entry.kernel
    stride, padding = entry.stride, entry.padding
    if entry.what == "transposed convolution":
        return transposed_convolution(
            shape,
            kernel,
            stride=stride,
            padding=padding,
            output_padding=entry.output_padding,
            step=step,
            seconds=seconds,
        )
    if entry.what == "convolution":
        numbers = Numbers(INPUT, KERNEL) if entry.numbers else None
        return convolution(
            shape,
            kernel,
            stride=stride,
            padding=padding,
            dilation=entry.dilation,
            numbers=numbers,
            step=step,
            seconds=seconds,
        )
    kind = entry.what.split()[0]
    return pooling(
        shape,
        kernel,
        kind=kind,
        stride=stride,
        padding=padding,
        numbers=Numbers(INPUT),
        step=step,
        seconds=seconds,
    )
