from __future__ import annotations

import numpy as np
import pytest
import torch

from striate.errors import ParameterError
from striate.ops.blocked.clipping import clip_norm, norm_parts
from striate.ops.blocked.layout import Place
from striate.ops.blocked.program import aligned, run_tasks
from striate.ops.blocked.updates import CLOCK_SIZE, advance, clock, update
from striate.ops.codegen import Target

OPTIMISERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
SETTINGS = [
    ("sgd", {}),
    ("sgd", {"weight_decay": 0.1}),
    ("sgd", {"momentum": 0.9, "weight_decay": 0.01}),
    ("sgd", {"momentum": 0.9, "nesterov": True}),
    ("adam", {}),
    ("adam", {"betas": (0.8, 0.95), "epsilon": 1e-3, "weight_decay": 0.1}),
    ("adamw", {"weight_decay": 0.1}),
]
PLACES = {"velocity": Place("v"), "squares": Place("s"), "clock": Place("c")}


def normal(count, seed):
    return np.random.default_rng(seed).normal(size=count).astype(np.float32)


def steps_of(target, method, settings, count, **more):
    betas = settings.get("betas", (0.9, 0.999))
    own = update(
        target, method, count, Place("w"), Place("g"), Place("r"), **PLACES, **settings, **more
    )
    return [advance(target, Place("c"), betas), own]


def start(count):
    buffers = {"w": normal(count + 20, 1), "r": np.zeros(1, np.float32), "c": clock()}
    return buffers | {name: np.zeros(count + 20, np.float32) for name in "vs"}


@pytest.mark.parametrize(("method", "settings"), SETTINGS, ids=str)
@pytest.mark.parametrize("count", [1, 37, 5000])
@pytest.mark.parametrize("factored", [False, True])
def test_steps_are_those_of_pytorch(target, run, method, settings, count, factored):
    weights = torch.nn.Parameter(torch.from_numpy(normal(count + 20, 1)[:count]).double())
    named = {("eps" if name == "epsilon" else name): of for name, of in settings.items()}
    named.setdefault("weight_decay", 0.0)
    theirs = OPTIMISERS[method]([weights], lr=1.0, **named)
    buffers = start(count)
    factors = np.full(count, 0.5, np.float32) if factored else None
    tasks = steps_of(target, method, settings, count, factors=factors)
    for step in range(5):
        rate = 0.1 / (1 + step)
        gradients = normal(count, 10 + step)
        theirs.param_groups[0]["lr"] = rate * (0.5 if factored else 1)
        weights.grad = torch.from_numpy(gradients).double()
        theirs.step()
        buffers["g"], buffers["r"][0] = gradients, rate
        run(tasks, buffers)
        np.testing.assert_allclose(buffers["w"][:count], weights.detach(), rtol=2e-5, atol=2e-6)
    np.testing.assert_array_equal(buffers["w"][count:], normal(count + 20, 1)[count:])
    assert all((buffers[name][count:] == 0).all() for name in "vs")
    np.testing.assert_array_equal(buffers["c"], clock(settings.get("betas", (0.9, 0.999)), 5))


def test_factors_may_lie_in_a_buffer(target, run):
    buffers = start(40) | {"g": normal(40, 2), "f": np.arange(40, dtype=np.float32)}
    buffers["r"][0] = 0.5
    before = buffers["w"][:40].copy()
    run(steps_of(target, "sgd", {}, 40, factors=Place("f")), buffers)
    wanted = before - 0.5 * buffers["f"] * buffers["g"]
    np.testing.assert_allclose(buffers["w"][:40], wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("steps", [1, 10, 3000])
def test_clocks_correct_biases(target, run, steps):
    buffers = {"c": clock((0.9, 0.99))}
    for _ in range(steps):
        run(advance(target, Place("c"), (0.9, 0.99)), buffers)
    np.testing.assert_array_equal(buffers["c"], clock((0.9, 0.99), steps))
    assert buffers["c"].shape == (CLOCK_SIZE,)
    assert buffers["c"].view(np.int64)[0] == steps
    wanted = 1 / (1 - 0.9**steps), 1 / np.sqrt(1 - 0.99**steps)
    np.testing.assert_allclose(buffers["c"][6:8], wanted, rtol=1e-6)


@pytest.mark.parametrize("count", [1, 50, 4096, 30_001])
@pytest.mark.parametrize("most", [0.5, 1e4])
def test_norms_are_clipped_as_in_pytorch(target, run, count, most):
    gradients = normal(count, 3)
    place = torch.nn.Parameter(torch.zeros(count, dtype=torch.float64))
    place.grad = torch.from_numpy(gradients).double()
    norm = torch.nn.utils.clip_grad_norm_([place], most)
    partial = np.full(norm_parts(count) + 2, np.nan, np.float32)
    buffers = {"g": gradients, "f": np.full(3, 7, np.float32), "p": partial}
    run(clip_norm(target, Place("g"), count, most, Place("f"), Place("p")), buffers)
    np.testing.assert_allclose(buffers["f"], [buffers["f"][0], norm, 7], rtol=1e-6)
    np.testing.assert_allclose(gradients * buffers["f"][0], place.grad, rtol=1e-6, atol=1e-7)
    assert np.isnan(partial[-2:]).all()
    buffers |= start(count)
    before = buffers["w"][:count].copy()
    buffers["r"][0] = 0.1
    run(steps_of(target, "sgd", {}, count, factor=Place("f")), buffers)
    wanted = before - 0.1 * place.grad.numpy()
    np.testing.assert_allclose(buffers["w"][:count], wanted, rtol=1e-6, atol=1e-6)


def test_what_is_no_number_makes_no_factor(target, run):
    gradients = normal(100, 3)
    gradients[77] = np.nan
    buffers = {"g": gradients, "f": np.zeros(2, np.float32), "p": np.zeros(2, np.float32)}
    run(clip_norm(target, Place("g"), 100, 1.0, Place("f"), Place("p")), buffers)
    assert np.isnan(buffers["f"]).all()


def test_threads_do_not_matter():
    target, count, found = Target.host(), 100_003, []
    for threads in (1, 2, 3):
        buffers = start(count) | {"g": normal(count, 3), "f": np.zeros(2, np.float32)}
        buffers["p"], buffers["r"][0] = aligned(norm_parts(count)), 0.1
        tasks = clip_norm(target, Place("g"), count, 1.0, Place("f"), Place("p"))
        tasks += steps_of(target, "adam", {}, count, factor=Place("f"))
        run_tasks(tasks, buffers, threads)
        found.append(buffers)
    for other in found[1:]:
        for name in "wvsf":
            np.testing.assert_array_equal(found[0][name], other[name])


def test_what_a_method_needs_is_asked_for(target):
    places = 4, Place("w"), Place("g"), Place("r")
    with pytest.raises(ParameterError, match=r"^sgd needs a velocity for its momentum$"):
        update(target, "sgd", *places, momentum=0.9)
    with pytest.raises(ParameterError, match=r"^adam needs velocity, squares and a clock$"):
        update(target, "adam", *places, velocity=Place("v"))
