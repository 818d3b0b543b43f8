from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from striate import ops
from striate.errors import DTypeError, ParameterError, ShapeError

X = np.random.default_rng(0).standard_normal((3, 5, 4)) * 4
DY = np.random.default_rng(1).standard_normal(X.shape)


@pytest.mark.parametrize("name", ["relu", "tanh", "sigmoid"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_small_functions_and_gradients_equal_pytorch(name: str, dtype: str) -> None:
    x, dy = X.astype(dtype), DY.astype(dtype)
    x[0, 0, 0] = 0
    tensor = torch.from_numpy(x.copy()).requires_grad_()
    expected = getattr(torch, name)(tensor)
    expected.backward(torch.from_numpy(dy))
    y = getattr(ops, name)(x)
    dx = getattr(ops, f"{name}_gradient")(dy, y)
    assert y.dtype == dx.dtype == np.dtype(dtype)
    assert_allclose(y, expected.detach().numpy(), rtol=1e-6)
    assert_allclose(dx, tensor.grad.numpy(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_small_softmax_equals_pytorch(axis: int, dtype: str) -> None:
    x, dy = X.astype(dtype), DY.astype(dtype)
    tensor = torch.from_numpy(x.copy()).requires_grad_()
    expected = torch.softmax(tensor, axis)
    expected.backward(torch.from_numpy(dy))
    y = ops.softmax(x, axis)
    dx = ops.softmax_gradient(dy, y, axis)
    assert y.dtype == dx.dtype == np.dtype(dtype)
    assert_allclose(y, expected.detach().numpy(), rtol=1e-5)
    assert_allclose(dx, tensor.grad.numpy(), rtol=1e-4, atol=1e-6)


def test_small_nan_and_infinity_survive() -> None:
    x = np.array([np.nan, np.inf, -np.inf])
    assert_array_equal(ops.relu(x), [np.nan, np.inf, 0])
    assert_array_equal(ops.tanh(x), [np.nan, 1, -1])
    assert_array_equal(ops.sigmoid(x), [np.nan, 1, 0])
    assert_array_equal(ops.relu_gradient(np.ones(3), ops.relu(x)), [1, 1, 0])
    assert_array_equal(ops.softmax(np.array([0, -np.inf])), [1, 0])
    assert_array_equal(ops.softmax(np.array([1, np.nan])), [np.nan, np.nan])
    assert_array_equal(ops.softmax(np.array([1, np.inf])), [np.nan, np.nan])


def test_small_large_inputs_do_not_overflow() -> None:
    x = np.array([-1e4, 1e4], np.float32)
    assert_array_equal(ops.sigmoid(x), np.array([0, 1], np.float32))
    assert_array_equal(ops.softmax(x), np.array([0, 1], np.float32))


def test_small_softmax_sums_to_one() -> None:
    assert_allclose(ops.softmax(X, 1).sum(axis=1), np.ones((3, 4)), rtol=1e-14)


@pytest.mark.parametrize(
    "function",
    [ops.relu, ops.tanh, ops.sigmoid, ops.softmax, lambda x: ops.dropout(x, 0.5, None)],
    ids=["relu", "tanh", "sigmoid", "softmax", "dropout"],
)
def test_small_message_of_integers(
    function: Callable[[Any], Any], request: pytest.FixtureRequest
) -> None:
    name = request.node.callspec.id
    message = (
        f"{name}: x must be float32 or float64, not int64: convert it with x.astype(np.float32)"
    )
    with pytest.raises(DTypeError, match=f"^{re.escape(message)}$"):
        function(np.arange(3))


def test_small_messages_of_softmax() -> None:
    message = "softmax: axis 3 is not an axis of x, whose shape is (3, 5, 4)"
    with pytest.raises(ShapeError, match=f"^{re.escape(message)}$"):
        ops.softmax(X, 3)
    message = "softmax: x must not be empty along axis 1, but its shape is (2, 0)"
    with pytest.raises(ShapeError, match=f"^{re.escape(message)}$"):
        ops.softmax(np.zeros((2, 0)), 1)


def test_small_linear_equals_pytorch() -> None:
    x, weight, bias = X[0], DY[1], np.arange(5.0)
    tensors = [torch.from_numpy(a.copy()).requires_grad_() for a in (x, weight, bias)]
    expected = torch.nn.functional.linear(*tensors)
    dy = np.random.default_rng(2).standard_normal((5, 5))
    expected.backward(torch.from_numpy(dy))
    assert_allclose(ops.linear(x, weight, bias), expected.detach().numpy())
    assert_allclose(ops.linear(x, weight), x @ weight.T)
    for found, tensor in zip(ops.linear_gradients(dy, x, weight), tensors, strict=True):
        assert_allclose(found, tensor.grad.numpy())


def test_small_messages_of_linear() -> None:
    message = "linear: x must be (N, in) and weight (out, in), but they are (5, 4) and (5, 3)"
    with pytest.raises(ShapeError, match=f"^{re.escape(message)}$"):
        ops.linear(X[0], DY[1, :, :3])
    message = "linear: bias must have shape (5,), not (4,)"
    with pytest.raises(ShapeError, match=f"^{re.escape(message)}$"):
        ops.linear(X[0], DY[1], np.zeros(4))


def test_small_dropout() -> None:
    x = np.ones(10_000, np.float32)
    y, mask = ops.dropout(x, 0.25, np.random.default_rng(0))
    again, _ = ops.dropout(x, 0.25, np.random.default_rng(0))
    assert_array_equal(y, again)
    assert y.dtype == mask.dtype == np.float32
    assert set(np.unique(mask)) == {np.float32(0), np.float32(1 / 0.75)}
    assert_array_equal(y, mask)
    assert abs((y == 0).mean() - 0.25) < 0.02
    assert_array_equal(ops.dropout_gradient(2 * x, mask), 2 * mask)
    kept, mask = ops.dropout(x, 0.0, np.random.default_rng(0))
    assert_array_equal(kept, x)


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
def test_small_message_of_dropout(rate: float) -> None:
    message = f"dropout: rate must be at least 0 and less than 1, not {rate!r}"
    with pytest.raises(ParameterError, match=f"^{re.escape(message)}$"):
        ops.dropout(X, rate, np.random.default_rng(0))
