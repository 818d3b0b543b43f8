"""What each operator of ONNX is in striate, one table for each family."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from striate.interop.onnx.reading.calls import Call
from striate.interop.onnx.reading.tables import (
    constants,
    elementwise,
    normalizations,
    products,
    reductions,
    resizing,
    structure,
    windows,
)

__all__ = ["READERS", "Reader"]

Reader = Callable[[Call], None]

READERS: Mapping[str, Reader] = {
    **constants.READERS,
    **elementwise.READERS,
    **normalizations.READERS,
    **products.READERS,
    **reductions.READERS,
    **resizing.READERS,
    **structure.READERS,
    **windows.READERS,
}
