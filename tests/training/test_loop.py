"""The loop itself: what it costs, and what it shows."""

import io
import sys
import time

import numpy as np
import pytest

from striate.errors import TrainingError
from striate.training import progress
from striate.training.loop import run_pass
from striate.training.losses import find
from striate.training.optimizer import SGD
from striate.training.progress import Display


class Idle:
    """A network that answers at once."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def forward(self, x):
        self.asked.append(x[:, 0, 0, 0].copy())
        return np.repeat(self.answer, len(x), axis=0)

    def backward(self, dy):
        self.dy = dy


class Still(SGD):
    """Gradient descent that does not move."""

    def __init__(self):
        pass

    def step(self):
        pass


def numbered(count):
    images = np.arange(count, dtype=np.float32).reshape(-1, 1, 1, 1)
    return images, np.arange(count) % 3


def run(learner, count, batch_size=1, order=None, report=lambda *_: None):
    images, labels = numbered(count)
    wanted = 2 * np.eye(3, dtype=np.float32) - 1
    return run_pass(
        learner,
        Still(),
        find("squared"),
        images,
        labels,
        wanted,
        batch_size=batch_size,
        order=order,
        report=report,
    )


@pytest.mark.parametrize("batch_size", [1, 4, 1000])
@pytest.mark.parametrize("count", [1, 9, 700])
def test_every_example_is_met_once_in_its_order(count, batch_size):
    order = np.random.default_rng(1).permutation(count)
    learner, seen = Idle(np.float32([[1, -1, -1]])), []
    course = run(learner, count, batch_size, order, lambda *state: seen.append(state))
    np.testing.assert_array_equal(np.concatenate(learner.asked), order)
    assert max(map(len, learner.asked)) == min(batch_size, count)
    share = np.count_nonzero(np.arange(count) % 3) / count
    assert course.error == pytest.approx(share)
    assert course.loss == pytest.approx(4 * share)  # two outputs are off by 2: (4 + 4) / 2
    assert seen[-1] == (count, pytest.approx(course.loss), course.error)


def test_the_gradient_is_of_the_batchs_mean():
    learner = Idle(np.float32([[1, -1, -1]]))
    run(learner, 2, batch_size=2)
    np.testing.assert_array_equal(learner.dy, [[0, 0, 0], [1, -1, 0]])


def test_a_loss_that_is_not_finite_names_its_example():
    class Failing(Idle):
        def forward(self, x):
            return super().forward(x) * np.float32(np.nan if x[0, 0, 0, 0] == 41 else 1)

    with pytest.raises(TrainingError) as error:
        run(Failing(np.float32([[1, -1, -1]])), 60)
    assert str(error.value) == "the loss is nan at example 42 of 60"


def test_the_loop_costs_little_for_each_example():
    learner = Idle(np.float32([[1, -1, -1]]))
    learner.forward = lambda x: learner.answer
    run(learner, 1000)
    costs = []
    for _ in range(5):
        begin = time.perf_counter()
        run(learner, 5000)
        costs.append((time.perf_counter() - begin) / 5000)
    assert min(costs) < 20e-6  # about 3 on a quiet machine


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("wanted", [None, True])
def test_progress_is_shown_on_a_terminal_after_a_while(monkeypatch, wanted):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(progress, "PATIENCE", 0.05)
    display = Display(epochs=4, examples=100, begun=1, wanted=wanted)
    display.update(2, 10, 0.5, 0.25)
    assert screen.getvalue() == ""
    time.sleep(0.06)
    display.update(2, 50, 0.5, 0.25)
    display.update(2, 60, 0.4, 0.25)
    display.close()
    assert "epoch 2/4" in screen.getvalue()
    assert "loss 0.5000  error 25.00 %" in screen.getvalue()
    assert "0.4000" not in screen.getvalue()  # too soon after


@pytest.mark.parametrize(("wanted", "screen"), [(False, Terminal()), (None, io.StringIO())])
def test_progress_is_silent_when_unwanted_or_unseen(monkeypatch, wanted, screen):
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    display = Display(epochs=4, examples=100, begun=0, wanted=wanted)
    display.update(1, 50, 0.5, 0.25)
    display.close()
    assert screen.getvalue() == ""
