"""How the sizes of every operator's output come about, in numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from striate.geometry import Axis, TransposedAxis
from striate.geometry.text import size_text
from striate.network.graph import Shape

__all__ = ["WINDOWS", "Row", "by", "names_of", "sizes"]

Row = tuple[str, str]
"""A title and what is said of it."""

AXES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}

SIZE = "O = floor((I + before + after - D (K - 1) - 1) / S) + 1"
CEILED = "O = ceil((I + before + after - D (K - 1) - 1) / S) + 1"
TRANSPOSED = "O = (I - 1) S - before - after + D (K - 1) + output_padding + 1"

WINDOWS = ("Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool")
"""Operators whose sizes follow from a window."""


def by(sizes: Sequence[int], sign: str = "x") -> str:
    """Return sizes joined: 1x3x224x224."""
    return size_text(sizes, sign) or "1"


def names_of(rank: int) -> tuple[str, ...]:
    """Return what the spatial axes are called."""
    return AXES.get(rank, tuple(f"axis {axis}" for axis in range(rank)))


def sizes(operator: Any, shapes: Sequence[Shape], outputs: Sequence[Shape]) -> list[Row]:
    """Return the rows that derive the sizes of an operator's outputs."""
    if operator.onnx in WINDOWS:
        return _window(operator, shapes[0])
    derive = SIZES.get(operator.onnx, _elements)
    return derive(operator, shapes, outputs)


Derivation = Callable[[Any, Sequence[Shape], Sequence[Shape]], list[Row]]


def _window(operator: Any, shape: Shape) -> list[Row]:
    axes = operator.window.at(shape[2:]).axes
    rows = [
        (name, f"{_size(axis, size)} = {axis.output_size(size)}")
        for name, axis, size in zip(names_of(len(axes)), axes, shape[2:], strict=True)
    ]
    if isinstance(axes[0], TransposedAxis):
        return [("output size", TRANSPOSED), *rows]
    return [("output size", CEILED if axes[0].ceil else SIZE), *rows]


