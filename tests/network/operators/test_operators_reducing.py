"""Reductions, ranks, running sums and shares, against ONNX's reference evaluator."""

from __future__ import annotations

import numpy as np
import pytest

from striate.network import operators as op

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(2, 3, 4, 5)).astype(np.float32)
WHOLE = DRAW.integers(-20, 20, (3, 4))
TIES = DRAW.integers(0, 3, (3, 4, 5)).astype(np.float32)
REDUCTIONS = [name for name in op.__all__ if name.startswith("Reduce")]


def numbers(*values):
    return np.array(values, np.int64)


def check(reference, operator, arrays, given=None, outputs=1, **attributes):
    """Compare values, shapes, dtypes and kinds with the reference; `given` are ONNX's inputs."""
    found = operator.value(*arrays)
    found = found if isinstance(found, tuple) else (found,)
    wanted = reference(operator.onnx, arrays if given is None else given, outputs, **attributes)
    shapes = operator.infer_all([x.shape for x in arrays])
    kinds = operator.kinds([x.dtype.name for x in arrays])
    for y, expected, shape, kind in zip(found, wanted, shapes, kinds, strict=True):
        assert y.shape == shape == expected.shape
        assert y.dtype == expected.dtype == np.dtype("float32" if kind == "float" else kind)
        np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5 * (y.dtype.kind == "f"))


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("axes", [None, (), (1,), (-1, 0), (0, 1, 2, 3)], ids=str)
@pytest.mark.parametrize("keepdims", [True, False])
def test_reductions(reference, name, axes, keepdims):
    x = np.abs(X) if name == "ReduceLogSum" else X
    given = [x] if axes is None else [x, numbers(*axes)]
    settings = {"keepdims": int(keepdims), "noop_with_empty_axes": int(axes == ())}
    check(reference, getattr(op, name)(axes, keepdims), [x], given, **settings)


@pytest.mark.parametrize("name", ["ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1"])
def test_reductions_of_whole_numbers(reference, name):
    check(reference, getattr(op, name)(1), [WHOLE], [WHOLE, numbers(1)])


@pytest.mark.parametrize("name", [name for name in REDUCTIONS if name != "ReduceMean"])
def test_reductions_of_nothing(reference, name):
    nothing = np.zeros((2, 0, 4), np.float32)
    check(reference, getattr(op, name)((1,)), [nothing], [nothing, numbers(1)])


def test_extremes_of_truths_and_of_no_whole_numbers():
    truths = np.array([[True, False], [False, False]])
    assert op.ReduceMax((0,), keepdims=False).value(truths).tolist() == [True, False]
    assert op.ReduceMax().value(np.zeros((0,), np.int32)).tolist() == [-(2**31)]


@pytest.mark.parametrize("name", ["ArgMax", "ArgMin"])
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("keepdims", [True, False])
@pytest.mark.parametrize("last", [True, False])
def test_places_of_extremes(reference, name, axis, keepdims, last):
    settings = {"axis": axis, "keepdims": int(keepdims), "select_last_index": int(last)}
    check(reference, getattr(op, name)(axis, keepdims, last), [TIES], **settings)


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("axis", [0, -1])
def test_the_largest_in_order(reference, axis, largest):
    operator = op.TopK((2,), axis, largest)
    check(reference, operator, [TIES], [TIES, numbers(2)], 2, axis=axis, largest=int(largest))
    assert op.TopK(1).value(np.array([3, 250], np.uint8))[0].tolist() == [250]


@pytest.mark.parametrize("exclusive", [True, False])
@pytest.mark.parametrize("reverse", [True, False])
@pytest.mark.parametrize("x", [TIES, WHOLE], ids=["float", "whole"])
def test_running_sums(reference, x, exclusive, reverse):
    settings = {"exclusive": int(exclusive), "reverse": int(reverse)}
    check(reference, op.CumSum((-1,), exclusive, reverse), [x], [x, np.array(-1)], **settings)


@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax", "Hardmax"])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_shares(reference, name, axis):
    check(reference, getattr(op, name)(axis), [X], axis=axis)
    onwards = getattr(op, name)(axis, onwards=True).value(X)
    rows = X.reshape(int(np.prod(X.shape[: axis % 4])), -1)
    assert onwards.tolist() == getattr(op, name)(1).value(rows).reshape(X.shape).tolist()


def test_great_scores_do_not_overflow():
    scores = np.array([[1000.0, 0.0]])
    assert op.Softmax().value(scores).tolist() == [[1.0, 0.0]]
    assert op.LogSoftmax().value(scores).tolist() == [[0.0, -1000.0]]
    assert op.ReduceLogSumExp().value(scores).tolist() == [[1000.0]]
    assert op.Sigmoid().value(np.array([-1000.0, 1000.0])).tolist() == [0.0, 1.0]
    assert op.Softplus().value(np.array([-1000.0, 1000.0])).tolist() == [0.0, 1000.0]
    assert op.Swish().value(np.array([-1000.0, 1000.0])).tolist() == [0.0, 1000.0]
