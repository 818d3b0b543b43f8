"""Operators that pass elements on: as they are, as another kind, or some of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from striate.network.defined import Defined
from striate.network.graph import Shape
from striate.network.operators.axes import one, settle
from striate.network.operators.functions import dtype_of

__all__ = ["Cast", "Dropout", "Identity"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Identity(Defined):
    """x itself."""

    onnx: ClassVar[str] = "Identity"

    def value(self, *arrays: Array) -> Array:
        """Return x."""
        return arrays[0]


@dataclass(frozen=True)
class Dropout(Defined):
    """Zero each element with probability `rate` in training, scale the rest by 1 / (1 - rate).

    With `mask`, a second output tells which elements were kept. In inference it keeps all.
    """

    rate: float = 0.5
    mask: bool = False
    onnx: ClassVar[str] = "Dropout"

    def __post_init__(self) -> None:
        settle(self, rate=one("dropout's rate", self.rate))

    def infer_all(self, shapes: Sequence[Shape]) -> tuple[Shape, ...]:
        """Return the shape of x, and of the mask."""
        return (shapes[0],) * (1 + self.mask)

    def kinds(self, kinds: Sequence[str]) -> tuple[str, ...]:
        """Return the kind of x, and bool for the mask."""
        return (kinds[0], "bool")[: 1 + self.mask]

    def value(self, *arrays: Array) -> Array | tuple[Array, ...]:
        """Return x as it is in inference, and a mask that keeps everything."""
        (x,) = arrays
        return (x, np.ones(x.shape, bool)) if self.mask else x


@dataclass(frozen=True)
class Cast(Defined):
    """x in another kind of number; going to whole numbers drops what follows the point.

    `to` is "float", the network's working precision, or a NumPy dtype name.
    """

    to: str
    onnx: ClassVar[str] = "Cast"

    def kinds(self, kinds: Sequence[str]) -> tuple[str, ...]:
        """Return the kind cast to."""
        return (self.to,)

    @np.errstate(all="ignore")
    def value(self, *arrays: Array) -> Array:
        """Return x as `to`; "float" leaves floating point numbers of single or double precision."""
        (x,) = arrays
        return x.astype(dtype_of(self.to, x.dtype))
