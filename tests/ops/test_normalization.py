from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.testing import assert_allclose

from striate import ops
from striate.errors import ParameterError, ShapeError

RNG = np.random.default_rng(0)
SCALE, BIAS, MEAN = RNG.standard_normal((3, 5))
VARIANCE = RNG.random(5) + 0.1
SHAPES = [(7, 5), (3, 5, 4), (2, 5, 3, 4), (2, 5, 2, 3, 2)]


def tensors(*arrays: Any) -> list[Any]:
    return [torch.from_numpy(a.copy()).requires_grad_() for a in arrays]


@pytest.mark.parametrize("shape", SHAPES)
def test_small_inference_equals_pytorch(shape: tuple[int, ...]) -> None:
    x, dy = RNG.standard_normal((2, *shape))
    given = tensors(x, SCALE, BIAS)
    statistics = torch.from_numpy(MEAN), torch.from_numpy(VARIANCE)
    expected = F.batch_norm(given[0], *statistics, given[1], given[2], False, 0.0, 1e-3)
    expected.backward(torch.from_numpy(dy))
    y = ops.batch_norm(x, SCALE, BIAS, MEAN, VARIANCE, 1e-3)
    assert_allclose(y, expected.detach().numpy(), rtol=1e-12)
    found = ops.batch_norm_gradients(dy, x, SCALE, MEAN, VARIANCE, 1e-3)
    for one, tensor in zip(found, given, strict=True):
        assert_allclose(one, tensor.grad.numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_small_training_equals_pytorch(shape: tuple[int, ...]) -> None:
    x, dy = RNG.standard_normal((2, *shape))
    given = tensors(x, SCALE, BIAS)
    expected = F.batch_norm(given[0], None, None, given[1], given[2], True, 0.0, 1e-3)
    expected.backward(torch.from_numpy(dy))
    y, mean, variance = ops.batch_norm_training(x, SCALE, BIAS, 1e-3)
    axes = (0, *range(2, x.ndim))
    assert_allclose(y, expected.detach().numpy(), rtol=1e-9, atol=1e-12)
    assert_allclose(mean, x.mean(axis=axes))
    assert_allclose(variance, x.var(axis=axes))
    found = ops.batch_norm_training_gradients(dy, x, SCALE, mean, variance, 1e-3)
    for one, tensor in zip(found, given, strict=True):
        assert_allclose(one, tensor.grad.numpy(), rtol=1e-9, atol=1e-12)


def test_small_dtype_is_kept_and_nan_survives() -> None:
    x = RNG.standard_normal((2, 5, 3)).astype(np.float32)
    x[0, 1, 2] = np.nan
    single = [a.astype(np.float32) for a in (SCALE, BIAS, MEAN, VARIANCE)]
    y = ops.batch_norm(x, *single)
    assert y.dtype == np.float32
    assert np.isnan(y).sum() == 1
    trained, mean, variance = ops.batch_norm_training(x, *single[:2])
    assert trained.dtype == mean.dtype == variance.dtype == np.float32
    assert np.isnan(trained).sum() == 6  # the whole channel


def test_small_messages() -> None:
    x = np.zeros((2, 5, 3))
    message = "batch_norm: mean must have shape (5,), one for each channel, not (4,)"
    with pytest.raises(ShapeError, match=f"^{re.escape(message)}$"):
        ops.batch_norm(x, SCALE, BIAS, MEAN[:4], VARIANCE)
    message = "batch_norm: x must be (N, C, *spatial), but its shape is (5,)"
    with pytest.raises(ShapeError, match=f"^{re.escape(message)}$"):
        ops.batch_norm(MEAN, SCALE, BIAS, MEAN, VARIANCE)
    message = "batch_norm: epsilon must be at least 0, not -1"
    with pytest.raises(ParameterError, match=f"^{re.escape(message)}$"):
        ops.batch_norm(x, SCALE, BIAS, MEAN, VARIANCE, -1)
    message = "batch_norm_training: x must not be empty, but its shape is (0, 5)"
    with pytest.raises(ShapeError, match=f"^{re.escape(message)}$"):
        ops.batch_norm_training(np.zeros((0, 5)), SCALE, BIAS)
