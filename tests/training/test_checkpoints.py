"""Checkpoints: interrupted and resumed training ends in the same bits."""

import json
import os
import resource
import shutil
import signal
import sys
import threading

import numpy as np
import pytest

from striate.errors import FileError, MissingExtraError, ParameterError, StriateError
from striate.interop.weights import read_notes, read_tensors, write_tensors
from striate.training import evaluate, fit, load_weights
from striate.training.keeping import Keeper

SETTINGS = {"learning_rate": 0.05, "momentum": 0.9, "batch_size": 7, "seed": 4}
ADAM = {"optimizer": "adam", "momentum": 0.0, "learning_rate": 0.01, "schedule": "cosine"}
SAME = "resume with the same settings, or name another folder"


@pytest.fixture(autouse=True)
def without_pictures(monkeypatch):
    """Curves take most of the time of short runs, and are not what is looked at here."""
    monkeypatch.setattr("striate.training.records.draw_curves", lambda *_: b"")
    monkeypatch.setattr("striate.training.events.WRITERS", {})


def weights_of(network):
    return np.concatenate([array.ravel() for array in network.weights.values()])


def lessons(result):
    times = ("seconds", "examples_per_second")
    found = [{name: getattr(e, name) for name in e.__slots__} for e in result.history]
    return [{name: epoch[name] for name in epoch if name not in times} for epoch in found]


def require_same(one, other):
    np.testing.assert_array_equal(weights_of(one.network), weights_of(other.network))
    assert lessons(one) == lessons(other)


@pytest.mark.parametrize("changes", [{"momentum": 0.0}, {}, {"shuffle": False}, {"nesterov": True}])
def test_four_epochs_are_two_and_two(noisy, stripes, tmp_path, changes):
    settings = {**SETTINGS, "schedule": "step:1,3", "augment": "shift:1", **changes}
    whole = fit(noisy, stripes, epochs=4, **settings)
    fit(noisy, stripes, epochs=2, out=tmp_path / "run", **settings)
    resumed = fit(noisy, stripes, epochs=4, out=tmp_path / "run", resume=True, **settings)
    require_same(whole, resumed)
    saved = load_weights(noisy, tmp_path / "run" / "last.safetensors")
    np.testing.assert_array_equal(weights_of(saved), weights_of(whole.network))


@pytest.mark.parametrize("changes", [{}, ADAM])
@pytest.mark.parametrize("saved", [2, 5, 9, 14])
def test_a_run_goes_on_in_the_middle_of_an_epoch(
    noisy, stripes, tmp_path, monkeypatch, saved, changes
):
    """Every block of steps is saved, and what comes after one of these is lost."""
    settings = {**SETTINGS, "validation": 0.2, "augment": "flip,shift:1", **changes}
    whole = fit(noisy, stripes, epochs=3, **settings)

    class Crash(Exception):
        pass

    save, count = Keeper._save, iter(range(100))

    def limited(keeper, run):
        if next(count) == saved:
            raise Crash
        save(keeper, run)

    monkeypatch.setattr(Keeper, "_save", limited)
    monkeypatch.setattr("striate.training.keeping.SHARE", 0)
    monkeypatch.setattr("striate.training.loop.LONGEST", 1)
    out = tmp_path / "run"
    with pytest.raises(Crash):
        fit(noisy, stripes, epochs=3, out=out, checkpoint_every=0, **settings)
    monkeypatch.setattr(Keeper, "_save", save)
    state = json.loads((out / "last.json").read_text())
    assert state["pass"] is None or state["pass"]["done"] % 7 == 0
    resumed = fit(noisy, stripes, epochs=3, out=out, resume=True, **settings)
    require_same(whole, resumed)
    assert resumed.best.epoch.number == whole.best.epoch.number
    np.testing.assert_array_equal(weights_of(resumed.best.network), weights_of(whole.best.network))


def test_the_best_epoch_is_kept_beside_the_last(noisy, stripes, tmp_path):
    settings = {**SETTINGS, "validation": 0.3}
    result = fit(noisy, stripes, epochs=6, out=tmp_path, **settings)
    about = json.loads((tmp_path / "best.json").read_text())
    errors = [epoch.validation_error for epoch in result.history]
    assert about == {"epoch": errors.index(min(errors)) + 1, "validation_error": min(errors)}
    best = load_weights(noisy, tmp_path / "best.safetensors")
    np.testing.assert_array_equal(weights_of(best), weights_of(result.best.network))
    again = fit(noisy, stripes, epochs=6, out=tmp_path, resume=True, **settings)
    np.testing.assert_array_equal(weights_of(again.best.network), weights_of(best))
    assert 0 <= evaluate(best, *stripes).error <= 1


