"""Fields and reach of random graphs of every kind of operator, against running them.

A NaN takes the place of one input element at a time; what it reaches is what the element reaches,
whatever the numbers are. Run once more with NaN for all padding, a graph tells which of its
elements see padding, where fields are wider than what is seen of the input.
"""

from itertools import chain, product
from math import prod

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from striate.network import Defined, infer_shapes
from striate.network.operators import (
    AveragePool,
    Conv,
    ConvTranspose,
    CumSum,
    GlobalAveragePool,
    GlobalMaxPool,
    MaxPool,
    Pad,
    Resize,
)
from striate.network.seeing import look, reached

REPEATING = ("reflect", "edge", "wrap")


def run(graph, shapes, x, beyond=None):
    """Return the output; `beyond` is what padding holds, zeros by default."""
    values = {"input": x}
    values |= {p.name: np.ones(p.shape) for p in graph.parameters}
    values |= {c.name: c.array for c in graph.constants}
    for node in graph.nodes:
        arrays = [values[name] for name in node.inputs]
        with np.errstate(all="ignore"):
            values[node.name] = step(node.operator, arrays, beyond)
        assert values[node.name].shape == shapes[node.name]
    return values[graph.outputs[0]]


def step(operator, arrays, beyond):
    x = arrays[0]
    if isinstance(operator, ConvTranspose):
        return transposed(operator, x, arrays[1], beyond)
    if isinstance(operator, Conv | MaxPool | AveragePool):
        return window(operator, arrays, beyond)
    if isinstance(operator, GlobalAveragePool | GlobalMaxPool):
        return x.mean((2, 3), keepdims=True)
    if isinstance(operator, Resize):
        return resized(operator, x, beyond)
    if isinstance(operator, Pad) and beyond is not None:
        return Pad(operator.before, operator.after, fill=beyond).value(x)
    if isinstance(operator, CumSum) and beyond is not None:
        return np.full_like(x, beyond)  # its window goes on before the first element
    assert isinstance(operator, Defined)
    return operator.value(*arrays)


def window(operator, arrays, beyond):
    x = exactly(arrays[0], operator.window.at(arrays[0].shape[2:]).axes, beyond or 0.0)
    strides, dilations = operator.window.strides, operator.window.dilations
    if isinstance(operator, Conv):
        weight = torch.from_numpy(arrays[1])
        y = functional.conv2d(x, weight, None, strides, 0, dilations, operator.groups)
    else:  # sums take NaN in as maxima and means do
        channels = x.shape[1]
        weight = torch.ones((channels, 1, *operator.window.kernel), dtype=x.dtype)
        y = functional.conv2d(x, weight, None, strides, 0, dilations, channels)
    return y.numpy()


def exactly(x, axes, fill):
    """Return x padded or cut to just what the windows read."""
    x = torch.from_numpy(np.ascontiguousarray(x))
    for dim, axis in enumerate(axes, start=2):
        size = x.shape[dim]
        read = (axis.output_size(size) - 1) * axis.stride + axis.extent
        sides = [max(axis.before, 0), max(read - axis.before - size, 0)]
        padded = functional.pad(x, [*([0, 0] * (3 - dim)), *sides], value=fill)
        x = padded.narrow(dim, max(-axis.before, 0), read)
    return x


def transposed(operator, x, weight, beyond):
    """Return the transposed convolution of x amid padding that goes on beyond it."""
    around = max(axis.extent for axis in operator.window.axes)
    full = functional.conv_transpose2d(
        functional.pad(
            torch.from_numpy(np.ascontiguousarray(x)), [around] * 4, value=beyond or 0.0
        ),
        torch.from_numpy(weight),
        None,
        operator.window.strides,
        groups=operator.groups,
        dilation=operator.window.dilations,
    )
    for dim, (axis, size) in enumerate(zip(operator.window.axes, x.shape[2:], strict=True), 2):
        full = full.narrow(dim, axis.before + around * axis.stride, axis.output_size(size))
    return full.numpy()


