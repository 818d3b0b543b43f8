"""Graphs are frozen, and refuse what could not run; whole messages."""

from dataclasses import FrozenInstanceError

import pytest

from striate.errors import GraphError, ParameterError, ShapeError
from striate.geometry import TransposedWindow, Window
from striate.network import Graph, Initial, Input, Node, Parameter
from striate.network.graph import broadcast_shapes
from striate.network.operators import (
    Add,
    BatchNormalization,
    Concat,
    Conv,
    ConvTranspose,
    Gemm,
    Mul,
    Relu,
)

X = Input("x", (None, 1, 8))
W = Parameter("w", (1, 1, 3), Initial("constant", 1.0))
WINDOW = Window.parse(3, rank=1)


def graph(*nodes, inputs=(X,), parameters=(W,), outputs=()):
    return Graph("net", inputs, parameters, nodes, outputs)


def relu(name, x):
    return Node(name, Relu(), (x,), (name,))


def test_graph_is_frozen_and_hashable():
    net = graph(relu("a", "x"), outputs=("a",))
    with pytest.raises(FrozenInstanceError):
        net.name = "other"
    assert hash(net) == hash(graph(relu("a", "x"), outputs=("a",)))


def test_a_node_reads_only_what_exists():
    with pytest.raises(GraphError) as error:
        graph(relu("a", "b"), relu("b", "a"))
    assert str(error.value) == (
        "net: node 'a' reads 'b' before it exists: "
        "nodes must come after what they read, without cycles"
    )


@pytest.mark.parametrize(
    ("nodes", "parameters", "name"),
    [((relu("a", "x"), relu("a", "x")), (), "a"), ((relu("x", "x"),), (), "x"), ((), (W, W), "w")],
)
def test_names_are_unique(nodes, parameters, name):
    with pytest.raises(GraphError) as error:
        graph(*nodes, parameters=parameters)
    assert str(error.value) == f"net: two values are called '{name}': names must be unique"


def test_outputs_exist():
    with pytest.raises(GraphError) as error:
        graph(outputs=("a",))
    assert str(error.value) == "net: output 'a' is computed by no node"


def test_a_graph_may_have_no_input():
    assert graph(inputs=()).inputs == ()


@pytest.mark.parametrize("shape", [(-1,), (None, 3, -1)])
def test_sizes_are_not_negative(shape):
    with pytest.raises(GraphError) as error:
        Input("x", shape)
    assert str(error.value) == (
        f"input 'x' of shape {shape} must have sizes of at least 0, or None for any"
    )


@pytest.mark.parametrize(
    ("operator", "count", "takes"),
    [
        (Relu(), 2, "1"),
        (Add(), 1, "2"),
        (Mul(), 3, "2"),
        (Conv(WINDOW), 1, "2 to 3"),
        (ConvTranspose(TransposedWindow.parse(3, rank=1)), 4, "2 to 3"),
        (Gemm(), 1, "2 to 3"),
        (BatchNormalization(), 4, "5"),
    ],
)
def test_a_node_reads_as_many_values_as_its_operator_takes(operator, count, takes):
    with pytest.raises(GraphError) as error:
        graph(Node("a", operator, ("x",) * count, ("a",)))
    assert str(error.value) == (
        f"net: node 'a' ({operator.onnx}) reads {count} values but takes {takes}"
    )


def test_concat_takes_any_number():
    assert graph(Node("a", Concat(), ("x",) * 7, ("a",))).nodes[0].inputs == ("x",) * 7


def test_parameters_of_nodes_come_once_and_in_order():
    other = Parameter("v", (1, 1, 3), Initial("constant", 1.0))
    one = Node("one", Conv(WINDOW), ("x", "w"), ("one",))
    two = Node("two", Conv(WINDOW), ("one", "w"), ("two",))
    three = Node("three", Conv(WINDOW), ("two", "v"), ("three",))
    net = graph(one, two, three, parameters=(W, other))
    assert net.parameters_of([two, one]) == (W,)
    assert net.parameters_of([three, two]) == (W, other)


@pytest.mark.parametrize(
    ("shapes", "result"),
    [
        ([(2, 3, 8), (2, 3, 8)], (2, 3, 8)),
        ([(2, 3, 8), (3, 1)], (2, 3, 8)),
        ([(2, 3, 1), (2, 1, 8)], (2, 3, 8)),
        ([(1, 1), (1, 1)], (1, 1)),
    ],
)
def test_shapes_broadcast_as_in_numpy(shapes, result):
    assert broadcast_shapes(shapes) == result


def test_shapes_that_do_not_broadcast():
    with pytest.raises(ShapeError) as error:
        broadcast_shapes([(2, 3, 8), (2, 3, 7)])
    assert str(error.value) == (
        "shapes (2, 3, 8) and (2, 3, 7) do not broadcast: "
        "aligned from the right, sizes must be equal or 1"
    )


@pytest.mark.parametrize("operator", [Conv, ConvTranspose])
def test_there_is_at_least_one_group(operator):
    with pytest.raises(ParameterError) as error:
        operator(WINDOW, groups=0)
    assert str(error.value) == "groups must be at least 1, not 0"


@pytest.mark.parametrize("table", [(), ((),), ((0,), (0, 1)), ((0, -1),)])
def test_a_connection_table_is_a_rectangle_of_channels(table):
    with pytest.raises(ParameterError) as error:
        Conv(WINDOW, table=table)
    assert str(error.value) == (
        f"connection table {table} must list the input channels of each output: "
        "at least one, none negative, equally many for all"
    )


def test_a_connection_table_replaces_groups():
    with pytest.raises(ParameterError) as error:
        Conv(WINDOW, groups=2, table=((0,), (1,)))
    assert str(error.value) == "a connection table cannot go with groups=2: use 1"
