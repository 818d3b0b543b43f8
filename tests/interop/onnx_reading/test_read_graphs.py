"""Arrays, names, order, functions and branches of ONNX models."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from striate.interop.onnx import from_onnx
from striate.network import Initial, Preprocessing
from striate.network import operators as op

F = np.float32


def tensor(kind, values, dims=None, raw=None):
    made = onnx.TensorProto(name="w", data_type=kind, dims=dims or [len(values)])
    if raw is not None:
        made.raw_data = raw
    elif kind == TensorProto.FLOAT:
        made.float_data.extend(values)
    elif kind == TensorProto.DOUBLE:
        made.double_data.extend(values)
    elif kind == TensorProto.INT64:
        made.int64_data.extend(values)
    elif kind in (TensorProto.UINT32, TensorProto.UINT64):
        made.uint64_data.extend(values)
    else:
        made.int32_data.extend(values)
    return made


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (tensor(TensorProto.FLOAT, [1.5, -2]), np.array([1.5, -2], F)),
        (tensor(TensorProto.DOUBLE, [1.5, -2]), np.array([1.5, -2])),
        (tensor(TensorProto.INT64, [1, -2]), np.array([1, -2])),
        (tensor(TensorProto.INT8, [1, -2]), np.array([1, -2], np.int8)),
        (tensor(TensorProto.UINT32, [1, 2**32 - 1]), np.array([1, 2**32 - 1], np.uint32)),
        (tensor(TensorProto.UINT64, [1, 2**64 - 1]), np.array([1, 2**64 - 1], np.uint64)),
        (tensor(TensorProto.BOOL, [1, 0]), np.array([True, False])),
        (tensor(TensorProto.FLOAT16, [0x3E00, 0xC000]), np.array([1.5, -2], F)),
        (tensor(TensorProto.BFLOAT16, [0x3FC0, 0xC000]), np.array([1.5, -2], F)),
        (
            tensor(TensorProto.FLOAT, [], [1, 2], np.array([1.5, -2], "<f4").tobytes()),
            np.array([[1.5, -2]], F),
        ),
        (tensor(TensorProto.BFLOAT16, [], [1], b"\xc0\x3f"), np.array([1.5], F)),
        (tensor(TensorProto.FLOAT, [], [0, 3]), np.zeros((0, 3), F)),
    ],
)
def test_tensors_in_all_their_forms(model, stored, expected):
    made = model("y = Identity (w)")
    made.graph.initializer.append(stored)
    net = from_onnx(made)
    found = {**net.weights, **{c.name: c.array for c in net.graph.constants}}[net.graph.outputs[0]]
    np.testing.assert_array_equal(found, expected)
    assert found.dtype.kind == expected.dtype.kind


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [
        ("value_float = 1.5", F(1.5)),
        ("value_floats = [1.5, 2.5]", np.array([1.5, 2.5], F)),
        ("value_int = 3", np.int64(3)),
        ("value_ints = [3, 4]", np.array([3, 4])),
        ("value = float[2] {1.5, 2.5}", np.array([1.5, 2.5], F)),
    ],
)
def test_constants_in_all_their_forms(read, attribute, expected):
    net = read(f"y = Constant <{attribute}> ()")
    found = {**net.weights, **{c.name: c.array for c in net.graph.constants}}["y"]
    np.testing.assert_array_equal(found, expected)


def test_what_is_learnt_is_a_parameter_and_what_is_small_a_constant(read):
    body = """
        a = Conv (x, w, b) n = BatchNormalization (a, s, s, m, s)
        c = Mul (n, half) d = Add (c, row) g = Gather <axis = 1> (d, index) y = Identity (g)
    """
    net = read(
        body,
        w=np.ones((1, 2, 3, 3), F),
        b=np.ones(1, F),
        s=np.ones(1, F),
        m=np.zeros(1, F),
        half=F(0.5),
        row=np.ones(6, F),
        index=np.array([0]),
    )
    parameters = {p.name: (p.shape, p.trainable, p.initial.kind) for p in net.graph.parameters}
    assert parameters == {
        "w": ((1, 2, 3, 3), True, "normal"),
        "b": ((1,), True, "constant"),
        "s": ((1,), True, "constant"),
        "m": ((1,), False, "constant"),
        "row": ((6,), True, "normal"),
    }
    assert net.graph.parameters[0].initial == Initial("normal", 1 / 3)
    assert {(c.name, c.kind) for c in net.graph.constants} == {
        ("half", "float"),
        ("index", "int64"),
    }


def test_large_whole_numbers_lie_beside_the_graph(read):
    net = read("y = Gather (x, i)", "float[8] x", i=np.zeros(5000, np.int64))
    (parameter,) = net.graph.parameters
    assert (parameter.kind, parameter.trainable) == ("int64", False)


def test_weights_made_of_one_number_cost_nothing(read):
    body = "w = ConstantOfShape <value = float[1] {0.5}> (s) y = Conv (x, w)"
    net = read(body, s=np.array([4096, 2, 64, 64]))
    weight = net.weights["w"]
    assert weight.shape == (4096, 2, 64, 64)
    assert weight.strides == (0, 0, 0, 0)
    assert net.graph.parameters[0].trainable


def test_arrays_made_for_no_layer_are_not_trained(read):
    net = read("w = ConstantOfShape (s) y = Add (x, w)", "float[8] x", s=np.array([8]))
    assert not net.graph.parameters[0].trainable


def test_what_hangs_on_no_input_is_computed(read):
    body = "t = Transpose (w) u = Mul (t, two) y = MatMul (x, u)"
    weight = np.arange(6, dtype=F).reshape(3, 2)
    net = read(body, "float[N, 2] x", w=weight, two=F(2))
    assert [node.operator for node in net.graph.nodes] == [op.MatMul()]
    np.testing.assert_array_equal(net.weights["u"], 2 * weight.T)


@pytest.mark.parametrize(
    ("elements", "kinds"),
    [
        (("double", np.float64), ["float", "float"]),
        (("float", np.float64), ["float", "float64"]),
        (("float16", np.float16), ["float", "float"]),
        (("float", np.float16), ["float", "float"]),
        (("bfloat16", F), ["float", "float"]),
        (("int32", np.int32), ["int32", "int32"]),
    ],
)
def test_kinds(read, elements, kinds):
    name, dtype = elements
    net = read("y = Add (x, c)", f"{name}[N] x", f"{name}[N] y", c=np.array(1, dtype))
    assert [net.graph.inputs[0].kind, net.graph.constants[0].kind] == kinds


def test_initializers_listed_as_inputs_are_none(read):
    net = read("y = Mul (x, w)", "float[2] x, float[2] w", w=np.ones(2, F))
    assert [value.name for value in net.graph.inputs] == ["x"]


def test_sizes_left_open_and_fixed(read):
    inputs = "float[N, 3, H, W] x"
    assert read("y = Relu (x)", inputs).graph.inputs[0].shape == (None, 3, None, None)
    fixed = read("y = Relu (x)", inputs, input_shape={"x": (1, 3, 8, 9)})
    assert fixed.graph.inputs[0].shape == (1, 3, 8, 9)


def test_minus_one_is_any_size(model):
    made = model("y = Relu (x)")
    made.graph.input[0].type.tensor_type.shape.dim[0].dim_value = -1
    assert from_onnx(made).graph.inputs[0].shape == (None, 2, 8, 8)


def test_nodes_are_put_in_order_and_those_nothing_needs_left_out(read):
    net = read("y = Neg (b) unused = Exp (x) b = Abs (a) a = Relu (x)")
    assert [node.name for node in net.graph.nodes] == ["a", "b", "y"]


def test_outputs_that_are_inputs_or_arrays(read):
    net = read("y = Identity (x)", outputs="float[] x, float[] w, float[] y", w=np.ones(3, F))
    assert net.graph.outputs == ("x", "w", "y")


def test_functions_of_the_model_are_put_in_their_places(model):
    made = model("y = my.Twice <alpha = 0.5> (x)")
    inner = helper.make_function(
        "my",
        "Leak",
        ["a"],
        ["b"],
        [helper.make_node("LeakyRelu", ["a"], ["b"], alpha=0.1)],
        [helper.make_opsetid("", 17)],
        ["alpha"],
    )
    inner.node[0].attribute[0].CopyFrom(onnx.AttributeProto(name="alpha", ref_attr_name="alpha"))
    inner.node[0].attribute[0].type = onnx.AttributeProto.FLOAT
    call = helper.make_node("Leak", ["a"], ["c"], domain="my")
    call.attribute.append(onnx.AttributeProto(name="alpha", ref_attr_name="alpha", type=1))
    again = helper.make_node("Leak", ["c"], ["b"], domain="my", alpha=0.25)
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("my", 1)]
    outer = helper.make_function("my", "Twice", ["a"], ["b"], [call, again], imports, ["alpha"])
    made.functions.extend([inner, outer])
    net = from_onnx(made)
    assert [(n.operator, n.inputs, n.outputs) for n in net.graph.nodes] == [
        (op.LeakyRelu(0.5), ("x",), ("c",)),
        (op.LeakyRelu(0.25), ("c",), ("y",)),
    ]


@pytest.mark.parametrize(("condition", "expected"), [(True, op.Add()), (False, op.Identity())])
def test_branches_on_what_is_known(model, condition, expected):
    made = model("h = Relu (x) y = Neg (x)", c=np.array(condition))
    output = [helper.make_tensor_value_info("r", TensorProto.FLOAT, None)]
    arrays = [numpy_helper.from_array(np.ones(8, F), "one")]
    then = helper.make_graph(
        [helper.make_node("Add", ["h", "one"], ["r"])], "t", [], output, arrays
    )
    passed = [helper.make_tensor_value_info("h", TensorProto.FLOAT, None)]
    other = helper.make_graph([], "e", [], passed)
    branch = helper.make_node("If", ["c"], ["y"], then_branch=then, else_branch=other)
    made.graph.node[1].CopyFrom(branch)
    net = from_onnx(made)
    assert net.graph.nodes[-1].operator == expected
    assert net.graph.nodes[-1].outputs == ("y",)


def test_preprocessing_comes_along(model):
    made = model("y = Relu (x)")
    wanted = Preprocessing(resize=8, mean=(0.5,), std=(0.25,))
    for key, value in wanted.to_metadata().items():
        made.metadata_props.add(key=key, value=value)
    assert from_onnx(made).preprocessing == wanted


def test_the_name_is_the_graphs(model):
    made = model("y = Relu (x)")
    assert from_onnx(made).name == "g"
    made.graph.name = ""
    assert from_onnx(made, name="mine").name == "mine"


def test_constants_that_are_cast_are_of_the_networks_precision(read):
    body = "r = Range (a, b, c) d = Cast <to = 11> (r) e = Mul (d, h) f = Cast <to = 1> (e)"
    numbers = {"a": np.array(0), "b": np.array(3), "c": np.array(1), "h": np.array(0.1)}
    network = read(f"{body} g = Mul (x, w) y = Add (g, f)", w=np.ones(3, np.float32), **numbers)
    assert {str(array.dtype) for array in network.weights.values()} == {"float32"}
