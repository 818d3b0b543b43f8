"""Graphs of several inputs and outputs, of any rank and kind; settings computed by the network."""

import numpy as np
import pytest

import striate as st
from striate.errors import DTypeError, ParameterError, ShapeError, UnknownNameError
from striate.network import Constant, Deferred, Graph, Initial, Input, Network, Node, Parameter
from striate.network import operators as op

FRESH = Initial("normal", 0.5)


def network(inputs, nodes, outputs, *, weights=None, constants=()):
    weights = {name: np.asarray(a) for name, a in (weights or {}).items()}
    parameters = tuple(
        Parameter(n, a.shape, FRESH, kind="float" if a.dtype.kind == "f" else a.dtype.name)
        for n, a in weights.items()
    )
    nodes = tuple(Node(o[0], operator, tuple(i), tuple(o)) for operator, i, o in nodes)
    return Network(Graph("net", tuple(inputs), parameters, nodes, outputs, constants), weights)


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)


def picking():
    """Return a network of two images, indices and a mask, and outputs of three kinds."""
    inputs = (
        Input("a", (None, 3, 6, 6)),
        Input("b", (None, 3, 6, 6)),
        Input("places", (2,), "int64"),
        Input("mask", (1, 1, 6, 6), "bool"),
    )
    nodes = [
        (op.Where(), ["mask", "a", "b"], ["chosen"]),
        (op.Relu(), ["chosen"], ["positive"]),
        (op.Gather(axis=1), ["positive", "places"], ["picked"]),
        (op.ArgMax(axis=1, keepdims=False), ["chosen"], ["largest"]),
        (op.Greater(), ["a", "b"], ["greater"]),
    ]
    return network(inputs, nodes, ("picked", "largest", "greater"))


def test_inputs_and_outputs_of_several_kinds(dtype):
    run = st.compile(picking(), dtype=dtype)
    a, b = numbers(2, 3, 6, 6).astype(dtype), numbers(2, 3, 6, 6, seed=1).astype(dtype)
    places, mask = np.array([2, 0]), np.random.default_rng(0).random((1, 1, 6, 6)) > 0.5
    found = run(a, b, places, mask)
    chosen = np.where(mask, a, b)
    assert isinstance(found, tuple)
    assert [y.dtype for y in found] == [dtype, np.dtype("int64"), np.dtype("bool")]
    np.testing.assert_array_equal(found[0], np.maximum(chosen, 0)[:, [2, 0]])
    np.testing.assert_array_equal(found[1], chosen.argmax(1))
    np.testing.assert_array_equal(found[2], a > b)
    named = run({"mask": mask, "places": places, "b": b, "a": a})
    for y, same in zip(found, named, strict=True):
        np.testing.assert_array_equal(y, same)
    values = run.values({"mask": mask, "places": places, "b": b, "a": a})
    assert list(values) == ["chosen", "positive", "picked", "largest", "greater"]
    np.testing.assert_array_equal(values["chosen"], chosen)


def test_inputs_in_any_memory(dtype):
    run = st.compile(picking(), dtype=dtype)
    a, b = numbers(2, 6, 6, 3).astype(dtype), numbers(6, 6, 3, 2).astype(dtype)
    given = (
        a.transpose(0, 3, 1, 2),
        b.T[:, :, ::-1],
        np.array([1, 9, 2])[::2],
        np.ones((6, 6)).T > 0,
    )
    given = (*given[:3], given[3][None, None])
    wanted = run(*(np.ascontiguousarray(array) for array in given))
    for found, y in zip(run(*given), wanted, strict=True):
        np.testing.assert_array_equal(found, y)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            lambda given: given[:3],
            ParameterError,
            "net: 3 inputs were given, but it takes 4: run(a, b, places, mask)",
        ),
        (
            lambda given: ({"a": given[0], "b": given[1], "mask": given[3]},),
            ParameterError,
            "net: input 'places' is missing: it takes a, b, places, mask",
        ),
        (
            lambda given: ({"a": given[0], "c": given[1]},),
            UnknownNameError,
            "no input of net is called 'c'; known: a, b, mask, places",
        ),
        (
            lambda given: (*given[:2], given[2].astype(np.int32), given[3]),
            DTypeError,
            "net: places is int32 but that input is int64: pass np.asarray(places, np.int64)",
        ),
        (
            lambda given: (given[0], given[1].astype(np.float64), *given[2:]),
            DTypeError,
            "net: b is float64 but this program computes in float32: "
            "pass np.asarray(b, np.float32)",
        ),
        (
            lambda given: (*given[:3], given[3].tolist()),
            DTypeError,
            "net: mask is list but that input is bool: pass np.asarray(mask, np.bool_)",
        ),
        (
            lambda given: (given[0][:0], *given[1:]),
            ShapeError,
            "net: a (0, 3, 6, 6) is empty: pass an example or more",
        ),
        (
            lambda given: (given[0], given[1][:, :2], *given[2:]),
            ShapeError,
            "net: b: input shape (2, 2, 6, 6) has 2 channels, not 3: (any, 3, 6, 6)",
        ),
    ],
)
def test_inputs_that_do_not_fit_are_named(change, error, message):
    given = numbers(2, 3, 6, 6), numbers(2, 3, 6, 6), np.array([0, 1]), np.ones((1, 1, 6, 6), bool)
    with pytest.raises(error) as caught:
        st.compile(picking())(*change(given))
    assert str(caught.value) == message


