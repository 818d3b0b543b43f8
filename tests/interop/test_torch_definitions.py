"""Each operator as PyTorch computes it, against its definition."""

import numpy as np
import pytest
import torch

import striate as st
from striate.geometry import Axis, TransposedWindow, Window
from striate.interop.torch.writing import axes, elementwise, layers, windows  # noqa: F401
from striate.interop.torch.writing.table import FUNCTIONS, How
from striate.network import Graph, Initial, Input, Network, Node, Parameter
from striate.network import operators as ops
from striate.network.defined import Defined

RANDOM = np.random.default_rng(0)


def numbers(*shape):
    return RANDOM.standard_normal(shape)


X, Y = numbers(2, 4, 5, 6), numbers(1, 5, 6)
Y4 = np.concatenate([X[:, 1:], X[:, :1]], 1)
C = [numbers(4) for _ in range(3)]
POSITIVE = np.abs(numbers(4)) + 0.5
WHOLE = RANDOM.integers(-9, 9, (2, 4, 5, 6))
DIVISORS = np.where(WHOLE[::-1] == 0, 3, WHOLE[::-1])
ODD = X * np.where(RANDOM.random(X.shape) < 0.2, np.inf, 1) * np.where(X > 1.5, np.nan, 1)
UNEVEN = Window((Axis(3, 2, 1, (0, 2), ceil=True), Axis(2, 1, 2, (1, 0))))
CEIL = Window((Axis(3, 2, 1, (1, 1), ceil=True), Axis(2, 2, 1, (0, 1), ceil=True)))
CROPPED = Window((Axis(2, 1, 1, (-1, 1)), Axis(3, 3, 1, (0, -1))))
SAME = Window.parse(3, 2, "same", rank=2)

