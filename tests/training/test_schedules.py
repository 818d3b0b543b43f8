"""Schedules against PyTorch's, and from text."""

import warnings

import pytest
import torch

from striate.errors import ParameterError, UnknownNameError
from striate.training.schedules import Constant, Cosine, OneCycle, Step, schedule

STEPS, EPOCHS, RATE = 7, 10, 0.2


def theirs(make, each=1):
    """Return PyTorch's rate of each step; its scheduler is asked after every `each` steps."""
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=RATE, momentum=0.9)
    course, rates = make(optimizer), []
    for step in range(STEPS * EPOCHS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if (step + 1) % each == 0 and step + 1 < STEPS * EPOCHS:
            course.step()
    return rates


def ours(chosen):
    return [RATE * chosen.factor(step, STEPS, EPOCHS) for step in range(STEPS * EPOCHS)]


def test_steps_are_pytorchs():
    lr = torch.optim.lr_scheduler
    every = theirs(lambda o: lr.StepLR(o, step_size=3, gamma=0.5), STEPS)
    assert ours(Step((3, 6, 9), scale=0.5)) == pytest.approx(every)
    some = theirs(lambda o: lr.MultiStepLR(o, milestones=[2, 7]), STEPS)
    assert ours(schedule("step:2,7")) == pytest.approx(some)


@pytest.mark.parametrize("floor", [0.0, 0.05])
def test_the_cosine_is_pytorchs(floor):
    total = STEPS * EPOCHS
    expected = theirs(
        lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, total, eta_min=floor * RATE)
    )
    assert ours(Cosine(floor=floor)) == pytest.approx(expected)


@pytest.mark.parametrize(("rise", "start", "end"), [(0.3, 0.04, 4e-6), (0.5, 0.1, 0.001)])
def test_one_cycle_is_pytorchs(rise, start, end):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it takes its own first step for one out of order
        expected = theirs(
            lambda o: torch.optim.lr_scheduler.OneCycleLR(
                o,
                max_lr=RATE,
                total_steps=STEPS * EPOCHS,
                pct_start=rise,
                div_factor=1 / start,
                final_div_factor=start / end,
                cycle_momentum=False,
            )
        )
    assert ours(OneCycle(rise, start, end)) == pytest.approx(expected)


def test_warming_up_is_a_straight_way_to_the_full_rate():
    found = [Cosine(warmup=2).factor(step, 5, 6) for step in range(30)]
    assert found[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert found[10:] == pytest.approx([Cosine().factor(step, 5, 4) for step in range(20)])


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("chosen", [Cosine(), Cosine(warmup=1), OneCycle(), OneCycle(rise=0)])
def test_short_runs_have_rates_too(chosen, steps):
    for step in range(steps):
        assert 0 <= chosen.factor(step, steps, 1) <= 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, Constant()),
        ("constant", Constant()),
        ("step:30, 60", Step((30, 60))),
        ("step:30,factor=0.2", Step((30,), scale=0.2)),
        ("cosine", Cosine()),
        ("cosine:warmup=2.5,floor=0.01", Cosine(floor=0.01, warmup=2.5)),
        ("one-cycle:rise=0.25", OneCycle(rise=0.25)),
    ],
)
def test_texts_are_read_and_written(text, expected):
    found = schedule(text)
    assert found == expected
    assert schedule(found.text) == found
    assert schedule(found) is found


def test_what_depends_on_the_number_of_epochs():
    texts = ("constant", "step:3", "cosine", "one-cycle")
    assert [schedule(text).depends_on_epochs for text in texts] == [False, False, True, True]


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("cosin", UnknownNameError, "no schedule is called 'cosin'; did you mean cosine?"),
        (
            "cosine:5",
            ParameterError,
            "schedule 'cosine:5': '5' has no name: write it as name=number",
        ),
        (
            "cosine:warm=5",
            UnknownNameError,
            "no option of schedule cosine is called 'warm'; did you mean warmup?",
        ),
        ("cosine:floor=a", ParameterError, "schedule 'cosine:floor=a': 'a' must be a number"),
        ("cosine:floor=2", ParameterError, "cosine: floor 2.0 must be at least 0 and at most 1"),
        (
            "step:a",
            ParameterError,
            "schedule 'step:a': epochs must be whole numbers: step:30,60",
        ),
        (
            "step:60,30",
            ParameterError,
            "step: epochs (60, 30) must be whole numbers from 1, ascending: try step:30,60",
        ),
        (
            "step",
            ParameterError,
            "step: epochs () must be whole numbers from 1, ascending: try step:30,60",
        ),
        ("step:3,factor=0", ParameterError, "step: factor 0.0 must be above 0 and at most 1"),
        (
            3,
            ParameterError,
            "schedule 3 must be text, such as cosine or step:30,60, or a Schedule",
        ),
    ],
)
def test_what_is_no_schedule(text, kind, message):
    with pytest.raises(kind) as error:
        schedule(text)
    assert str(error.value) == message
