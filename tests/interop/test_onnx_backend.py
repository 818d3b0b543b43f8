"""ONNX's interface for backends, spoken by striate."""

import importlib
import sys

import numpy as np
import onnx
import pytest
from onnx import helper

import striate
from striate.errors import GraphError, MissingExtraError, ParameterError
from striate.interop.onnx.backend import Backend


def model_of(kind, *shapes):
    """Return a model that adds two inputs."""
    inputs = [
        helper.make_tensor_value_info(name, kind, shape)
        for name, shape in zip("ab", shapes, strict=True)
    ]
    output = helper.make_tensor_value_info("sum", kind, None)
    node = helper.make_node("Add", ["a", "b"], ["sum"])
    return helper.make_model(helper.make_graph([node], "adding", inputs, [output]))


A, B = np.arange(6, dtype=np.float32).reshape(2, 3), np.ones(3, np.float32)


@pytest.mark.parametrize("inputs", [[A, B], (A, B), {"b": B, "a": A}])
def test_models_run_prepared(inputs):
    prepared = Backend.prepare(model_of(onnx.TensorProto.FLOAT, ["N", 3], [3]))
    for _ in range(2):
        (found,) = prepared.run(inputs)
        np.testing.assert_array_equal(found, A + B)


def test_models_of_float64_run_in_float64():
    x = np.array([1.0, 1e-12])
    (found,) = Backend.run_model(model_of(onnx.TensorProto.DOUBLE, [2], [2]), [x, x[::-1].copy()])
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, [1 + 1e-12, 1 + 1e-12])


def test_one_array_is_one_input():
    node = helper.make_node("Relu", ["x"], ["y"])
    assert Backend.run_node(node, np.array([-1.0, 2.0], np.float32))[0].tolist() == [0, 2]


def test_values_without_axes_and_without_elements():
    node = helper.make_node("Add", ["x", "x"], ["y"])
    for x in (np.array(2.0), np.array(2.0, np.float32), np.zeros((0, 3), np.float32)):
        (y,) = Backend.run_node(node, [x])
        assert isinstance(y, np.ndarray)
        assert y.shape == x.shape
        np.testing.assert_array_equal(y, x + x)


def test_nodes_of_several_outputs():
    node = helper.make_node("Split", ["x"], ["a", "b"], axis=1, num_outputs=2)
    found = Backend.run_node(node, {"x": A[:, :2]}, outputs_info=[(np.float32, (2, 1))] * 2)
    assert [array.tolist() for array in found] == [[[0], [3]], [[1], [4]]]


def test_nodes_of_an_older_opset():
    node = helper.make_node("Add", ["a", "b"], ["y"], broadcast=1, axis=0)
    b = np.array([10, 20], np.float32)
    (found,) = Backend.run_node(node, [A, b], opset_version=6)
    np.testing.assert_array_equal(found, A + b[:, None])


def test_what_is_refused():
    assert Backend.supports_device("CPU")
    assert not Backend.supports_device("CUDA")
    model = model_of(onnx.TensorProto.FLOAT, ["N", 3], [3])
    for call, message in (
        (lambda: Backend.prepare(model, "CUDA"), "device is 'CUDA', but must be \"CPU\""),
        (lambda: Backend.prepare(model, level=3), "prepare: unknown settings level: it takes none"),
        (
            lambda: Backend.run_node(helper.make_node("Add", ["a", "b"], ["y"]), [A]),
            "run_node: 1 inputs, but Add reads a, b: give one array for each",
        ),
        (
            lambda: Backend.prepare(model).run([A, B], level=3),
            "run: unknown settings level: it takes none",
        ),
    ):
        with pytest.raises(ParameterError) as error:
            call()
        assert str(error.value) == message


def test_an_operator_that_there_is_not():
    node = helper.make_node("Einsum", ["x"], ["y"], name="trace", equation="ii")
    with pytest.raises(GraphError) as error:
        Backend.run_node(node, [A])
    assert str(error.value).startswith("trace: node 'trace' (Einsum, opset 28): not supported; ")


def test_the_package_offers_it():
    assert striate.interop.onnx.Backend is Backend
    assert "Backend" in dir(striate.interop.onnx)


def test_onnx_is_an_extra(monkeypatch):
    monkeypatch.delitem(sys.modules, "striate.interop.onnx.backend")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError) as error:
        importlib.import_module("striate.interop.onnx.backend")
    assert str(error.value) == "ONNX needs onnx: pip install 'striate[onnx]'"
