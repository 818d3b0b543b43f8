"""What is seen where only parts are read, or several inputs, or all of one."""

from fractions import Fraction

import numpy as np
import pytest

from striate.errors import GeometryError, ParameterError, UnknownNameError
from striate.geometry import Field, Window
from striate.network import (
    Builder,
    Constant,
    Graph,
    Input,
    Node,
    infer_fields,
    infer_shapes,
    inspect,
    reach,
    reached,
)
from striate.network.operators import (
    Add,
    Concat,
    DepthToSpace,
    Gather,
    GlobalAveragePool,
    GlobalMaxPool,
    MaxPool,
    Pad,
    ReduceMean,
    Relu,
    Reshape,
    Slice,
    Split,
    Trilu,
)
from striate.network.operators import Shape as ShapeOf
from striate.network.seeing import look


def test_zeros_side_by_side_are_padding():
    graph = Graph(
        "zeros",
        (Input("x", (1, 2, 6)),),
        (),
        (
            Node("wider", Concat(2), ("zero", "x"), ("wider",)),
            Node("pool", MaxPool(Window.parse(2, 2, rank=1)), ("wider",), ("pool",)),
        ),
        ("pool",),
        (Constant.of("zero", np.zeros((1, 2, 2))),),
    )
    (field,) = infer_fields(graph, infer_shapes(graph))["pool"]
    assert (field.size, field.stride, field.start) == (2, Fraction(2), -2)


def test_strides_that_differ_have_a_field_again_behind_what_sees_all():
    b = Builder("net", (None, 1, 8))
    halved = b.max_pool(b.input, "halved", kernel=2)
    cut = b.add(Pad((-2,), (-2,)), b.input, name="cut")
    both = b.add(Relu(), b.add(Add(), halved, cut, name="sum"), name="relu")
    report = inspect(b.graph(b.add(GlobalMaxPool(), both, name="whole")))
    assert [bool(layer.field) for layer in report.layers] == [True, True, False, False, True]
    assert [layer.field_note for layer in report.layers[2:4]] == list(report.notes) * 2
    assert report.layers[-1].field[0].size == 8


def test_what_all_see_beside_what_each_sees():
    """A gate that has seen only a part of the input, added to all outputs."""
    b = Builder("net", (None, 1, 8))
    part = b.add(Slice((0,), (3,), (2,)), b.input, name="part")
    gate = b.add(GlobalAveragePool(), part, name="gate")
    graph = b.graph(b.add(Add(), b.input, gate, name="sum"))
    with pytest.raises(GeometryError) as error:
        infer_fields(graph, infer_shapes(graph))
    assert str(error.value) == (
        "net: sum (Add) of input and gate: all outputs see 0 to 2 of 8 beside what each sees: "
        "no single receptive field exists there"
    )
    assert reach(graph, infer_shapes(graph), "sum", [5]) == ((0, 1, 2, 5),)


def test_reshaping_across_rows():
    b = Builder("across", (None, 1, 4, 6))
    x = b.conv(b.input, "conv", channels=1, kernel=1)
    graph = b.graph(b.add(Reshape((1, 1, 3, 8)), x, name="across"))
    shapes, reasons = infer_shapes(graph), {}
    infer_fields(graph, shapes, reasons)
    assert reasons["across"] == (
        "across: across (Reshape) of conv: reshaping (1, 1, 4, 6) to (1, 1, 3, 8) cuts across "
        "what is seen"
    )
    assert reach(graph, shapes, "across", (0, 0, 1, 5)) == ((2,), (1,))
    report = inspect(b.graph(b.add(GlobalMaxPool(), "across", name="whole")))
    assert [f.size for f in report.layers[-1].field] == [4, 6]


def test_several_inputs_have_fields_of_their_own():
    graph = Graph(
        "two",
        (Input("image", (1, 1, 8, 8)), Input("scale", (1, 1, 8, 4)), Input("row", (1, 8))),
        (),
        (
            Node("pool", MaxPool(Window.parse(2, 2, rank=2)), ("image",), ("pool",)),
            Node("half", MaxPool(Window.parse((2, 1), (2, 1), rank=2)), ("scale",), ("half",)),
            Node("sum", Add(), ("pool", "half"), ("sum",)),
        ),
        ("sum",),
    )
    last = inspect(graph).layers[-1]
    assert [(f.input, f.axis, f.size, f.stride) for f in last.field] == [
        ("image", 2, 2, 2),
        ("image", 3, 2, 2),
        ("scale", 2, 2, 2),
        ("scale", 3, 1, 1),
    ]
    assert inspect(graph).rows()[-1][-1] == (
        "image: 2 / 2 from 0; scale: 2 / 2 from 0 x 1 / 1 from 0"
    )
    shapes = infer_shapes(graph)
    assert reach(graph, shapes, "sum", (3, 3), source="scale") == ((6, 7), (3,))
    with pytest.raises(UnknownNameError) as error:
        infer_fields(graph, shapes, source="imag")
    assert str(error.value) == "two: no input is called 'imag'; did you mean image?"


