"""Graphs in ONNX: computed settings, constants, kinds, several inputs and outputs, large models."""

import numpy as np
import onnx
import onnxruntime
import pytest

from striate.errors import DTypeError, FileError, GeometryError, GraphError
from striate.geometry import Axis, Window
from striate.interop import save_onnx, to_onnx
from striate.network import (
    Constant,
    Deferred,
    Graph,
    Initial,
    Input,
    Network,
    Node,
    Parameter,
    zoo,
)
from striate.network import operators as op
from striate.network.images.preprocessing import Preprocessing

X = np.random.default_rng(2).standard_normal((3, 4, 6, 5)).astype(np.float32)


def computed(model, feeds):
    """Return what ONNX Runtime computes, after ONNX's checker had its say."""
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, feeds)


def dims(value):
    return [size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim]


def test_shape_arithmetic_stays_computed():
    nodes = (
        Node("shape", op.Shape(), ("x",), ("shape",)),
        Node("batch", op.Gather(), ("shape", "first"), ("batch",)),
        Node("sizes", op.Concat(0), ("batch", "rest"), ("sizes",)),
        Node("flat", Deferred(op.Reshape, (), ("shape",)), ("x", "sizes"), ("flat",)),
    )
    constants = Constant.of("first", [0]), Constant.of("rest", [-1])
    graph = Graph("exported", (Input("x", (None, 4, 6, 5)),), (), nodes, ("flat",), constants)
    model = to_onnx(Network(graph))
    assert dims(model.graph.output[0]) == ["N", 120]
    np.testing.assert_array_equal(computed(model, {"x": X})[0], X.reshape(3, 120))


