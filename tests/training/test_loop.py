"""The loop itself: what it teaches and in which order, what it costs, and what it shows."""

import io
import sys
import time

import numpy as np
import pytest

from striate.runtime.learning import Lesson
from striate.training import progress
from striate.training.data import Shift
from striate.training.examples import Examples
from striate.training.loop import Lessons, NotFinite, Pass, run_pass
from striate.training.progress import Display


class Idle:
    """A learner that answers at once, always with the first class."""

    def __init__(self, batch_size):
        self.batch_size, self.asked, self.rates = batch_size, [], []

    def learn(self, images, labels, rates):
        self.asked.append(images[:, 0, 0, 0].copy())
        self.rates.append(rates)
        losses = np.where(labels == 0, 0, 4).astype(np.float32)
        return Lesson(losses, labels == 0, len(rates))


def numbered(count):
    images = np.arange(count, dtype=np.float32).reshape(-1, 1, 1, 1)
    return Examples(images, np.arange(count) % 3)


def run(learner, count, *, shuffle=False, course=None, block=None, between=lambda loss: None):
    lessons = Lessons(numbered(count), 1, 0, shuffle=shuffle, changes=None)
    course = course or Pass(1, np.zeros(count, np.float32))
    run_pass(
        learner,
        lessons,
        course,
        lambda first, steps: np.arange(first, first + steps, dtype=np.float32),
        between,
        block=block,
    )
    return course


@pytest.mark.parametrize("block", [None, 3])
@pytest.mark.parametrize("batch_size", [1, 4, 1000])
@pytest.mark.parametrize("count", [1, 9, 700])
def test_every_example_is_met_once_and_every_step_has_its_rate(count, batch_size, block):
    learner, seen = Idle(batch_size), []
    course = run(learner, count, block=block, between=seen.append)
    np.testing.assert_array_equal(np.concatenate(learner.asked), np.arange(count))
    steps = -(-count // batch_size)
    np.testing.assert_array_equal(np.concatenate(learner.rates), np.arange(steps))
    share = np.count_nonzero(np.arange(count) % 3) / count
    assert (course.done, course.error) == (count, pytest.approx(share))
    assert course.loss == pytest.approx(4 * share)
    assert seen[-1] == pytest.approx(course.loss)


def test_blocks_are_bounded_by_memory(monkeypatch):
    monkeypatch.setattr("striate.training.loop.LARGEST", 4 * 4 * 3)  # three steps of four numbers
    learner = Idle(4)
    run(learner, 60, block=16)
    assert [len(rates) for rates in learner.rates] == [3] * 5


def test_an_order_follows_from_seed_and_number_alone():
    orders = []
    for number, seed in ((1, 0), (1, 0), (2, 0), (1, 1)):
        lessons = Lessons(numbered(50), number, seed, shuffle=True, changes=None)
        orders.append([float(x) for x in lessons.at(slice(0, 50))[0].ravel()])
    assert orders[0] == orders[1]
    assert len({tuple(order) for order in orders}) == 3
    assert sorted(orders[0]) == list(range(50))


def test_augmentation_does_not_depend_on_where_a_pass_is_cut():
    images = np.random.default_rng(0).standard_normal((30, 1, 5, 5)).astype(np.float32)
    examples = Examples(images, np.zeros(30, np.int64))
    lessons = Lessons(examples, 3, 0, shuffle=True, changes=Shift(2))
    whole, _ = lessons.at(slice(0, 30))
    parts = [lessons.at(slice(i, i + 7))[0] for i in range(0, 30, 7)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    other = Lessons(examples, 4, 0, shuffle=False, changes=Shift(2)).at(slice(0, 30))[0]
    assert not np.array_equal(other, images)


def test_a_pass_goes_on_where_it_was_left():
    learner = Idle(4)
    course = Pass(1, np.zeros(30, np.float32), done=12, wrong=8)
    run(learner, 30, course=course)
    np.testing.assert_array_equal(np.concatenate(learner.asked), np.arange(12, 30))
    np.testing.assert_array_equal(np.concatenate(learner.rates), np.arange(3, 8))


def test_a_loss_that_is_not_finite_names_its_step_and_examples():
    class Failing(Idle):
        def learn(self, images, labels, rates):
            lesson = super().learn(images, labels, rates)
            steps = [i for i in range(len(rates)) if 41 in images[4 * i : 4 * i + 4]]
            return lesson._replace(steps=steps[0]) if steps else lesson

    course = Pass(1, np.zeros(60, np.float32))
    with pytest.raises(NotFinite) as error:
        run(Failing(4), 60, course=course)
    assert (error.value.step, course.done) == (10, 40)
    np.testing.assert_array_equal(error.value.images.ravel(), [40, 41, 42, 43])


def test_the_loop_costs_little_for_each_example():
    learner = Idle(1)
    learner.learn = lambda images, labels, rates: Lesson(
        np.zeros(len(labels), np.float32), labels == 0, len(rates)
    )
    run(learner, 1000)
    costs = []
    for _ in range(5):
        begin = time.perf_counter()
        run(learner, 5000)
        costs.append((time.perf_counter() - begin) / 5000)
    assert min(costs) < 20e-6  # about 1 on a quiet machine


class Terminal(io.StringIO):
    def isatty(self):
        return True


def at(done):
    return Pass(2, np.zeros(100, np.float32), done=done, wrong=done // 4)


@pytest.mark.parametrize("wanted", [None, True])
def test_progress_is_shown_on_a_terminal_after_a_while(monkeypatch, wanted):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(progress, "PATIENCE", 0.05)
    monkeypatch.setattr(progress, "INTERVAL", 60.0)
    display = Display(epochs=4, examples=100, begun=100, wanted=wanted)
    display.update(at(12), 0.5, 0.01)
    assert screen.getvalue() == ""
    time.sleep(0.06)
    display.update(at(60), 0.5, 0.01)
    display.update(at(64), 0.4, 0.01)
    display.close()
    assert "epoch 2/4" in screen.getvalue()
    assert "loss 0.5000  error 25.00 %  rate 0.01" in screen.getvalue()
    assert "0.4000" not in screen.getvalue()  # too soon after


@pytest.mark.parametrize(("wanted", "screen"), [(False, Terminal()), (None, io.StringIO())])
def test_progress_is_silent_when_unwanted_or_unseen(monkeypatch, wanted, screen):
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    display = Display(epochs=4, examples=100, begun=0, wanted=wanted)
    display.update(at(50), 0.5, 0.01)
    display.close()
    assert screen.getvalue() == ""
