"""Losses against PyTorch and by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.errors import DTypeError, ParameterError, ShapeError, UnknownNameError
from striate.training import losses


@st.composite
def batches(draw):
    n, k = draw(st.integers(1, 9)), draw(st.integers(2, 12))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scale = draw(st.sampled_from([0.1, 1.0, 30.0]))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    return (random.standard_normal((n, k)) * scale).astype(dtype), random.integers(0, k, n)


@given(batches())
@settings(deadline=None, max_examples=40)
def test_squared_error_is_half_of_pytorchs_sum_over_the_batch(batch):
    outputs, labels = batch
    wanted = losses.targets(labels, outputs.shape[1]).astype(outputs.dtype)
    loss, gradient = losses.squared_error(outputs, wanted)
    y = torch.tensor(outputs, requires_grad=True)
    expected = torch.nn.functional.mse_loss(y, torch.tensor(wanted), reduction="sum")
    (expected / (2 * len(labels))).backward()
    assert loss == pytest.approx(expected.item() / (2 * len(labels)), rel=1e-5)
    np.testing.assert_allclose(gradient, y.grad.numpy(), rtol=1e-5, atol=1e-6)
    assert gradient.dtype == outputs.dtype


@given(batches())
@settings(deadline=None, max_examples=40)
def test_cross_entropy_is_pytorchs(batch):
    scores, labels = batch
    wanted = losses.targets(labels, scores.shape[1], off=0).astype(scores.dtype)
    loss, gradient = losses.cross_entropy(scores, wanted)
    s = torch.tensor(scores, requires_grad=True)
    expected = torch.nn.functional.cross_entropy(s, torch.tensor(labels))
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-5, abs=1e-6)
    np.testing.assert_allclose(gradient, s.grad.numpy(), rtol=1e-4, atol=1e-6)
    assert gradient.dtype == scores.dtype


def test_cross_entropy_of_huge_scores_is_finite():
    loss, gradient = losses.cross_entropy(
        np.array([[1e30, -1e30]], np.float32), np.array([[1, 0]], np.float32)
    )
    assert loss == 0
    np.testing.assert_array_equal(gradient, [[0, 0]])


def test_a_nan_does_not_vanish():
    y = np.array([[np.nan, 0.0]], np.float32)
    for loss in (losses.squared_error, losses.cross_entropy):
        assert np.isnan(loss(y, np.array([[1, 0]], np.float32))[0])


def test_bad_input_is_named():
    y = np.zeros((2, 3), np.float32)
    with pytest.raises(ShapeError) as error:
        losses.squared_error(y, y[:, :2])
    assert str(error.value) == "squared_error: outputs (2, 3) but targets (2, 2): one each"
    with pytest.raises(ShapeError) as error:
        losses.cross_entropy(y[0], y[0])
    assert str(error.value) == "cross_entropy: outputs (3,) must be (N, K), not empty"
    with pytest.raises(DTypeError) as error:
        losses.squared_error(y.astype(int), y)
    assert str(error.value) == "squared_error: outputs int64, targets float32: floats only"
    with pytest.raises(ParameterError) as error:
        losses.targets(np.array([0, 10]), 10)
    assert str(error.value) == "labels 0 to 10 for 10 outputs: they must be 0 to 9"
    with pytest.raises(UnknownNameError) as error:
        losses.find("hinge")
    assert str(error.value) == "no loss is called 'hinge'; known: cross-entropy, squared"
