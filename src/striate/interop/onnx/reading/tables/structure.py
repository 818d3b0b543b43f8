"""Operators that move elements: reshape, slice, concatenate, pad, and what picks elements."""

from __future__ import annotations

import numpy as np

from striate.interop.onnx.reading.calls import Call
from striate.interop.onnx.reading.tables.elementwise import plain
from striate.network import operators as op

__all__ = ["READERS"]

MOST_CHANNELS = 2**20


def _reshape(call: Call) -> None:
    allow_zero = call.flag("allowzero")
    shape = call.setting(1, "shape")
    call.settle(op.Reshape, [call.value(0)], {"shape": shape}, allow_zero=allow_zero)


def _flatten(call: Call) -> None:
    call.give(op.Flatten(call.integer("axis", 1)), call.value(0))


def _axes(call: Call) -> dict[str, str]:
    """Return the axes of Squeeze and Unsqueeze, an attribute before opset 13, then an input."""
    if call.opset < 13:
        axes = call.integers("axes")
        return {} if axes is None else {"axes": call.constant(np.array(axes, np.int64), "axes")}
    return {"axes": call.setting(1, "axes")} if call.has_input(1) else {}


def _squeeze(call: Call) -> None:
    call.settle(op.Squeeze, [call.value(0)], _axes(call))


def _unsqueeze(call: Call) -> None:
    axes = _axes(call)
    if not axes:
        raise call.error("its axes are left out; they must be given")
    call.settle(op.Unsqueeze, [call.value(0)], axes)


def _expand(call: Call) -> None:
    call.settle(op.Expand, [call.value(0)], {"shape": call.setting(1, "shape")})


def _tile(call: Call) -> None:
    call.settle(op.Tile, [call.value(0)], {"repeats": call.setting(1, "repeats")})


def _transpose(call: Call) -> None:
    call.give(op.Transpose(call.integers("perm")), call.value(0))


def _concat(call: Call) -> None:
    if not call.has("axis"):
        raise call.error("attribute axis is left out; it must be given")
    call.give(op.Concat(call.integer("axis", 1)), *call.values())


def _split(call: Call) -> None:
    axis, sizes = call.integer("axis", 0), call.integers("split") if call.opset < 13 else None
    parts = call.integer("num_outputs", len(call.outputs)) if call.opset >= 18 else 0
    if parts and parts != len(call.outputs):
        raise call.error(f"num_outputs is {parts} but it has {len(call.outputs)} outputs")
    data, names = [call.value(0)], call.outputs
    if sizes is not None:
        _check_parts(call, len(sizes))
        call.give(op.Split(sizes, axis), *data, outputs=names)
    elif call.opset >= 13 and call.has_input(1):
        known = call.known(1)
        if known is not None:
            _check_parts(call, known.size)
        given = {"sizes": call.setting(1, "split")}
        call.settle(op.Split, data, given, outputs=names, axis=axis, parts=len(names))
    else:
        call.give(op.Split(None, axis, len(names)), *data, outputs=names)


def _check_parts(call: Call, parts: int) -> None:
    if parts != len(call.outputs):
        raise call.error(f"it splits into {parts} parts but has {len(call.outputs)} outputs")


def _slice(call: Call) -> None:
    names = ("starts", "ends", "axes", "steps")
    if call.opset < 10:
        starts, ends = call.integers("starts"), call.integers("ends")
        if starts is None or ends is None:
            raise call.error("starts and ends must both be given")
        call.give(op.Slice(starts, ends, call.integers("axes")), call.value(0))
        return
    call.value(2, "ends")
    settings = {n: call.setting(i, n) for i, n in enumerate(names, 1) if call.has_input(i)}
    call.settle(op.Slice, [call.value(0)], settings)


MODES = ("constant", "reflect", "edge", "wrap")


def _pad(call: Call) -> None:
    mode = call.text("mode", "constant", MODES)
    if call.opset < 11:
        pads = call.constant(np.array(call.integers("pads") or (), np.int64), "pads")
        fill = call.constant(np.array(call.number("value", 0.0)), "value")
    else:
        pads = call.setting(1, "pads")
        fill = call.alone(call.value(2), "value") if call.has_input(2) else ""
    if call.opset >= 18 and call.has_input(3):
        pads = _over_last_axes(call, pads)
    known = call.translation.arrays.get(pads)
    if known is not None and (known.ndim != 1 or known.size % 2):
        raise call.error(f"pads of shape {known.shape} must be all before, then all after")
    settings = _halves(call, pads) | ({"fill": fill} if fill else {})
    call.settle(op.Pad, [call.value(0)], settings, mode=mode)


def _halves(call: Call, pads: str) -> dict[str, str]:
    """Return what names the numbers before and after, each a half of `pads`."""
    known = call.translation.arrays.get(pads)
    if known is not None:
        before, after = np.split(known, 2)
        return {"before": call.constant(before, "before"), "after": call.constant(after, "after")}
    names = [call.translation.free(f"{call.outputs[0]}.{side}") for side in ("before", "after")]
    call.translation.add(op.Split(None, 0, 2), (pads,), tuple(names))
    return dict(zip(("before", "after"), names, strict=True))


