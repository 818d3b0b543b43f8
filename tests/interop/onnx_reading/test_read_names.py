"""Nodes are called what the model calls them, and weights what its initializers are called."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import striate as st
from striate.errors import ShapeError
from striate.interop.onnx import from_onnx, to_onnx
from striate.network import explain, inspect


def model_of(nodes, arrays=(), shape=("N", 3), outputs=("y",), functions=()):
    """Return a model with an input x of this shape."""
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    tensors = [numpy_helper.from_array(array, name) for name, array in arrays]
    graph = helper.make_graph(nodes, "named", [given], made, tensors)
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("own", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9, functions=functions)


def weights(rows, columns):
    """Return numbers in single precision."""
    return np.arange(rows * columns, dtype=np.float32).reshape(rows, columns) / 7


def names_of(network):
    """Return what the nodes are called."""
    return [node.name for node in network.graph.nodes]


def gemm(output, weight, name="", read="x", **attributes):
    """Return a node of a linear layer."""
    return helper.make_node("Gemm", [read, weight], [output], name, **attributes)


@pytest.mark.parametrize(
    ("titles", "found"),
    [
        (("conv_one", "fc"), ["conv_one", "fc"]),
        (("", ""), ["a", "y"]),
        (("one", "one"), ["one", "y"]),
        (("y", ""), ["y", "y.2"]),
        (("x", "a"), ["x", "a"]),
    ],
)
def test_nodes_keep_their_names_where_no_other_has_them(titles, found):
    nodes = [
        helper.make_node("Relu", ["x"], ["a"], titles[0]),
        helper.make_node("Neg", ["a"], ["y"], titles[1]),
    ]
    network = from_onnx(model_of(nodes))
    assert names_of(network) == found
    assert [node.outputs for node in network.graph.nodes] == [("a",), ("y",)]
    assert [node.name for node in to_onnx(network).graph.node] == found
    assert names_of(from_onnx(to_onnx(network))) == found
    x = np.array([[1, -2, 3]], np.float32)
    assert st.compile(network)(x).tolist() == [[-1, 0, -3]]


def test_reports_call_nodes_after_themselves():
    relu = helper.make_node("Relu", ["a"], ["y"])
    network = from_onnx(model_of([gemm("a", "w", "fc"), relu], [("w", weights(3, 2))]))
    assert [layer.name for layer in inspect(network).layers] == ["fc", "y"]
    assert explain(network, "fc")[0] == "fc (Gemm): 1x3 -> 1x2"


def test_errors_call_nodes_after_themselves():
    arrays = [("w", weights(3, 2)), ("v", weights(3, 2))]
    network = from_onnx(model_of([gemm("a", "w", "fc"), gemm("y", "v", "fc_2", "a")], arrays))
    with pytest.raises(ShapeError) as caught:
        inspect(network)
    assert str(caught.value) == (
        "named: fc_2 (Gemm): weight (2, 3) takes 3 features but the input has 2"
    )


def test_what_one_node_becomes_is_called_after_it():
    """With a bias that no layer adds, a general product becomes a layer and a sum."""
    node = helper.make_node("Gemm", ["x", "w", "c"], ["y"], "fc")
    arrays = [("w", weights(3, 2)), ("c", weights(4, 2))]
    network = from_onnx(model_of([node], arrays, shape=(4, 3)))
    assert names_of(network) == ["fc.product", "fc"]
    x = weights(4, 3)
    assert np.allclose(st.compile(network)(x), x @ arrays[0][1] + arrays[1][1])


def test_what_calls_a_function_names_the_node_that_gives_its_result():
    body = [
        helper.make_node("Relu", ["p"], ["q"], "in"),
        helper.make_node("Neg", ["q"], ["r"], "out"),
    ]
    opset = [helper.make_opsetid("", 20)]
    function = helper.make_function("own", "Both", ["p"], ["r"], body, opset)
    nodes = [
        helper.make_node("Both", ["x"], ["a"], "first", domain="own"),
        helper.make_node("Both", ["a"], ["y"], "second", domain="own"),
    ]
    network = from_onnx(model_of(nodes, functions=[function]))
    assert names_of(network) == ["q", "first", "q.2", "second"]


def test_many_outputs():
    nodes = [
        helper.make_node("Split", ["x"], ["a", "b", "c"], "parts", axis=1, num_outputs=3),
        helper.make_node("Sum", ["a", "b", "c"], ["y"], "total"),
    ]
    network = from_onnx(model_of(nodes))
    assert names_of(network) == ["parts", "total"]
    assert names_of(from_onnx(to_onnx(network))) == ["parts", "total"]


def test_transposed_weights_are_called_after_their_initializers():
    nodes = [gemm("a", "w1", "one"), gemm("y", "w2", "two", read="a", alpha=0.5)]
    arrays = [("w1", weights(3, 4)), ("w2", weights(4, 2))]
    network = from_onnx(model_of(nodes, arrays))
    assert list(network.weights) == ["w1", "w2"]
    assert np.array_equal(network.weights["w2"], arrays[1][1].T / 2)
    again = from_onnx(to_onnx(network))
    assert list(again.weights) == ["w1", "w2"]
    assert again.weights["w1"].shape == (4, 3)


def test_weights_that_others_read_too_are_not_renamed():
    nodes = [gemm("a", "w", "one"), helper.make_node("MatMul", ["a", "w"], ["y"], "two")]
    network = from_onnx(model_of(nodes, [("w", weights(3, 3))]))
    assert sorted(network.weights) == ["w", "w.transposed"]
    twice = from_onnx(model_of([gemm("a", "w"), gemm("y", "w", read="a")], [("w", weights(3, 3))]))
    assert list(twice.weights) == ["w.transposed", "w.transposed.2"]


def test_one_number_for_all_outputs_keeps_its_name():
    node = helper.make_node("Gemm", ["x", "w", "c"], ["y"], "fc")
    arrays = [("w", weights(3, 2)), ("c", np.float32([2.5]))]
    network = from_onnx(model_of([node], arrays))
    assert {name: array.shape for name, array in network.weights.items()} == {
        "w": (2, 3),
        "c": (2,),
    }
    assert onnx.checker.check_model(to_onnx(network)) is None