def test_a_run_that_stopped_early_stays_stopped(noisy, stripes, tmp_path):
    images, _ = stripes
    data = images, np.random.default_rng(5).integers(0, 3, 60)
    settings = {**SETTINGS, "validation": 0.3, "epochs": 200, "out": tmp_path}
    one = fit(noisy, data, patience=2, **settings)
    again = fit(noisy, data, patience=2, resume=True, **settings)
    assert (one.stopped_early, again.stopped_early) == (True, True)
    require_same(one, again)
    longer = fit(noisy, data, patience=4, resume=True, **settings)
    assert len(longer.history) > len(one.history)


def test_interrupting_keeps_the_last_complete_epoch(noisy, stripes, tmp_path):
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
def test_signals_are_obeyed_between_two_steps(noisy, stripes, tmp_path, number):
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


def test_threads_other_than_the_main_one_train_too(noisy, stripes, tmp_path):
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


def test_a_run_that_is_done_is_returned_as_it_is(noisy, stripes, tmp_path):
    one = fit(noisy, stripes, epochs=2, out=tmp_path, **SETTINGS)
    two = fit(noisy, stripes, epochs=2, out=tmp_path, resume=True, **SETTINGS)
    np.testing.assert_array_equal(weights_of(one.network), weights_of(two.network))
    assert one.history == two.history


def test_auto_begins_or_goes_on(noisy, stripes, tmp_path):
    for epochs in (1, 3):
        result = fit(noisy, stripes, epochs=epochs, out=tmp_path, resume="auto", **SETTINGS)
        assert len(result.history) == epochs
    require_same(result, fit(noisy, stripes, epochs=3, **SETTINGS))


def failing(kind, *arguments, **settings):
    with pytest.raises(kind) as error:
        fit(*arguments, **{"epochs": 2, **SETTINGS, **settings})
    return str(error.value)


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_is_never_overwritten_or_mixed_up(noisy, tiny, stripes, tmp_path):
    out = tmp_path / "run"
    assert failing(FileError, noisy, stripes, out=out, resume=True) == (
        f"fit: {out}: holds no run to resume; name its folder, or leave resume (--resume) out "
        "to begin one"
    )
    fit(noisy, stripes, epochs=2, out=out, **SETTINGS)
    before = contents(out)
    assert failing(FileError, noisy, stripes, out=out) == (
        f"fit: {out}: holds a run already; resume it (resume=True, --resume) or name another folder"
    )
    resuming = {"out": out, "resume": True}
    assert failing(ParameterError, noisy, stripes, seed=5, **resuming) == (
        f"fit: {out}: its run has seed 4, not 5: {SAME}"
    )
    assert failing(ParameterError, noisy, stripes, schedule="cosine", **resuming) == (
        f"fit: {out}: its run has schedule 'constant', not 'cosine': {SAME}"
    )
    assert failing(ParameterError, tiny, stripes, **resuming) == (
        f"fit: {out}: its run has network 'noisy', not 'tiny': {SAME}"
    )
    other = (-stripes[0], stripes[1])
    assert f"fit: {out}: its run has data '" in failing(ParameterError, noisy, other, **resuming)
    assert failing(ParameterError, noisy, stripes, epochs=1, **resuming) == (
        f"fit: {out}: its run has 2 epochs, more than the 1 asked for: "
        "ask for more, or name another folder"
    )
    assert before == contents(out)


@pytest.mark.parametrize("resume", [False, True, "auto"])
def test_what_is_left_of_a_run_is_not_begun_over(noisy, stripes, tmp_path, resume):
    fit(noisy, stripes, epochs=1, out=tmp_path, **SETTINGS)
    (tmp_path / "last.safetensors").unlink()
    before = contents(tmp_path)
    message = (
        f"fit: {tmp_path}: holds last.json of a run, but not its last.safetensors: "
        "bring that back, or name another folder"
    )
    assert failing(FileError, noisy, stripes, out=tmp_path, resume=resume) == message
    assert before == contents(tmp_path)
    for name in ("last.json", "settings.json"):
        (tmp_path / name).unlink()
    assert "holds log.csv of" in failing(FileError, noisy, stripes, out=tmp_path, resume=resume)


