"""Resize and its predecessors, which differ in what an output's place in the input is."""

from __future__ import annotations

from typing import Any

import numpy as np

from striate.interop.onnx.reading.calls import Call
from striate.network import operators as op

__all__ = ["READERS"]

MODES = ("nearest", "linear", "cubic")
OLD = {"coordinates": "asymmetric", "nearest": "floor"}
COORDINATES = (
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
    "tf_half_pixel_for_nn",
    "tf_crop_and_resize",
)
NEAREST = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
POLICIES = ("stretch", "not_larger", "not_smaller")


def _scales(call: Call, index: int) -> str:
    name = call.value(index, "scales")
    array = call.translation.arrays.get(name)
    if array is not None and (array.dtype.kind != "f" or not np.isfinite(array).all()):
        raise call.error("its scales must be finite floating-point numbers")
    return name


def _upsample(call: Call) -> None:
    mode = call.text("mode", "nearest", MODES[:2])
    if call.opset < 9:
        given = np.array(call.numbers("scales") or (), np.float32)
        scales = call.constant(given, "scales")
    else:
        scales = _scales(call, 1)
    call.settle(op.Resize, [call.value(0)], {"scales": scales}, mode=mode, **OLD)


def _resize(call: Call) -> None:
    if call.opset < 11:
        mode = call.text("mode", "nearest", MODES[:2])
        call.settle(op.Resize, [call.value(0)], {"scales": _scales(call, 1)}, mode=mode, **OLD)
        return
    attributes: dict[str, Any] = {
        "mode": call.text("mode", "nearest", MODES),
        "coordinates": call.text("coordinate_transformation_mode", "half_pixel", COORDINATES),
        "nearest": call.text("nearest_mode", "round_prefer_floor", NEAREST),
        "cubic": call.number("cubic_coeff_a", -0.75),
        "exclude_outside": call.flag("exclude_outside"),
        "extrapolation": call.number("extrapolation_value", 0.0),
        "policy": call.text("keep_aspect_ratio_policy", "stretch", POLICIES),
        "antialias": call.flag("antialias"),
        "axes": call.integers("axes"),
    }
    settings = {}
    if _given(call, 1) and attributes["coordinates"] == "tf_crop_and_resize":
        settings["roi"] = call.value(1)
    if _given(call, 2) == _given(call, 3):
        raise call.error("either scales or sizes must be given, and not both")
    if _given(call, 2):
        settings["scales"] = _scales(call, 2)
    else:
        settings["sizes"] = call.setting(3, "sizes")
    call.settle(op.Resize, [call.value(0)], settings, **attributes)


def _given(call: Call, index: int) -> bool:
    """Return whether an input is given; opset 11 has empty arrays for those that are not."""
    array = call.known(index)
    return call.has_input(index) and (array is None or array.size > 0)


READERS = {"Resize": _resize, "Upsample": _upsample}