def resized(operator, x, beyond):
    """Return x resized, an axis at a time; what has no weight does not count."""
    for axis in operator.resized(x.shape):
        single = Resize(
            scales=(axis.scale,),
            axes=(0,),
            mode=operator.mode,
            coordinates=operator.coordinates,
            nearest=operator.nearest,
            antialias=operator.antialias,
        )
        reads = single.value(np.eye(axis.size)) != 0
        moved = np.moveaxis(x, axis.axis, 0)
        y = np.tensordot(reads.astype(float), np.nan_to_num(moved), 1)
        y[np.tensordot(reads.astype(float), np.isnan(moved).astype(float), 1) > 0] = np.nan
        if beyond is not None:
            places = axis.places(operator.coordinates)
            y[(places < 0) | (places > axis.size - 1)] = beyond
        x = np.moveaxis(y, 0, axis.axis)
    return x


def seen_by(graph, shapes):
    """Return a table: [element of the input, element of the output] whether the one reaches it."""
    rows = []
    for place in range(prod(shapes["input"])):
        x = np.ones(shapes["input"])
        x.reshape(-1)[place] = np.nan
        rows.append(np.isnan(run(graph, shapes, x)).reshape(-1))
    return np.array(rows)


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_reach_is_what_a_nan_reaches(mixed_graphs, data):
    graph = data.draw(mixed_graphs)
    shapes = infer_shapes(graph)
    output = graph.outputs[0]
    table = seen_by(graph, shapes)
    count = table.shape[1]
    for element in data.draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=6)):
        index = [int(i) for i in np.unravel_index(element, shapes[output])]
        found = np.zeros(shapes["input"], bool)
        for box in reached(graph, shapes, output, index):
            found[np.ix_(*map(sorted, box))] = True
        assert np.array_equal(found.reshape(-1), table[:, element])


@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_fields_are_the_hull_of_what_is_seen(mixed_graphs, data):
    """Exactly, unless padding is seen; then they hold all that is seen, and padding beyond.

    Padding that repeats the input's own elements is padding all the same: a field goes on beyond
    the input there, and what is seen lies within. And axes are told apart: what sees nothing along
    one axis, between the steps of a transposed convolution, still has a field along the other.
    """
    graph = data.draw(mixed_graphs)
    shapes = infer_shapes(graph)
    output = graph.outputs[0]
    seen = look(graph, shapes)
    sight = seen.sights[output]
    if output in seen.reasons:
        return
    table = seen_by(graph, shapes).reshape(*shapes["input"], -1)
    repeats = any(
        isinstance(node.operator, Resize) or getattr(node.operator, "mode", "") in REPEATING
        for node in graph.nodes
    )
    holes = any(
        None in path.field.intervals
        for one in seen.sights.values()
        for path in chain.from_iterable(one.paths)
    )
    edge = np.isnan(run(graph, shapes, np.ones(shapes["input"]), beyond=np.nan)).reshape(-1)
    for axis, way in zip(seen.axes, sight.paths, strict=True):
        across = tuple(a for a in range(len(shapes["input"])) if a != axis)
        reaches = table.any(axis=across)  # (size, elements of the output)
        if not way:
            assert not reaches.any()
            continue
        (path,) = way
        groups = {}
        for element, index in enumerate(digits(sight.factors)):
            key = sum(d.weight * index[d.axis][d.factor] for d in path.place)
            groups.setdefault(key, []).append(element)
        for key, elements in groups.items():
            places = np.flatnonzero(reaches[:, elements].any(axis=1))
            hull = (int(places[0]), int(places[-1])) if len(places) else None
            field = path.field.of(key)
            if not edge[elements].any() and not holes:
                assert field == hull
            elif hull is not None and not repeats:
                assert field[0] <= hull[0] <= hull[1] <= field[1]


def digits(factors):
    """Yield the digits of each element of a value, row by row."""
    yield from product(*(product(*map(range, sizes)) for sizes in factors))