def test_a_schedule_that_was_laid_out_for_other_epochs_is_not_bent(noisy, stripes, tmp_path):
    fit(noisy, stripes, epochs=2, out=tmp_path, schedule="cosine", **SETTINGS)
    text = failing(
        ParameterError, noisy, stripes, epochs=3, out=tmp_path, schedule="cosine", resume=True
    )
    assert text == (
        f"fit: {tmp_path}: its run has epochs 2, not 3, and its schedule cosine depends on them: "
        "resume with the same, or name another folder"
    )


def test_a_folder_of_an_earlier_striate_is_named(noisy, stripes, tmp_path):
    (tmp_path / "state.json").write_text('{"format": 1}')
    for resume in (False, True, "auto"):
        assert failing(FileError, noisy, stripes, out=tmp_path, resume=resume) == (
            f"fit: {tmp_path}: holds a run of an earlier striate (state.json), which cannot go on "
            "here; name another folder"
        )


def spoil(place, damage):
    """Damage a checkpoint."""
    data = place.read_bytes()
    if damage == "cut":
        place.write_bytes(data[: len(data) // 2])
    elif damage == "empty":
        place.write_bytes(b"")
    elif damage == "bit":
        place.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
    else:
        arrays, notes = read_tensors(place), read_notes(place)
        training = json.loads(notes["training"])
        if damage == "no notes":
            notes = {"network": notes["network"]}
        elif damage == "other format":
            training["format"] = 9
        elif damage == "no history":
            training["history"] = [{"number": 1}]
        elif damage == "no number":
            training["history"] = 5
        if "training" in notes:
            notes["training"] = json.dumps(training)
        write_tensors(place, arrays, notes)


DAMAGES = ["cut", "empty", "bit", "no notes", "other format", "no history", "no number"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_named(noisy, stripes, tmp_path, damage):
    fit(noisy, stripes, epochs=1, out=tmp_path, **SETTINGS)
    place = tmp_path / "last.safetensors"
    spoil(place, damage)
    for resume in (True, "auto"):
        text = failing(FileError, noisy, stripes, out=tmp_path, resume=resume)
        assert text.startswith(f"fit: {place}: ")
        assert "again" in text


def test_a_best_network_that_is_gone_is_missed(noisy, stripes, tmp_path):
    fit(noisy, stripes, epochs=1, out=tmp_path, validation=0.2, **SETTINGS)
    (tmp_path / "best.safetensors").unlink()
    text = failing(FileError, noisy, stripes, out=tmp_path, validation=0.2, resume=True)
    assert text.startswith(f"fit: {tmp_path / 'best.safetensors'}: no such file")


def test_a_folder_that_cannot_be_made(tiny, stripes, tmp_path):
    (tmp_path / "file").write_text("")
    text = failing(FileError, tiny, stripes, out=tmp_path / "file")
    assert text == (
        f"fit: {tmp_path / 'file'}: cannot be made (File exists); name another folder; "
        "nothing is saved"
    )


def test_without_safetensors_nothing_is_begun(tiny, stripes, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    text = failing(MissingExtraError, tiny, stripes, out=tmp_path)
    assert text == "fit: keeping checkpoints needs safetensors: pip install 'striate[train]'"
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_the_checkpoint_before_it(noisy, stripes, tmp_path):
    """A limit to the size of files stands for the end of the disk."""
    out = tmp_path / "run"
    whole = fit(noisy, stripes, epochs=3, **SETTINGS)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(epoch):
        if epoch.number == 2:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))

    try:
        with pytest.raises(StriateError) as error:
            fit(noisy, stripes, epochs=3, out=out, on_epoch=fill, **SETTINGS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(error.value) == (
        f"fit: {out / 'last.safetensors'}: cannot be written (File too large); check that its "
        f"folder may be written and has room; epoch 2 is saved in {out}: "
        "resume (resume=True, --resume) goes on from it"
    )
    assert not [path for path in out.iterdir() if path.name.endswith(".part")]
    require_same(fit(noisy, stripes, epochs=3, out=out, resume=True, **SETTINGS), whole)


def test_a_folder_may_be_moved(noisy, stripes, tmp_path):
    whole = fit(noisy, stripes, epochs=2, **SETTINGS)
    fit(noisy, stripes, epochs=1, out=tmp_path / "here", **SETTINGS)
    shutil.move(tmp_path / "here", tmp_path / "there")
    require_same(
        fit(noisy, stripes, epochs=2, out=tmp_path / "there", resume=True, **SETTINGS), whole
    )