SETTINGS = {
    "Expand": (op.Expand, {"shape": [2, 1, 1, 1, 1]}, {}, lambda x: np.stack([x, x])),
    "Slice": (
        op.Slice,
        {"starts": [1], "ends": [5], "steps": [2]},
        {"axes": (2,)},
        lambda x: x[:, :, 1:5:2],
    ),
    "Tile": (op.Tile, {"repeats": [1, 2, 1, 1]}, {}, lambda x: np.tile(x, (1, 2, 1, 1))),
    "Pad": (
        op.Pad,
        {"before": [1, 0], "after": [2, 3]},
        {"fill": 0.5},
        lambda x: np.pad(x, [(0, 0), (0, 0), (1, 2), (0, 3)], constant_values=0.5),
    ),
    "TopK": (
        op.TopK,
        {"count": 1},
        {"axis": 1, "largest": True, "sorted": True},
        lambda x: x.max(axis=1, keepdims=True),
    ),
    "ReduceSum": (
        op.ReduceSum,
        {"axes": [1, 2]},
        {"keepdims": False},
        lambda x: x.sum(axis=(1, 2)),
    ),
    "CumSum": (op.CumSum, {"axis": 2}, {}, lambda x: x.cumsum(axis=2)),
    "Clip": (op.Clip, {"low": 0.25}, {"high": 0.5}, lambda x: x.clip(0.25, 0.5)),
    "Resize": (
        op.Resize,
        {"sizes": [3, 4, 12, 10]},
        {"coordinates": "asymmetric", "nearest": "floor"},
        lambda x: x.repeat(2, axis=2).repeat(2, axis=3),
    ),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_settings_may_be_values(case):
    operator, settings, attributes, expected = SETTINGS[case]
    names = tuple(f"its {name}" for name in settings)
    constants = tuple(
        Constant.of(name, array) for name, array in zip(names, settings.values(), strict=True)
    )
    given = Deferred(operator, tuple(attributes.items()), tuple(settings))
    outputs = ("y", "which") if case == "TopK" else ("y",)
    node = Node("y", given, ("x", *names), outputs)
    inputs = (Input("x", (3, 4, 6, 5)),)
    network = Network(Graph("given", inputs, (), (node,), outputs, constants))
    found = computed(to_onnx(network), {"x": X})[0]
    np.testing.assert_allclose(found, expected(X), rtol=1e-6, atol=1e-6)


def test_what_onnx_wants_fixed():
    given = Deferred(op.Concat, (), ("axis",))
    node = Node("y", given, ("x", "x", "which"), ("y",))
    constants = (Constant.of("which", 1),)
    graph = Graph("given", (Input("x", (3, 4)),), (), (node,), ("y",), constants)
    with pytest.raises(GraphError) as error:
        to_onnx(Network(graph))
    assert str(error.value) == (
        "y: axis is computed by the network as 'which', but ONNX wants it fixed: "
        "settled(graph, input_shape) fixes it"
    )


def several():
    """Two inputs of which one is of whole numbers, and three outputs of which one is an input."""
    inputs = Input("x", (None, 4)), Input("which", (2,), "int64")
    parameters = (Parameter("scale", (4,), Initial("constant", 1.0)),)
    constants = Constant.of("half", 0.5), Constant.of("table", np.arange(4))
    nodes = (
        Node("scaled", op.Mul(), ("x", "scale"), ("scaled",)),
        Node("moved", op.Add(), ("scaled", "half"), ("moved",)),
        Node("picked", op.Gather(0), ("table", "which"), ("picked",)),
        Node("large", op.Greater(), ("moved", "half"), ("large",)),
    )
    outputs = ("moved", "picked", "large")
    graph = Graph("several", inputs, parameters, nodes, outputs, constants)
    return Network(graph, {"scale": np.arange(4, dtype=np.float32)})


def test_several_inputs_and_outputs_of_several_kinds():
    model = to_onnx(several())
    assert [dims(value) for value in model.graph.output] == [["N", 4], [2], ["N", 4]]
    x, which = X[:, :, 0, 0], np.array([3, 1])
    moved, picked, large = computed(model, {"x": x, "which": which})
    np.testing.assert_allclose(moved, x * np.arange(4) + 0.5, rtol=1e-6)
    np.testing.assert_array_equal(picked, which)
    np.testing.assert_array_equal(large, moved > 0.5)


def test_constants_are_of_the_networks_precision():
    network = several()
    doubled = Network(network.graph, {"scale": network.weights["scale"].astype(np.float64)})
    types = {tensor.name: tensor.data_type for tensor in to_onnx(doubled).graph.initializer}
    assert types == {
        "scale": onnx.TensorProto.DOUBLE,
        "half": onnx.TensorProto.DOUBLE,
        "table": onnx.TensorProto.INT64,
    }


def test_the_precision_may_be_told():
    node = Node("y", op.Mul(), ("x", "half"), ("y",))
    constants = (Constant.of("half", 0.5),)
    network = Network(Graph("one", (Input("x", (2,)),), (), (node,), ("y",), constants))
    model = to_onnx(network, dtype=np.float64)
    kinds = {
        value.type.tensor_type.elem_type for value in (*model.graph.input, *model.graph.output)
    }
    assert kinds == {onnx.TensorProto.DOUBLE}
    np.testing.assert_array_equal(computed(model, {"x": np.array([1.0, 3.0])})[0], [0.5, 1.5])
    with pytest.raises(DTypeError) as error:
        to_onnx(network, dtype=np.float16)
    assert str(error.value) == "dtype must be float32 or float64, not float16"


def test_values_of_inputs_that_are_settings():
    shape = Node("sizes", op.Identity(), ("wanted",), ("sizes",))
    flat = Node("flat", Deferred(op.Reshape, (), ("shape",)), ("x", "sizes"), ("flat",))
    relu = Node("relu", op.Relu(), ("flat",), ("relu",))
    inputs = Input("x", (None, 4)), Input("wanted", (3,), "int64")
    network = Network(Graph("given", inputs, (), (shape, flat, relu), ("relu",)))
    model = to_onnx(network)
    assert len(dims(model.graph.output[0])) == 3
    (found,) = computed(model, {"x": X[:, :, 0, 0], "wanted": np.array([2, 3, 2])})
    np.testing.assert_array_equal(found, np.maximum(X[:, :, 0, 0], 0).reshape(2, 3, 2))


def test_the_opset_is_as_old_as_can_be():
    def opset(operator):
        node = Node("y", operator, ("x",), ("y",))
        model = to_onnx(Network(Graph("one", (Input("x", (2, 3)),), (), (node,), ("y",))))
        return model.opset_import[0].version, model.ir_version

    assert opset(op.Relu()) == (22, 10)
    assert opset(op.Swish()) == (24, 12)


def test_indices_behind_a_window_that_crops():
    window = Window((Axis(3, padding=(-1, 2)), Axis(3)))
    node = Node("y", op.MaxPool(window, indices=True), ("x",), ("y", "where"))
    graph = Graph("two", (Input("x", (None, 4, 9, 9)),), (), (node,), ("y", "where"))
    with pytest.raises(GeometryError) as error:
        to_onnx(Network(graph))
    assert str(error.value) == (
        "y: the indices of a MaxPool whose window crops count cropped elements in ONNX: "
        "pad by at least 0"
    )


def test_preprocessing_travels_along():
    network = zoo.load("mlp").initialize(0)
    told = Network(network.graph, network.weights, Preprocessing.imagenet())
    model = to_onnx(told)
    onnx.checker.check_model(model)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert Preprocessing.from_metadata(metadata) == Preprocessing.imagenet()


def test_a_large_model_lies_in_two_files(tmp_path, monkeypatch):
    network = zoo.load("lenet-1989").initialize(0)
    whole = to_onnx(network)
    monkeypatch.setattr("striate.interop.onnx.writer.LARGEST", 1 << 24)
    path = save_onnx(network, tmp_path / "lenet.onnx")
    assert sorted(child.name for child in tmp_path.iterdir()) == ["lenet.onnx", "lenet.onnx.data"]
    assert path.stat().st_size < 10_000
    onnx.checker.check_model(str(path), full_check=True)
    found = onnx.load(path)
    x = np.zeros((2, 1, 16, 16), np.float32)
    for ours, theirs in zip(
        computed(found, {"input": x}), computed(whole, {"input": x}), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    sizes = {tensor.name: tensor.dims for tensor in found.graph.initializer}
    assert sizes == {tensor.name: tensor.dims for tensor in whole.graph.initializer}


def test_a_large_model_is_whole_or_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr("striate.interop.onnx.writer.LARGEST", 1 << 24)
    path = tmp_path / "lenet.onnx"
    path.write_text("what was there")
    (tmp_path / "lenet.onnx.data").mkdir()
    with pytest.raises(FileError) as error:
        save_onnx(zoo.load("lenet-1989").initialize(0), path)
    assert str(error.value) == f"{tmp_path / 'lenet.onnx.data'}: a folder; name a file in it"
    assert path.read_text() == "what was there"
    assert len(list(tmp_path.iterdir())) == 2


def test_sizes_that_are_less_open_than_the_input_says():
    """Only 63 features fit, but the axes of what comes out are known all the same."""
    nodes = (
        Node("flat", op.Flatten(), ("x",), ("flat",)),
        Node("y", op.Gemm(), ("flat", "w"), ("y",)),
        Node("z", op.Reshape((5, -1)), ("y",), ("z",)),
    )
    parameters = (Parameter("w", (5, 63), Initial("normal", 0.1)),)
    graph = Graph("open", (Input("x", (None, 1, None, None)),), parameters, nodes, ("y", "z"))
    network = Network(graph).initialize(0)
    model = to_onnx(network)
    x = np.ones((3, 1, 7, 9), np.float32)
    y, z = computed(model, {"x": x})
    np.testing.assert_allclose(y, x.reshape(3, 63) @ network.weights["w"].T, rtol=1e-5)
    assert z.shape == (5, 3)
    assert [len(dims(value)) for value in model.graph.output] == [2, 2]
