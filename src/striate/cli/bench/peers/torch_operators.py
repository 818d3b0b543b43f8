"""A graph as a PyTorch module: one function for each operator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from striate.network import Network, infer_shapes
from striate.network import operators as op

__all__ = ["IN_PLACE", "MEANING", "TorchNetwork"]

Tensor = torch.Tensor
Apply = Callable[..., Tensor]

CONV = (F.conv1d, F.conv2d, F.conv3d)
TRANSPOSED = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)
MAXIMUM = (F.max_pool1d, F.max_pool2d, F.max_pool3d)


class TorchNetwork(torch.nn.Module):
    """A network of striate, folded, for inputs of one shape.

    Parameters
    ----------
    network : Network
    shape : tuple of int
        The input's (N, C, *spatial).
    dtype, layout
        Of weights; a layout with channels last goes for those with spatial axes.
    """

    def __init__(
        self, network: Network, shape: tuple[int, ...], dtype: torch.dtype, layout: Any
    ) -> None:
        from striate.runtime.folding import folded  # not needed by those who train

        super().__init__()
        network = folded(network)
        self.graph = network.graph
        shapes = infer_shapes(self.graph, shape)
        readers = Counter(name for node in self.graph.nodes for name in node.inputs)
        weights = dict(network.weights)
        self.applies: list[tuple[Apply, tuple[str, ...], str]] = []
        for node in self.graph.nodes:
            operator, seen = node.operator, shapes[node.inputs[0]]
            if isinstance(operator, op.Conv) and operator.table is not None:
                weight = weights[node.inputs[1]]
                weights[node.inputs[1]] = operator.dense(weight, seen[1])
            table = MEANING
            if readers[node.inputs[0]] == 1 and node.inputs[0] not in self._kept():
                table = {**MEANING, **IN_PLACE}
            apply = table[type(operator)](operator, seen)
            self.applies.append((apply, node.inputs, node.outputs[0]))
        self.numbers = {name: f"w{i}" for i, name in enumerate(weights)}
        for name, array in weights.items():
            tensor = torch.from_numpy(np.array(array)).to(dtype)
            if len(shape) == tensor.ndim:
                tensor = tensor.contiguous(memory_format=layout)
            self.register_buffer(self.numbers[name], tensor)

    def _kept(self) -> set[str]:
        return {*self.graph.outputs, *(value.name for value in self.graph.inputs)}

    def forward(self, x: Tensor) -> Tensor:
        """Return the output."""
        values: dict[str, Tensor] = {self.graph.inputs[0].name: x}
        for apply, inputs, output in self.applies:
            read = [values[n] if n in values else getattr(self, self.numbers[n]) for n in inputs]
            values[output] = apply(*read)
        return values[self.graph.outputs[0]]


def _conv(o: op.Conv, seen: tuple[int, ...]) -> Apply:
    window = o.window.at(seen[2:])
    sides, even = _paddings(window.paddings)
    apply: Any = CONV[window.rank - 1]

    def run(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        x = F.pad(x, sides) if sides else x
        if bias is not None and bias.ndim > 1:
            return run(x, weight) + bias
        y: Tensor = apply(x, weight, bias, window.strides, even, window.dilations, o.groups)
        return y

    return run


def _paddings(pairs: tuple[tuple[int, int], ...]) -> tuple[list[int], list[int]]:
    """Return the paddings for F.pad, last axis first, and those that a convolution takes."""
    if all(before == after for before, after in pairs):
        return [], [before for before, _ in pairs]
    return [side for pair in reversed(pairs) for side in pair], [0] * len(pairs)


def _conv_transpose(o: op.ConvTranspose, seen: tuple[int, ...]) -> Apply:
    w = o.window
    apply: Any = TRANSPOSED[w.rank - 1]
    added = [
        axis.output_padding + (before - after)
        for axis, (before, after) in zip(w.axes, w.paddings, strict=True)
    ]
    even = [before for before, _ in w.paddings]
    return lambda x, weight, bias=None: apply(
        x, weight, bias, w.strides, even, added, o.groups, w.dilations
    )


def _pool(o: op.MaxPool | op.AveragePool, seen: tuple[int, ...], apply: Any, fill: float) -> Apply:
    w = o.window.at(seen[2:])
    sides, even = _paddings(w.paddings)
    ceil = any(axis.ceil for axis in w.axes)

    def run(x: Tensor) -> Tensor:
        x = F.pad(x, sides, value=fill) if sides else x
        y: Tensor = apply(x, w.kernel, w.strides, even, ceil_mode=ceil)
        return y

    return run


def _max_pool(o: op.MaxPool, seen: tuple[int, ...]) -> Apply:
    dilations = o.window.dilations

    def apply(x: Tensor, kernel: Any, strides: Any, even: Any, ceil_mode: bool) -> Tensor:
        pool: Any = MAXIMUM[len(kernel) - 1]
        y: Tensor = pool(x, kernel, strides, even, dilations, ceil_mode)
        return y

    return _pool(o, seen, apply, -float("inf"))


def _average_pool(o: op.AveragePool, seen: tuple[int, ...]) -> Apply:
    def apply(x: Tensor, kernel: Any, strides: Any, even: Any, ceil_mode: bool) -> Tensor:
        pool: Any = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[len(kernel) - 1]
        y: Tensor = pool(x, kernel, strides, even, ceil_mode, o.count_include_pad)
        return y

    return _pool(o, seen, apply, 0.0)


def _pad(o: op.Pad, seen: tuple[int, ...]) -> Apply:
    sides = [s for pair in zip(reversed(o.before), reversed(o.after), strict=True) for s in pair]
    return lambda x: F.pad(x, sides, value=o.fill)


def _batch_norm(o: op.BatchNormalization, seen: tuple[int, ...]) -> Apply:
    return lambda x, scale, bias, mean, variance: F.batch_norm(
        x, mean, variance, scale, bias, False, 0.0, o.epsilon
    )


MEANING: dict[type, Callable[[Any, tuple[int, ...]], Apply]] = {
    op.Add: lambda o, seen: torch.add,
    op.AveragePool: _average_pool,
    op.BatchNormalization: _batch_norm,
    op.Clip: lambda o, seen: lambda x: torch.clamp(x, o.low, o.high),
    op.Concat: lambda o, seen: lambda *xs: torch.cat(xs, o.axis),
    op.Conv: _conv,
    op.ConvTranspose: _conv_transpose,
    op.Dropout: lambda o, seen: lambda x: x,
    op.Flatten: lambda o, seen: lambda x: x.flatten(1),
    op.Gemm: lambda o, seen: F.linear,
    op.GlobalAveragePool: lambda o, seen: lambda x: x.mean(tuple(range(2, x.ndim)), keepdim=True),
    op.GlobalMaxPool: lambda o, seen: lambda x: x.amax(tuple(range(2, x.ndim)), keepdim=True),
    op.Identity: lambda o, seen: lambda x: x,
    op.MaxPool: _max_pool,
    op.Mul: lambda o, seen: torch.mul,
    op.Pad: _pad,
    op.Relu: lambda o, seen: F.relu,
    op.ScaledTanh: lambda o, seen: lambda x: o.alpha * torch.tanh(o.beta * x),
    op.Sigmoid: lambda o, seen: torch.sigmoid,
    op.Softmax: lambda o, seen: lambda x: torch.softmax(x, o.axis),
    op.Tanh: lambda o, seen: torch.tanh,
}

IN_PLACE: dict[type, Callable[[Any, tuple[int, ...]], Apply]] = {
    op.Clip: lambda o, seen: lambda x: torch.clamp_(x, o.low, o.high),
    op.Relu: lambda o, seen: F.relu_,
}
"""For an input that nobody else reads."""
