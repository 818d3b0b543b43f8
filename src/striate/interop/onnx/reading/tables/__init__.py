"""What each operator of ONNX is in striate, one table for each family."""

from __future__ import annotations

from collections.abc import Mapping

from striate.interop.onnx.reading.calls import Reader
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

__all__ = ["READERS"]

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
