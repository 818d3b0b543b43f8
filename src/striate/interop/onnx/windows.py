"""Windows in ONNX's terms: paddings, ceil mode, and a Pad where a window crops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from striate.errors import GeometryError
from striate.geometry import Window
from striate.interop.onnx.emission import Emission
from striate.network import Node

__all__ = ["ceil_mode", "padded_by", "sliding", "split"]


def ceil_mode(node: Node, window: Window) -> int:
    """Return 1 where sizes are rounded up, 0 where down."""
    modes = {axis.ceil for axis in window.axes}
    if len(modes) > 1:
        raise GeometryError(f"{node.name}: ONNX rounds all axes up or all down: use one mode")
    return int(modes.pop())


def sliding(
    emission: Emission, node: Node, source: str, window: Window
) -> tuple[str, dict[str, Any]]:
    """Return what the window slides over, and its attributes; a window that crops needs a Pad."""
    attributes: dict[str, Any] = {"kernel_shape": window.kernel, "strides": window.strides}
    spatial = emission.spatial(source)
    if spatial is None and any(axis.padding == "same" for axis in window.axes):
        if any(axis.padding != "same" for axis in window.axes):
            raise GeometryError(
                f'{node.name}: ONNX pads all axes "same" or none while the sizes of the input '
                f"are open, not {tuple(axis.padding for axis in window.axes)}: fix the sizes"
            )
        return source, {**attributes, "auto_pad": "SAME_UPPER"}
    padded, cropped = split((window if spatial is None else window.at(spatial)).paddings)
    if any(cropped):
        source = padded_by(emission, f"{node.name}.crop", source, cropped, 0.0)
    return source, {**attributes, "pads": padded}


def split(pairs: Sequence[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """Return paddings in ONNX's order, all before and then all after: what pads, what crops."""
    pads = [before for before, _ in pairs] + [after for _, after in pairs]
    return [max(p, 0) for p in pads], [min(p, 0) for p in pads]


def padded_by(
    emission: Emission,
    name: str,
    source: str,
    pads: Sequence[int],
    value: float,
    *,
    final: str = "",
) -> str:
    """Add a Pad of the spatial axes; `pads` are all before and then all after."""
    rank = len(pads) // 2
    amounts = [0, 0, *pads[:rank], 0, 0, *pads[rank:]]
    inputs = [
        source,
        emission.constant(f"{name}.pads", amounts, np.int64),
        emission.constant(f"{name}.value", value),
    ]
    return emission.node("Pad", inputs, final or emission.value(name), mode="constant")
