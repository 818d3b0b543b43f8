"""Blocks of space against channels: what sub-pixel convolution and its inverse move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import NDArray

from striate.errors import ParameterError, ShapeError
from striate.network.defined import Defined
from striate.network.graph import Shape

__all__ = ["DepthToSpace", "SpaceToDepth"]

Array = NDArray[Any]


@dataclass(frozen=True)
class _Blocks(Defined):
    """Blocks of block x block positions against as many channels."""

    block: int

    def __post_init__(self) -> None:
        if self.block < 1:
            raise ParameterError(f"block must be at least 1, not {self.block}")

    def _check(self, x: Shape) -> None:
        if len(x) != 4:
            raise ShapeError(f"input {x} must be (N, C, H, W)")


@dataclass(frozen=True)
class DepthToSpace(_Blocks):
    """Channels laid out in blocks of space: (N, b b C, H, W) becomes (N, C, b H, b W).

    Channel c of position (i, j) of a block is channel (i b + j) C + c of x in the mode "DCR"
    (depth first), channel c b b + i b + j in the mode "CRD" (PyTorch's pixel shuffle).
    """

    mode: str = "DCR"
    onnx: ClassVar[str] = "DepthToSpace"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mode not in ("DCR", "CRD"):
            raise ParameterError(f'mode must be "DCR" or "CRD", not {self.mode!r}')

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return (N, C, b H, b W)."""
        (x,) = shapes
        self._check(x)
        n, c, h, w = x
        b = self.block
        if c % b**2:
            raise ShapeError(f"{c} channels of {x} do not divide into blocks of {b} x {b}")
        return n, c // b**2, h * b, w * b

    def value(self, *arrays: Array) -> Array:
        """Return the blocks laid out."""
        (x,) = arrays
        n, c, h, w = self.infer([x.shape])
        b = self.block
        if self.mode == "DCR":
            blocks = x.reshape(n, b, b, c, h // b, w // b).transpose(0, 3, 4, 1, 5, 2)
        else:
            blocks = x.reshape(n, c, b, b, h // b, w // b).transpose(0, 1, 4, 2, 5, 3)
        return blocks.reshape(n, c, h, w)


@dataclass(frozen=True)
class SpaceToDepth(_Blocks):
    """Blocks of space stacked as channels: (N, C, b H, b W) becomes (N, b b C, H, W)."""

    onnx: ClassVar[str] = "SpaceToDepth"

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return (N, b b C, H, W)."""
        (x,) = shapes
        self._check(x)
        n, c, h, w = x
        b = self.block
        if h % b or w % b:
            raise ShapeError(f"input {x} does not divide into blocks of {b} x {b}")
        return n, c * b**2, h // b, w // b

    def value(self, *arrays: Array) -> Array:
        """Return the blocks stacked."""
        (x,) = arrays
        n, c, h, w = x.shape
        b = self.block
        blocks = x.reshape(n, c, h // b, b, w // b, b).transpose(0, 3, 5, 1, 2, 4)
        return blocks.reshape(self.infer([x.shape]))