def test_gathered_elements():
    graph = Graph(
        "gather",
        (Input("x", (1, 1, 8)),),
        (),
        (
            Node("conv", MaxPool(Window.parse(2, 1, rank=1)), ("x",), ("conv",)),
            Node("even", Gather(2), ("conv", "steps"), ("even",)),
            Node("one", Gather(2), ("conv", "single"), ("one",)),
            Node("odd", Gather(2), ("conv", "any"), ("odd",)),
        ),
        ("even", "one", "odd"),
        (
            Constant.of("steps", [1, 3, 5]),
            Constant.of("single", 4),
            Constant.of("any", [0, 5, 1]),
        ),
    )
    shapes, reasons = infer_shapes(graph), {}
    fields = infer_fields(graph, shapes, reasons)
    assert fields["even"] == (Field(((1, 2),), 2),)
    assert fields["one"] == (Field(((4, 5),), 0),)
    assert list(reasons) == ["odd"]
    assert reach(graph, shapes, "odd", (0, 0, 1)) == ((5, 6),)
    assert reach(graph, shapes, "one", (0, 0)) == ((4, 5),)


def test_parts_of_a_split_and_shapes():
    graph = Graph(
        "parts",
        (Input("x", (1, 4, 9)),),
        (),
        (
            Node("pool", MaxPool(Window.parse(2, 1, rank=1)), ("x",), ("pool",)),
            Node("split", Split((3, 5), axis=2), ("pool",), ("left", "right")),
            Node("shape", ShapeOf(), ("pool",), ("shape",)),
        ),
        ("left", "right", "shape"),
    )
    shapes = infer_shapes(graph)
    fields = infer_fields(graph, shapes)
    assert fields["left"] == (Field(((0, 1),), 1),)
    assert fields["right"] == (Field(((3, 4),), 1),)
    assert "shape" not in fields
    assert reached(graph, shapes, "right", (0, 2, 4)) == (
        (frozenset({0}), frozenset({2}), frozenset({7, 8})),
    )


def test_operators_that_do_not_tell_what_they_read():
    b = Builder("net", (None, 1, 4, 4))
    x = b.conv(b.input, "conv", channels=1, kernel=1)
    graph = b.graph(b.add(Trilu(), x, name="triangle"))
    shapes, reasons = infer_shapes(graph), {}
    infer_fields(graph, shapes, reasons)
    assert reasons == {
        "triangle": "net: triangle (Trilu) of conv: how Trilu reads its input is not known"
    }
    with pytest.raises(ParameterError) as error:
        reach(graph, shapes, "triangle", (1, 1))
    assert str(error.value) == (
        "net: triangle (Trilu) does not tell what it reads: ask for a value before it"
    )


def test_groups_and_tables_read_their_own_channels():
    b = Builder("groups", (1, 4, 5))
    x = b.conv(b.input, "groups", channels=4, kernel=1, groups=2, bias=False)
    table = ((0, 1), (2, 3), (0, 3))
    graph = b.graph(b.conv(x, "table", channels=3, kernel=1, table=table, bias=False))
    shapes = infer_shapes(graph)
    for channel, seen in ((0, {0, 1}), (1, {2, 3}), (2, {0, 1, 2, 3})):
        ((_, channels, _),) = reached(graph, shapes, "table", (0, channel, 2))
        assert channels == seen


def test_wide_axes_cost_nothing():
    """Pixel shuffles, tokens and slices of an input of 16384 x 16384, without a loop over it."""
    b = Builder("wide", (1, 4, 16384, 16384))
    x = b.add(DepthToSpace(2), b.input, name="up")
    x = b.add(Slice((1, 1), (99999, 99999), (2, 3), (2, 2)), x, name="cut")
    x = b.add(Reshape((1, 1, -1)), b.conv(x, "conv", channels=1, kernel=3), name="flat")
    graph = b.graph(b.add(ReduceMean((2,)), x, name="mean"))
    sight = look(graph, infer_shapes(graph)).sights
    assert all(
        len(path.field.intervals) <= 2 for s in sight.values() for w in s.paths for path in w
    )
    assert sight["mean"].fields() == (Field(((0, 16383),), 0),) * 2


def test_definitions_are_known():
    """Every operator tells how it reads its inputs, but those named here."""
    from striate.network import operators
    from striate.network.seeing.table import READINGS

    classes = (getattr(operators, name) for name in operators.__all__)
    names = {kind.onnx for kind in classes if isinstance(kind, type) and hasattr(kind, "onnx")}
    assert names - set(READINGS) == {"Trilu"}