def _over_last_axes(call: Call, pads: str) -> str:
    """Return pads of the last axes, as many as are needed, from those of listed axes."""
    array, axes = call.translation.arrays.get(pads), call.known(3)
    if axes is None:
        return _over_computed_axes(call, pads)
    listed = [int(axis) for axis in axes.ravel()]
    if array is not None and array.size != 2 * len(listed):
        raise call.error(f"pads must be {2 * len(listed)} numbers for axes {listed[:8]}")
    if any(axis >= 0 for axis in listed):
        rank = call.rank_of(0, "count the axes of pads from the last, as -1")
        listed = [axis - rank if axis >= 0 else axis for axis in listed]
        if any(not -rank <= axis < 0 for axis in listed):
            raise call.error(f"axes {axes.ravel().tolist()[:8]} must lie within {rank} axes")
    count = max((-axis for axis in listed), default=0)
    if count > 32 or len(set(listed)) < len(listed):
        raise call.error(f"axes {listed[:8]} must differ from each other and be at most 32")
    places = np.full((2, count), 2 * len(listed))  # of the zero that is put behind the pads
    for i, axis in enumerate(listed):
        places[:, axis] = i, i + len(listed)
    zero = call.constant(np.zeros(1, np.int64), "zero")
    padded = call.between(op.Concat(0), pads, zero, suffix="pads")
    return call.between(op.Gather(0), padded, call.constant(places.ravel(), "places"), suffix="all")


def _over_computed_axes(call: Call, pads: str) -> str:
    """Return pads of all axes from those of axes that the network computes: a sum of rows."""
    rank = call.rank_of(0, "give axes as a constant")
    each = call.constant(np.array([0, 1]), "each")
    rows = call.between(op.OneHot(rank), call.value(3), each, suffix="rows")
    sides = call.between(op.Reshape((2, -1)), pads, suffix="sides")
    placed = call.between(op.MatMul(), sides, rows, suffix="placed")
    return call.between(op.Reshape((-1,)), placed, suffix="all")


def _gather(call: Call) -> None:
    call.give(op.Gather(call.integer("axis", 0)), call.value(0), call.value(1))


def _gather_elements(call: Call) -> None:
    call.give(op.GatherElements(call.integer("axis", 0)), call.value(0), call.value(1))


def _depth_to_space(call: Call) -> None:
    mode = call.text("mode", "DCR", ("DCR", "CRD"))
    call.give(op.DepthToSpace(call.integer("blocksize", 0), mode), call.value(0))


def _space_to_depth(call: Call) -> None:
    block = call.integer("blocksize", 0)
    operator = op.SpaceToDepth(block)
    if call.text("mode", "DCR", ("DCR", "CRD")) == "DCR":
        call.give(operator, call.value(0))
        return
    shape = call.shape_of(0)
    if shape is None or len(shape) < 2 or shape[1] is None:
        raise call.error("the channels of its input are not known; mode CRD must know them")
    moved = call.between(operator, call.value(0), suffix="blocks")
    if shape[1] * block * block > MOST_CHANNELS:
        raise call.error(f"blocksize {block} makes more than {MOST_CHANNELS:,} channels")
    order = np.arange(shape[1] * block * block).reshape(-1, shape[1]).T
    call.give(op.Gather(1), moved, call.constant(order.ravel(), "order"))


def _shape(call: Call) -> None:
    end = call.integer("end", 0) if call.has("end") else None
    start = call.integer("start", 0)
    shape = call.translation.fixed_shape_of(call.value(0))
    if shape is None:
        call.give(op.Shape(start, end), call.value(0))
    elif max(shape, default=0) >= 2**63:
        raise call.error(f"sizes {shape[:8]} do not fit int64, in which ONNX counts")
    else:
        call.translation.know(call.outputs[0], np.array(shape[start:end], np.int64))


def _one_hot(call: Call) -> None:
    axis = call.integer("axis", -1)
    kind = call.kind_of(1)
    name = call.value(1)
    if not kind.startswith(("int", "uint")):
        name = call.between(op.Cast("int64"), name, suffix="depth")
    depth = call.alone(name, "depth")
    call.settle(op.OneHot, [call.value(0), call.value(2)], {"depth": depth}, axis=axis)


def _trilu(call: Call) -> None:
    settings = {"k": call.setting(1, "k", single=True)} if call.has_input(1) else {}
    call.settle(op.Trilu, [call.value(0)], settings, upper=call.flag("upper", True))


def _cum_sum(call: Call) -> None:
    axis = call.setting(1, "axis", single=True)
    exclusive, reverse = call.flag("exclusive"), call.flag("reverse")
    data = [call.value(0)]
    call.settle(op.CumSum, data, {"axis": axis}, exclusive=exclusive, reverse=reverse)


READERS = {
    "Concat": _concat,
    "CumSum": _cum_sum,
    "DepthToSpace": _depth_to_space,
    "Expand": _expand,
    "Flatten": _flatten,
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "OneHot": _one_hot,
    "Pad": _pad,
    "Reshape": _reshape,
    "Shape": _shape,
    "Size": plain(op.Size),
    "Slice": _slice,
    "SpaceToDepth": _space_to_depth,
    "Split": _split,
    "Squeeze": _squeeze,
    "Tile": _tile,
    "Transpose": _transpose,
    "Trilu": _trilu,
    "Unsqueeze": _unsqueeze,
}
