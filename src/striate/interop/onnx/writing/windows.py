"""Windows in ONNX's terms: paddings, ceil mode, and a Pad where a window crops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from striate.errors import GeometryError
from striate.geometry import Window
from striate.interop.onnx.writing.emission import Emission, Given
from striate.network import FLOAT, Node

__all__ = ["ceil_mode", "padded_by", "sliding", "split"]


def ceil_mode(node: Node, window: Window) -> int:
    """Return 1 where sizes are rounded up, 0 where down."""
    modes = {axis.ceil for axis in window.axes}
    if len(modes) > 1:
        raise GeometryError(f"{node.name}: ONNX rounds all axes up or all down: use one mode")
    return int(modes.pop())


def sliding(emission: Emission, node: Node, window: Window) -> tuple[str, dict[str, Any]]:
    """Return what the window slides over, and its attributes; a window that crops needs a Pad."""
    source = node.inputs[0]
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
        source = padded_by(emission, node, cropped)
    return source, {**attributes, "pads": padded}


def split(pairs: Sequence[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """Return paddings in ONNX's order, all before and then all after: what pads, what crops."""
    pads = [before for before, _ in pairs] + [after for _, after in pairs]
    return [max(p, 0) for p in pads], [min(p, 0) for p in pads]


def padded_by(
    emission: Emission,
    node: Node,
    pads: Given | Sequence[int],
    *,
    fill: Any = 0.0,
    mode: str = "constant",
    outputs: Sequence[str] = (),
) -> str:
    """Add a Pad of a node's input along the last axes and return the output's name.

    `pads` are all before and then all after, or the name of the value that gives them.
    """
    source = node.inputs[0]
    amounts = emission.setting(node, "pads", pads, np.int64)
    padding = ""
    if mode == "constant" and (isinstance(fill, Given) or fill):
        kind = emission.kinds.get(source, FLOAT)
        padding = emission.setting(node, "fill", fill, emission.dtype_of(kind))
    axes = _last_axes(emission, node, pads)
    inputs = [source, amounts, padding, axes]
    return emission.node("Pad", inputs, outputs or emission.value(f"{node.name}.crop"), mode=mode)


def _last_axes(emission: Emission, node: Node, pads: Given | Sequence[int]) -> str:
    """Return the name of the axes that are padded; "" for all of them."""
    if not isinstance(pads, Given):
        shape, count = emission.shape(node.inputs[0]), len(pads) // 2
        if shape is not None and len(shape) == count:
            return ""
        return emission.constant(f"{node.name}.axes", np.arange(-count, 0), np.int64)
    zero, two, step = (emission.constant(f"{node.name}.{n}", n, np.int64) for n in (0, -2, 1))
    numbers = emission.node("Size", [pads], emission.value(f"{node.name}.numbers"))
    first = emission.node("Div", [numbers, two], emission.value(f"{node.name}.first"))
    return emission.node("Range", [first, zero, step], emission.value(f"{node.name}.axes"))