def _size(axis: Axis | TransposedAxis, size: int) -> str:
    k, s, d = axis.kernel, axis.stride, axis.dilation
    before, after = axis.before, axis.after
    if isinstance(axis, TransposedAxis):
        return f"({size} - 1) {s} - {before} - {after} + {d} ({k} - 1) + {axis.output_padding} + 1"
    room = size + before + after - axis.extent
    rounded = "ceil" if axis.ceil else "floor"
    text = f"{rounded}(({size} + {before} + {after} - {d} ({k} - 1) - 1) / {s}) + 1"
    if axis.ceil and axis.output_size(size) < -(-room // s) + 1:
        return f"{text} - 1 (the last window would start in the padding after)"
    return text


def _elements(operator: Any, shapes: Sequence[Shape], outputs: Sequence[Shape]) -> list[Row]:
    """Say how many elements there are, and what shapes broadcast."""
    output = outputs[0]
    rows = [("elements", f"{by(output, ' x ')} = {prod(output):,}")]
    wider = [shape for shape in shapes if shape != output and prod(shape) < prod(output)]
    if wider and operator.onnx not in OWN_PARAMETERS:
        rows.append(("broadcast", f"{', '.join(map(by, wider))} to {by(output)}"))
    return rows


OWN_PARAMETERS = (
    "BatchNormalization",
    "GroupNormalization",
    "InstanceNormalization",
    "LayerNormalization",
    "RMSNormalization",
)


def _changed(shape: Shape, output: Shape) -> list[int]:
    return [axis for axis, (n, m) in enumerate(zip(shape, output, strict=True)) if n != m]


def _reshaped(operator: Any, shapes: Sequence[Shape], outputs: Sequence[Shape]) -> list[Row]:
    x, y = shapes[0], outputs[0]
    return [("elements", f"{by(x, ' x ')} = {prod(x):,} = {by(y, ' x ')}")]


def _flattened(operator: Any, shapes: Sequence[Shape], outputs: Sequence[Shape]) -> list[Row]:
    axis = operator.axis % (len(shapes[0]) + 1)
    return [("features", f"{by(shapes[0][axis:], ' x ')} = {outputs[0][1]:,}")]


def _transposed(operator: Any, shapes: Sequence[Shape], outputs: Sequence[Shape]) -> list[Row]:
    order = operator.order(len(shapes[0]))
    moves = ", ".join(f"{axis} was {old} ({shapes[0][old]})" for axis, old in enumerate(order))
    return [("axes", moves)]


def _expanded(operator: Any, shapes: Sequence[Shape], outputs: Sequence[Shape]) -> list[Row]:
    return [("broadcast", f"{by(shapes[0])} to {by(outputs[0])}")]


def _concatenated(operator: Any, shapes: Sequence[Shape], outputs: Sequence[Shape]) -> list[Row]:
    axis = operator.axis % len(outputs[0])
    terms = " + ".join(str(shape[axis]) for shape in shapes)
    return [(f"axis {axis}", f"{terms} = {outputs[0][axis]}")]


def _split(operator: Any, shapes: Sequence[Shape], outputs: Sequence[Shape]) -> list[Row]:
    axis = operator.axis % len(shapes[0])
    parts = " + ".join(str(output[axis]) for output in outputs)
    return [(f"axis {axis}", f"{shapes[0][axis]} = {parts}")]


def _sliced(operator: Any, shapes: Sequence[Shape], outputs: Sequence[Shape]) -> list[Row]:
    picked = operator.ranges(shapes[0])
    return [
        (
            f"axis {axis}",
            f"from {p.start} by {p.step}: ceil(({p.stop} - {p.start}) / {p.step}) = {len(p)}",
        )
        for axis, (p, size) in enumerate(zip(picked, shapes[0], strict=True))
        if p != range(size)
    ] or [("axes", "all of them whole")]


def _padded(operator: Any, shapes: Sequence[Shape], outputs: Sequence[Shape]) -> list[Row]:
    sides = list(zip(operator.before, operator.after, strict=True))
    first = len(shapes[0]) - len(sides)
    return [
        (f"axis {axis}", f"{shapes[0][axis]} + {before} + {after} = {outputs[0][axis]}")
        for axis, (before, after) in enumerate(sides, first)
    ]


def _resized(operator: Any, shapes: Sequence[Shape], outputs: Sequence[Shape]) -> list[Row]:
    x, y = shapes[0], outputs[0]
    if operator.scales is None:
        return [(f"axis {axis}", f"{x[axis]} to {y[axis]}, as told") for axis in _changed(x, y)]
    rows = []
    for one in operator.resized(x):
        if one.size != one.output:
            told = f"floor({one.size} x {one.scale:g}) = {one.output}"
            rows.append((f"axis {one.axis}", told))
    return rows or [("axes", "as they were")]


def _reduced(operator: Any, shapes: Sequence[Shape], outputs: Sequence[Shape]) -> list[Row]:
    x, count = shapes[0], prod(outputs[0])
    each = prod(x) // max(count, 1)
    return [("each output", f"of {prod(x):,} / {count:,} = {each:,} elements")]


def _pooled(operator: Any, shapes: Sequence[Shape], outputs: Sequence[Shape]) -> list[Row]:
    sizes = shapes[0][2:]
    return [("each output", f"of {by(sizes, ' x ')} = {prod(sizes):,} elements")]


def _picked(operator: Any, shapes: Sequence[Shape], outputs: Sequence[Shape]) -> list[Row]:
    axis = operator.axis % len(shapes[0])
    return [(f"axis {axis}", f"{shapes[0][axis]} elements, of which {by(shapes[1])} are picked")]


def _best(operator: Any, shapes: Sequence[Shape], outputs: Sequence[Shape]) -> list[Row]:
    axis = operator.axis % len(shapes[0])
    kept = f"the {operator.count} best" if operator.onnx == "TopK" else "the best"
    return [(f"axis {axis}", f"{kept} of {shapes[0][axis]}")]


def _tiled(operator: Any, shapes: Sequence[Shape], outputs: Sequence[Shape]) -> list[Row]:
    triples = enumerate(zip(shapes[0], operator.repeats, outputs[0], strict=True))
    return [(f"axis {a}", f"{n} x {count} = {m}") for a, (n, count, m) in triples if count != 1]


def _blocks(operator: Any, shapes: Sequence[Shape], outputs: Sequence[Shape]) -> list[Row]:
    (_, c, h, w), (_, m, p, q), b = shapes[0], outputs[0], operator.block
    if operator.onnx == "DepthToSpace":
        return [
            ("channels", f"{c} / {b}^2 = {m}"),
            ("height, width", f"{h} x {b} = {p}, {w} x {b} = {q}"),
        ]
    return [
        ("channels", f"{c} x {b}^2 = {m}"),
        ("height, width", f"{h} / {b} = {p}, {w} / {b} = {q}"),
    ]


def _normalized(operator: Any, shapes: Sequence[Shape], outputs: Sequence[Shape]) -> list[Row]:
    x, name = shapes[0], operator.onnx
    if name == "BatchNormalization":
        return [("statistics of", f"{x[1]} channels, gathered in training")]
    if name == "InstanceNormalization":
        over = x[2:]
    elif name == "GroupNormalization":
        over = (x[1] // operator.groups, *x[2:])
    elif name == "MeanVarianceNormalization":
        over = tuple(x[axis] for axis in operator.axes)
    elif name == "LpNormalization":
        over = (x[operator.axis],)
    else:
        over = x[operator.axis % len(x) :]
    return [("statistics of", f"{by(over, ' x ')} = {prod(over):,} elements each")]


def _neighbours(operator: Any, shapes: Sequence[Shape], outputs: Sequence[Shape]) -> list[Row]:
    return [("each output", f"of {operator.size} of {shapes[0][1]} channels")]


def _shares(operator: Any, shapes: Sequence[Shape], outputs: Sequence[Shape]) -> list[Row]:
    x = shapes[0]
    over = x[operator.axis % len(x) :] if operator.onwards else (x[operator.axis],)
    return [("each row", f"of {prod(over):,} elements; {prod(x) // max(prod(over), 1):,} rows")]


def _told(operator: Any, shapes: Sequence[Shape], outputs: Sequence[Shape]) -> list[Row]:
    return [("elements", f"{by(outputs[0], ' x ')} = {prod(outputs[0]):,}")]


def _product(operator: Any, shapes: Sequence[Shape], outputs: Sequence[Shape]) -> list[Row]:
    inner = shapes[0][-1]
    return [("each output", f"the sum of {inner} products")]


SIZES: dict[str, Derivation] = {
    **dict.fromkeys(("Reshape", "Squeeze", "Unsqueeze"), _reshaped),
    **dict.fromkeys(("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"), _pooled),
    **dict.fromkeys(("ArgMax", "ArgMin", "TopK"), _best),
    **dict.fromkeys(("DepthToSpace", "SpaceToDepth"), _blocks),
    **dict.fromkeys(("Hardmax", "LogSoftmax", "Softmax"), _shares),
    **dict.fromkeys(("Gather", "GatherElements"), _picked),
    **dict.fromkeys(("Gemm", "MatMul"), _product),
    **dict.fromkeys(("ConstantOfShape", "OneHot", "Range", "Shape", "Size", "CumSum"), _told),
    **dict.fromkeys((*OWN_PARAMETERS, "LpNormalization", "MeanVarianceNormalization"), _normalized),
    **dict.fromkeys(
        (
            "ReduceL1",
            "ReduceL2",
            "ReduceLogSum",
            "ReduceLogSumExp",
            "ReduceMax",
            "ReduceMean",
            "ReduceMin",
            "ReduceProd",
            "ReduceSum",
            "ReduceSumSquare",
        ),
        _reduced,
    ),
    "Concat": _concatenated,
    "Expand": _expanded,
    "Flatten": _flattened,
    "LRN": _neighbours,
    "Pad": _padded,
    "Resize": _resized,
    "Slice": _sliced,
    "Split": _split,
    "Tile": _tiled,
    "Transpose": _transposed,
}
