"""Random small graphs against PyTorch: shapes, parameters, bytes, multiply-adds."""

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from striate.errors import GeometryError
from striate.network import infer_shapes, inspect
from striate.network.operators import (
    Add,
    AveragePool,
    BatchNormalization,
    Concat,
    Conv,
    ConvTranspose,
    Flatten,
    Gemm,
    GlobalAveragePool,
    GlobalMaxPool,
    MaxPool,
    Mul,
    Pad,
    Relu,
)

CONV = {1: nn.Conv1d, 2: nn.Conv2d}
TRANSPOSED = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d}
MAX_POOL = {1: nn.MaxPool1d, 2: nn.MaxPool2d}
AVERAGE_POOL = {1: nn.AvgPool1d, 2: nn.AvgPool2d}
GLOBAL_MEAN = {1: nn.AdaptiveAvgPool1d, 2: nn.AdaptiveAvgPool2d}
GLOBAL_MAX = {1: nn.AdaptiveMaxPool1d, 2: nn.AdaptiveMaxPool2d}
NORM = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d}


def around(pairs, rank, value=0.0):
    """Return the module that pads (or, below 0, crops) each axis by (before, after)."""
    flat = [side for pair in reversed(list(pairs)) for side in pair]
    return {1: nn.ConstantPad1d, 2: nn.ConstantPad2d}[rank](flat, value)


def modules(node, shapes, fill=0.0):
    """Return (before, layer, after): the module, and what pads its input and crops its output."""
    operator, x = node.operator, shapes[node.inputs[0]]
    rank, channels, nothing = len(x) - 2, x[1], nn.Identity()
    bias = len(node.inputs) > 2
    if isinstance(operator, Conv):
        window = operator.window.at(x[2:])
        layer = CONV[rank](
            channels,
            shapes[node.inputs[1]][0],
            window.kernel,
            window.strides,
            dilation=window.dilations,
            groups=operator.groups,
            bias=bias,
        )
        return around(window.paddings, rank, fill), layer, nothing
    if isinstance(operator, ConvTranspose):
        window = operator.window
        layer = TRANSPOSED[rank](
            channels,
            shapes[node.inputs[1]][1] * operator.groups,
            window.kernel,
            window.strides,
            output_padding=tuple(axis.output_padding for axis in window.axes),
            dilation=window.dilations,
            groups=operator.groups,
            bias=bias,
        )
        return nothing, layer, around([(-p, -q) for p, q in window.paddings], rank)
    if isinstance(operator, MaxPool | AveragePool):
        window = operator.window
        options = {"ceil_mode": window.axes[0].ceil}
        if isinstance(operator, MaxPool):
            options["dilation"] = window.dilations
        kind = (MAX_POOL if isinstance(operator, MaxPool) else AVERAGE_POOL)[rank]
        if window.axes[0].ceil:
            sides = tuple(before for before, _ in window.paddings)
            return nothing, kind(window.kernel, window.strides, sides, **options), nothing
        padded = around(window.paddings, rank)
        return padded, kind(window.kernel, window.strides, **options), nothing
    if isinstance(operator, GlobalAveragePool | GlobalMaxPool):
        kinds = GLOBAL_MEAN if isinstance(operator, GlobalAveragePool) else GLOBAL_MAX
        return nothing, kinds[rank](1), nothing
    if isinstance(operator, Pad):
        padded = zip(operator.before, operator.after, strict=True)
        return nothing, around(padded, rank), nothing
    if isinstance(operator, BatchNormalization):
        return nothing, NORM[rank](channels).eval(), nothing
    if isinstance(operator, Gemm):
        return nothing, nn.Linear(channels, shapes[node.inputs[1]][0], bias=bias), nothing
    return nothing, {Relu: nn.ReLU, Flatten: nn.Flatten}[type(operator)](), nothing


JOINS = {
    Add: lambda values: values[0] + values[1],
    Mul: lambda values: values[0] * values[1],
    Concat: lambda values: torch.cat(values, 1),
}


def check_against_pytorch(graph, batch):
    shapes = infer_shapes(graph, (batch, *graph.inputs[0].shape[1:]))
    try:
        layers = {layer.name: layer for layer in inspect(graph, shapes["input"]).layers}
    except GeometryError:  # paths of different strides meet
        assume(False)
    values = {"input": torch.ones(shapes["input"])}
    for node in graph.nodes:
        layer = layers[node.name]
        if type(node.operator) in JOINS:
            result = JOINS[type(node.operator)]([values[name] for name in node.inputs])
            count, buffers = 0, 0
        else:
            parts = nn.Sequential(*modules(node, shapes))
            result = parts(values[node.inputs[0]])
            count = sum(parameter.numel() for parameter in parts.parameters())
            buffers = sum(b.numel() for b in parts.buffers() if b.is_floating_point())
        values[node.name] = result
        assert shapes[node.name] == layer.output_shape == tuple(result.shape)
        assert (layer.parameters, layer.buffers) == (count, buffers)
        assert layer.activation_bytes == result.numel() * result.element_size()
        assert layer.macs == multiplications(node, shapes)


def multiplications(node, shapes):
    """Count them by summing a layer of ones: each product adds one, padding included."""
    if not isinstance(node.operator, Conv | ConvTranspose | Gemm):
        return 0
    padded, layer, _ = modules(node, shapes, fill=1.0)
    layer = layer.double()
    nn.init.ones_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return int(layer(padded(torch.ones(shapes[node.inputs[0]], dtype=torch.float64))).sum())


@pytest.mark.parametrize("rank", [1, 2])
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_shapes_counts_and_costs_are_pytorchs(rank, graphs, data):
    with torch.no_grad():
        check_against_pytorch(data.draw(graphs(rank)), data.draw(st.integers(1, 3)))
