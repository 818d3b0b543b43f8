"""Signals are noted, and processes that train together stop at the same step."""

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


def test_a_signal_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interruption() as interruption:
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
            signal.raise_signal(signal.SIGINT)
            interruption.check()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