def test_values_of_any_rank(dtype):
    inputs = Input("scalar", ()), Input("row", (None,)), Input("deep", (2, 1, 2, 1, 2, 3, 2))
    nodes = [
        (op.Mul(), ["row", "scalar"], ["scaled"]),
        (op.ReduceSum(keepdims=False), ["scaled"], ["total"]),
        (op.Add(), ["deep", "total"], ["moved"]),
        (op.Relu(), ["moved"], ["kept"]),
        (op.Transpose(), ["kept"], ["turned"]),
        (op.Add(), ["total", "scalar"], ["more"]),
        (op.Tanh(), ["more"], ["small"]),
    ]
    run = st.compile(network(inputs, nodes, ("turned", "small", "scaled")), dtype=dtype)
    row, deep = numbers(5).astype(dtype), numbers(2, 1, 2, 1, 2, 3, 2).astype(dtype)
    turned, small, scaled = run(np.array(2, dtype), row, deep)
    assert small.shape == ()
    np.testing.assert_allclose(scaled, 2 * row, rtol=1e-6)
    np.testing.assert_allclose(small, np.tanh((2 * row).sum() + 2), rtol=1e-5)
    np.testing.assert_allclose(
        turned, np.maximum(deep + (2 * row).sum(), 0).T, rtol=1e-5, atol=1e-6
    )
    assert run(dtype.type(2), row, deep)[1] == small  # a NumPy number is an array without axes


def test_the_same_value_may_be_handed_over_more_than_once(dtype):
    x = numbers(2, 3).astype(dtype)
    whole = np.arange(3)
    nodes = [(op.Relu(), ["x"], ["y"]), (op.Identity(), ["i"], ["same"])]
    inputs = Input("x", (None, 3)), Input("i", (3,), "int64")
    weights = {"w": numbers(3)}
    constants = (Constant.of("c", 2.5), Constant.of("k", [1, 2]))
    outputs = ("y", "x", "y", "same", "i", "w", "c", "k")
    run = st.compile(
        network(inputs, nodes, outputs, weights=weights, constants=constants), dtype=dtype
    )
    wanted = (np.maximum(x, 0), x, np.maximum(x, 0), whole, whole, weights["w"], 2.5, [1, 2])
    for _ in range(2):
        found = run(x, whole)
        for y, expected in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(y, expected)
        for y in found:
            y[...] = 7  # nobody else sees this
    assert whole.tolist() == [0, 1, 2]
    assert not np.any(x == 7)


def reshaping():
    """Return a network that flattens all but the first axis by a computed shape."""
    constants = (Constant.of("zero", 0), Constant.of("rest", [-1]), Constant.of("first", [0]))
    nodes = [
        (op.Shape(), ["x"], ["sizes"]),
        (op.Gather(axis=0), ["sizes", "first"], ["examples"]),
        (op.Concat(axis=0), ["examples", "rest"], ["wanted"]),
        (Deferred(op.Reshape, (), ("shape",)), ["x", "wanted"], ["rows"]),
        (op.Cast("float"), ["examples"], ["count"]),
        (op.Div(), ["rows", "count"], ["divided"]),
    ]
    return network([Input("x", (None, None, 4))], nodes, ("divided",), constants=constants)


def test_settings_computed_from_shapes(dtype):
    run = st.compile(reshaping(), dtype=dtype)
    for shape in ((2, 3, 4), (1, 5, 4), (6, 1, 4), (2, 3, 4)):
        x = numbers(*shape).astype(dtype)
        np.testing.assert_allclose(run(x), x.reshape(shape[0], -1) / shape[0], rtol=1e-6)
    values = run.values(numbers(2, 3, 4).astype(dtype))
    assert list(values) == ["sizes", "examples", "wanted", "rows", "count", "divided"]
    assert values["sizes"].tolist() == [2, 3, 4]
    assert values["count"].dtype == dtype
    assert run.values(numbers(2, 3, 4).astype(dtype), ["wanted"])["wanted"].tolist() == [2, -1]


