"""Windows: one `Axis` for each spatial axis, and the only place where paddings are parsed."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from striate.errors import GeometryError
from striate.geometry.axis import Axis, Padding, TransposedAxis

__all__ = ["PaddingLike", "Sizes", "TransposedWindow", "Window"]

Sizes = int | Sequence[int]
"""One number for every axis, or one for each."""

PaddingLike = int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "valid", "full"]
"""Every form of padding: 1, (1, 2), ((1, 2), (0, 0)), "same", "valid" or "full"."""


def _whole(value: object) -> int | None:
    """Return a whole number (Python's or NumPy's) as an int; None for anything else."""
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]  # refusing the rest is its task
    except TypeError:
        return None


def _wholes(value: object, count: int) -> tuple[int, ...] | None:
    """Return `count` whole numbers, the same one for all if it is one; None for anything else."""
    one = _whole(value)
    if one is not None:
        return (one,) * count
    if isinstance(value, str) or not isinstance(value, Iterable):
        return None
    numbers = tuple(number for item in value if (number := _whole(item)) is not None)
    return numbers if len(numbers) == count == len(list(value)) else None


def _each(name: str, value: object, rank: int) -> tuple[int, ...]:
    """Return `value` for each of `rank` axes."""
    numbers = _wholes(value, rank)
    if numbers is None:
        raise GeometryError(f"{name} must be a whole number or {rank} of them, not {value!r}")
    return numbers


def _check_rank(rank: object) -> None:
    number = _whole(rank)
    if number is None or number < 1:
        raise GeometryError(f"rank must be a whole number of at least 1, not {rank!r}")


def _paddings(padding: object, extents: Sequence[int]) -> tuple[Padding, ...]:
    """Return the padding of each axis: the one place where its forms are told apart."""
    if isinstance(padding, str):
        named: dict[str, tuple[Padding, ...]] = {
            "same": tuple("same" for _ in extents),
            "valid": tuple((0, 0) for _ in extents),
            "full": tuple((extent - 1, extent - 1) for extent in extents),
        }
        if padding in named:
            return named[padding]
    pairs = _pairs(padding, len(extents))
    if pairs is None:
        rank = len(extents)
        raise GeometryError(
            f'padding must be a whole number, {rank} of them, {rank} (before, after) pairs, "same",'
            f' "valid" or "full", not {padding!r}'
        )
    if any(side < 0 for pair in pairs for side in pair):
        raise GeometryError(f"padding must be at least 0, not {padding!r}")
    return pairs


def _pairs(padding: object, rank: int) -> tuple[tuple[int, int], ...] | None:
    sides = _wholes(padding, rank)
    if sides is not None:
        return tuple((side, side) for side in sides)
    if isinstance(padding, str) or not isinstance(padding, Iterable):
        return None
    pairs = [(pair[0], pair[1]) for item in padding if (pair := _wholes(item, 2)) is not None]
    return tuple(pairs) if len(pairs) == rank == len(list(padding)) else None


A = TypeVar("A", Axis, TransposedAxis)


@dataclass(frozen=True, slots=True)
class _Sliding(Generic[A]):
    """What windows and transposed windows share: numbers, an axis at a time."""

    axes: tuple[A, ...]

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.axes)

    @property
    def kernel(self) -> tuple[int, ...]:
        """The kernel's size along each axis."""
        return tuple(axis.kernel for axis in self.axes)

    @property
    def strides(self) -> tuple[int, ...]:
        """The stride along each axis."""
        return tuple(axis.stride for axis in self.axes)

    @property
    def dilations(self) -> tuple[int, ...]:
        """The dilation along each axis."""
        return tuple(axis.dilation for axis in self.axes)

    @property
    def paddings(self) -> tuple[tuple[int, int], ...]:
        """The (before, after) of each axis; GeometryError while one is still "same"."""
        return tuple((axis.before, axis.after) for axis in self.axes)

    def output_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Return the spatial shape of the output for an input of this spatial shape."""
        return tuple(axis.output_size(size) for axis, size in self._along(shape))

    def _along(self, shape: Sequence[int]) -> Iterator[tuple[A, int]]:
        if len(shape) != self.rank:
            raise GeometryError(f"a window over {self.rank} axes cannot slide over {tuple(shape)}")
        return zip(self.axes, shape, strict=True)


@dataclass(frozen=True, slots=True)
class Window(_Sliding[Axis]):
    """The sliding window of a convolution or pooling, over any number of axes.

    Examples
    --------
    >>> window = Window.parse(3, stride=2, padding="same", rank=2)
    >>> window.output_shape((224, 225))
    (112, 113)
    >>> window.at((224, 225)).paddings
    ((0, 1), (1, 1))
    """

    @classmethod
    def parse(
        cls,
        kernel: Sizes,
        stride: Sizes = 1,
        padding: PaddingLike = 0,
        dilation: Sizes = 1,
        *,
        rank: int,
        ceil: bool = False,
    ) -> Window:
        """Return the window that a caller's numbers describe.

        Parameters
        ----------
        kernel, stride, dilation : int or `rank` ints
        padding : int, `rank` ints, `rank` (before, after) pairs, "same", "valid" or "full"
            "same" keeps ``ceil(size / stride)`` outputs, "valid" pads nothing, "full" pads so
            that every overlap of one element counts.
        rank : int
            The number of spatial axes, at least 1.
        ceil : bool
            See `Axis`.

        Raises
        ------
        GeometryError
            If a value is malformed or out of range.

        Examples
        --------
        >>> Window.parse((3, 5), padding=((1, 1), (0, 2)), rank=2).paddings
        ((1, 1), (0, 2))
        """
        _check_rank(rank)
        kernels = _each("kernel", kernel, rank)
        strides = _each("stride", stride, rank)
        dilations = _each("dilation", dilation, rank)
        extents = [d * (k - 1) + 1 for k, d in zip(kernels, dilations, strict=True)]
        paddings = _paddings(padding, extents)
        axes = zip(kernels, strides, dilations, paddings, strict=True)
        return cls(tuple(Axis(k, s, d, p, ceil) for k, s, d, p in axes))

    def at(self, shape: Sequence[int]) -> Window:
        """Return the window with "same" resolved for an input of this spatial shape."""
        return Window(tuple(axis.at(size) for axis, size in self._along(shape)))


@dataclass(frozen=True, slots=True)
class TransposedWindow(_Sliding[TransposedAxis]):
    """The window of a transposed convolution, over any number of axes.

    Examples
    --------
    >>> window = TransposedWindow.parse(4, stride=2, padding=1, rank=2)
    >>> window.output_shape((7, 8))
    (14, 16)
    """

    @classmethod
    def parse(
        cls,
        kernel: Sizes,
        stride: Sizes = 1,
        padding: PaddingLike = 0,
        dilation: Sizes = 1,
        output_padding: Sizes = 0,
        *,
        rank: int,
    ) -> TransposedWindow:
        """Return the transposed window that a caller's numbers describe.

        The forms are those of `Window.parse`; "same" gives ``size * stride`` outputs whatever
        the size, as ONNX's SAME_UPPER does.

        Raises
        ------
        GeometryError
            If a value is malformed or out of range, or "same" would have to add elements.
        """
        _check_rank(rank)
        kernels = _each("kernel", kernel, rank)
        strides = _each("stride", stride, rank)
        dilations = _each("dilation", dilation, rank)
        added = _each("output_padding", output_padding, rank)
        extents = [d * (k - 1) + 1 for k, d in zip(kernels, dilations, strict=True)]
        cut = [
            _transposed_same(extent + extra - step, step) if pair == "same" else pair
            for pair, extent, extra, step in zip(
                _paddings(padding, extents), extents, added, strides, strict=True
            )
        ]
        axes = zip(kernels, strides, dilations, cut, added, strict=True)
        return cls(tuple(TransposedAxis(k, s, d, p, o) for k, s, d, p, o in axes))

    def at(self, shape: Sequence[int]) -> TransposedWindow:
        """Return the window itself: nothing of it depends on the input's size."""
        self._along(shape)
        return self


def _transposed_same(total: int, stride: int) -> tuple[int, int]:
    if total < 0:
        raise GeometryError(
            f'padding "same" of a transposed window needs kernels that span the stride {stride}: '
            f"use a kernel or output_padding larger by {-total}"
        )
    return (total // 2, total - total // 2)
