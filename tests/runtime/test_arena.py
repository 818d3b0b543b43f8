"""Memory that the values of a network share: who lies where, for how long, and what stays clean."""

import itertools

import numpy as np
import pytest

import striate as st
from striate.network import Builder, Network, zoo
from striate.network import operators as op
from striate.ops.blocked.layout import Place
from striate.ops.codegen import Target
from striate.runtime.execution import Instance
from striate.runtime.folding import folded
from striate.runtime.lowering import INPUT, OUTPUT, Foreign, Settings, Weights, lower

LINE = 16  # float32 elements


def settings(threads=1, exact=False):
    return Settings(Target.host(), threads, exact)


def lowered(network, shape, **how):
    whole = folded(network)
    return lower(whole.graph, Weights(whole.weights), shape, settings(**how))


def mixed():
    """Return a network in which values live long, pad differently, and are joined and added."""
    b = Builder("mixed", (None, 3, 14, 14))
    stem = b.conv(b.input, "stem", channels=20, kernel=5, padding=2)
    left = b.add(op.Relu(), b.conv(stem, "left", channels=16, kernel=3, padding=1), name="relu")
    right = b.conv(stem, "right", channels=9, kernel=(1, 5), padding=(0, 2))
    joined = b.add(op.Concat(), left, right, stem, name="joined")
    wide = b.conv(joined, "wide", channels=20, kernel=3, padding=2, dilation=2)
    total = b.add(op.Add(), wide, stem, name="total")
    grouped = b.conv(total, "grouped", channels=20, kernel=3, padding=1, groups=5)
    small = b.max_pool(grouped, "small", kernel=3, stride=2, padding=1)
    up = b.conv_transpose(small, "up", channels=20, kernel=4, stride=2, padding=1)
    both = b.add(op.Concat(), up, total, name="both")
    deep = b.conv(both, "deep", channels=40, kernel=3, padding=1, groups=1)
    gate = b.add(op.Sigmoid(), b.add(op.GlobalAveragePool(), deep, name="mean"), name="sigmoid")
    y = b.linear(b.add(op.Mul(), deep, gate, name="gated"), "scores", features=7)
    return Network(b.graph(b.add(op.Softmax(), y, name="softmax"))).initialize(2)


def used(work):
    """Return the buffers of a task or of a step in Python."""
    if isinstance(work, Foreign):
        return set(work.buffers)
    return {word.buffer for word in work.words.values() if isinstance(word, Place)}


def lives(plan):
    """Return the numbers of the tasks at which each buffer must keep what it holds."""
    work = [w for part in plan.parts for w in (part.tasks or (part.work,)) if w != ()]
    moments = {}
    for number, one in enumerate(work):
        for name in used(one) - {INPUT, OUTPUT}:
            moments.setdefault(name, []).append(number)
    return {name: range(min(m), max(m) + 1) for name, m in moments.items()}


NETWORKS = {
    "mixed": (mixed, (2, 3, 14, 14)),
    "lenet-5": (lambda: zoo.load("lenet-5").initialize(0), (1, 1, 32, 32)),
    "densenet121": (lambda: zoo.load("densenet121").initialize(0), (1, 3, 32, 32)),
    "googlenet": (lambda: zoo.load("googlenet").initialize(0), (1, 3, 32, 32)),
    "mobilenet-v2": (lambda: zoo.load("mobilenet-v2").initialize(0), (2, 3, 32, 32)),
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("exact", [False, True])
def test_values_that_live_at_once_lie_apart(name, exact):
    make, shape = NETWORKS[name]
    plan = lowered(make(), shape, exact=exact)
    alive = lives(plan)
    assert set(alive) == set(plan.offsets)
    for name, offset in plan.offsets.items():
        assert offset % LINE == 0
        assert 0 <= offset <= offset + plan.sizes[name] <= plan.arena
    for one, other in itertools.combinations(alive, 2):
        first, second = alive[one], alive[other]
        if first.start < second.stop and second.start < first.stop:
            low, high = sorted((plan.offsets[name], plan.sizes[name]) for name in (one, other))
            assert low[0] + low[1] <= high[0], (one, other)


def test_memory_is_shared():
    """A deep network needs little more than its widest step."""
    plan = lowered(zoo.load("resnet18").initialize(0), (1, 3, 64, 64))
    assert plan.arena < 0.5 * sum(plan.sizes.values())


def instance(network, shape, **how):
    plan = lowered(network, shape, **how)
    made = Instance(plan, settings(**how))
    return made, plan


def example(shape, seed):
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("threads", [1, 2])
def test_nothing_is_read_that_was_not_written(name, threads):
    """Whatever the memory held before: NaN, infinity, or the values of other inputs."""
    make, shape = NETWORKS[name]
    network = make()
    exact = st.compile(network, dtype=np.float64)
    run, _ = instance(network, shape, threads=threads)
    results = []
    for before in (np.nan, np.inf, None, 3e38):
        if before is not None:
            run._arena[...] = before
        else:
            run.run([example(shape, seed=9)])
        results += run.run([example(shape, seed=1)])
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])
    wanted = exact(example(shape, 1).astype(np.float64))
    np.testing.assert_allclose(results[0], wanted, rtol=0, atol=2e-5 * np.abs(wanted).max())


def test_instances_have_memory_of_their_own():
    network, shape = mixed(), (2, 3, 14, 14)
    one, plan = instance(network, shape)
    other = Instance(plan, settings())
    (first,) = one.run([example(shape, 1)])
    other.run([example(shape, 2)])
    np.testing.assert_array_equal(one.run([example(shape, 1)])[0], first)
    assert not np.shares_memory(one._arena, other._arena)
