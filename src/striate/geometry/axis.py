"""One axis of a sliding window: which inputs an output reads, and which outputs read an input."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import gcd
from typing import Literal

from striate.errors import GeometryError

__all__ = ["Axis", "Padding", "TransposedAxis"]

Padding = tuple[int, int] | Literal["same"]
"""Padding of one axis: (before, after), or "same" until the input's size is known."""


def _check_steps(kernel: int, stride: int, dilation: int) -> None:
    for name, value in (("kernel", kernel), ("stride", stride), ("dilation", dilation)):
        if isinstance(value, bool) or not isinstance(value, int):
            raise GeometryError(f"{name} must be a whole number, not {value!r}")
        if value < 1:
            raise GeometryError(f"{name} must be at least 1, not {value}")


def _check_padding(padding: Padding) -> None:
    if padding != "same":
        for value in padding:
            if isinstance(value, bool) or not isinstance(value, int):
                raise GeometryError(f"padding must be a whole number, not {value!r}")


def _check_size(size: int) -> None:
    if size < 1:
        raise GeometryError(f"an axis must have at least 1 element, not {size}")


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a convolution or pooling window.

    Output `o` reads the inputs ``o * stride - before + k * dilation`` for k in 0 ... kernel - 1;
    those outside the input are padding.

    Parameters
    ----------
    kernel, stride, dilation : int
        In input elements, each at least 1.
    padding : (int, int) or "same"
        Elements added before and after; negative ones crop. "same" gives ``ceil(size / stride)``
        outputs and stays symbolic until `at` is told the size.
    ceil : bool
        Keep a last window that only partly fits, if it starts inside the input or the padding
        before it (PyTorch's rule and, since opset 19, ONNX's).

    Raises
    ------
    GeometryError
        If a value is not a whole number or is out of range.

    Examples
    --------
    >>> axis = Axis(kernel=3, stride=2, padding=(1, 1))
    >>> axis.output_size(5)
    3
    >>> list(axis.taps(0)), list(axis.outputs(1, 5))
    ([-1, 0, 1], [0, 1])
    """

    kernel: int
    stride: int = 1
    dilation: int = 1
    padding: Padding = (0, 0)
    ceil: bool = False

    def __post_init__(self) -> None:
        _check_steps(self.kernel, self.stride, self.dilation)
        _check_padding(self.padding)

    @property
    def extent(self) -> int:
        """Input elements from the first tap to the last, both included: D (K - 1) + 1."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def before(self) -> int:
        """Elements added before the input."""
        return self._explicit[0]

    @property
    def after(self) -> int:
        """Elements added after the input."""
        return self._explicit[1]

    @property
    def _explicit(self) -> tuple[int, int]:
        if self.padding == "same":
            raise GeometryError('padding "same" depends on the input size: call at(size) first')
        return self.padding

    def at(self, size: int) -> Axis:
        """Return the axis with "same" resolved for an input of `size`: the odd element goes after.

        This is TensorFlow's SAME and ONNX's SAME_UPPER; PyTorch agrees where it allows "same".

        >>> Axis(2, padding="same").at(5).padding
        (0, 1)
        """
        if self.padding != "same":
            return self
        _check_size(size)
        outputs = -(-size // self.stride)
        total = max(0, (outputs - 1) * self.stride + self.extent - size)
        return replace(self, padding=(total // 2, total - total // 2))

    def output_size(self, size: int) -> int:
        """Return O = floor((I + before + after - D (K - 1) - 1) / S) + 1, or its ceiling.

        Raises
        ------
        GeometryError
            If the kernel is larger than the padded input, or the input is empty.
        """
        _check_size(size)
        axis = self.at(size)
        room = size + axis.before + axis.after - self.extent
        outputs = room // self.stride + 1
        partly_fits = room % self.stride > 0 and outputs * self.stride < size + axis.before
        outputs += 1 if self.ceil and partly_fits else 0
        if outputs < 1:
            raise GeometryError(self._too_large(size, axis))
        return outputs

    def _too_large(self, size: int, axis: Axis) -> str:
        spans = f" (it spans {self.extent} with dilation {self.dilation})" * (self.dilation > 1)
        return (
            f"kernel {self.kernel}{spans} is larger than the padded input "
            f"{size} + {axis.before} + {axis.after}: "
            f"pad by {self.extent - size - axis.before - axis.after} more or use a smaller kernel"
        )

    def taps(self, output: int) -> range:
        """Return the input indices that `output` reads; those outside the input are padding."""
        first = output * self.stride - self.before
        return range(first, first + self.extent, self.dilation)

    def outputs(self, index: int, size: int) -> range:
        """Return the outputs, of an input of `size`, that read input `index`."""
        axis = self.at(size)
        position = index + axis.before  # = output * stride + k * dilation
        step = self.dilation // gcd(self.stride, self.dilation)  # outputs between two readers
        last = min(position // self.stride, axis.output_size(size) - 1)
        first = max(-(-(position - self.extent + 1) // self.stride), 0)
        while last >= first and not self._reads(position - last * self.stride):
            last -= 1
        while first <= last and not self._reads(position - first * self.stride):
            first += 1
        return range(first, last + 1, step)

    def _reads(self, offset: int) -> bool:
        return 0 <= offset < self.extent and offset % self.dilation == 0

    def dropped(self, size: int) -> int:
        """Return how many padded positions lie beyond the last window: what floor loses.

        >>> Axis(3, stride=2, padding=(1, 1)).dropped(6)  # the padding after it is never read
        1
        """
        axis = self.at(size)
        reached = (axis.output_size(size) - 1) * self.stride + self.extent
        return max(0, size + axis.before + axis.after - reached)


@dataclass(frozen=True, slots=True)
class TransposedAxis:
    """One axis of a transposed convolution: the convolution `Axis` of the same numbers, reversed.

    Input `i` is written to the outputs ``i * stride - before + k * dilation``.

    Parameters
    ----------
    kernel, stride, dilation : int
        Those of the convolution whose transpose this is.
    padding : (int, int)
        Elements *cut* from the full result before and after.
    output_padding : int
        Elements added after, to choose among the sizes that the convolution maps to one;
        less than the larger of stride and dilation.

    Examples
    --------
    >>> TransposedAxis(kernel=3, stride=2, padding=(1, 1)).output_size(3)
    5
    """

    kernel: int
    stride: int = 1
    dilation: int = 1
    padding: tuple[int, int] = (0, 0)
    output_padding: int = 0

    def __post_init__(self) -> None:
        _check_steps(self.kernel, self.stride, self.dilation)
        _check_padding(self.padding)
        value = self.output_padding
        if isinstance(value, bool) or not isinstance(value, int):
            raise GeometryError(f"output_padding must be a whole number, not {value!r}")
        if not 0 <= value < max(self.stride, self.dilation):
            raise GeometryError(
                f"output_padding must be at least 0 and less than the larger of stride "
                f"{self.stride} and dilation {self.dilation}, not {value}"
            )

    @property
    def extent(self) -> int:
        """Output elements from the first that an input writes to the last, both included."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def before(self) -> int:
        """Elements cut before."""
        return self.padding[0]

    @property
    def after(self) -> int:
        """Elements cut after."""
        return self.padding[1]

    def output_size(self, size: int) -> int:
        """Return O = (I - 1) S - before - after + D (K - 1) + output_padding + 1.

        Raises
        ------
        GeometryError
            If nothing would be left, or the input is empty.
        """
        _check_size(size)
        full = (size - 1) * self.stride + self.extent + self.output_padding
        if full <= self.before + self.after:
            raise GeometryError(
                f"padding {self.before} + {self.after} cuts away the whole transposed output "
                f"of {full}: use less padding"
            )
        return full - self.before - self.after

    def taps(self, output: int) -> range:
        """Return the input indices written to `output`; those outside the input do not exist."""
        position = output + self.before  # = index * stride + k * dilation
        common = gcd(self.stride, self.dilation)
        step = self.dilation // common
        last = position // self.stride
        first = -(-(position - self.extent + 1) // self.stride)
        if position % common:
            return range(first, first, step)
        # index * stride = position modulo the dilation
        place = position // common * pow(self.stride // common, -1, step)
        return range(first + (place - first) % step, last + 1, step)

    def outputs(self, index: int) -> range:
        """Return the outputs that input `index` writes; those outside the output are cut."""
        first = index * self.stride - self.before
        return range(first, first + self.extent, self.dilation)
