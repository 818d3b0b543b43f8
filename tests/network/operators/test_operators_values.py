"""Values of operators against ONNX's reference evaluator: element by element, and rearranged."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import numpy_helper

from striate.network import operators as op
from striate.network.operators.functions import Function

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(2, 3, 4, 5)).astype(np.float32)
POSITIVE = np.abs(X) + np.float32(0.1)
UNIT = np.clip(X / 3, -0.99, 0.99)
WHOLE = DRAW.integers(-20, 20, (3, 4))
STEPS = np.array([1, -2, 3, -5])


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


LIMITED = {"Log", "Sqrt", "Reciprocal", "Asin", "Acos", "Acosh", "Atanh"}  # to some numbers
ELSEWHERE = {"Gelu", "ScaledTanh", "Shrink", "Softsign"}
SINGLE = {name for name in op.__all__ if issubclass(getattr(op, name), Function)}


@pytest.mark.parametrize("name", sorted(SINGLE - LIMITED - ELSEWHERE))
@pytest.mark.parametrize("x", [X, np.array(0.7, np.float32), X[:0]], ids=["many", "one", "none"])
def test_functions_of_one_element(reference, name, x):
    check(reference, getattr(op, name)(), [x])


@pytest.mark.parametrize(
    ("operator", "x", "attributes"),
    [
        (op.Softsign(), X, {}),
        (op.Log(), POSITIVE, {}),
        (op.Sqrt(), POSITIVE, {}),
        (op.Reciprocal(), POSITIVE, {}),
        (op.Asin(), UNIT, {}),
        (op.Acos(), UNIT, {}),
        (op.Atanh(), UNIT, {}),
        (op.Acosh(), POSITIVE + 1, {}),
        (op.Shrink(0.3, 0.1), X, {"lambd": 0.3, "bias": 0.1}),
        (op.LeakyRelu(0.3), X, {"alpha": 0.3}),
        (op.Celu(0.3), X, {"alpha": 0.3}),
        (op.Swish(0.3), X, {"alpha": 0.3}),
        (op.Selu(1.2, 0.7), X, {"alpha": 1.2, "gamma": 0.7}),
        (op.ThresholdedRelu(0.3), X, {"alpha": 0.3}),
        (op.HardSigmoid(0.3, 0.2), X, {"alpha": 0.3, "beta": 0.2}),
        (
            op.IsInf(negative=True, positive=False),
            np.array([np.inf, -np.inf, 1, np.nan], np.float32),
            {"detect_positive": 0},
        ),
        (op.Not(), X > 0, {}),
        (op.Cast("int64"), X * 10, {"to": 7}),
        (op.Cast("bool"), np.trunc(X), {"to": 9}),
        (op.Cast("float64"), X, {"to": 11}),
        (op.Cast("uint8"), POSITIVE * 10, {"to": 2}),
        (op.Cast("float"), WHOLE, {"to": 1}),
        (op.Cast("float"), X, {"to": 1}),
    ],
    ids=repr,
)
def test_functions_with_settings(reference, operator, x, attributes):
    check(reference, operator, [x], **attributes)


def test_clip(reference):
    check(reference, op.Clip(-0.5, 0.7), [X], [X, np.float32(-0.5), np.float32(0.7)])
    check(reference, op.Clip(-5, 7), [WHOLE], [WHOLE, np.int64(-5), np.int64(7)])
    check(reference, op.Clip(high=(0.5,)), [X], [X, None, np.float32(0.5)])
    check(reference, op.Clip(1.0, 0.0), [X], [X, np.float32(1), np.float32(0)])
    assert op.Clip().value(X) is X


def test_the_error_function_is_exact_to_double_precision():
    # Abramowitz and Stegun 1964, table 7.1: erf(0.5) and erf(2)
    values = op.Erf().value(np.array([0.5, 2.0, -np.inf]))
    assert values.tolist() == pytest.approx([0.5204998778130465, 0.9953222650189527, -1], abs=1e-15)


@pytest.mark.parametrize("kind", ["float32", "float64", "int32", "int64", "uint8"])
@pytest.mark.parametrize("name", ["Add", "Sub", "Mul", "Max", "Min", "Sum"])
def test_pairs_of_elements(reference, name, kind):
    x, y = np.abs(WHOLE).astype(kind), np.abs(STEPS).astype(kind)
    check(reference, getattr(op, name)(), [x, y])


@pytest.mark.parametrize("kind", ["float32", "int64", "uint8"])
@pytest.mark.parametrize("name", ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"])
def test_comparisons(reference, name, kind):
    x, y = np.abs(WHOLE).astype(kind), np.abs(STEPS).astype(kind)
    check(reference, getattr(op, name)(), [x, y])


@pytest.mark.parametrize("name", ["Div", "Mean", "PRelu"])
def test_pairs_of_fractions(reference, name):
    check(reference, getattr(op, name)(), [X, POSITIVE[0, 0]])


@pytest.mark.parametrize("name", ["And", "Or", "Xor"])
def test_pairs_of_truths(reference, name):
    check(reference, getattr(op, name)(), [WHOLE > 0, STEPS > 0])


def test_any_number_of_values(reference):
    for operator in (op.Sum(), op.Mean(), op.Max(), op.Min()):
        check(reference, operator, [X])
        check(reference, operator, [X, POSITIVE[0], X[:, :1], POSITIVE[0, 0, 0]])


def test_quotients_of_whole_numbers_are_cut_toward_zero():
    found = op.Div().value(np.array([-7, 7, -7, 7, 6]), np.array([2, -2, -2, 2, -2]))
    assert found.tolist() == [-3, -3, 3, 3, -3]
    assert op.Div().value(np.array([255], np.uint8), np.array([2], np.uint8)).tolist() == [127]


def test_what_division_leaves(reference):
    check(reference, op.Mod(), [WHOLE, STEPS])
    check(reference, op.Mod(fmod=True), [WHOLE, STEPS], fmod=1)
    check(reference, op.Mod(fmod=True), [X, POSITIVE[0]], fmod=1)
    assert op.Mod().value(np.array([-7.5]), np.array([2.0])).tolist() == [0.5]


def test_powers(reference):
    check(reference, op.Pow(), [POSITIVE, X[0]])
    check(reference, op.Pow(), [POSITIVE, numbers(1, 2, 3, 2, 1)])
    check(reference, op.Pow(), [WHOLE.astype(np.int32), np.abs(STEPS)])
    assert op.Pow().value(numbers(3), numbers(39)).tolist() == [3**39]
    assert op.Pow().value(numbers(3, 2), numbers(2, -1)).tolist() == [9, 0]
    assert op.Pow().value(numbers(4, 9), np.array(0.5)).tolist() == [2, 3]


def test_where(reference):
    check(reference, op.Where(), [POSITIVE[0, 0] > 0.5, X, POSITIVE[0, 0]])
    assert op.Where().kinds(["bool", "int64", "int64"]) == ("int64",)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((3, 4), (4, 5)),
        ((2, 3, 4), (4, 5)),
        ((4,), (2, 4, 5)),
        ((3, 4), (4,)),
        ((4,), (4,)),
        ((2, 1, 3, 4), (5, 4, 2)),
        ((3, 0), (0, 2)),
    ],
)
def test_matrix_products(reference, left, right):
    x, y = (DRAW.normal(size=shape).astype(np.float32) for shape in (left, right))
    check(reference, op.MatMul(), [x, y])
    check(reference, op.MatMul(), [(x * 9).astype(np.int64), (y * 9).astype(np.int64)])


def test_matrix_products_cost_batch_times_rows_times_inner_times_columns():
    assert op.MatMul().macs([(2, 1, 3, 4), (5, 4, 6)], (2, 5, 3, 6)) == 2 * 5 * 3 * 4 * 6
    assert op.MatMul().macs([(4,), (4,)], ()) == 4


def test_values_that_need_no_inputs(reference):
    cases = [
        (op.Range(1, 8, 3, "int64"), [np.array(1), np.array(8), np.array(3)], {}),
        (op.Range(3, 3, 1, "int64"), [np.array(3), np.array(3), np.array(1)], {}),
        (op.Range(8.0, 1.0, -2.5), [np.float32(8), np.float32(1), np.float32(-2.5)], {}),
        (op.ConstantOfShape((2, 0)), [numbers(2, 0)], {}),
        (
            op.ConstantOfShape((2, 3), 7, "int64"),
            [numbers(2, 3)],
            {"value": numpy_helper.from_array(numbers(7))},
        ),
    ]
    for operator, given, attributes in cases:
        check(reference, operator, [], given, **attributes)


def test_dropout_keeps_everything():
    y, mask = op.Dropout(0.3, mask=True).value(X)
    assert y is X
    assert mask.all()
    assert op.Dropout(0.3, mask=True).infer_all([X.shape]) == (X.shape, X.shape)
    assert op.Dropout((0.3,)).value(X) is X
    assert op.Dropout(0.3, mask=True).kinds(["float"]) == ("float", "bool")
