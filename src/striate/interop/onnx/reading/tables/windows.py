"""Convolutions and poolings: ONNX's paddings become windows."""

from __future__ import annotations

from math import prod, sqrt

from striate.errors import GeometryError
from striate.geometry import Axis, TransposedAxis, TransposedWindow, Window
from striate.interop.onnx.reading.calls import Call
from striate.interop.onnx.reading.tables.elementwise import plain
from striate.network import Initial
from striate.network import operators as op

__all__ = ["READERS"]

AUTO_PAD = ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")
MOST_AXES = 8
Numbers = tuple[int, ...]


def _per_axis(call: Call, name: str, rank: int, default: int) -> Numbers:
    values = call.integers(name) or (default,) * rank
    if len(values) != rank:
        raise call.error(f"{name} {values[:8]} must be {rank} numbers, one for each axis")
    return values


def _kernel(call: Call, weight: bool) -> Numbers:
    kernel = call.integers("kernel_shape")
    if weight:
        shape = call.shape_of(1)
        found = None if shape is None or None in shape[2:] else tuple(s or 0 for s in shape[2:])
        if kernel is None:
            kernel = found
        elif found is not None and kernel != found:
            raise call.error(f"kernel_shape {kernel} differs from that of its weight {shape}")
    if not kernel:
        raise call.error("kernel_shape is left out; it must be given")
    if len(kernel) > MOST_AXES:
        raise call.error(f"kernel_shape has {len(kernel)} axes; at most {MOST_AXES} are read")
    return kernel


def _pads(call: Call, rank: int) -> tuple[tuple[int, int], ...]:
    pads = call.integers("pads") or (0,) * (2 * rank)
    if len(pads) != 2 * rank:
        raise call.error(f"pads {pads[:16]} must be {2 * rank} numbers, all before, then all after")
    return tuple(zip(pads[:rank], pads[rank:], strict=True))


def _window(call: Call, *, weight: bool = False, ceil: bool = False) -> Window:
    """Return the window that a node's attributes describe."""
    kernel = _kernel(call, weight)
    rank = len(kernel)
    strides = _per_axis(call, "strides", rank, 1)
    dilations = _per_axis(call, "dilations", rank, 1)
    pads = _pads(call, rank)
    mode = call.text("auto_pad", "NOTSET", AUTO_PAD)
    if mode == "VALID":
        pads = ((0, 0),) * rank
    if mode in ("NOTSET", "VALID"):
        axes = zip(kernel, strides, dilations, pads, strict=True)
        return Window(tuple(Axis(k, s, d, p, ceil) for k, s, d, p in axes))
    same = [Axis(k, s, d, "same") for k, s, d in zip(kernel, strides, dilations, strict=True)]
    if mode == "SAME_UPPER":
        return Window(tuple(same))
    return Window(tuple(_lower(call, axis, i) for i, axis in enumerate(same)))


def _lower(call: Call, axis: Axis, index: int) -> Axis:
    """Return an axis padded so that sizes stay and the odd element goes before the input."""
    size: int | None = axis.extent  # any size will do for windows that do not skip
    if axis.stride > 1:
        shape = call.shape_of(0)
        size = None if shape is None or len(shape) <= index + 2 else shape[index + 2]
    if size is None:
        raise GeometryError(
            f"auto_pad SAME_LOWER with stride {axis.stride} depends on the input's "
            "size, which the model leaves open: give input_shape"
        )
    upper = axis.at(size)
    return Axis(axis.kernel, axis.stride, axis.dilation, (upper.after, upper.before))


def _initial(call: Call) -> Initial:
    """Return He's initial weights, the usual ones in front of rectifiers."""
    shape = call.shape_of(1) or ()
    inputs = prod(size or 1 for size in shape[1:])
    return Initial("normal", sqrt(2 / max(inputs, 1)))


