"""Models that are refused as a whole: for opsets, inputs, branches, functions."""

import sys
from itertools import pairwise

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from striate.errors import MissingExtraError, ParameterError, StriateError
from striate.interop.onnx import from_onnx

LOOPS = (
    "striate runs graphs without loops or branches: unroll it when exporting, or simplify the "
    "model with onnx-simplifier for fixed input sizes"
)


def test_attributes_that_are_no_numbers(model):
    made = model("y = LeakyRelu <alpha = 1.0> (x)")
    made.graph.node[0].attribute[0].f = float("nan")
    with pytest.raises(ParameterError) as error:
        from_onnx(made)
    assert str(error.value) == (
        "g: node 'y' (LeakyRelu, opset 17): attribute alpha is nan; it must be a number"
    )


@pytest.mark.parametrize("opset", [0, 29])
def test_opsets_that_are_not_read(model, opset):
    with pytest.raises(StriateError) as error:
        from_onnx(model("y = Relu (x)", opset=opset))
    assert str(error.value) == (
        f"opset {opset} of ONNX; striate reads 1 to 28: export the model for one of these, or "
        "convert it with onnx.version_converter"
    )


def test_operators_that_old_opsets_told_otherwise(read):
    with pytest.raises(StriateError) as error:
        read("y = Tile (x, n, n)", opset=5, n=np.array([2]))
    assert str(error.value) == (
        "g: node 'y' (Tile, opset 5): told in another way since opset 6: convert the model with "
        "onnx.version_converter"
    )


def test_opset_28_is_the_newest_of_onnx():
    assert onnx.defs.onnx_opset_version() == 28


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (
            "seq(float[N]) x",
            "x' is a sequence; striate takes tensors: export the model with tensors alone",
        ),
        (
            "string[N] x",
            "x': elements are string; striate has whole numbers, booleans and floats: "
            "export the part of the model behind it",
        ),
        ("float x", None),
    ],
)
def test_inputs_that_are_no_tensors_of_numbers(read, inputs, message):
    if message is None:
        assert read("y = Relu (x)", inputs).graph.inputs[0].shape == ()
        return
    with pytest.raises(StriateError) as error:
        read("y = Relu (x)", inputs)
    assert str(error.value) == f"g: input '{message}"


def test_inputs_without_a_shape_want_one(model):
    made = model("y = Relu (x)")
    made.graph.input[0].type.tensor_type.ClearField("shape")
    with pytest.raises(StriateError) as error:
        from_onnx(made)
    assert str(error.value) == "g: input 'x' has no shape in the file: give input_shape"
    assert from_onnx(made, input_shape=(2, 3)).graph.inputs[0].shape == (2, 3)


def test_given_shapes_must_fit(read):
    with pytest.raises(StriateError) as error:
        read("y = Relu (x)", input_shape=(1, 3, 8, 8))
    assert str(error.value) == "g: input 'x': input_shape (1, 3, 8, 8) must fit (any, 2, 8, 8)"
    with pytest.raises(StriateError) as error:
        read("y = Relu (x)", input_shape={"z": (1, 2, 8, 8)})
    assert str(error.value) == "no input is called 'z'; known: x"


def test_branches_on_data_are_refused(model):
    made = model("y = Relu (x)", "float[N, 2] x, bool c")
    output = [helper.make_tensor_value_info("r", TensorProto.FLOAT, None)]
    body = helper.make_graph([helper.make_node("Relu", ["x"], ["r"])], "t", [], output)
    branch = helper.make_node("If", ["c"], ["y"], "choice", then_branch=body, else_branch=body)
    made.graph.node[0].CopyFrom(branch)
    with pytest.raises(StriateError) as error:
        from_onnx(made)
    assert str(error.value) == f"g: node 'choice' (If, opset 17): not supported; {LOOPS}"


def test_functions_that_call_themselves(model):
    made = model("y = my.F (x)")
    call = helper.make_node("F", ["a"], ["b"], domain="my")
    made.functions.append(
        helper.make_function("my", "F", ["a"], ["b"], [call], [helper.make_opsetid("my", 1)])
    )
    with pytest.raises(StriateError) as error:
        from_onnx(made)
    assert str(error.value) == (
        "g: node 'b' (my.F, opset 1): functions and branches lie more than 32 deep in each other, "
        "or a function calls itself: export the model without functions"
    )


@pytest.mark.parametrize("opset", [-1, 2**40])
def test_functions_of_opsets_that_are_not_read(model, opset):
    made = model("y = my.F (x)")
    body, imports = [helper.make_node("Relu", ["a"], ["b"])], [helper.make_opsetid("", opset)]
    made.functions.append(helper.make_function("my", "F", ["a"], ["b"], body, imports))
    with pytest.raises(StriateError) as error:
        from_onnx(made)
    assert str(error.value) == (
        f"g: node 'y' (my.F, opset 1): opset {opset} of ONNX; striate reads 1 to 28: export the "
        "model for one of these, or convert it with onnx.version_converter"
    )


def test_functions_that_multiply(model):
    made = model("y = my.F9 (x)")
    imports = [helper.make_opsetid("my", 1), helper.make_opsetid("", 17)]
    relu = [helper.make_node("Relu", ["a"], ["b"])]
    made.functions.append(helper.make_function("my", "F0", ["a"], ["b"], relu, imports))
    for level in range(1, 10):
        names = ["a", *(f"v{i}" for i in range(9)), "b"]
        calls = [
            helper.make_node(f"F{level - 1}", [one], [two], domain="my")
            for one, two in pairwise(names)
        ]
        made.functions.append(helper.make_function("my", f"F{level}", ["a"], ["b"], calls, imports))
    with pytest.raises(StriateError) as error:
        from_onnx(made)
    assert str(error.value) == (
        "g: its functions call each other more than 30,000 times: export the model without "
        "functions"
    )


def test_what_is_no_model():
    with pytest.raises(ParameterError) as error:
        from_onnx(b"bytes")
    assert str(error.value) == ("model is bytes; give an onnx.ModelProto, or a path to load_onnx")


def test_without_onnx(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError) as error:
        from_onnx(None)
    assert str(error.value) == "ONNX needs onnx: pip install 'striate[onnx]'"
