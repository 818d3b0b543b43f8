"""The parts of the bench of training: cases, PyTorch's plain loop, answers, timed tasks."""

import numpy as np
import pytest
import torch

from striate.cli.bench.peers.torch_training import UPDATES, TorchTraining, prepared
from striate.cli.bench.processes import ProcessError
from striate.cli.bench.training.cases import KNOWN, training_case, training_cases
from striate.cli.bench.training.checking import Check, our_answer, torch_answer
from striate.cli.bench.training.memory import measured_memory
from striate.cli.bench.training.passes import examples
from striate.cli.bench.training.report import summaries
from striate.cli.bench.training.steps import StepRow
from striate.cli.bench.turns import Spread
from striate.network import zoo
from striate.network.operators import Dropout
from striate.runtime.learning import Descent, learner


def test_the_usual_cases():
    cases = training_cases([])
    assert [case.shape for case in cases] == [(64, 3, 32, 32), (8, 3, 224, 224), (16, 3, 112, 112)]
    assert set(KNOWN) <= set(zoo.names())


def test_a_case_for_other_images():
    case = training_case("resnet18:2x64")
    assert case.network.graph.inputs[0].shape == (None, 3, 64, 64)
    assert len(case.batches) == 4
    images, labels = case.batches[0]
    assert (images.shape, images.dtype, labels.dtype) == ((2, 3, 64, 64), np.float32, np.int64)
    assert 0 <= labels.min() <= labels.max() < 1000


def test_dropout_is_off_where_answers_are_compared():
    case = training_case("all-cnn-c:2x16")
    rates = [n.operator.rate for n in case.still.graph.nodes if isinstance(n.operator, Dropout)]
    assert rates == [0.0, 0.0, 0.0]
    assert any(
        isinstance(n.operator, Dropout) and n.operator.rate for n in case.network.graph.nodes
    )


@pytest.mark.parametrize("text", ["lenet-5:3x32", "all-cnn-c:2x16", "resnet18:2x64"])
def test_all_learn_the_same(text):
    check = Check(training_case(text))
    answers = [our_answer(check.case, 1)]
    answers += [torch_answer(check.case, layout=name) for name in ("NCHW", "channels last")]
    for answer in answers:
        losses, gradients = check.errors(answer)
        assert losses < 1e-5
        assert gradients < 0.01
        assert check.refusal(losses, gradients) == ""


@pytest.mark.parametrize(
    ("name", "seconds"),
    # 2 steps of 3 x 8 x 15.47 GMAC, at 2 operations each and a quarter of 100 GFLOP/s
    [("vgg16", 2 * 3 * 8 * 15.470264 * 2 / 25), ("lenet-5", 0.0)],
)
def test_about_how_long_it_takes_to_know_what_is_right(limits, name, seconds):
    assert Check(training_case(name)).seconds(limits) == pytest.approx(seconds, abs=0.05)


def test_what_is_right_is_computed_by_all_processors(monkeypatch):
    counts = []
    monkeypatch.setattr("striate.cli.bench.training.checking.processors", lambda: 7)
    monkeypatch.setattr("torch.set_num_threads", counts.append)
    assert len(Check(training_case("lenet-5:2x32")).exact.losses) == 2
    assert counts == [7]


def test_an_answer_without_momentum_or_with_a_number_missing_is_wrong():
    check = Check(training_case("lenet-5:2x32"))
    answer = torch_answer(check.case)
    name = max(answer.velocities, key=lambda n: np.square(answer.velocities[n]).mean())
    answer.velocities[name] = answer.velocities[name] * np.float32(1 / 1.9)
    losses, gradients = check.errors(answer)
    assert gradients == pytest.approx(0.9 / 1.9, rel=1e-3)
    assert check.refusal(losses, gradients).startswith("gradients are off by 4.7e-01")
    answer.losses[1] = float("nan")
    assert check.refusal(*check.errors(answer)) == "losses are off by inf of them"


@pytest.mark.parametrize("update", UPDATES)
def test_every_way_to_update_is_the_same(update):
    network = zoo.load("lenet-1989").initialize(0)
    factors = {p.name: 0.01 * (i + 1) for i, p in enumerate(network.graph.parameters)}
    student = TorchTraining(network, (1, 1, 16, 16), loss="squared", factors=factors, update=update)
    random = np.random.default_rng(0)
    images = random.uniform(-1, 1, (5, 1, 16, 16)).astype(np.float32)
    labels = random.integers(0, 10, 5)
    wanted = prepared(labels, "squared", 10, torch.float32)
    losses = [
        float(student.step(student.images(images[i : i + 1]), wanted[i : i + 1], 1.0))
        for i in range(5)
    ]
    descent = Descent(factors=factors)
    plain = learner(network, loss="squared", batch_size=1, descent=descent, method="plain")
    lesson = plain.learn(images, labels, np.ones(5, np.float32))
    np.testing.assert_allclose(losses, lesson.losses, rtol=1e-5)
    weights = plain.network().weights
    for name, array in student.weights().items():
        np.testing.assert_allclose(array, weights[name], rtol=1e-4, atol=1e-6, err_msg=name)


def test_means_are_of_each_number_of_threads_and_of_all():
    one, two = (training_case(text) for text in ("lenet-5:2x32", "lenet-5:4x32"))
    rows = [
        StepRow(one, 1, ratio=Spread(2.0, 2.0, 2.0)),
        StepRow(two, 1, ratio=Spread(8.0, 8.0, 8.0)),
        StepRow(one, 2, ratio=Spread(1.0, 1.0, 1.0)),
    ]
    assert summaries(rows) == [
        (1, 2, pytest.approx(4.0), 2.0, "lenet-5, 2x1x32x32"),
        (2, 1, pytest.approx(1.0), 1.0, "lenet-5, 2x1x32x32"),
        (0, 3, pytest.approx(16 ** (1 / 3)), 1.0, "lenet-5, 2x1x32x32"),
    ]


def test_digits_are_noise_where_there_are_none(monkeypatch, tmp_path):
    monkeypatch.setenv("STRIATE_DATA", str(tmp_path))
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path))
    found = examples(5)
    assert (found.source, found.images.shape, found.labels.shape) == ("noise", (5, 1, 16, 16), (5,))
    assert np.abs(found.images).max() <= 1


def test_a_process_that_fails_says_why(monkeypatch):
    monkeypatch.setattr("striate.cli.bench.training.memory.CHILD", "exit('no room')")
    with pytest.raises(ProcessError, match=r"^3 steps of resnet18 did not end: no room$"):
        measured_memory(training_case("resnet18:2x64"), 1, beside_torch=False)


def test_a_timed_step_leaves_the_weights():
    case = training_case("lenet-5:2x32")
    student = learner(
        case.network, loss="cross-entropy", batch_size=2, descent=Descent(), method="compiled"
    )
    course = student.course(case.shape)
    times = course.timed(*case.batches[0])
    assert len(times) == len(course.tasks)
    assert all(seconds > 0 for seconds in times)
    assert student.state()["steps"] == 1
    for name, array in student.network().weights.items():
        np.testing.assert_array_equal(array, case.network.weights[name], err_msg=name)
