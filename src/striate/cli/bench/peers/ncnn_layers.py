"""A graph as ncnn's two files: layers as lines of text, weights one after another.

The text's grammar is ncnn's own (docs/developer-guide of Tencent/ncnn: param and model file
structure, operators). A value that several layers read goes through a Split.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.cli.bench.peers.runner import Refused
from striate.network import Graph, Network, Node, Operator, Shape, infer_shapes
from striate.network import operators as op
from striate.runtime.folding import folded

__all__ = ["translated"]

MAGIC = 7767517
FLOAT32 = b"\0\0\0\0"  # the tag before a convolution's or matrix's weights

Settings = dict[int, object]
# ncnn numbers the parameters of its layers, an axis at a time: width, height, depth.
BEFORE, AFTER, ADDED = (4, 14, 24), (15, 16, 17), (18, 19, 20)
POOL_BEFORE, POOL_AFTER = (3, 13, 23), (14, 15, 16)


def translated(network: Network, shape: Shape) -> tuple[str, bytes]:
    """Return the text and the weights for inputs of one shape.

    Raises
    ------
    Refused
        If ncnn has no such layer.
    """
    translation = Translation(folded(network), shape)
    return translation.text(), b"".join(translation.data)


class Translation:
    """The layers of a graph in ncnn's terms, and their weights."""

    def __init__(self, network: Network, shape: Shape) -> None:
        self.graph, self.weights = network.graph, network.weights
        self.shapes = infer_shapes(self.graph, shape)
        self.readers = Counter(name for node in self.graph.nodes for name in node.inputs)
        self.lines: list[str] = []
        self.data: list[bytes] = []
        self.blobs = 0
        self._copies: dict[str, list[str]] = {}
        self._add("Input", self.graph.inputs[0].name, [], {}, name="in")
        fused = _fused(self.graph, self.readers)
        skipped = {activation.name for activation in fused.values()}
        for node in self.graph.nodes:
            if node.name in skipped:
                continue
            if type(node.operator) not in LAYERS:
                raise Refused(f"has no {node.operator.onnx} here")
            activation = fused.get(node.name)
            output = node if activation is None else activation
            extra = {} if activation is None else _activation(activation.operator)
            LAYERS[type(node.operator)](self, node, output.outputs[0], extra)

    def text(self) -> str:
        """Return the whole of the text file."""
        return "\n".join([str(MAGIC), f"{len(self.lines)} {self.blobs}", *self.lines]) + "\n"

    def layer(
        self, kind: str, output: str, inputs: list[str], settings: Settings, *arrays: Any
    ) -> None:
        """Add a layer that makes the value `output`; arrays are (tag, array) or plain."""
        self._add(kind, output, [self._reading(name) for name in inputs], settings)
        for array in arrays:
            tag, values = array if isinstance(array, tuple) else (b"", array)
            self.data += [tag, np.ascontiguousarray(values, np.float32).tobytes()]

    def constant(self, name: str) -> str:
        """Add a parameter as a value, as wide, high and deep as ncnn's blobs are."""
        array = self.weights[name]
        sizes = dict(zip((0, 1) if array.ndim == 2 else (0, 1, 2), array.shape[::-1], strict=False))
        blob = f"{name}.value"
        self.readers[blob] = 1
        self.layer("MemoryData", blob, [], dict(sizes), array)
        return blob

    def _add(
        self, kind: str, output: str, inputs: list[str], settings: Settings, name: str = ""
    ) -> None:
        blob = "out" if output == self.graph.outputs[0] else name or output
        words = [kind, f"layer{len(self.lines)}", str(len(inputs)), "1", *inputs, blob]
        self.lines.append(" ".join([*words, *(f"{k}={v}" for k, v in settings.items())]))
        self.blobs += 1
        copies = self.readers[output]
        if copies > 1:
            self._copies[output] = [f"{blob}.{i}" for i in range(copies)]
            split = ["Split", f"layer{len(self.lines)}", "1", str(copies), blob]
            self.lines.append(" ".join([*split, *self._copies[output]]))
            self.blobs += copies
        else:
            self._copies[output] = [blob]

    def _reading(self, name: str) -> str:
        return self._copies[name].pop()


