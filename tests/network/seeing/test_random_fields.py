"""Random small graphs against brute force: which inputs reach an output, and their hull."""

from itertools import product

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.nn import functional

from striate.errors import GeometryError
from striate.network import Builder, infer_fields, infer_shapes, reach
from striate.network.operators import (
    AveragePool,
    Concat,
    Conv,
    ConvTranspose,
    Flatten,
    Gemm,
    GlobalAveragePool,
    GlobalMaxPool,
    MaxPool,
    Pad,
)


def trace(graph, shapes, x, fill):
    """Propagate ones along every path; `fill` is what lies outside of every value."""
    values = {"input": x}
    for node in graph.nodes:
        seen = [values[name] for name in node.inputs if name in values]
        result = step(node.operator, seen, shapes, node, fill)
        values[node.name] = (result > 0).double()
    return values


def step(operator, seen, shapes, node, fill):
    x = seen[0]
    rank = x.dim() - 2
    if isinstance(operator, Conv | MaxPool | AveragePool | Pad):
        window = operator.window.at(x.shape[2:])
        x = exactly(x, window.axes, fill)
        largest = getattr(functional, f"max_pool{rank}d")
        dilations = window.dilations
        if isinstance(operator, Conv):
            weight = torch.ones(shapes[node.inputs[1]], dtype=x.dtype)
            slide = getattr(functional, f"conv{rank}d")
            groups = operator.groups
            return slide(x, weight, None, window.strides, dilation=dilations, groups=groups)
        return largest(x, window.kernel, window.strides, dilation=dilations)
    if isinstance(operator, ConvTranspose):
        return transposed(operator, x, shapes[node.inputs[1]], fill)
    if isinstance(operator, GlobalAveragePool | GlobalMaxPool):
        return x.amax(dim=tuple(range(2, x.dim())), keepdim=True)
    if isinstance(operator, Gemm):
        return x.sum(dim=1, keepdim=True).expand(-1, shapes[node.name][1])
    if isinstance(operator, Flatten):
        return x.flatten(1)
    if isinstance(operator, Concat):
        return torch.cat(seen, 1)
    return sum(seen[1:], x)


def exactly(x, axes, fill):
    """Return x padded or cut to just what the windows read."""
    for dim, axis in enumerate(axes, start=2):
        size = x.shape[dim]
        read = (axis.output_size(size) - 1) * axis.stride + axis.extent
        sides = [max(axis.before, 0), max(read - axis.before - size, 0)]
        others = [0, 0] * (x.dim() - 1 - dim)  # the last axis comes first
        padded = functional.pad(x, [*others, *sides], value=fill)
        x = padded.narrow(dim, max(-axis.before, 0), read)
    return x


def transposed(operator, x, weight_shape, fill):
    """Return the transposed convolution of x amid `fill` that goes on beyond it."""
    rank, window = x.dim() - 2, operator.window
    beyond = max(axis.extent for axis in window.axes)
    full = getattr(functional, f"conv_transpose{rank}d")(
        functional.pad(x, [beyond] * 2 * rank, value=fill),
        torch.ones(weight_shape, dtype=x.dtype),
        None,
        window.strides,
        groups=operator.groups,
        dilation=window.dilations,
    )
    for dim, (axis, size) in enumerate(zip(window.axes, x.shape[2:], strict=True), start=2):
        full = full.narrow(dim, axis.before + beyond * axis.stride, axis.output_size(size))
    return full


def brute_reach(graph, shapes):
    """Return {output position: the input's positions that reach it}, and whether padding does."""
    _, channels, *sizes = shapes["input"]
    places = list(product(*map(range, sizes)))
    impulses = torch.zeros(len(places), channels, *sizes, dtype=torch.float64)
    for row, place in enumerate(places):
        impulses[(row, slice(None), *place)] = 1
    out = trace(graph, shapes, impulses, 0.0)[graph.outputs[0]].amax(1)
    edge = trace(graph, shapes, torch.zeros_like(impulses[:1]), 1.0)[graph.outputs[0]].amax(1)
    return {
        index: (
            [places[row] for row in out[(slice(None), *index)].nonzero().flatten().tolist()],
            bool(edge[(0, *index)]),
        )
        for index in product(*map(range, out.shape[1:]))
    }


def projected(places, rank):
    return tuple(tuple(sorted({place[axis] for place in places})) for axis in range(rank))


@pytest.mark.parametrize("rank", [1, 2])
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_reach_is_brute_force(rank, graphs, data):
    graph = data.draw(graphs(rank))
    shapes = infer_shapes(graph)
    with torch.no_grad():
        truth = brute_reach(graph, shapes)
    for index, (places, _) in truth.items():
        assert reach(graph, shapes, graph.outputs[0], index) == projected(places, rank)


@pytest.mark.parametrize("rank", [1, 2])
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_fields_are_the_hull_of_reach(rank, graphs, data):
    """Exactly, unless padding is seen; then they hold all that is reached, and padding beyond.

    Two exceptions are documented: a join with a path behind a global pooling sees what all of its
    outputs see; and axes are told apart, so that an output which sees nothing along one axis
    (between the steps of a transposed convolution) still has a field along the other.
    """
    gates = data.draw(st.booleans())
    graph = data.draw(graphs(rank, gates=gates))
    shapes = infer_shapes(graph)
    try:
        fields = infer_fields(graph, shapes)
    except GeometryError:  # paths of different strides meet
        assume(False)
    holes = any(None in field.intervals for value in fields.values() for field in value)
    with torch.no_grad():
        truth = brute_reach(graph, shapes)
    for index, (places, edge) in truth.items():
        found = tuple(
            field.of(i)
            for field, i in zip(fields[graph.outputs[0]], index or (0,) * rank, strict=True)
        )
        hull = tuple((min(axis), max(axis)) if axis else None for axis in projected(places, rank))
        if not edge and not gates and not (holes and rank > 1):
            assert found == hull
        for seen, reached in zip(found, hull, strict=True):
            assert reached is None or (seen[0] <= reached[0] and reached[1] <= seen[1])


def test_the_oracle_knows_transposed_axes():
    """One kernel wider than its stride, by hand: outputs 1 and 2 of 4 lie between two inputs."""
    b = Builder("hand", (1, 2, 3))
    graph = b.graph(b.conv_transpose(b.input, "up", channels=2, kernel=4, stride=2, padding=1))
    shapes = infer_shapes(graph)
    truth = brute_reach(graph, shapes)
    assert [places for places, _ in truth.values()] == [
        [(0,)],
        [(0,), (1,)],
        [(0,), (1,)],
        [(1,), (2,)],
        [(1,), (2,)],
        [(2,)],
    ]
    assert [edge for _, edge in truth.values()] == [True, False, False, False, False, True]
