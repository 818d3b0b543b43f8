"""Runs that are stopped: by an exception, by signals, from whatever thread."""

import os
import signal
import threading

import numpy as np
import pytest

from striate.training import fit

pytestmark = pytest.mark.usefixtures("without_pictures")
SETTINGS = {"learning_rate": 0.05, "momentum": 0.9, "batch_size": 7, "seed": 4}


def test_interrupting_keeps_the_last_complete_epoch(noisy, stripes, tmp_path, require_same):
    whole = fit(noisy, stripes, epochs=3, **SETTINGS)

    def stop(epoch):
        if epoch.number == 2:
            raise KeyboardInterrupt

    def run(**more):
        return fit(noisy, stripes, epochs=3, out=tmp_path / "run", **SETTINGS, **more)

    with pytest.raises(KeyboardInterrupt) as error:
        run(on_epoch=stop)
    assert str(error.value) == (
        f"stopped after epoch 2; epoch 2 is saved in {tmp_path / 'run'}: "
        "resume (resume=True, --resume) goes on from it"
    )
    require_same(run(resume=True), whole)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_curves_are_drawn_is_not_swallowed(
    noisy, stripes, tmp_path, number, monkeypatch, capfd
):
    """Everything is done by then, but the caller may have more to do, which is to stop."""
    heard = []
    monkeypatch.setattr(
        "striate.training.records.draw_curves", lambda *_: os.kill(os.getpid(), number) or b""
    )
    before = signal.signal(signal.SIGTERM, lambda *_: heard.append(number))
    try:
        with pytest.raises(KeyboardInterrupt) as error:
            fit(noisy, stripes, epochs=1, out=tmp_path, **SETTINGS)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert str(error.value).startswith("stopped after epoch 1; epoch 1 is saved in ")
    assert (number == signal.SIGTERM) == bool(heard)
    assert capfd.readouterr().err == ""  # whoever listens is told by the exception


def test_a_second_ctrl_c_while_saving_still_says_what_is_saved(
    noisy, stripes, tmp_path, monkeypatch
):
    def draw(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("striate.training.records.draw_curves", draw)
    with pytest.raises(KeyboardInterrupt) as error:
        fit(
            *(noisy, stripes),
            **(SETTINGS | {"epochs": 3, "out": tmp_path}),
            on_epoch=lambda _: os.kill(os.getpid(), signal.SIGINT),
        )
    assert str(error.value).startswith("stopped after epoch 1; epoch 1 is saved in ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_are_obeyed_between_two_steps(noisy, stripes, tmp_path, number, require_same):
    """The signal comes while a step is being computed, and the handlers of before come back."""
    settings = {**SETTINGS, "batch_size": 20, "epochs": 3}
    whole = fit(noisy, stripes, **settings)
    heard = []
    before = {which: signal.getsignal(which) for which in (signal.SIGINT, signal.SIGTERM)}
    if number == signal.SIGTERM:  # which ends the process, unless somebody listens
        before[number] = lambda *_: heard.append(number)
        signal.signal(number, before[number])

    class Striking:
        text = "striking"

        def draws(self, count, random):
            return np.zeros((count, 1))

        def applied(self, images, draws):
            self.asked = getattr(self, "asked", 0) + 1
            if self.asked == 3:  # an epoch is a block of one step and one of two
                os.kill(os.getpid(), number)
            return images

    try:
        with pytest.raises(KeyboardInterrupt) as error:
            fit(noisy, stripes, augment=Striking(), out=tmp_path, **settings)
        assert {which: signal.getsignal(which) for which in before} == before
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    assert heard == [number] * (number == signal.SIGTERM)
    text = str(error.value)
    assert text.startswith("stopped in epoch 2; epoch 2 up to example 20 is saved in ")
    assert text.endswith(f" is saved in {tmp_path}: resume (resume=True, --resume) goes on from it")

    class Quiet(Striking):
        def applied(self, images, draws):
            return images

    require_same(fit(noisy, stripes, augment=Quiet(), out=tmp_path, resume=True, **settings), whole)


def test_threads_other_than_the_main_one_train_too(noisy, stripes, tmp_path, require_same):
    """Python delivers signals to the main thread alone, so nothing is listened for there."""
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def run():
        listening = []
        out = tmp_path / "run"
        result = fit(
            *(noisy, stripes),
            epochs=2,
            out=out,
            on_epoch=lambda _: listening.append(signal.getsignal(signal.SIGINT)),
            **SETTINGS,
        )
        seen.append((result, listening))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    ((result, listening),) = seen
    assert listening == [before, before]
    require_same(result, fit(noisy, stripes, epochs=2, **SETTINGS))
