from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special

from striate.ops.blocked.functions import FUNCTIONS
from striate.ops.blocked.layout import Place
from striate.ops.blocked.mapping import Operand, joins, map_blocks, map_plain

INF = math.inf


def spread(*shape, scale=4.0):
    x = np.random.default_rng(sum(shape)).normal(scale=scale, size=shape).astype(np.float32)
    x.flat[:7] = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-30, -2e-5][: x.size]
    return x


def steps_of(array, shape):
    """Return strides in elements with which an array repeats to a shape."""
    whole = np.broadcast_to(array, shape)
    return tuple(step // array.itemsize for step in whole.strides)


@pytest.fixture
def mapped(target, run):
    """Return what runs an expression on arrays in NumPy's order; memory behind y must stay."""

    def mapped(expression, *arrays):
        shape = np.broadcast_shapes(*(array.shape for array in arrays))
        size = math.prod(shape)
        buffers = {f"x{i}": np.array(array).ravel() for i, array in enumerate(arrays)}
        buffers["y"] = np.full(size + 40, np.nan, np.float32)
        operands = [
            Operand(Place(f"x{i}"), steps_of(array, shape)) for i, array in enumerate(arrays)
        ]
        run(map_plain(target, expression, operands, Place("y"), shape), buffers)
        assert np.isnan(buffers["y"][size:]).all()
        return buffers["y"][:size].reshape(shape)

    return mapped


def elu(x, alpha, gamma=1.0):
    return gamma * np.where(x < 0, alpha * np.expm1(x), x)


def shrunk(x, bound, bias):
    return np.where(x < -bound, x + bias, np.where(x > bound, x - bias, np.where(x == x, 0, x)))


DEFINITIONS = {
    ("abs", 0): np.abs,
    ("neg", 0): np.negative,
    ("sqrt", 0): np.sqrt,
    ("reciprocal", 0): np.reciprocal,
    ("floor", 0): np.floor,
    ("ceil", 0): np.ceil,
    ("round", 0): np.round,
    ("sign", 0): np.sign,
    ("exp", 0): np.exp,
    ("log", 0): np.log,
    ("erf", 0): special.erf,
    ("tanh", 0): np.tanh,
    ("sigmoid", 0): special.expit,
    ("softplus", 0): lambda x: np.logaddexp(x, 0),
    ("softsign", 0): lambda x: x / (1 + np.abs(x)),
    ("mish", 0): lambda x: np.where(x < -700, 0, x * np.tanh(np.logaddexp(x, 0))),
    ("swish", 0, 1.0): lambda x: np.where(x == -INF, 0, x * special.expit(x)),
    ("elu", 0, 1.5, 2.0): lambda x: elu(x, 1.5, 2.0),
    ("celu", 0, 2.0): lambda x: elu(x / 2, 1, 2),
    ("leaky", 0, 0.25): lambda x: np.where(x < 0, 0.25 * x, x),
    ("hard_sigmoid", 0, 0.25, 0.5): lambda x: np.clip(0.25 * x + 0.5, 0, 1),
    ("hard_swish", 0): lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    ("shrink", 0, 1.0, 0.5): lambda x: shrunk(x, 1, 0.5),
    ("threshold", 0, 0.75): lambda x: np.where(x <= 0.75, 0, x),
    ("gate", 0, 0, -1.0, 2.0): lambda x: np.where((x <= -1) | (x >= 2), 0, x),
    ("gate_leaky", 0, 0, 0.1): lambda x: np.where(x > 0, x, 0.1 * x),
    ("gate_sigmoid", 0, 0): lambda x: x * (x * (1 - x)),
    ("gate_tanh", 0, 0, 1.5, -0.5): lambda x: x * (1.5 + 0.5 * x * x),
    ("pow", 0, 2.0): np.square,
    ("pow", 0, 3.0): lambda x: x**3,
    ("pow", 0, 0.75): lambda x: x**0.75,
    ("pow", 0, -0.5): lambda x: x**-0.5,
    ("pow", 0, -1.0): lambda x: 1 / x,
    ("clip", 0, -1.0, 2.0): lambda x: np.clip(x, -1, 2),
}


@pytest.mark.parametrize("expression", DEFINITIONS, ids=str)
@pytest.mark.parametrize("scale", [0.01, 1.0, 40.0])
def test_functions_are_those_of_their_definitions(mapped, expression, scale):
    x = spread(3, 777, scale=scale)
    with np.errstate(all="ignore"):
        expected = np.asarray(DEFINITIONS[expression](x.astype(np.float64)))
        expected = expected.astype(np.float32)
    # Near the smallest normal number, what is left of exponentials counts as nothing; where
    # the definition subtracts, small results have the rounding of larger numbers.
    least = 1e-6 if expression[0] == "hard_swish" else 1e-35
    np.testing.assert_allclose(mapped(expression, x), expected, rtol=1.5e-6, atol=least)


@pytest.mark.parametrize(
    ("expression", "definition"),
    [
        (("gelu", 0), lambda x: x * special.ndtr(x)),
        (("gelu_tanh", 0), lambda x: x / 2 * (1 + np.tanh(0.7978845608 * (x + 0.044715 * x**3)))),
    ],
    ids=["exact", "tanh"],
)
def test_gelu_is_exact_but_for_what_it_subtracts(mapped, expression, definition):
    x = np.random.default_rng(0).normal(scale=3, size=2000).astype(np.float32)
    np.testing.assert_allclose(
        mapped(expression, x), definition(x.astype(np.float64)), rtol=1.5e-6, atol=6e-7
    )


def test_whole_numbers_are_rounded_to_the_even_one_of_two(mapped):
    x = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 8388609.0, -16777216.0, 3.0e9], np.float32)
    np.testing.assert_array_equal(mapped(("round", 0), x), np.round(x))
    np.testing.assert_array_equal(mapped(("floor", 0), x), np.floor(x))
    np.testing.assert_array_equal(mapped(("ceil", 0), x), np.ceil(x))


