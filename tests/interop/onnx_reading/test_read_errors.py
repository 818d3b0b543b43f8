"""What striate does not read is refused with the node, its operator, its opset and a way out."""

import numpy as np
import pytest

from striate.errors import StriateError

F = np.float32
FLOATS = "striate runs floating-point models: load the float model that it was made from"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "y = QuantizeLinear (x, s)",
            f"node 'y' (QuantizeLinear, opset 17): not supported; {FLOATS}",
        ),
        (
            "y = NonZero (x)",
            "node 'y' (NonZero, opset 17): not supported; the shape of what it gives depends on "
            "data: load the part of the model before it",
        ),
        (
            "y = LSTM (x, s, s)",
            "node 'y' (LSTM, opset 17): not supported; striate runs feed-forward networks: unroll "
            "the recurrence when exporting",
        ),
        (
            "y = SequenceConstruct (x)",
            "node 'y' (SequenceConstruct, opset 17): not supported; striate has no sequences or "
            "optional values: export the model with tensors alone",
        ),
        (
            "y = RandomNormalLike (x)",
            "node 'y' (RandomNormalLike, opset 17): not supported; it draws random numbers: export "
            "the model in inference mode, or feed them as an input",
        ),
        (
            "y = StringConcat (x, x)",
            "node 'y' (StringConcat, opset 17): not supported; striate has no text: load the part "
            "of the model behind it",
        ),
        (
            "y = Adam (x)",
            "node 'y' (Adam, opset 17): not supported; it belongs to training: "
            "export the model for inference",
        ),
        (
            "y = RoiAlign (x, s, s)",
            "node 'y' (RoiAlign, opset 17): not supported; express it with others when exporting, "
            "or load the part of the model without it",
        ),
        (
            "y = ReduceMean <axes = [1], keepdims = 7> (x)",
            "node 'y' (ReduceMean, opset 17): its keepdims is 7; it must be 0 or 1: the file is "
            "damaged",
        ),
        (
            "y = Rellu (x)",
            "node 'y' (Rellu, opset 17): not supported; no operator is called 'Rellu'; did you "
            "mean Elu or PRelu or Relu?",
        ),
        (
            "y = my.Attention (x)",
            "node 'y' (my.Attention, opset 1): not supported; striate knows the operators of "
            "ai.onnx and the functions that a model carries: export without it, or save the model "
            "with the operator as a local function",
        ),
        (
            "y = com.microsoft.FusedConv (x, s)",
            "node 'y' (com.microsoft.FusedConv, opset 1): not supported; it is ONNX Runtime's own, "
            "written by its optimiser: load the model from before optimisation",
        ),
        (
            "y = other.Relu (x)",
            "node 'y' (other.Relu): the model names no opset of the domain 'other': the file is "
            "damaged",
        ),
        (
            "y = Relu <slope = 1> (x)",
            "node 'y' (Relu, opset 17): attribute 'slope' is none that Relu has in this opset",
        ),
        (
            "y = Softmax <axis = 1.5> (x)",
            "node 'y' (Softmax, opset 17): attribute axis is a number; it must be a whole number",
        ),
        (
            'y = DepthToSpace <blocksize = 2, mode = "RCD"> (x)',
            "node 'y' (DepthToSpace, opset 17): attribute mode is 'RCD'; it must be one of DCR, "
            "CRD",
        ),
        (
            "y = MaxPool <kernel_shape = [2, 0]> (x)",
            "node 'y' (MaxPool, opset 17): kernel must be at least 1, not 0",
        ),
        (
            "y = MaxPool <kernel_shape = [2, 2], pads = [1, 1]> (x)",
            "node 'y' (MaxPool, opset 17): pads (1, 1) must be 4 numbers, all before, then "
            "all after",
        ),
        (
            "y = MaxPool <kernel_shape = [2, 2], strides = [1]> (x)",
            "node 'y' (MaxPool, opset 17): strides (1,) must be 2 numbers, one for each axis",
        ),
        (
            "y = MaxPool (x)",
            "node 'y' (MaxPool, opset 17): kernel_shape is left out; it must be given",
        ),
        (
            "y = Conv <kernel_shape = [5, 5]> (x, w)",
            "node 'y' (Conv, opset 17): kernel_shape (5, 5) differs from that of its weight "
            "(4, 2, 3, 3)",
        ),
        (
            "y = Conv <group = 0> (x, w)",
            "node 'y' (Conv, opset 17): groups must be at least 1, not 0",
        ),
        (
            "y = Conv (x, w, s, s)",
            "node 'y' (Conv, opset 17): 4 inputs; it has at most 3",
        ),
        ("y = Add (x)", "node 'y' (Add, opset 17): reads 1 values but takes 2"),
        (
            "y = Reshape (x, s)",
            "node 'y' (Reshape, opset 17): shape are of kind float; they must be whole numbers",
        ),
        (
            "h = Shape (x) t = Concat <axis = 0> (h, s) y = Reshape (x, t)",
            "node 't' (Concat, opset 17): input 1 is of kind int64, input 2 of kind float; they "
            "must be alike",
        ),
        (
            "y = GatherElements (x, x)",
            "node 'y' (GatherElements, opset 17): indices are of kind float; they must be whole "
            "numbers",
        ),
        (
            "y = Concat (x, x)",
            "node 'y' (Concat, opset 17): attribute axis is left out; it must be given",
        ),
        (
            "y = Unsqueeze (x)",
            "node 'y' (Unsqueeze, opset 17): its axes are left out; they must be given",
        ),
        (
            "y = Resize (x)",
            "node 'y' (Resize, opset 17): either scales or sizes must be given, and not both",
        ),
        ("y = Constant ()", "node 'y' (Constant, opset 17): it has no value: the file is damaged"),
        (
            'y = Constant <value_string = "text"> ()',
            "node 'y' (Constant, opset 17): it holds text; striate has dense arrays of numbers: "
            "export those",
        ),
        (
            "y = Cast <to = 8> (x)",
            "node 'y' (Cast, opset 17): attribute to: elements are string; striate has whole "
            "numbers, booleans and floats: export the part of the model behind it",
        ),
        (
            "y = Cast <to = 17> (x)",
            "node 'y' (Cast, opset 17): attribute to: elements are float8e4m3fn, of a quantised "
            f"model; {FLOATS}",
        ),
        (
            "y = Cast <to = 99> (x)",
            "node 'y' (Cast, opset 17): attribute to: element type 99 is none of ONNX's: the file "
            "is damaged or newer than this version of striate",
        ),
        (
            "y = BatchNormalization <training_mode = 1> (x, s, s, s, s)",
            "node 'y' (BatchNormalization, opset 17): it is in training mode: export the model for "
            "inference",
        ),
        (
            "y = Dropout (x, half, yes)",
            "node 'y' (Dropout, opset 17): it is in training mode, in which it draws random "
            "numbers: export the model for inference",
        ),
        (
            "y = Relu (a) a = Neg (y)",
            "node 'y' (Relu) waits for its own output: a graph must not have cycles",
        ),
        (
            "y = Relu (a)",
            "node 'y' (Relu, opset 17): reads 'a', which nothing gives: the file is damaged",
        ),
        (
            "y = Relu (x) y = Neg (x)",
            "two nodes give 'y': names must be unique, so the file is damaged",
        ),
        (
            "x = Relu (w) y = Neg (x)",
            "two values are called 'x': names must be unique, so the file is damaged",
        ),
        ("a = Relu (x)", "its output 'y' is given by no node"),
        (
            "y = Split <axis = 1> (x, parts)",
            "node 'y' (Split, opset 17): it splits into 2 parts but has 1 outputs",
        ),
        (
            "a = ConstantOfShape (huge) y = Mul (x, a)",
            "weights that the model makes of a single number each would take 4,294,967,296 bytes; "
            "at most 1,073,741,824 are made: store them as initializers",
        ),
        (
            "y = ConstantOfShape (absurd)",
            "node 'y' (ConstantOfShape, opset 17): shape (1099511627776, 1099511627776) has more "
            "elements than any machine holds: the file is damaged",
        ),
        (
            "y = ConstantOfShape (negative)",
            "node 'y' (ConstantOfShape, opset 17): shape (2, -1) must list at most 32 sizes of at "
            "least 0",
        ),
    ],
)
def test_refusals_say_where_and_what_else(read, body, message):
    arrays = {
        "s": np.ones(2, F),
        "w": np.ones((4, 2, 3, 3), F),
        "half": F(0.5),
        "yes": np.array(True),
        "parts": np.array([1, 1]),
        "huge": np.array([2**30]),
        "absurd": np.array([2**40, 2**40]),
        "negative": np.array([2, -1]),
    }
    with pytest.raises(StriateError) as error:
        read(body, **arrays)
    assert str(error.value) == f"g: {message}"
