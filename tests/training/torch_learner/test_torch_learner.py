"""PyTorch and NumPy learn the same; what is left is begun again to the bit."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from striate.errors import MissingExtraError, ParameterError, UnknownNameError
from striate.network import Network
from striate.runtime.learning import Assignment, Descent, PlainLearner
from striate.training.torch_learner import torch_learner
from striate.training.torch_learner.devices import arithmetic

DESCENTS = {
    "plain": Descent(),
    "momentum": Descent(momentum=0.9, weight_decay=0.01),
    "nesterov": Descent(momentum=0.9, nesterov=True),
    "adam": Descent("adam", weight_decay=0.01, betas=(0.8, 0.99), epsilon=1e-6),
    "adamw": Descent("adamw", weight_decay=0.1),
    "clipped": Descent(momentum=0.5, clip_norm=0.3),
}
RATES = np.linspace(0.05, 0.01, 7).astype(np.float32)


def by_torch(network, descent=DESCENTS["momentum"], loss="cross-entropy", **options):
    return torch_learner(
        network, loss=loss, batch_size=8, descent=descent, device="torch", **options
    )


def by_numpy(network, descent=DESCENTS["momentum"], loss="cross-entropy"):
    return PlainLearner(Assignment(network, loss, 8, descent))


def assert_same(weights, others):
    assert list(weights) == list(others)
    for name, array in weights.items():
        np.testing.assert_array_equal(array, others[name], err_msg=name)


def assert_close(weights, others, tolerance=2e-5):
    assert list(weights) == list(others)
    for name, array in weights.items():
        assert array.dtype == others[name].dtype
        np.testing.assert_allclose(array, others[name], tolerance, tolerance, err_msg=name)


@pytest.mark.parametrize("loss", ["squared", "cross-entropy"])
@pytest.mark.parametrize("descent", DESCENTS.values(), ids=DESCENTS)
def test_steps_are_those_of_the_plain_learner(normed, examples, descent, loss):
    ours, theirs = by_torch(normed(), descent, loss), by_numpy(normed(), descent, loss)
    lesson, wanted = ours.learn(*examples, RATES), theirs.learn(*examples, RATES)
    np.testing.assert_allclose(lesson.losses, wanted.losses, 1e-4, 1e-5)
    np.testing.assert_array_equal(lesson.hits, wanted.hits)
    assert lesson.steps == wanted.steps == 7
    assert lesson.losses.dtype == np.float32
    assert_close(ours.network().weights, theirs.network().weights)
    np.testing.assert_allclose(ours.scores(examples[0]), theirs.scores(examples[0]), 1e-4, 1e-4)


def test_each_parameter_has_its_factor(normed, examples):
    trained = [p.name for p in normed().graph.parameters if p.trainable]
    factors = {name: 0.5 + index % 3 for index, name in enumerate(trained)}
    descent = Descent(momentum=0.9, factors=factors)
    ours, theirs = by_torch(normed(), descent), by_numpy(normed(), descent)
    ours.learn(*examples, RATES)
    theirs.learn(*examples, RATES)
    assert_close(ours.network().weights, theirs.network().weights)


def test_frozen_parameters_stay(normed, examples):
    graph = normed().graph
    kept = ("first.weight", "norm.bias")
    parameters = tuple(
        replace(p, trainable=p.trainable and p.name not in kept) for p in graph.parameters
    )
    network = Network(replace(graph, parameters=parameters)).initialize(seed=3)
    ours, theirs = by_torch(network), by_numpy(network)
    ours.learn(*examples, RATES)
    theirs.learn(*examples, RATES)
    found = ours.network().weights
    assert_close(found, theirs.network().weights)
    for name in kept:
        np.testing.assert_array_equal(found[name], network.weights[name])
    assert (found["second.weight"] != network.weights["second.weight"]).all()


def test_the_given_network_is_left_alone_and_the_seed_makes_one(normed, examples):
    given = normed().initialize(seed=5)
    before = {name: array.copy() for name, array in given.weights.items()}
    ours, drawn = by_torch(given), by_torch(normed(), seed=5)
    assert_same(ours.network().weights, drawn.network().weights)
    ours.learn(*examples, RATES)
    assert_same(given.weights, before)


@pytest.mark.parametrize("name", ["plain", "momentum", "adamw"])
def test_learning_goes_on_to_the_bit(normed, examples, name):
    images, labels = examples
    whole = by_torch(normed(0.4), DESCENTS[name], seed=2)
    whole.learn(images, labels, RATES)

    first = by_torch(normed(0.4), DESCENTS[name], seed=2)
    begun = first.learn(images[:24], labels[:24], RATES[:3])
    weights, state = first.network().weights, first.state()
    first.learn(images[:24], labels[:24], RATES[:3])  # what is learnt since is forgotten
    for learner in (first, by_torch(normed(0.4), DESCENTS[name], seed=2)):
        learner.restore(weights, state)
        rest = learner.learn(images[24:], labels[24:], RATES[3:])
        assert (begun.steps, rest.steps) == (3, 4)
        assert_same(learner.network().weights, whole.network().weights)
        assert_same(learner.state(), whole.state())


def test_dropout_drops_by_seed(normed, examples):
    def losses(rate, seed):
        learner = by_torch(normed(rate).initialize(0), seed=seed)
        return learner.learn(*examples, RATES).losses

    np.testing.assert_array_equal(losses(0.5, 1), losses(0.5, 1))
    assert (losses(0.5, 1)[:8] != losses(0.5, 2)[:8]).any()
    assert (losses(0.5, 1)[:8] != losses(0.0, 1)[:8]).any()


def test_a_step_whose_loss_is_not_finite_is_not_taken(normed, examples):
    images, labels = examples
    images[27, 0, 3, 3] = np.inf  # in the fourth batch
    ours, wanted = by_torch(normed(0.4)), by_torch(normed(0.4))
    lesson = ours.learn(images, labels, RATES)
    finite = wanted.learn(images[:24], labels[:24], RATES[:3])
    assert lesson.steps == 3
    np.testing.assert_array_equal(lesson.losses[:24], finite.losses)
    assert not np.isfinite(lesson.losses[24:32]).all()
    assert_same(ours.network().weights, wanted.network().weights)
    assert_same(ours.state(), wanted.state())
    assert ours.learn(images[:8], labels[:8], RATES[:1]).steps == 1

    fresh = by_torch(normed().initialize(0))
    assert fresh.learn(images[24:], labels[24:], RATES[:4]).steps == 0
    assert_same(fresh.network().weights, normed().initialize(0).weights)
    assert fresh.state()["steps"] == 0


def test_the_state_is_that_of_the_plain_learner(normed, examples):
    """All but the numbers of dropout, which each draws in its own way."""
    ours, theirs = by_torch(normed()), by_numpy(normed())
    ours.learn(*examples, RATES)
    theirs.learn(*examples, RATES)
    state = theirs.state()
    del state["random"]
    assert_close(dict(sorted(ours.state().items())), dict(sorted(state.items())), 1e-4)
    ours.restore(theirs.network().weights, state)
    images, labels = examples
    found = ours.learn(images[:8], labels[:8], RATES[:1])
    wanted = theirs.learn(images[:8], labels[:8], RATES[:1])
    np.testing.assert_allclose(found.losses, wanted.losses, 1e-4, 1e-5)


def test_a_state_of_another_method_is_refused(normed):
    state = by_torch(normed(), DESCENTS["adam"]).state()
    with pytest.raises(ParameterError) as caught:
        by_torch(normed()).restore({}, state)
    count = state["first"].size
    assert str(caught.value) == (
        f"the state of learning has first ({count},), second ({count},), steps (), not "
        f"steps (), velocity ({count},): it belongs to another optimizer or network"
    )


def test_bfloat16_rounds_and_learns(normed, examples):
    exact, rounded = by_torch(normed()), by_torch(normed(), precision="bf16")
    wanted, found = exact.learn(*examples, RATES), rounded.learn(*examples, RATES)
    assert (found.losses != wanted.losses).any()
    np.testing.assert_allclose(found.losses, wanted.losses, 0.1, 0.1)
    assert {array.dtype for array in rounded.network().weights.values()} == {np.dtype(np.float32)}
    assert rounded.about["precision"] == "bf16"
    assert rounded.about["device"] == "cpu"
    assert rounded.about["processes"] == "1"


def test_scores_do_not_change_what_is_learnt(normed, examples):
    images, _ = examples
    ours = by_torch(normed(0.5))
    before = ours.network().weights
    many = ours.scores(np.concatenate([images] * 3))
    assert many.shape == (150, 3)
    np.testing.assert_allclose(many[100:], ours.scores(images), 1e-5, 1e-6)
    assert_same(ours.network().weights, before)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        (
            {"device": "gpu"},
            UnknownNameError,
            "torch_learner: no device of PyTorch is called 'gpu'; known: cuda, cuda:1, mps, torch",
        ),
        (
            {"device": "torch", "precision": "half"},
            UnknownNameError,
            "torch_learner: no precision is called 'half'; known: bf16, float32, tf32",
        ),
        (
            {"device": "torch", "loss": "hinge"},
            UnknownNameError,
            "torch_learner: no loss is called 'hinge'; known: cross-entropy, squared",
        ),
        (
            {"device": "torch", "batch_size": 0},
            ParameterError,
            "torch_learner: batch_size 0 must be a whole number of at least 1",
        ),
    ],
)
def test_what_there_is_not(tiny, options, kind, message):
    arguments = {"loss": "squared", "batch_size": 1, "descent": Descent(), **options}
    with pytest.raises(kind) as caught:
        torch_learner(tiny, **arguments)
    assert str(caught.value) == message


def test_a_gpu_that_is_absent(tiny, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ParameterError) as caught:
        torch_learner(tiny, loss="squared", batch_size=1, descent=Descent(), device="cuda:1")
    assert str(caught.value) == (
        f"torch_learner: device 'cuda:1': PyTorch {torch.__version__} sees 0 GPUs: install a "
        'driver and a PyTorch that fit them (https://pytorch.org), or take device="cpu"'
    )


def test_without_pytorch(tiny, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError) as caught:
        torch_learner(tiny, loss="squared", batch_size=1, descent=Descent(), device="cuda")
    assert str(caught.value) == (
        "torch_learner: training on device 'cuda' needs PyTorch: pip install 'striate[torch]'"
    )


def test_pytorch_is_loaded_when_it_is_needed():
    code = (
        "import sys; from striate.training import torch_learner; "
        "torch_learner.distributed(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(("precision", "wanted"), [("float32", "ieee"), ("tf32", "tf32")])
def test_settings_of_cuda_are_put_back(precision, wanted):
    """They can be looked at without a GPU; what they do cannot."""
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul

    def settings():
        return (
            *(cudnn.conv.fp32_precision, matmul.fp32_precision),
            *(cudnn.deterministic, cudnn.benchmark),
        )

    before = settings()
    with arithmetic(torch.device("cuda"), precision):
        assert settings() == (wanted, wanted, True, False)
    assert settings() == before
    with arithmetic(torch.device("cpu"), precision):
        assert settings() == before


def test_channels_last_change_the_layout_alone(normed, examples):
    """On a GPU weights lie so; here it is tried on the processor."""
    ours, plain = by_torch(normed(), DESCENTS["adam"]), by_torch(normed(), DESCENTS["adam"])
    ours._module.to(memory_format=torch.channels_last)
    assert not ours._module.kept["second.weight"].is_contiguous()
    for learner in (ours, plain):
        learner.learn(*examples, RATES)
    assert_close(ours.network().weights, plain.network().weights)
    assert_close(ours.state(), plain.state())
    weights, state = ours.network().weights, ours.state()
    wanted = ours.learn(*examples, RATES)
    ours.restore(weights, state)
    np.testing.assert_array_equal(ours.learn(*examples, RATES).losses, wanted.losses)
