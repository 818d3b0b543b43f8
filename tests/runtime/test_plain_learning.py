"""Learning in NumPy: optimisers against PyTorch's, and going back to the same bits."""

import tracemalloc

import numpy as np
import pytest
import torch

from striate.errors import ParameterError, UnknownNameError
from striate.network import Builder, Network
from striate.network.operators import Dropout, Relu
from striate.runtime.learning import Assignment, Descent, PlainLearner, learner
from striate.runtime.learning.blame import first_not_finite
from striate.runtime.learning.descent import factors_of
from striate.runtime.learning.stepping import Stepping

DESCENTS = [
    Descent(),
    Descent(weight_decay=0.01),
    Descent(momentum=0.9),
    Descent(momentum=0.9, nesterov=True, weight_decay=0.01),
    Descent("adam"),
    Descent("adam", weight_decay=0.01, betas=(0.8, 0.95), epsilon=1e-6),
    Descent("adamw", weight_decay=0.05),
    Descent(momentum=0.5, clip_norm=3.0),
    Descent("adamw", clip_norm=0.5),
]


def peer_of(descent, groups):
    if descent.method == "sgd":
        return torch.optim.SGD(
            groups,
            momentum=descent.momentum,
            nesterov=descent.nesterov,
            weight_decay=descent.weight_decay,
        )
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[descent.method]
    return kind(groups, betas=descent.betas, eps=descent.epsilon, weight_decay=descent.weight_decay)


@pytest.mark.parametrize("descent", DESCENTS, ids=repr)
def test_twenty_steps_are_pytorchs_to_rounding(descent):
    """Rates change from step to step, and half of the parameters have a tenth of them."""
    random = np.random.default_rng(3)
    parameters = random.standard_normal(100).astype(np.float32)
    gradients = np.empty_like(parameters)
    factors = np.repeat(np.float32([1, 0.1]), 50)
    halves = [torch.tensor(part.copy(), requires_grad=True) for part in np.split(parameters, 2)]
    peer = peer_of(descent, [{"params": [half], "lr": 1.0} for half in halves])
    stepping = Stepping(descent, parameters, gradients, factors)
    for step in range(20):
        rate = 0.05 / (1 + step)
        gradients[:] = random.standard_normal(100)
        for half, part in zip(halves, np.split(gradients, 2), strict=True):
            half.grad = torch.tensor(part.copy())
        if descent.clip_norm:
            torch.nn.utils.clip_grad_norm_(halves, descent.clip_norm)
        for group, factor in zip(peer.param_groups, (1, 0.1), strict=True):
            group["lr"] = rate * factor
        peer.step()
        stepping.step(np.float32(rate))
        expected = torch.cat(halves).detach().numpy()
        np.testing.assert_allclose(parameters, expected, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("method", ["sgd", "adamw"])
def test_a_step_allocates_nothing(method):
    parameters, gradients = np.ones(100_000, np.float32), np.ones(100_000, np.float32)
    momentum = 0.9 if method == "sgd" else 0.0
    stepping = Stepping(
        Descent(method, momentum, weight_decay=0.1, clip_norm=1.0), parameters, gradients
    )
    stepping.step(np.float32(0.1))
    tracemalloc.start()
    stepping.step(np.float32(0.1))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 10_000


@pytest.fixture
def noisy():
    """A network with batch normalisation and dropout, of (N, 1, 6, 6) images in three classes."""
    b = Builder("noisy", (None, 1, 6, 6))
    x = b.batch_norm(b.conv(b.input, "conv", channels=4, kernel=3, stride=2), "norm")
    x = b.add(Dropout(0.3), b.add(Relu(), x, name="relu"), name="drop")
    return Network(b.graph(b.linear(x, "scores", features=3)))


@pytest.fixture
def examples():
    random = np.random.default_rng(0)
    return random.standard_normal((20, 1, 6, 6)).astype(np.float32), np.arange(20) % 3


def student(network, descent=DESCENTS[3], seed=0):
    return PlainLearner(Assignment(network, "cross-entropy", 4, descent, seed))


RATES = np.full(5, 0.05, np.float32)


@pytest.mark.parametrize("descent", [DESCENTS[0], DESCENTS[3], DESCENTS[4]], ids=repr)
def test_what_is_restored_goes_on_to_the_same_bits(noisy, examples, descent):
    first = student(noisy, descent)
    first.learn(*examples, RATES)
    weights, state = first.network().weights, first.state()
    second = student(noisy, descent, seed=9)
    second.restore(weights, state)
    lessons = [one.learn(*examples, RATES) for one in (first, second)]
    np.testing.assert_array_equal(lessons[0].losses, lessons[1].losses)
    for name, array in first.network().weights.items():
        np.testing.assert_array_equal(array, second.network().weights[name])
    for name, array in first.state().items():
        np.testing.assert_array_equal(array, second.state()[name])
    np.testing.assert_array_equal(first.scores(examples[0]), second.scores(examples[0]))


def test_a_step_that_cannot_be_taken_leaves_no_trace(noisy, examples):
    images, labels = examples
    spoilt = images.copy()
    spoilt[9] = np.inf  # in the third step
    one, other = student(noisy), student(noisy)
    lesson = one.learn(spoilt, labels, RATES)
    assert lesson.steps == 2
    other.learn(images[:8], labels[:8], RATES[:2])
    for name, array in one.network().weights.items():
        np.testing.assert_array_equal(array, other.network().weights[name])
    for name, array in one.state().items():
        np.testing.assert_array_equal(array, other.state()[name])


def test_a_last_batch_that_is_smaller_is_a_step_too(noisy, examples):
    images, labels = examples
    one, other = student(noisy), student(noisy)
    one.learn(images[:6], labels[:6], RATES[:2])
    other.learn(images[:4], labels[:4], RATES[:1])
    other.learn(images[4:6], labels[4:6], RATES[:1])
    for name, array in one.network().weights.items():
        np.testing.assert_array_equal(array, other.network().weights[name])


def test_hits_and_scores(noisy, examples):
    images, labels = examples
    one = student(noisy)
    lesson = one.learn(images, labels, np.zeros(5, np.float32))
    assert lesson.hits.dtype == np.bool_
    assert lesson.losses.shape == (20,)
    assert one.scores(images).shape == (20, 3)
    assert np.isfinite(lesson.losses).all()


def test_a_state_of_another_optimizer_is_refused(noisy):
    with pytest.raises(ParameterError) as error:
        student(noisy, Descent()).restore(noisy.initialize(0).weights, student(noisy).state())
    assert str(error.value) == (
        "the state of learning has random (6,), steps (), velocity (99,), not random (6,), "
        "steps (): it belongs to another optimizer or network"
    )


def test_who_learns(noisy):
    plain = learner(
        noisy, loss="squared", batch_size=2, descent=Descent(), method="plain", exact=True
    )
    assert isinstance(plain, PlainLearner)
    assert plain.plain_because == "NumPy was asked for"
    with pytest.raises(ParameterError) as error:
        learner(noisy, loss="squared", batch_size=0, descent=Descent())
    assert str(error.value) == "learner: batch_size 0 must be a whole number of at least 1"
    with pytest.raises(UnknownNameError) as error:
        learner(noisy, loss="squared", batch_size=1, descent=Descent(), method="fast")
    assert str(error.value) == (
        "learner: no method of learning is called 'fast'; known: auto, compiled, plain"
    )


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (
            {"method": "sgdm"},
            UnknownNameError,
            "no optimizer is called 'sgdm'; did you mean sgd?",
        ),
        (
            {"momentum": 1.0},
            ParameterError,
            "momentum 1.0 must be at least 0 and less than 1: try 0.9",
        ),
        (
            {"method": "adam", "momentum": 0.9},
            ParameterError,
            "momentum 0.9 is for sgd: adam has betas instead",
        ),
        (
            {"nesterov": True},
            ParameterError,
            "nesterov needs momentum with sgd: try momentum=0.9",
        ),
        (
            {"betas": (0.9, 1.0)},
            ParameterError,
            "betas (0.9, 1.0) must be two numbers of at least 0 and less than 1: try (0.9, 0.999)",
        ),
        (
            {"epsilon": 0.0},
            ParameterError,
            "epsilon 0.0 must be a finite number above 0",
        ),
        (
            {"weight_decay": -1.0},
            ParameterError,
            "weight_decay -1.0 must be a finite number of at least 0: try 0 or 5e-4",
        ),
        (
            {"clip_norm": 0},
            ParameterError,
            "clip_norm 0 must be a finite number above 0: try 1, or None for no clipping",
        ),
    ],
)
def test_descents_that_cannot_be(arguments, kind, message):
    with pytest.raises(kind) as error:
        Descent(**arguments)
    assert str(error.value) == message


