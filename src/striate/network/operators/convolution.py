"""Convolution and its transpose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from striate.errors import ParameterError, ShapeError
from striate.geometry import (
    TransposedWindow,
    Window,
    convolution_macs,
    transposed_convolution_macs,
)
from striate.network.graph import Operator, Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Conv", "ConvTranspose"]


def check_volume(shape: Shape, rank: int) -> None:
    """Raise ShapeError unless `shape` is (N, C) with `rank` spatial axes."""
    if len(shape) != rank + 2:
        raise ShapeError(f"input {shape} must be (N, C) and {rank} spatial axes")


def check_groups(groups: int) -> None:
    """Raise ParameterError unless there is at least one group."""
    if groups < 1:
        raise ParameterError(f"groups must be at least 1, not {groups}")


@dataclass(frozen=True)
class Conv(Operator):
    """Convolution (cross-correlation, as all networks mean it) of x with weight, plus bias.

    Inputs are x (N, C, *spatial), weight (M, C / groups, *kernel) and, optionally, bias.

    Beyond ONNX, as LeCun et al. 1989 need it: bias may be (M, *output spatial), one for each unit;
    and `table` may list, for each output channel, the input channels that it sees, all lists
    equally long; weight is then (M, len(list), *kernel).
    """

    window: Window
    groups: int = 1
    table: tuple[tuple[int, ...], ...] | None = None
    onnx: ClassVar[str] = "Conv"
    arity: ClassVar[tuple[int, int]] = (2, 3)

    def __post_init__(self) -> None:
        check_groups(self.groups)
        if self.table is not None:
            self._check_table(self.table)

    def _check_table(self, table: tuple[tuple[int, ...], ...]) -> None:
        lengths = {len(channels) for channels in table}
        if len(lengths) != 1 or 0 in lengths or any(c < 0 for row in table for c in row):
            raise ParameterError(
                f"connection table {table} must list the input channels of each output: "
                "at least one, none negative, equally many for all"
            )
        if self.groups != 1:
            raise ParameterError(f"a connection table cannot go with groups={self.groups}: use 1")

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return (N, M, *output spatial)."""
        x, weight = shapes[0], shapes[1]
        check_volume(x, self.window.rank)
        if weight[2:] != self.window.kernel:
            raise ShapeError(f"weight {weight} does not have the kernel {self.window.kernel}")
        self._check_channels(x, weight)
        output = (x[0], weight[0], *self.window.output_shape(x[2:]))
        if len(shapes) > 2 and shapes[2] not in ((output[1],), output[1:]):
            raise ShapeError(f"bias {shapes[2]} must be {(output[1],)} or, by unit, {output[1:]}")
        return output

    def _check_channels(self, x: Shape, weight: Shape) -> None:
        if self.table is not None:
            seen = {len(channels) for channels in self.table}
            highest = max(max(channels) for channels in self.table)
            if seen != {weight[1]} or len(self.table) != weight[0] or highest >= x[1]:
                raise ShapeError(
                    f"connection table of {len(self.table)} outputs by {sorted(seen)} inputs, "
                    f"up to channel {highest}, does not fit weight {weight} and input {x}"
                )
        elif weight[1] * self.groups != x[1] or weight[0] % self.groups:
            raise ShapeError(
                f"weight {weight} with groups={self.groups} wants {weight[1] * self.groups} input "
                f"channels and outputs divisible by {self.groups}; the input is {x}"
            )

    def macs(self, shapes: Sequence[Shape], output: Shape) -> int:
        """Return every weight times the places it is put."""
        return convolution_macs(shapes[1], output)

    def dense(self, weight: NDArray[Any], channels: int) -> NDArray[Any]:
        """Return the weight over all input `channels`: zeros where the table connects nothing."""
        if self.table is None:
            return weight
        import numpy as np

        whole = np.zeros((len(weight), channels, *weight.shape[2:]), weight.dtype)
        whole[np.arange(len(weight))[:, None], np.array(self.table)] = weight
        return whole


@dataclass(frozen=True)
class ConvTranspose(Operator):
    """Transposed convolution of x with weight, plus bias.

    Inputs are x (N, C, *spatial), weight (C, M / groups, *kernel) and, optionally, bias (M,).
    """

    window: TransposedWindow
    groups: int = 1
    onnx: ClassVar[str] = "ConvTranspose"
    arity: ClassVar[tuple[int, int]] = (2, 3)

    def __post_init__(self) -> None:
        check_groups(self.groups)

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return (N, M, *output spatial)."""
        x, weight = shapes[0], shapes[1]
        check_volume(x, self.window.rank)
        if weight[0] != x[1] or weight[2:] != self.window.kernel or x[1] % self.groups:
            raise ShapeError(
                f"weight {weight} must be ({x[1]}, M / {self.groups}, "
                f"{', '.join(map(str, self.window.kernel))}), with channels divisible by groups"
            )
        output = (x[0], weight[1] * self.groups, *self.window.output_shape(x[2:]))
        if len(shapes) > 2 and shapes[2] != (output[1],):
            raise ShapeError(f"bias {shapes[2]} must be {(output[1],)}")
        return output

    def macs(self, shapes: Sequence[Shape], output: Shape) -> int:
        """Return every weight times the inputs it meets."""
        return transposed_convolution_macs(shapes[1], shapes[0])