def _conv(call: Call) -> None:
    groups = call.integer("group", 1)
    window = _window(call, weight=True)
    operator = op.Conv(window, groups)
    inputs = [call.value(0), call.weight(1, _initial(call))]
    if call.has_input(2):
        inputs.append(call.weight(2, Initial("constant", 0.0)))
    call.give(operator, *inputs)


def _conv_transpose(call: Call) -> None:
    groups = call.integer("group", 1)
    window = _transposed(call)
    operator = op.ConvTranspose(window, groups)
    inputs = [call.value(0), call.weight(1, _initial(call))]
    if call.has_input(2):
        inputs.append(call.weight(2, Initial("constant", 0.0)))
    call.give(operator, *inputs)


def _transposed(call: Call) -> TransposedWindow:
    kernel = _kernel(call, weight=True)
    rank = len(kernel)
    strides = _per_axis(call, "strides", rank, 1)
    dilations = _per_axis(call, "dilations", rank, 1)
    added = _per_axis(call, "output_padding", rank, 0)
    pads = _pads(call, rank)
    mode = call.text("auto_pad", "NOTSET", AUTO_PAD)
    if mode == "VALID":
        pads = ((0, 0),) * rank
    sizes = call.integers("output_shape")
    axes = []
    for i, (k, s, d, extra) in enumerate(zip(kernel, strides, dilations, added, strict=True)):
        cut = pads[i]
        if sizes:
            cut, extra = _fitting(call, i, rank, (k, s, d, extra), mode, sizes)
        elif mode.startswith("SAME"):
            cut, extra = _halves(d * (k - 1) + 1 + extra - s, extra, mode)
        axes.append(TransposedAxis(k, s, d, cut, extra))
    return TransposedWindow(tuple(axes))


def _fitting(
    call: Call, index: int, rank: int, numbers: Numbers, mode: str, sizes: Numbers
) -> tuple[tuple[int, int], int]:
    """Return what an axis cuts and adds so that its output is of the size that is asked for."""
    kernel, stride, dilation, extra = numbers
    if len(sizes) < rank:
        raise call.error(f"output_shape {sizes} must be {rank} numbers, one for each axis")
    shape = call.shape_of(0)
    size = None if shape is None or len(shape) != rank + 2 else shape[index + 2]
    if size is None:
        raise GeometryError(
            f"output_shape {sizes} asks for paddings that depend on the input's "
            "size, which the model leaves open: give input_shape"
        )
    full = stride * (size - 1) + extra + dilation * (kernel - 1) + 1
    return _halves(full - sizes[index - rank], extra, mode)


def _halves(total: int, extra: int, mode: str) -> tuple[tuple[int, int], int]:
    if total < 0:
        return (0, 0), extra - total
    half = total // 2
    return ((half, total - half) if mode == "SAME_UPPER" else (total - half, half)), extra


def _max_pool(call: Call) -> None:
    window = _window(call, ceil=call.flag("ceil_mode"))
    column_major = call.flag("storage_order")
    if call.gives(1):
        operator = op.MaxPool(window, indices=True, column_major=column_major)
        call.give(operator, call.value(0), outputs=call.outputs[:2])
    else:
        call.give(op.MaxPool(window), call.value(0))


def _average_pool(call: Call) -> None:
    window = _window(call, ceil=call.flag("ceil_mode"))
    call.give(op.AveragePool(window, call.flag("count_include_pad")), call.value(0))


def _lp_pool(call: Call) -> None:
    window = _window(call, ceil=call.flag("ceil_mode"))
    call.give(op.LpPool(window, call.integer("p", 2)), call.value(0))


def _global_lp_pool(call: Call) -> None:
    call.give(op.GlobalLpPool(call.integer("p", 2)), call.value(0))


READERS = {
    "AveragePool": _average_pool,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "GlobalAveragePool": plain(op.GlobalAveragePool),
    "GlobalLpPool": _global_lp_pool,
    "GlobalMaxPool": plain(op.GlobalMaxPool),
    "LpPool": _lp_pool,
    "MaxPool": _max_pool,
}
