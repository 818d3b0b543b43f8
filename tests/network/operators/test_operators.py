"""What each operator makes of shapes, and how it refuses them; whole messages."""

import pytest

from striate.errors import GeometryError, ShapeError
from striate.geometry import TransposedWindow, Window
from striate.network import operators
from striate.network.operators import (
    Add,
    AveragePool,
    BatchNormalization,
    Clip,
    Concat,
    Conv,
    ConvTranspose,
    Flatten,
    Gemm,
    GlobalAveragePool,
    GlobalMaxPool,
    MaxPool,
    Pad,
    Relu,
    Softmax,
)

X = (2, 4, 8, 8)
WINDOW = Window.parse(3, rank=2)
TRANSPOSED = TransposedWindow.parse(3, stride=2, rank=2)


def test_every_operator_has_its_onnx_name():
    for name in operators.__all__:
        assert getattr(operators, name).onnx == name


@pytest.mark.parametrize(
    ("operator", "shapes", "output"),
    [
        (Conv(WINDOW), [X, (6, 4, 3, 3)], (2, 6, 6, 6)),
        (Conv(WINDOW, groups=4), [X, (8, 1, 3, 3), (8,)], (2, 8, 6, 6)),
        (Conv(WINDOW), [X, (6, 4, 3, 3), (6, 6, 6)], (2, 6, 6, 6)),
        (Conv(WINDOW, table=((0, 1), (2, 3), (0, 3))), [X, (3, 2, 3, 3)], (2, 3, 6, 6)),
        (ConvTranspose(TRANSPOSED), [X, (4, 5, 3, 3), (5,)], (2, 5, 17, 17)),
        (ConvTranspose(TRANSPOSED, groups=2), [X, (4, 5, 3, 3)], (2, 10, 17, 17)),
        (MaxPool(WINDOW), [X], (2, 4, 6, 6)),
        (AveragePool(WINDOW), [X], (2, 4, 6, 6)),
        (GlobalAveragePool(), [X], (2, 4, 1, 1)),
        (GlobalMaxPool(), [(2, 4, 9)], (2, 4, 1)),
        (BatchNormalization(), [X, (4,), (4,), (4,), (4,)], X),
        (Gemm(), [(2, 7), (3, 7), (3,)], (2, 3)),
        (Gemm(), [(2, 5, 7), (3, 7), (3,)], (2, 5, 3)),
        (Gemm(), [(7,), (3, 7)], (3,)),
        (Relu(), [X], X),
        (Clip(0.0, 6.0), [X], X),
        (Softmax(), [(2, 10)], (2, 10)),
        (Softmax(axis=-1), [(2, 10)], (2, 10)),
        (Softmax(axis=-3), [X], X),
        (Flatten(), [X], (2, 256)),
        (Flatten(), [(2, 7)], (2, 7)),
        (Pad((1, 0), (2, -3)), [X], (2, 4, 11, 5)),
        (Add(), [X, (4, 1, 1)], X),
        (Concat(), [X, (2, 1, 8, 8), X], (2, 9, 8, 8)),
    ],
)
def test_output_shapes(operator, shapes, output):
    assert operator.infer(shapes) == output


@pytest.mark.parametrize(
    ("operator", "shapes", "message"),
    [
        (
            Conv(WINDOW),
            [(2, 4, 8), (6, 4, 3, 3)],
            "input (2, 4, 8) must be (N, C) and 2 spatial axes",
        ),
        (
            Conv(WINDOW),
            [X, (6, 4, 5, 5)],
            "weight (6, 4, 5, 5) does not have the kernel (3, 3)",
        ),
        (
            Conv(WINDOW, groups=2),
            [X, (6, 4, 3, 3)],
            "weight (6, 4, 3, 3) with groups=2 wants 8 input channels and outputs divisible by 2; "
            "the input is (2, 4, 8, 8)",
        ),
        (
            Conv(WINDOW, groups=2),
            [X, (5, 2, 3, 3)],
            "weight (5, 2, 3, 3) with groups=2 wants 4 input channels and outputs divisible by 2; "
            "the input is (2, 4, 8, 8)",
        ),
        (
            Conv(WINDOW),
            [X, (6, 4, 3, 3), (5,)],
            "bias (5,) must be (6,) or, by unit, (6, 6, 6)",
        ),
        (
            Conv(WINDOW, table=((0, 4),)),
            [X, (1, 2, 3, 3)],
            "connection table of 1 outputs by [2] inputs, up to channel 4, does not fit "
            "weight (1, 2, 3, 3) and input (2, 4, 8, 8)",
        ),
        (
            ConvTranspose(TRANSPOSED, groups=2),
            [X, (6, 4, 3, 3)],
            "weight (6, 4, 3, 3) must be (4, M / 2, 3, 3), with channels divisible by groups",
        ),
        (ConvTranspose(TRANSPOSED), [X, (4, 5, 3, 3), (4,)], "bias (4,) must be (5,)"),
        (MaxPool(WINDOW), [(2, 7)], "input (2, 7) must be (N, C) and 2 spatial axes"),
        (
            BatchNormalization(),
            [X, (4,), (4,), (4,), (1,)],
            "scale, bias, mean and variance must be (4,) for an input (2, 4, 8, 8)",
        ),
        (
            Gemm(),
            [X, (3, 256)],
            "weight (3, 256) takes 256 features but the last axis of the input (2, 4, 8, 8) has 8: "
            "flatten it first",
        ),
        (
            Gemm(),
            [(2, 7, 8), (3, 7)],
            "weight (3, 7) takes 7 features but the last axis of the input (2, 7, 8) has 8",
        ),
        (
            Gemm(),
            [(), (3, 7)],
            "a single number has no axis of features: unsqueeze it first",
        ),
        (Gemm(), [(2, 5, 7), (7,)], "weight (7,) must be (out, 7)"),
        (Gemm(), [(2, 8), (3, 7)], "weight (3, 7) takes 7 features but the input has 8"),
        (Gemm(), [(2, 7), (3, 7), (7,)], "bias (7,) must be (3,)"),
        (
            Softmax(axis=4),
            [X],
            "axis 4 of shape (2, 4, 8, 8) does not exist: axes go from -4 to 3",
        ),
        (Pad((1,) * 3, (1,) * 3), [(2, 4)], "padding of 3 axes does not fit an input of 2"),
        (
            Concat(axis=2),
            [X, (2, 5, 8, 8)],
            "(2, 4, 8, 8), (2, 5, 8, 8) differ in more than axis 2",
        ),
        (Pad((0, -8), (0, 0)), [X], "padding -8 and 0 leaves nothing of 8 elements"),
        (
            Concat(),
            [X, (2, 4, 8, 7)],
            "(2, 4, 8, 8), (2, 4, 8, 7) differ in more than their channels",
        ),
    ],
)
def test_shapes_that_do_not_fit(operator, shapes, message):
    with pytest.raises(ShapeError) as error:
        operator.infer(shapes)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("operator", "message"),
    [
        (
            MaxPool(Window.parse((3, 9), rank=2)),
            "kernel 9 is larger than the padded input 8 + 0 + 0: "
            "pad by 1 more or use a smaller kernel",
        ),
    ],
)
def test_windows_that_do_not_fit(operator, message):
    with pytest.raises(GeometryError) as error:
        operator.infer([X])
    assert str(error.value) == message