def _fused(graph: Graph, readers: Counter[str]) -> dict[str, Node]:
    """Return, for a layer that can apply an activation itself, the one that alone reads it."""
    made = {node.outputs[0]: node for node in graph.nodes}
    fused = {}
    for node in graph.nodes:
        before = made.get(node.inputs[0])
        if (
            isinstance(node.operator, op.Relu | op.Clip)
            and before is not None
            and isinstance(before.operator, op.Conv | op.ConvTranspose | op.Gemm)
            and readers[node.inputs[0]] == 1
        ):
            fused[before.name] = node
    return fused


def _activation(operator: Operator) -> Settings:
    if isinstance(operator, op.Clip):
        return {9: 3, -23310: f"2,{operator.low},{operator.high}"}
    return {9: 1}


def _axes(sizes: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return (axis number, value): 0 the width, 1 the height, 2 the depth."""
    return list(enumerate(reversed(sizes)))


def _conv(t: Translation, node: Node, output: str, extra: Settings) -> None:
    o: Any = node.operator
    weight = t.weights[node.inputs[1]]
    seen = t.shapes[node.inputs[0]]
    weight = o.dense(weight, seen[1])
    window = o.window.at(seen[2:])
    kind = "ConvolutionDepthWise" if o.groups > 1 else "Convolution"
    settings = _sliding(window, len(weight)) | ({7: o.groups} if o.groups > 1 else {})
    _weighted(t, node, kind, window.rank, weight, output, settings, extra)


def _conv_transpose(t: Translation, node: Node, output: str, extra: Settings) -> None:
    o: Any = node.operator
    weight = t.weights[node.inputs[1]]
    maps = weight.shape[1] * o.groups
    grouped = weight.reshape(o.groups, -1, *weight.shape[1:]).swapaxes(1, 2)
    kind = "DeconvolutionDepthWise" if o.groups > 1 else "Deconvolution"
    settings = _sliding(o.window, maps) | ({7: o.groups} if o.groups > 1 else {})
    settings |= {ADDED[i]: a.output_padding for i, a in enumerate(reversed(o.window.axes))}
    _weighted(t, node, kind, o.window.rank, grouped, output, settings, extra)


def _sliding(window: Any, maps: int) -> Settings:
    settings: Settings = {0: maps}
    for number, sizes in ((1, window.kernel), (2, window.dilations), (3, window.strides)):
        settings |= {number + 10 * axis: size for axis, size in _axes(sizes)}
    for axis, (before, after) in enumerate(reversed(window.paddings)):
        settings |= {BEFORE[axis]: before, AFTER[axis]: after}
    return settings


def _weighted(
    t: Translation,
    node: Node,
    kind: str,
    rank: int,
    weight: NDArray[Any],
    output: str,
    settings: Settings,
    extra: Settings,
) -> None:
    """Add a convolution; a bias for each unit is added behind it, and then nothing is fused."""
    source, _, *bias = node.inputs
    kind += {1: "1D", 2: "", 3: "3D"}[rank]
    by_unit = bool(bias) and t.weights[bias[0]].ndim > 1
    if by_unit and extra:
        raise Refused("cannot fuse an activation behind a bias for each unit")
    arrays: list[Any] = [(FLOAT32, weight)]
    if bias and not by_unit:
        arrays.append(t.weights[bias[0]])
    settings = {**settings, 5: len(arrays) - 1, 6: weight.size, **extra}
    between = f"{output}.sum" if by_unit else output
    t.readers[between] += by_unit
    t.layer(kind, between, [source], settings, *arrays)
    if by_unit:
        t.layer("BinaryOp", output, [between, t.constant(bias[0])], {0: 0})


def _gemm(t: Translation, node: Node, output: str, extra: Settings) -> None:
    source, weight, *bias = node.inputs
    if len(t.shapes[source]) != 2:
        raise Refused("has fully connected layers of (N, features) alone")
    array = t.weights[weight]
    settings: Settings = {0: array.shape[0], 1: len(bias), 2: array.size, **extra}
    t.layer(
        "InnerProduct", output, [source], settings, (FLOAT32, array), *(t.weights[b] for b in bias)
    )


def _pool(average: bool) -> Callable[[Translation, Node, str, Settings], None]:
    def add(t: Translation, node: Node, output: str, extra: Settings) -> None:
        o: Any = node.operator
        window = o.window.at(t.shapes[node.inputs[0]][2:])
        if set(window.dilations) != {1}:
            raise Refused("has no dilated pooling")
        settings: Settings = {0: int(average), 5: 0 if window.axes[0].ceil else 1}
        for number, sizes in ((1, window.kernel), (2, window.strides)):
            settings |= {number + 10 * axis: size for axis, size in _axes(sizes)}
        for axis, (before, after) in enumerate(reversed(window.paddings)):
            settings |= {POOL_BEFORE[axis]: before, POOL_AFTER[axis]: after}
        if average:
            settings[6] = int(o.count_include_pad)
        kind = "Pooling" + {1: "1D", 2: "", 3: "3D"}[window.rank]
        t.layer(kind, output, [node.inputs[0]], settings)

    return add


def _global_pool(average: bool) -> Callable[[Translation, Node, str, Settings], None]:
    def add(t: Translation, node: Node, output: str, extra: Settings) -> None:
        rank = len(t.shapes[node.inputs[0]]) - 2
        kind = "Pooling" + {1: "1D", 2: "", 3: "3D"}[rank]
        t.layer(kind, output, [node.inputs[0]], {0: int(average), 4: 1})

    return add


def _batch_norm(t: Translation, node: Node, output: str, extra: Settings) -> None:
    scale, bias, mean, variance = (t.weights[name] for name in node.inputs[1:])
    settings: Settings = {0: len(scale), 1: node.operator.epsilon}  # type: ignore[attr-defined]
    t.layer("BatchNorm", output, [node.inputs[0]], settings, scale, mean, variance, bias)


def _pad(t: Translation, node: Node, output: str, extra: Settings) -> None:
    o: Any = node.operator
    if len(o.before) > 2:
        raise Refused("pads no three axes")
    before, after = (0, *o.before)[-2:], (0, *o.after)[-2:]
    sides: Settings = {0: before[0], 1: after[0], 2: before[1], 3: after[1]}
    t.layer("Padding", output, [node.inputs[0]], {**sides, 4: 0, 5: o.fill})


def _binary(number: int) -> Callable[[Translation, Node, str, Settings], None]:
    def add(t: Translation, node: Node, output: str, extra: Settings) -> None:
        read = [t.constant(name) if name in t.weights else name for name in node.inputs]
        t.layer("BinaryOp", output, read, {0: number})

    return add


def _scaled_tanh(t: Translation, node: Node, output: str, extra: Settings) -> None:
    o: Any = node.operator
    inner, outer = f"{output}.inner", f"{output}.outer"
    t.readers.update([inner, outer])
    t.layer("BinaryOp", inner, [node.inputs[0]], {0: 2, 1: 1, 2: o.beta})
    t.layer("TanH", outer, [inner], {})
    t.layer("BinaryOp", output, [outer], {0: 2, 1: 1, 2: o.alpha})


def _plain(
    kind: str, settings: Callable[[Any], Settings] = lambda o: {}
) -> Callable[[Translation, Node, str, Settings], None]:
    def add(t: Translation, node: Node, output: str, extra: Settings) -> None:
        t.layer(kind, output, list(node.inputs), settings(node.operator))

    return add


LAYERS: dict[type[Operator], Callable[[Translation, Node, str, Settings], None]] = {
    op.Add: _binary(0),
    op.AveragePool: _pool(average=True),
    op.BatchNormalization: _batch_norm,
    op.Clip: _plain("Clip", lambda o: {0: o.low, 1: o.high}),
    op.Concat: _plain("Concat", lambda o: {0: 0}),
    op.Conv: _conv,
    op.ConvTranspose: _conv_transpose,
    op.Flatten: _plain("Flatten"),
    op.Gemm: _gemm,
    op.GlobalAveragePool: _global_pool(average=True),
    op.GlobalMaxPool: _global_pool(average=False),
    op.MaxPool: _pool(average=False),
    op.Mul: _binary(2),
    op.Pad: _pad,
    op.Relu: _plain("ReLU"),
    op.ScaledTanh: _scaled_tanh,
    op.Sigmoid: _plain("Sigmoid"),
    op.Softmax: _plain("Softmax", lambda o: {0: 0, 1: 1}),
    op.Tanh: _plain("TanH"),
}
