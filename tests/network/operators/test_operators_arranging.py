"""Operators that move, pick and repeat elements, against ONNX's reference evaluator."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.network import operators as op

X = np.arange(120, dtype=np.float32).reshape(2, 3, 4, 5)
DRAW = np.random.default_rng(0)
NONE = np.zeros((0, 3), np.float32)


def numbers(*values):
    return np.array(values, np.int64)


def check(reference, operator, arrays, given, outputs=1, **attributes):
    """Compare values and shapes with the reference, whose inputs are `given`."""
    found = operator.value(*arrays)
    found = found if isinstance(found, tuple) else (found,)
    shapes = operator.infer_all([x.shape for x in arrays])
    wanted = reference(operator.onnx, given, outputs, **attributes)
    assert len(operator.kinds(["float"] * len(arrays))) == len(found)
    for y, expected, shape in zip(found, wanted, shapes, strict=True):
        assert y.shape == shape
        assert y.dtype == expected.dtype
        np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize(
    ("operator", "x", "settings", "attributes"),
    [
        (op.Reshape((0, -1, 2)), X, [(0, -1, 2)], {}),
        (op.Reshape(-1), X, [(-1,)], {}),
        (op.Reshape(()), X[0, 0, 0, :1], [()], {}),
        (op.Reshape((3, 0), allow_zero=True), NONE, [(3, 0)], {"allowzero": 1}),
        (op.Squeeze(), X[:, :1, :, :1], [], {}),
        (op.Squeeze((1,)), X[:, :1, :, :1], [(1,)], {}),
        (op.Squeeze(-1), X[:, :1, :, :1], [(-1,)], {}),
        (op.Unsqueeze((0, -1)), X, [(0, -1)], {}),
        (op.Unsqueeze((4, 2, 5)), X, [(4, 2, 5)], {}),
        (op.Expand((2, 1, 4, 3)), X[:, :, :1, :1], [(2, 1, 4, 3)], {}),
        (op.Expand((6, 1, 1, 1, 1)), X, [(6, 1, 1, 1, 1)], {}),
        (op.Tile((1, 2, 1, 3)), X, [(1, 2, 1, 3)], {}),
        (op.Transpose(), X, [], {}),
        (op.Transpose((0, 2, 3, 1)), X, [], {"perm": [0, 2, 3, 1]}),
        (op.Flatten(0), X, [], {"axis": 0}),
        (op.Flatten(2), X, [], {"axis": 2}),
        (op.Flatten(4), X, [], {"axis": 4}),
        (op.Flatten(-1), X, [], {"axis": -1}),
        (op.Shape(), X, [], {}),
        (op.Shape(1, -1), X, [], {"start": 1, "end": -1}),
        (op.Shape(-9, 9), X, [], {"start": -9, "end": 9}),
        (op.Size(), X, [], {}),
        (op.Slice((1,), (9999,), (2,)), X, [(1,), (9999,), (2,)], {}),
        (op.Slice((0, 1), (2, 3)), X, [(0, 1), (2, 3)], {}),
        (op.Slice(-1, -9999, 3, -2), X, [(-1,), (-9999,), (3,), (-2,)], {}),
        (op.Slice((5,), (7,), (0,), (1,)), X, [(5,), (7,), (0,), (1,)], {}),
        (op.DepthToSpace(2), X.reshape(2, 4, 5, 3), [], {"blocksize": 2}),
        (op.DepthToSpace(2, "CRD"), X.reshape(2, 4, 5, 3), [], {"blocksize": 2, "mode": "CRD"}),
        (op.SpaceToDepth(2), X.reshape(2, 5, 6, 2), [], {"blocksize": 2}),
        (op.Pad((2, 0, 1, 0), (0, 1, 0, 3)), X, [(2, 0, 1, 0, 0, 1, 0, 3)], {}),
        (
            op.Pad((1, 2), (3, 1), mode="reflect"),
            X,
            [(0, 0, 1, 2, 0, 0, 3, 1)],
            {"mode": "reflect"},
        ),
        (op.Pad((1, 2), (3, 1), mode="edge"), X, [(0, 0, 1, 2, 0, 0, 3, 1)], {"mode": "edge"}),
        (op.Pad((1, 2), (3, 1), mode="wrap"), X, [(0, 0, 1, 2, 0, 0, 3, 1)], {"mode": "wrap"}),
        (op.Concat(2), X, [], {"axis": 2}),
    ],
    ids=repr,
)
def test_arrangements(reference, operator, x, settings, attributes):
    check(reference, operator, [x], [x, *(numbers(*s) for s in settings)], **attributes)


def test_padding_of_a_value_and_cropping():
    assert op.Pad((1,), (2,), 1.5).value(X[0, 0, :1, :2]).tolist() == [[1.5, 0, 1, 1.5, 1.5]]
    assert (
        op.Pad((1, -1), (2, -2)).value(X).tolist()
        == np.pad(X[..., 1:-2], [(0, 0), (0, 0), (1, 2), (0, 0)]).tolist()
    )
    assert op.Pad((-1,), (2,), mode="edge").value(numbers(1, 2, 3)).tolist() == [2, 3, 3, 3]
    assert op.Pad((1,), (0,), 7).value(numbers()).tolist() == [7]


def test_several_values(reference):
    check(reference, op.Concat(-1), [X, X[..., :2]], [X, X[..., :2]], axis=-1)
    check(reference, op.Split((1, 2), 1), [X], [X, numbers(1, 2)], 2, axis=1)
    check(reference, op.Split(axis=-1, parts=3), [X], [X], 3, axis=-1, num_outputs=3)
    check(reference, op.Gather(1), [X, numbers(2, -1)], [X, numbers(2, -1)], axis=1)
    check(reference, op.Gather(), [X, np.array(1)], [X, np.array(1)])
    indices = np.array([[0, 1], [2, -3]])
    check(reference, op.Gather(-1), [X, indices], [X, indices], axis=-1)
    indices = DRAW.integers(-3, 3, (2, 2, 4, 5))
    check(reference, op.GatherElements(1), [X, indices], [X, indices], axis=1)
    indices = np.array([[1, 0, -1]])
    smaller = op.GatherElements(1).value(np.array([[1, 2, 3], [4, 5, 6]]), indices)
    assert smaller.tolist() == [[2, 1, 3]]


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_one_hot(reference, axis):
    indices, values = np.array([[0, 3, -1], [7, -9, 2]]), np.array([0.5, 2], np.float32)
    given = [indices, np.array(4), values]
    check(reference, op.OneHot((4,), axis), [indices, values], given, axis=axis)
    assert op.OneHot(4).kinds(["int64", "float"]) == ("float",)


@pytest.mark.parametrize("upper", [True, False])
@pytest.mark.parametrize("k", [-1, 0, 2])
def test_triangles(reference, upper, k):
    check(reference, op.Trilu(upper, k), [X], [X, np.array(k)], upper=int(upper))


def test_equal_parts_may_leave_a_smaller_last_one():
    parts = op.Split(parts=4).value(np.arange(7))
    assert [part.tolist() for part in parts] == [[0, 1], [2, 3], [4, 5], [6]]
    assert op.Split((3, 4), parts=2).kinds(["float"]) == ("float", "float")


INDEX = st.integers(-12, 12)


@given(
    start=INDEX, end=INDEX, step=INDEX.filter(bool), size=st.integers(0, 9), axis=st.integers(-2, 1)
)
@settings(deadline=None, max_examples=60)
def test_slices_are_those_of_python(start, end, step, size, axis):
    x = np.arange(size * size).reshape(size, size)
    sliced = op.Slice((start,), (end,), (axis,), (step,))
    wanted = x[start:end:step] if axis in (0, -2) else x[:, start:end:step]
    assert sliced.value(x).tolist() == wanted.tolist()
    assert sliced.infer([x.shape]) == wanted.shape


@given(
    shape=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    before=st.lists(st.integers(-1, 3), min_size=4, max_size=4),
    mode=st.sampled_from(["constant", "reflect", "edge", "wrap"]),
)
@settings(deadline=None, max_examples=60)
def test_padding_has_the_shape_inferred(shape, before, mode):
    sides = tuple(before[: len(shape)])
    kept = [size for size, side in zip(shape, sides, strict=True) if size + min(side, 0) > 0]
    if len(kept) < len(shape):
        return
    operator = op.Pad(sides, (1,) * len(shape), mode=mode)
    assert operator.value(np.ones(shape)).shape == operator.infer([tuple(shape)])