def test_factors_are_for_each_parameter_that_learns(noisy):
    names = [p.name for p in noisy.graph.parameters if p.trainable]
    assert factors_of(noisy.graph, Descent()) == dict.fromkeys(names, 1.0)
    with pytest.raises(ParameterError) as error:
        factors_of(noisy.graph, Descent(factors={"conv.weight": 0.1}))
    assert "has no rate: give one number" in str(error.value)
    unknown = dict.fromkeys([*names, "norm.mean"], 0.1)
    with pytest.raises(UnknownNameError) as unheard:
        factors_of(noisy.graph, Descent(factors=unknown))
    assert str(unheard.value).startswith(
        "learning_rate: no trainable parameter of noisy is called 'norm.mean'; "
    )


def spoilt(network, name, value):
    weights = {key: array.copy() for key, array in network.initialize(0).weights.items()}
    weights[name].flat[0] = value
    return Network(network.graph, weights)


def test_the_layer_that_overflows_is_named(noisy, examples):
    images, labels = examples
    huge = np.full_like(images, 3e38)
    clause = first_not_finite(noisy.initialize(1), huge, labels, "squared")
    assert clause.startswith("conv (Conv) made the first values that are not finite, ")
    clause = first_not_finite(spoilt(noisy, "scores.weight", np.nan), images, labels, "squared")
    assert clause.startswith("scores.weight of scores (Gemm) is not finite before the step, 1 of ")
    clause = first_not_finite(spoilt(noisy, "scores.bias", 1e30), images, labels, "squared")
    assert clause == "the outputs are finite, of up to 1e+30, but their loss is not"
    clause = first_not_finite(noisy.initialize(1), images, labels, "squared")
    assert clause.startswith("NumPy's own pass over its examples is finite throughout")


def test_a_gradient_that_overflows_is_named():
    b = Builder("steep", (None, 1, 2))
    network = Network(b.graph(b.linear(b.linear(b.input, "a", features=1), "b", features=2)))
    weights = {
        "a.weight": np.float32([[1, 1]]),
        "a.bias": np.float32([0]),
        "b.weight": np.float32([[1e30], [3e30]]),
        "b.bias": np.float32([0, 0]),
    }
    images = np.float32([[[1e25, -1e25]]])  # they add up to 0: all is finite on the way there
    clause = first_not_finite(Network(network.graph, weights), images, np.array([0]), "squared")
    assert clause == "the gradient for a.weight of a (Gemm) is the first that is not finite"