CASES = [
    *((kind(), (X,)) for kind in (ops.Abs, ops.Atan, ops.Asinh, ops.Ceil, ops.Cos, ops.Cosh)),
    *((kind(), (X,)) for kind in (ops.Erf, ops.Exp, ops.Floor, ops.HardSwish, ops.Mish, ops.Neg)),
    *((kind(), (X,)) for kind in (ops.Reciprocal, ops.Relu, ops.Round, ops.Sigmoid, ops.Sign)),
    *((kind(), (X,)) for kind in (ops.Sin, ops.Sinh, ops.Softplus, ops.Softsign, ops.Tan)),
    *((kind(), (X,)) for kind in (ops.Tanh, ops.Identity, ops.Elu, ops.Selu, ops.Celu, ops.Gelu)),
    *((kind(), (X,)) for kind in (ops.HardSigmoid, ops.LeakyRelu, ops.Swish, ops.ScaledTanh)),
    *((kind(), (np.abs(X) + 1.1,)) for kind in (ops.Log, ops.Sqrt, ops.Acosh)),
    *((kind(), (np.tanh(X),)) for kind in (ops.Asin, ops.Acos, ops.Atanh)),
    *((kind(), (X, Y)) for kind in (ops.Add, ops.Sub, ops.Mul, ops.Div)),
    *((kind(), (WHOLE, DIVISORS)) for kind in (ops.Add, ops.Sub, ops.Mul, ops.Div, ops.Mod)),
    *((kind(), (WHOLE, DIVISORS)) for kind in (ops.Equal, ops.Less, ops.LessOrEqual)),
    *((kind(), (X, Y4)) for kind in (ops.Greater, ops.GreaterOrEqual, ops.Max, ops.Min)),
    *((kind(), (X > 0, Y > 0)) for kind in (ops.And, ops.Or, ops.Xor)),
    *((kind(), (X, Y, Y4)) for kind in (ops.Sum, ops.Mean, ops.Max, ops.Min)),
    (ops.Not(), (X > 0,)),
    (ops.IsNaN(), (ODD,)),
    (ops.IsInf(), (ODD,)),
    (ops.IsInf(negative=False), (ODD,)),
    (ops.Pow(), (np.abs(X), Y)),
    (ops.Pow(), (WHOLE, np.array(2))),
    (ops.Mod(fmod=True), (X, Y)),
    (ops.Where(), (X > 0, X, Y)),
    (ops.Cast("int64"), (3 * X,)),
    (ops.Cast("bool"), (np.round(X),)),
    (ops.Cast("float"), (WHOLE,)),
    (ops.Clip(-0.5, 0.7), (X,)),
    (ops.Clip(low=0.1), (X,)),
    (ops.Swish(1.7), (X,)),
    (ops.Gelu("tanh"), (X,)),
    (ops.PRelu(), (X, numbers(4, 1, 1))),
    (ops.ThresholdedRelu(0.3), (X,)),
    (ops.Shrink(0.4, 0.2), (X,)),
    (ops.Dropout(0.5), (X,)),
    (ops.Dropout(0.5, mask=True), (X,)),
    (ops.MatMul(), (X, X.swapaxes(-1, -2))),
    (ops.MatMul(), (X, numbers(6))),
    (ops.Gemm(), (numbers(3, 4), numbers(5, 4), numbers(5))),
    (ops.Conv(UNEVEN, 2), (X, numbers(6, 2, 3, 2), numbers(6))),
    (ops.Conv(CROPPED), (X, numbers(3, 4, 2, 3))),
    (ops.Conv(SAME), (X, numbers(3, 4, 3, 3), numbers(3))),
    (ops.Conv(SAME), (X, numbers(3, 4, 3, 3), numbers(3, 3, 3))),
    (ops.Conv(SAME, table=((0, 2), (3, 1), (1, 2))), (X, numbers(3, 2, 3, 3))),
    (ops.Conv(Window.parse(3, padding=1, rank=1)), (X[..., 0], numbers(3, 4, 3))),
    *(
        (ops.ConvTranspose(TransposedWindow.parse(**given, rank=2), groups), operands)
        for given, groups, operands in (
            ({"kernel": 3, "stride": 2, "padding": 1}, 1, (X, numbers(4, 3, 3, 3), numbers(3))),
            (
                {"kernel": 3, "stride": 2, "padding": ((0, 1), (2, 0)), "output_padding": (1, 0)},
                2,
                (X, numbers(4, 3, 3, 3), numbers(6)),
            ),
            ({"kernel": 2, "dilation": (2, 1), "padding": 0}, 1, (X, numbers(4, 3, 2, 2))),
        )
    ),
    *((ops.MaxPool(window), (X,)) for window in (UNEVEN, CEIL, CROPPED, SAME)),
    *((ops.MaxPool(window, indices=True), (X,)) for window in (UNEVEN, CEIL, SAME)),
    (ops.MaxPool(CEIL, indices=True, column_major=True), (X,)),
    (ops.MaxPool(CEIL), (WHOLE,)),
    *(
        (ops.AveragePool(window, counted), (X,))
        for window in (UNEVEN, CEIL, CROPPED, SAME)
        for counted in (True, False)
    ),
    (ops.LpPool(CEIL, 3), (X,)),
    (ops.GlobalAveragePool(), (X,)),
    (ops.GlobalMaxPool(), (X,)),
    (ops.GlobalLpPool(3), (X,)),
    (ops.BatchNormalization(1e-3), (X, *C, POSITIVE)),
    (ops.InstanceNormalization(1e-3), (X, C[0], C[1])),
    (ops.GroupNormalization(2, 1e-3), (X, C[0], C[1])),
    (ops.LayerNormalization(2, 1e-3), (X, numbers(5, 6), numbers(5, 6))),
    (ops.LayerNormalization(-1, 1e-3, statistics=True), (X, numbers(6))),
    (ops.RMSNormalization(-1, 1e-3), (X, numbers(6))),
    (ops.LRN(3), (X,)),
    (ops.LRN(2, 0.5, 0.5, 2.0), (X,)),
    (ops.LpNormalization(1, 1), (X * (np.arange(5) > 0)[:, None],)),
    (ops.LpNormalization(-1, 2), (X,)),
    (ops.MeanVarianceNormalization(), (X,)),
    *(
        (kind(axis, onwards), (X,))
        for kind in (ops.Softmax, ops.LogSoftmax, ops.Hardmax)
        for axis, onwards in ((1, False), (-1, False), (2, True), (-2, True))
    ),
    *(
        (kind(given, keep), (np.abs(X) + 0.1,))
        for kind in (
            *(ops.ReduceSum, ops.ReduceMean, ops.ReduceMax, ops.ReduceMin, ops.ReduceProd),
            *(ops.ReduceL1, ops.ReduceL2, ops.ReduceLogSum, ops.ReduceLogSumExp),
            ops.ReduceSumSquare,
        )
        for given, keep in (((1, -1), True), ((2,), False), (None, False), ((), True))
    ),
    (ops.ReduceSum((1,)), (WHOLE,)),
    (ops.ReduceMean((1,)), (WHOLE,)),
    *(
        (kind(1, keep, last), (np.round(X),))
        for kind in (ops.ArgMax, ops.ArgMin)
        for keep, last in ((True, False), (False, True))
    ),
    *(
        (ops.TopK(3, axis, largest), (np.round(X),))
        for axis in (1, -1)
        for largest in (True, False)
    ),
    *((ops.CumSum(2, *flags), (X,)) for flags in ((), (True, False), (True, True), (False, True))),
    (ops.Reshape((0, -1, 3)), (X,)),
    (ops.Flatten(2), (X,)),
    (ops.Squeeze((1,)), (X[:, :1],)),
    (ops.Unsqueeze((0, -1)), (X,)),
    (ops.Expand((3, 2, 4, 1, 6)), (X,)),
    (ops.Transpose((2, 0, 3, 1)), (X,)),
    (ops.Transpose(), (X,)),
    (ops.Tile((1, 2, 1, 3)), (X,)),
    (ops.Concat(-1), (X, Y4)),
    (ops.Split((1, 3), 1), (X,)),
    (ops.Split(None, 2, parts=2), (X,)),
    (ops.Slice((1, -1), (-1, -9), (1, 3), (2, -2)), (X,)),
    (ops.Slice((4,), (2,), (2,)), (X,)),
    (ops.Gather(1), (X, np.array([[0, -1], [3, 2]]))),
    (ops.Gather(-1), (X, np.array(2))),
    (ops.GatherElements(1), (X, np.abs(WHOLE) % 4 - 1)),
    (ops.OneHot(4, 1), (np.array([[0, -1, 2], [7, 3, 1]]), np.array([0.5, 2.0]))),
    (ops.Trilu(True, 1), (X,)),
    (ops.Trilu(False, -1), (X,)),
    (ops.DepthToSpace(2, "DCR"), (numbers(2, 8, 3, 2),)),
    (ops.DepthToSpace(2, "CRD"), (numbers(2, 8, 3, 2),)),
    (ops.SpaceToDepth(2), (numbers(2, 3, 4, 6),)),
    (ops.Shape(1, -1), (X,)),
    (ops.Size(), (X,)),
    (ops.ConstantOfShape((2, 3), 1.5), ()),
    (ops.Range(1, 8, 3, "int64"), ()),
    (ops.Range(0.5, -1, -0.25), ()),
    *(
        (ops.Pad((1, 0, 2), (0, -2, 3), fill, mode), (X,))
        for fill, mode in ((0.5, "constant"), (0, "reflect"), (0, "edge"), (0, "wrap"))
    ),
    *(
        (ops.Resize(**given, mode=mode, axes=(2, 3)), (X,))
        for given in (
            {"scales": (2.0, 1.7)},
            {"sizes": (3, 9), "coordinates": "align_corners"},
            {"sizes": (3, 9), "coordinates": "asymmetric", "nearest": "floor"},
            {"scales": (0.6, 0.8), "antialias": True},
            {
                "sizes": (6, 4),
                "coordinates": "tf_crop_and_resize",
                "roi": (0.4, -0.2, 0.8, 0.9),
                "extrapolation": 7.0,
            },
        )
        for mode in ("nearest", "linear", "cubic")
        if mode != "nearest" or "antialias" not in given
    ),
]


