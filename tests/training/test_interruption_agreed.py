"""Processes that train together stop at the same step, whoever was told to."""

import signal

import pytest

from striate.training.interruption import Interruption, Stopped


def test_a_process_stops_because_another_was_told_to():
    told = iter([0, 0, int(signal.SIGTERM)])
    asked = []

    def agreed(number):
        asked.append(number)
        return next(told)

    with Interruption(agreed) as interruption:
        interruption.check()
        interruption.check()
        with pytest.raises(Stopped):
            interruption.check()
    assert asked == [0, 0, 0]
    assert interruption.number == signal.SIGTERM


def test_what_a_process_was_told_is_what_it_says():
    asked = []
    with Interruption(lambda number: asked.append(number) or number) as interruption:
        interruption.check()
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(Stopped):
            interruption.check()
    assert asked == [0, signal.SIGINT]
