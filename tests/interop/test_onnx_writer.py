"""ONNX files: sound by ONNX's checker, and its reference evaluator computes what striate does."""

import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx.reference import ReferenceEvaluator

import striate
from striate.errors import (
    DTypeError,
    GeometryError,
    MissingExtraError,
    ShapeError,
    UnknownNameError,
)
from striate.geometry import Axis, TransposedAxis, TransposedWindow, Window
from striate.interop import save_onnx, to_onnx
from striate.network import Operator, zoo
from striate.network import operators as op


def by_reference(model):
    return ReferenceEvaluator(model).run


def by_runtime(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run


BOTH = (by_reference, by_runtime)


def agree(network, shape, tolerance=1e-5, evaluators=BOTH):
    model = to_onnx(network)
    onnx.checker.check_model(model, full_check=True)
    dtype = next(iter(network.weights.values()), np.empty(0, np.float32)).dtype
    x = np.random.default_rng(1).standard_normal(shape).astype(dtype)
    mine = striate.compile(network, dtype=dtype)(x)
    for run in evaluators:
        (theirs,) = run(model)(None, {network.graph.inputs[0].name: x})
        assert theirs.shape == mine.shape
        assert theirs.dtype == dtype
        near = tolerance * np.abs(mine).max()
        np.testing.assert_allclose(theirs, mine, rtol=tolerance, atol=near)
    return model


def parse(*arguments, **named):
    return Window.parse(*arguments, **{"rank": 2, **named})


TABLE = ((0, 2), (1, 3), (2, 3))

cropping = Window((Axis(3, padding=(-1, 2)), Axis(3, padding=(0, -2))))

ONE_NODE = {
    "conv": (op.Conv(parse(3)), (4, 8, 7), (5, 4, 3, 3), (5,)),
    "conv without bias": (op.Conv(parse((3, 2), (2, 1), (1, 0))), (4, 8, 7), (5, 4, 3, 2)),
    "conv 1-D, dilated": (op.Conv(parse(3, 1, 2, 2, rank=1)), (4, 9), (5, 4, 3), (5,)),
    "conv 3-D": (op.Conv(parse(2, rank=3)), (2, 4, 5, 3), (3, 2, 2, 2, 2), (3,)),
    "conv in groups": (op.Conv(parse(3), 2), (4, 8, 7), (6, 2, 3, 3), (6,)),
    "depthwise": (op.Conv(parse(3, padding=1), 4), (4, 8, 7), (4, 1, 3, 3), (4,)),
    "conv, same": (op.Conv(parse(3, 2, "same")), (4, 8, 7), (5, 4, 3, 3), (5,)),
    "conv, uneven": (op.Conv(parse(3, 1, ((0, 2), (1, 0)))), (4, 8, 7), (5, 4, 3, 3)),
    "conv, cropping": (op.Conv(cropping), (4, 8, 7), (5, 4, 3, 3)),
    "conv with a table": (op.Conv(parse(3), table=TABLE), (4, 8, 7), (3, 2, 3, 3), (3,)),
    "conv with a bias per unit": (op.Conv(parse(3)), (4, 8, 7), (5, 4, 3, 3), (5, 6, 5)),
    "transposed": (
        op.ConvTranspose(TransposedWindow.parse(3, 2, 1, output_padding=1, rank=2)),
        *((4, 5, 6), (4, 3, 3, 3), (3,)),
    ),
    "transposed, uneven, in groups": (
        op.ConvTranspose(TransposedWindow.parse((3, 2), 2, ((0, 1), (1, 0)), rank=2), 2),
        *((4, 5, 6), (4, 3, 3, 2)),
    ),
    "max pool": (op.MaxPool(parse(3, 2, 1)), (4, 8, 7)),
    "max pool, ceil": (op.MaxPool(parse(3, 2, ceil=True)), (4, 8, 7)),
    "max pool, same": (op.MaxPool(parse(3, 2, "same")), (4, 8, 7)),
    "max pool, dilated": (op.MaxPool(parse(2, 1, 0, 2)), (4, 8, 7)),
    "average pool": (op.AveragePool(parse(3, 2, 1)), (4, 8, 7)),
    "average pool, exclusive": (op.AveragePool(parse(3, 2, 1), False), (4, 8, 7)),
    "global average": (op.GlobalAveragePool(), (4, 8, 7)),
    "global maximum": (op.GlobalMaxPool(), (4, 8, 7)),
    "batch norm": (op.BatchNormalization(1e-3), (4, 8, 7), *[(4,)] * 4),
    "gemm": (op.Gemm(), (12,), (5, 12), (5,)),
    "gemm without bias": (op.Gemm(), (12,), (5, 12)),
    "gemm of sequences": (op.Gemm(), (7, 12), (5, 12), (5,)),
    "gemm of sequences without bias": (op.Gemm(), (3, 7, 12), (5, 12)),
    "relu": (op.Relu(), (4, 8, 7)),
    "tanh": (op.Tanh(), (4, 8)),
    "scaled tanh": (op.ScaledTanh(), (4, 8, 7)),
    "sigmoid": (op.Sigmoid(), (4, 8, 7)),
    "softmax": (op.Softmax(), (4,)),
    "dropout": (op.Dropout(0.3), (4, 8, 7)),
    "identity": (op.Identity(), (4, 8, 7)),
    "flatten": (op.Flatten(), (4, 8, 7)),
    "pad": (op.Pad((1, 0), (2, 3), -1.5), (4, 8, 7)),
    "add": (op.Add(), (4, 8, 7), (4, 1, 1)),
    "mul": (op.Mul(), (4, 8, 7), (4, 1, 1)),
    "concat": (op.Concat(), (4, 8, 7)),
    "clip": (op.Clip(-0.5, 0.7), (4, 8, 7)),
}


# ONNX's own evaluator cannot pad by a negative amount, nor transpose what is uneven and in groups.
UNKNOWN_TO_REFERENCE = {"conv, cropping", "transposed, uneven, in groups"}


@pytest.mark.parametrize("case", ONE_NODE)
def test_every_operator_means_the_same(case, single):
    operator, shape, *parameters = ONE_NODE[case]
    inputs = ["x", "x"] if isinstance(operator, op.Concat) else None
    network = single(operator, (None, *shape), *parameters, inputs=inputs)
    agree(network, (2, *shape), evaluators=BOTH if case not in UNKNOWN_TO_REFERENCE else BOTH[1:])


def test_float64(single):
    operator, shape, *parameters = ONE_NODE["conv with a bias per unit"]
    network = single(operator, (None, *shape), *parameters, dtype=np.float64)
    agree(network, (3, *shape), 1e-12, [by_reference])


@pytest.mark.parametrize("name", ["lenet-1989", "lenet-5", "mlp", "all-cnn-c"])
def test_small_networks(name):
    network = zoo.load(name).initialize(3)
    model = agree(network, (2, *network.input_shape[1:]), 2e-5)
    sizes = model.graph.input[0].type.tensor_type.shape.dim
    assert sizes[0].dim_param == "N"
    assert [size.dim_value for size in sizes[1:]] == list(network.input_shape[1:])
    assert model.graph.output[0].name == network.graph.outputs[0]


def test_open_sizes(single):
    network = single(op.Conv(parse(3, 2, "same")), (None, 4, None, None), (5, 4, 3, 3), (5,))
    agree(network, (1, 4, 6, 9))


def test_a_file_holds_the_model(tmp_path):
    network = zoo.load("lenet-1989").initialize(0)
    path = save_onnx(network, tmp_path / "lenet.onnx")
    assert onnx.load(path) == to_onnx(network)
    assert [child.name for child in tmp_path.iterdir()] == ["lenet.onnx"]


class Strange(Operator):
    onnx = "Strange"


@pytest.mark.parametrize(
    ("operator", "shapes", "kind", "message"),
    [
        (
            op.Conv(Window((Axis(3, padding=(0, 0)), Axis(3, padding="same")))),
            ((None, 4, None, 9), (5, 4, 3, 3)),
            GeometryError,
            'y: ONNX pads all axes "same" or none while the sizes of the input are open, not '
            "((0, 0), 'same'): fix the sizes",
        ),
        (
            op.Conv(parse(3, ceil=True)),
            ((None, 4, 9, 9), (5, 4, 3, 3)),
            GeometryError,
            "y: ONNX's Conv knows no ceil mode: pad explicitly",
        ),
        (
            op.MaxPool(Window((Axis(3, ceil=True), Axis(3)))),
            ((None, 4, 9, 9),),
            GeometryError,
            "y: ONNX rounds all axes up or all down: use one mode",
        ),
        (
            op.ConvTranspose(TransposedWindow((TransposedAxis(3, padding=(-1, -1)),) * 2)),
            ((None, 4, 9, 9), (4, 5, 3, 3)),
            GeometryError,
            "y: ONNX's ConvTranspose cuts no negative amounts, as in ((-1, -1), (-1, -1)): "
            "pad by at least 0",
        ),
    ],
)
def test_what_onnx_cannot_say(single, operator, shapes, kind, message):
    with pytest.raises(kind) as error:
        to_onnx(single(operator, *shapes))
    assert str(error.value) == message


def test_unknown_operator(single):
    with pytest.raises(UnknownNameError) as error:
        to_onnx(single(Strange(), (None, 4, 9)))
    assert str(error.value).startswith("no operator with an ONNX form is called 'Strange'; ")


def test_refused_weights(single):
    with pytest.raises(ShapeError) as missing:
        to_onnx(zoo.load("mlp"))
    assert str(missing.value) == (
        "mlp has no weights to write: train it, or network.initialize(seed)"
    )
    with pytest.raises(DTypeError) as kind:
        to_onnx(single(op.Gemm(), (None, 3), (2, 3), dtype=np.int32))
    assert str(kind.value) == "single: weights must be all float32 or all float64, not int32"


def test_onnx_is_an_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError) as error:
        to_onnx(zoo.load("mlp").initialize())
    assert str(error.value) == "ONNX needs onnx: pip install 'striate[onnx]'"