def label(case):
    return case[0].onnx if isinstance(case, tuple) else None


def definition(operator, arrays):
    """What an operator gives: its formula, or for convolutions striate's own kernels."""
    if isinstance(operator, Defined):
        return operator.value(*arrays)
    names = ["weight", "bias"][: len(arrays) - 1]
    weights = dict(zip(names, arrays[1:], strict=True))
    parameters = tuple(Parameter(n, a.shape, Initial("normal", 1.0)) for n, a in weights.items())
    node = Node("y", operator, ("x", *names), ("y",))
    graph = Graph("one", (Input("x", arrays[0].shape),), parameters, (node,), ("y",))
    return st.compile(Network(graph, weights), dtype="float64")(arrays[0])


@pytest.mark.parametrize("case", CASES, ids=label)
def test_an_operator_gives_its_definition(case):
    operator, arrays = case
    how = How(False, torch.float64, torch.device("cpu"))
    found = FUNCTIONS[type(operator)](operator, how, *map(torch.from_numpy, map(np.array, arrays)))
    wanted = definition(operator, arrays)
    found, wanted = ((v if isinstance(v, tuple) else (v,)) for v in (found, wanted))
    for one, two in zip(found, wanted, strict=True):
        assert tuple(one.shape) == two.shape
        if operator != ops.Cast("float") and not isinstance(operator, ops.ConstantOfShape):
            assert str(one.dtype) == f"torch.{np.asarray(two).dtype}" or not arrays
        np.testing.assert_allclose(one.numpy(), two, rtol=1e-9, atol=1e-9)


def test_every_operator_is_written_and_tested():
    classes = {getattr(ops, name) for name in ops.__all__}
    assert {kind for kind in classes if kind not in FUNCTIONS} == set()
    assert {type(operator) for operator, _ in CASES} == classes
