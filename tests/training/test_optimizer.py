"""Gradient descent against torch.optim.SGD."""

import tracemalloc

import numpy as np
import pytest
import torch

from striate.errors import ParameterError, ShapeError
from striate.training.optimizer import SGD


@pytest.mark.parametrize("weight_decay", [0.0, 0.01])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_ten_steps_are_pytorchs_to_rounding(momentum, weight_decay):
    random = np.random.default_rng(3)
    parameters = random.standard_normal(100).astype(np.float32)
    gradients = np.empty_like(parameters)
    w = torch.tensor(parameters.copy(), requires_grad=True)
    peer = torch.optim.SGD([w], lr=0.05, momentum=momentum, weight_decay=weight_decay)
    descent = SGD(parameters, gradients, 0.05, momentum, weight_decay)
    for _ in range(10):
        gradients[:] = random.standard_normal(100)
        w.grad = torch.tensor(gradients.copy())
        descent.step()
        peer.step()
        np.testing.assert_allclose(parameters, w.detach().numpy(), rtol=2e-6, atol=2e-7)


def test_a_rate_for_each_parameter():
    parameters, gradients = np.ones(3, np.float32), np.ones(3, np.float32)
    SGD(parameters, gradients, np.array([0.5, 1, 2], np.float32)).step()
    np.testing.assert_array_equal(parameters, [0.5, 0, -1])


def test_a_step_allocates_nothing():
    parameters, gradients = np.ones(100_000, np.float32), np.ones(100_000, np.float32)
    descent = SGD(parameters, gradients, 0.1, 0.9, 0.01)
    descent.step()
    tracemalloc.start()
    descent.step()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 10_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0,), "learning_rate 0.0 must be a finite number above 0: try 0.01"),
        ((float("nan"),), "learning_rate nan must be a finite number above 0: try 0.01"),
        (("a",), "SGD: learning_rate 'a' must be a number or numbers"),
        ((0.1, 1.0), "momentum 1.0 must be at least 0 and less than 1: try 0.9"),
        (
            (0.1, 0.0, -1.0),
            "weight_decay -1.0 must be a finite number of at least 0: try 0 or 5e-4",
        ),
    ],
)
def test_rates_that_cannot_train(arguments, message):
    with pytest.raises(ParameterError) as error:
        SGD(np.ones(2, np.float32), np.ones(2, np.float32), *arguments)
    assert str(error.value) == message


def test_shapes_that_do_not_fit():
    flat = np.ones(2, np.float32)
    with pytest.raises(ShapeError) as error:
        SGD(flat, flat[:1], 0.1)
    assert str(error.value) == (
        "SGD: parameters (2,) and gradients (1,) must be flat and of one length"
    )
    with pytest.raises(ShapeError) as error:
        SGD(flat, flat, np.ones(3, np.float32))
    assert str(error.value) == "SGD: learning_rate of shape (3,) must be one number or (2,)"