def test_settings_computed_from_values(dtype):
    inputs = Input("x", (2, 6)), Input("shape", (None,), "int64")
    nodes = [(Deferred(op.Reshape, (), ("shape",)), ["x", "shape"], ["y"])]
    run = st.compile(network(inputs, nodes, ("y",)), dtype=dtype)
    x = numbers(2, 6).astype(dtype)
    for shape in ([3, 4], [4, 3], [12], [2, -1, 2], [3, 4]):
        np.testing.assert_array_equal(run(x, np.array(shape)), x.reshape(shape))
    assert run.plan_for(values={"shape": [3, 4]}).input_shapes == {"x": (2, 6), "shape": (2,)}
    with pytest.raises(ParameterError) as caught:
        run.plan_for()
    assert str(caught.value) == (
        "net: plan: settings are computed from the input 'shape': "
        "plan_for(shape, values={'shape': array}) takes its value"
    )
    with pytest.raises(UnknownNameError):
        run.plan_for(values={"form": [3, 4]})


def test_plans_and_profiles_of_several_inputs(dtype):
    run = st.compile(picking(), dtype=dtype, threads=1)
    plan = run.plan_for({"a": (4, 3, 6, 6), "b": (4, 3, 6, 6)})
    assert plan.input_shapes["mask"] == (1, 1, 6, 6)
    assert plan.title.startswith(f"net on 4x3x6x6, 4x3x6x6, 2, 1x1x6x6, {dtype}, ")
    done = {name for step in plan.steps for name in step.names}
    assert done == {"chosen", "positive", "picked", "largest", "greater"}
    given = numbers(1, 3, 6, 6).astype(dtype), numbers(1, 3, 6, 6).astype(dtype)
    given = (*given, np.array([0, 1]), np.ones((1, 1, 6, 6), bool))
    profile = run.profile(given, repeats=2)
    assert len(profile.steps) == len(profile.plan.steps)


def test_empty_values(dtype):
    inputs = Input("x", (2, 5)), Input("nothing", (2, 0))
    nodes = [
        (op.Slice((3,), (3,), (1,)), ["x"], ["none"]),
        (op.Relu(), ["none"], ["still"]),
        (op.Concat(axis=1), ["still", "x", "nothing"], ["whole"]),
        (op.ReduceSum((1,)), ["nothing"], ["zero"]),
        (op.ArgMax(axis=0), ["none"], ["where"]),
    ]
    run = st.compile(network(inputs, nodes, ("still", "whole", "zero", "where")), dtype=dtype)
    x = numbers(2, 5).astype(dtype)
    still, whole, zero, where = run(x, np.empty((2, 0), dtype))
    assert (still.shape, where.shape) == ((2, 0), (1, 0))
    np.testing.assert_array_equal(whole, x)
    np.testing.assert_array_equal(zero, np.zeros((2, 1)))


def test_networks_without_inputs(dtype):
    nodes = [(op.Neg(), ["w"], ["y"])]
    run = st.compile(network((), nodes, ("y",), weights={"w": numbers(3)}), dtype=dtype)
    np.testing.assert_array_equal(run(), -numbers(3))
    np.testing.assert_array_equal(run({}), -numbers(3))
    with pytest.raises(ParameterError) as caught:
        run(numbers(3))
    assert str(caught.value) == "net: 1 inputs were given, but it takes 0: run()"


def test_values_that_do_not_fit_are_placed(dtype):
    nodes = [(op.Gather(axis=1), ["x", "i"], ["y"])]
    inputs = Input("x", (None, 3)), Input("i", (2,), "int64")
    run = st.compile(network(inputs, nodes, ("y",)), dtype=dtype)
    x = numbers(2, 3).astype(dtype)
    np.testing.assert_array_equal(run(x, np.array([-3, 2])), x[:, [0, 2]])
    with pytest.raises(ParameterError) as caught:
        run(x, np.array([0, 3]))
    assert str(caught.value) == (
        "net: y (Gather): index 3 is outside axis 1 of (2, 3): indices go from -3 to 2"
    )


def test_infinities_come_about_without_a_warning(dtype):
    nodes = [
        (op.Div(), ["x", "zero"], ["up"]),
        (op.Sub(), ["up", "up"], ["none"]),
        (op.ReduceMean((1,)), ["none"], ["mean"]),
        (op.IsNaN(), ["mean"], ["is"]),
        (op.Cast("int64"), ["up"], ["whole"]),
        (op.Add(), ["none", "up"], ["sum"]),
    ]
    net = network([Input("x", (1, 2))], nodes, ("is", "sum"), constants=(Constant.of("zero", 0.0),))
    missing, total = st.compile(net, dtype=dtype)(np.ones((1, 2), dtype))
    assert missing.all()
    assert np.isnan(total).all()
    assert np.isinf(st.compile(net, dtype=dtype).values(np.ones((1, 2), dtype))["up"]).all()


def test_kinds_that_an_operator_has_no_numbers_of():
    nodes = (Node("soft", op.Softmax(1), ("x",), ("y",)),)
    network = Network(Graph("odd", (Input("x", (2, 3), "bool"),), (), nodes, ("y",)))
    with pytest.raises(DTypeError) as error:
        st.compile(network)(np.ones((2, 3), bool))
    assert str(error.value).startswith("odd: soft (Softmax): cannot be computed for bool (")
    assert str(error.value).endswith("): cast them first")