def test_exponentials_reach_the_ends_of_float32(mapped):
    x = np.array([88.7, 88.73, 1000.0, -87.2, -100.0, -1000.0], np.float32)
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(mapped(("exp", 0), x), np.exp(x), rtol=2e-6, atol=1e-44)
    tiny = np.array([1e-40, 1.5e-45, 1e-38, 3e38], np.float32)
    np.testing.assert_allclose(mapped(("log", 0), tiny), np.log(tiny.astype(np.float64)), rtol=1e-6)


@pytest.mark.parametrize("exponent", [1.7, -0.3, 12.9])
def test_any_powers(mapped, exponent):
    x = np.array([0.0, -0.0, 1.0, 0.3, 7.5, 1e-3, np.inf, -np.inf, np.nan, -2.0], np.float32)
    with np.errstate(all="ignore"):
        expected = np.power(x.astype(np.float64), np.float32(exponent).astype(np.float64))
    np.testing.assert_allclose(mapped(("any_pow", 0, exponent), x), np.abs(expected), rtol=6e-6)


SHAPES = [
    ((5,), (5,)),
    ((2, 3, 50), (2, 3, 50)),
    ((2, 3, 50), (1,)),
    ((2, 3, 50), (50,)),
    ((2, 3, 50), (3, 1)),
    ((2, 3, 1), (2, 1, 50)),
    ((1, 4420, 2), (1, 4420, 2)),
    ((1, 40, 2), (1, 40, 1)),
    ((7, 1, 3, 1, 5), (1, 2, 3, 4, 5)),
    ((), ()),
    ((3, 2100), (3, 1)),
]


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "max", "min"])
def test_values_of_any_shapes_are_broadcast(mapped, shapes, name):
    a, b = (np.round(spread(*shape)) for shape in shapes)
    b = b[::-1].copy() if b.ndim else b
    functions = {
        "add": np.add,
        "sub": np.subtract,
        "mul": np.multiply,
        "div": np.divide,
        "max": np.maximum,
        "min": np.minimum,
    }
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(mapped((name, 0, 1), a, b), functions[name](a, b))


def test_parts_of_an_expression_may_repeat(mapped):
    x = spread(2, 100)[..., 3:].copy()
    inner = ("clip", ("add", 0, 3.0), 0.0, 6.0)
    expected = x * np.clip(x + np.float32(3), 0, 6) / np.float32(6)
    np.testing.assert_array_equal(mapped(("div", ("mul", 0, inner), 6.0), x), expected)


def test_too_many_axes_do_not_join():
    shape = (2, 3, 2, 3, 2, 3)
    alternating = steps_of(np.zeros((2, 1, 2, 1, 2, 1), np.float32), shape)
    whole = steps_of(np.zeros(shape, np.float32), shape)
    assert joins(shape, [whole, whole], 1)
    assert not joins(shape, [whole, alternating], 1)


def test_one_example_is_for_all_in_blocks(target, run, put, get, value):
    x = np.arange(2 * 5 * 6, dtype=np.float32).reshape(2, 5, 6)
    one = x[:1] - 7
    values = [value("x", target, x.shape, 1, 1), value("one", target, one.shape)]
    result = value("y", target, x.shape, 2, 0)
    buffers = {"x": put(values[0].layout, x), "one": put(values[1].layout, one)}
    buffers["y"] = np.full(result.layout.size, np.nan, np.float32)
    run(map_blocks(target, ("sub", 0, 1), values, result), buffers)
    np.testing.assert_array_equal(get(result.layout, buffers["y"]), x - one)


def test_every_function_is_checked():
    checked = {expression[0] for expression in DEFINITIONS}
    others = {"add", "sub", "mul", "div", "max", "min", "multiply_add", "gelu", "gelu_tanh"}
    others.add("any_pow")
    assert checked | others == {*FUNCTIONS, "pow"}
