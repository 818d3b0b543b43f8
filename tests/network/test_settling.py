"""Graphs that compute their own settings from shapes, and what becomes of them."""

from __future__ import annotations

import numpy as np
import pytest

from striate.errors import GraphError, ShapeError, UnknownNameError
from striate.network import (
    Constant,
    Deferred,
    Graph,
    Input,
    Node,
    infer_kinds,
    infer_shapes,
    settings_inputs,
    settled,
)
from striate.network import operators as op

KEEP_BATCH = (
    Node("shape", op.Shape(), ("x",), ("shape",)),
    Node("batch", op.Gather(0), ("shape", "first"), ("batch",)),
    Node("sizes", op.Concat(0), ("batch", "rest"), ("sizes",)),
    Node("flat", Deferred(op.Reshape, (), ("shape",)), ("x", "sizes"), ("flat",)),
)
CONSTANTS = Constant.of("first", [0]), Constant.of("rest", [-1])


def keeping_the_batch() -> Graph:
    """A Reshape as exporters write it: Shape, Gather, Concat, Reshape."""
    x = Input("x", (None, 3, 4, 4))
    return Graph("exported", (x,), (), KEEP_BATCH, ("flat",), CONSTANTS)


def test_shape_arithmetic_becomes_a_setting() -> None:
    graph = settled(keeping_the_batch(), (5, 3, 4, 4))
    assert [node.operator for node in graph.nodes] == [op.Reshape((5, -1))]
    assert graph.constants == ()
    assert infer_shapes(graph, (5, 3, 4, 4))["flat"] == (5, 48)


def test_the_default_batch_is_one() -> None:
    assert settled(keeping_the_batch()).nodes[0].operator == op.Reshape((1, -1))


def test_a_graph_without_deferred_operators_stays_itself() -> None:
    relu = Node("relu", op.Relu(), ("x",), ("relu",))
    graph = Graph("plain", (Input("x", (None, 3)),), (), (relu,), ("relu",))
    assert settled(graph, (2, 3)) is graph


def test_shapes_that_are_data_too_are_still_computed() -> None:
    graph = keeping_the_batch()
    both = Graph(graph.name, graph.inputs, (), graph.nodes, ("flat", "batch"), CONSTANTS)
    kept = settled(both, (2, 3, 4, 4))
    assert [node.name for node in kept.nodes] == ["shape", "batch", "flat"]
    assert [constant.name for constant in kept.constants] == ["first"]
    assert infer_kinds(kept)["batch"] == "int64"
    assert infer_kinds(kept)["flat"] == "float"


def wanting_a_value() -> Graph:
    inputs = Input("x", (2, 6)), Input("sizes", (2,), "int64")
    node = Node("flat", Deferred(op.Reshape, (), ("shape",)), ("x", "sizes"), ("flat",))
    return Graph("given", inputs, (), (node,), ("flat",))


def test_inputs_may_be_settings() -> None:
    graph = wanting_a_value()
    assert settings_inputs(graph) == ("sizes",)
    found = settled(graph, values={"sizes": np.array([3, 4])})
    assert found.nodes[0].operator == op.Reshape((3, 4))
    assert settings_inputs(keeping_the_batch()) == ()


def test_a_setting_from_data_is_refused() -> None:
    with pytest.raises(GraphError) as error:
        settled(wanting_a_value())
    assert str(error.value) == (
        "given: flat (Reshape): its shape is 'sizes', which is computed from data: only what "
        "follows from shapes and constants can be a setting"
    )


def test_unsettled_graphs_have_no_shapes() -> None:
    with pytest.raises(GraphError) as error:
        infer_shapes(keeping_the_batch())
    assert str(error.value) == (
        "exported: flat (Reshape): shape of Reshape are computed by the network: "
        "settled(graph, input_shape) computes them for an input shape"
    )


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(ShapeError, match=r"^given: flat \(Reshape\): "):
        settled(wanting_a_value(), values={"sizes": np.array([5, -1])})


def test_shapes_of_inputs_go_by_name() -> None:
    inputs = Input("a", (None, 3)), Input("b", (None, 3))
    node = Node("sum", op.Add(), ("a", "b"), ("sum",))
    graph = Graph("two", inputs, (), (node,), ("sum",))
    assert infer_shapes(graph, {"b": (4, 3)})["sum"] == (4, 3)
    with pytest.raises(UnknownNameError) as error:
        infer_shapes(graph, {"c": (4, 3)})
    assert str(error.value) == "two: no input is called 'c'; known: a, b"


def test_constants_keep_their_bits() -> None:
    assert Constant.of("tenth", 0.1).array == 0.1
    assert Constant.of("flags", [True, False]).kind == "bool"
    array = Constant.of("n", np.arange(6, dtype=np.int32).reshape(2, 3)).array
    assert array.dtype == np.int32
    assert array.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert not array.flags.writeable


def test_absurd_sizes_cost_nothing() -> None:
    graph = settled(keeping_the_batch(), (1 << 61, 3, 4, 4))
    assert graph.nodes[0].operator == op.Reshape((1 << 61, -1))


def test_settings_are_not_computed_from_much() -> None:
    large = (
        Node("many", op.Expand((1 << 33,)), ("one",), ("many",)),
        Node("some", op.Slice((0,), (2,)), ("many",), ("some",)),
        Node("flat", Deferred(op.Reshape, (), ("shape",)), ("x", "some"), ("flat",)),
    )
    constants = (Constant.of("one", [1]),)
    with pytest.raises(GraphError) as error:
        settled(Graph("large", (Input("x", (1, 4)),), (), large, ("flat",), constants))
    assert str(error.value) == (
        "large: many (Expand): its output, of 8,589,934,592 elements, decides on settings: at most "
        "65,536 are computed for that"
    )
