from __future__ import annotations

import numpy as np
import pytest
import torch

from striate.ops.blocked.layout import Place
from striate.ops.blocked.losses import cross_entropy, squared_error
from striate.ops.blocked.program import run_tasks
from striate.ops.codegen import Target

SHAPES = [(1, 1), (3, 2), (128, 10), (5, 16), (4, 100), (2, 1000), (1, 10_000), (7, 33)]
TASKS = {"cross-entropy": cross_entropy, "squared": squared_error}


def case(shape, scale=3.0):
    random = np.random.default_rng(sum(shape))
    x = random.normal(scale=scale, size=shape).astype(np.float32)
    return x, random.integers(0, shape[1], shape[0])


def definition(kind, x, labels):
    """Return each example's loss and the gradient of their mean in float64, by PyTorch."""
    x = torch.from_numpy(x).double().requires_grad_()
    if kind == "squared":
        wanted = torch.full(x.shape, -1.0, dtype=torch.float64)
        wanted[torch.arange(len(x)), torch.from_numpy(labels)] = 1
        losses = ((x - wanted) ** 2).sum(1) / 2
    else:
        losses = torch.nn.functional.cross_entropy(x, torch.from_numpy(labels), reduction="none")
    losses.mean().backward()
    return losses.detach().numpy(), x.grad.numpy()


@pytest.fixture
def loss(target, run):
    """Return what runs a loss on rows, with its numbers in the middle of buffers."""

    def loss(kind, x, labels):
        rows = len(x)
        buffers = {"x": np.r_[np.full(3, np.nan), x.ravel(), np.nan].astype(np.float32)}
        buffers["t"] = np.r_[-1, labels]
        buffers |= {name: np.full(rows + 2, 7, np.float32) for name in "lh"}
        buffers["g"] = np.full(x.size + 2, 7, np.float32)
        places = Place("x", 3), x.shape, Place("t", 2), Place("l", 1), Place("h", 1), Place("g", 1)
        run(TASKS[kind](target, *places), buffers)
        assert all((buffers[name][[0, -1]] == 7).all() for name in "lhg")
        losses, hits, gradient = (buffers[name][1:-1] for name in "lhg")
        return losses, hits, gradient.reshape(x.shape)

    return loss


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", TASKS)
def test_losses_and_gradients(loss, kind, shape):
    x, labels = case(shape)
    losses, hits, gradient = loss(kind, x, labels)
    wanted, slope = definition(kind, x, labels)
    np.testing.assert_allclose(losses, wanted, rtol=2e-6, atol=2e-6)
    np.testing.assert_allclose(gradient, slope, rtol=2e-6, atol=2e-7)
    np.testing.assert_array_equal(hits, x.argmax(1) == labels)


@pytest.mark.parametrize("kind", TASKS)
def test_the_first_of_equals_is_the_answer(loss, kind):
    x = np.zeros((6, 20), np.float32)
    x[:, [3, 18]] = 2
    x[4:] = -1
    labels = np.array([3, 18, 0, 19, 0, 1])
    np.testing.assert_array_equal(loss(kind, x, labels)[1], [1, 0, 0, 0, 1, 0])


def test_large_scores_are_safe(loss):
    x = np.array([[1e30, -1e30, 0], [500, 400, 300], [-3e38, -3e38, 3e38]], np.float32)
    losses, _, gradient = loss("cross-entropy", x, np.array([0, 1, 2]))
    np.testing.assert_array_equal(losses, [0, 100, 0])
    wanted = np.array([[0, 0, 0], [1, -1, 0], [0, 0, 0]]) / 3
    np.testing.assert_allclose(gradient, wanted, atol=1e-30, rtol=1e-6)


@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize("place", [0, 5, 17])
def test_what_is_not_finite_shows(loss, kind, wrong, place):
    x, _ = case((3, 18))
    x[1, place] = wrong
    losses, hits, _ = loss(kind, x, np.array([0, 5, 17]))
    np.testing.assert_array_equal(np.isfinite(losses), [True, False, True])
    assert hits[1] == 0 or wrong == np.inf


def test_a_score_of_minus_infinity_has_no_share(loss):
    x = np.array([[0, -np.inf, 0], [0, -np.inf, 0]], np.float32)
    losses, _, gradient = loss("cross-entropy", x, np.array([0, 1]))
    np.testing.assert_allclose(losses, [np.log(2), np.inf], rtol=1e-6)
    np.testing.assert_allclose(gradient[0], [-0.25, 0, 0.25], rtol=1e-6)


@pytest.mark.parametrize("kind", TASKS)
def test_labels_out_of_range_give_no_number(loss, kind):
    x, _ = case((3, 4))
    losses, hits, _ = loss(kind, x, np.array([-1, 4, 2**40]))
    assert np.isnan(losses).all()
    assert (hits == 0).all()


@pytest.mark.parametrize("kind", TASKS)
def test_gradients_may_replace_scores_whatever_the_threads(kind):
    x, labels = case((301, 100))
    found = []
    for threads in (1, 2, 3):
        buffers = {"x": x.copy(), "t": labels}
        buffers |= {name: np.empty(len(x), np.float32) for name in "lh"}
        places = Place("x"), x.shape, Place("t"), Place("l"), Place("h"), Place("x")
        run_tasks([TASKS[kind](Target.host(), *places)], buffers, threads)
        found.append(buffers)
    for other in found[1:]:
        for name in "xlh":
            np.testing.assert_array_equal(found[0][name], other[name])
    np.testing.assert_allclose(found[0]["x"], definition(kind, x, labels)[1], atol=2e-7)
