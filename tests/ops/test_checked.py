"""Plans refuse arrays of other shapes: kernels would read beyond their ends."""

import numpy as np
import pytest

from striate import ops
from striate.errors import DTypeError, GeometryError, ShapeError
from striate.geometry import TransposedWindow, Window

FLOAT = np.dtype(np.float32)


def zeros(*shape, dtype=FLOAT):
    return np.zeros(shape, dtype)


@pytest.fixture
def plan():
    window = Window.parse(3, padding=1, rank=2)
    return ops.convolution_plan((1, 3, 8, 8), (4, 3, 3, 3), window, 1, FLOAT)


X, W, Y, ONE = zeros(1, 3, 8, 8), zeros(4, 3, 3, 3), zeros(1, 4, 8, 8), zeros(1, 1, 1, 1)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda p: p.forward(ONE, W),
            ShapeError,
            "x must have the plan's shape (1, 3, 8, 8), not (1, 1, 1, 1)",
        ),
        (
            lambda p: p.forward(X, ONE),
            ShapeError,
            "weight must have the plan's shape (4, 3, 3, 3), not (1, 1, 1, 1)",
        ),
        (
            lambda p: p.forward(X, W, zeros(3)),
            ShapeError,
            "bias must have shape (4,) or (4, 8, 8), not (3,)",
        ),
        (
            lambda p: p.input_gradient(ONE, W),
            ShapeError,
            "dy must have the plan's shape (1, 4, 8, 8), not (1, 1, 1, 1)",
        ),
        (
            lambda p: p.weight_gradient(Y, ONE),
            ShapeError,
            "x must have the plan's shape (1, 3, 8, 8), not (1, 1, 1, 1)",
        ),
        (
            lambda p: p.forward(X.astype(np.float64), W),
            DTypeError,
            "x must have the plan's dtype float32, not float64",
        ),
        (lambda p: p.forward([1.0], W), DTypeError, "x must be a NumPy array, not list"),
    ],
)
def test_convolution(plan, call, error, message):
    with pytest.raises(error) as caught:
        call(plan)
    assert str(caught.value) == message


def test_transposed_convolution():
    window = TransposedWindow.parse(2, 2, rank=2)
    plan = ops.transposed_convolution_plan((1, 2, 4, 4), (2, 3, 2, 2), window, 1, FLOAT)
    with pytest.raises(ShapeError, match="dy must have the plan's shape"):
        plan.input_gradient(ONE, zeros(2, 3, 2, 2))
    assert plan.input_gradient(zeros(1, 3, 8, 8), zeros(2, 3, 2, 2)).shape == (1, 2, 4, 4)


def test_pooling():
    window = Window.parse(2, 2, rank=2)
    most = ops.max_pool_plan((1, 2, 4, 4), window, FLOAT)
    mean = ops.average_pool_plan((1, 2, 4, 4), window, FLOAT)
    for call in (
        lambda: most.forward(ONE),
        lambda: mean.forward(ONE),
        lambda: mean.input_gradient(ONE),
        lambda: most.input_gradient(ONE, zeros(1, 2, 4, 4), zeros(1, 2, 2, 2)),
        lambda: most.input_gradient(zeros(1, 2, 2, 2), ONE, zeros(1, 2, 2, 2)),
        lambda: most.input_gradient(zeros(1, 2, 2, 2), zeros(1, 2, 4, 4), ONE),
    ):
        with pytest.raises(ShapeError, match="must have the plan's shape"):
            call()


def test_batch_norm_gradients():
    one = np.ones(3, FLOAT)
    for name in ("batch_norm_gradients", "batch_norm_training_gradients"):
        with pytest.raises(ShapeError) as caught:
            getattr(ops, name)(ONE, X, one, one, one)
        assert str(caught.value) == (
            f"{name}: dy must have the plan's shape (1, 3, 8, 8), not (1, 1, 1, 1)"
        )


@pytest.mark.parametrize("amount", [10**9, 10**30])
def test_outputs_that_no_machine_holds(amount):
    with pytest.raises(GeometryError, match="TiB, the most is 4 TiB: use less padding"):
        ops.conv2d(X, W, padding=amount)
    with pytest.raises(GeometryError, match="TiB, the most is 4 TiB: use less padding"):
        ops.conv_transpose2d(X, zeros(3, 1, 2, 2), stride=amount)


def test_masked_arrays_are_refused():
    with pytest.raises(DTypeError) as caught:
        ops.conv2d(np.ma.masked_array(X), W)
    assert str(caught.value) == "conv2d: x is a masked array: fill it first, x.filled(0)"
