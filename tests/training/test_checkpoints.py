"""Checkpoints: interrupted and resumed training ends in the same bits."""

import json
import shutil

import numpy as np
import pytest

from striate.training import evaluate, fit, load_weights
from striate.training.keeping import Keeper

pytestmark = pytest.mark.usefixtures("without_pictures")
SETTINGS = {"learning_rate": 0.05, "momentum": 0.9, "batch_size": 7, "seed": 4}
ADAM = {"optimizer": "adam", "momentum": 0.0, "learning_rate": 0.01, "schedule": "cosine"}


def weights_of(network):
    return np.concatenate([array.ravel() for array in network.weights.values()])


@pytest.mark.parametrize("changes", [{"momentum": 0.0}, {}, {"shuffle": False}, {"nesterov": True}])
def test_four_epochs_are_two_and_two(noisy, stripes, tmp_path, changes, require_same):
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
    noisy, stripes, tmp_path, monkeypatch, saved, changes, require_same
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


def test_a_run_that_stopped_early_stays_stopped(noisy, stripes, tmp_path, require_same):
    images, _ = stripes
    data = images, np.random.default_rng(5).integers(0, 3, 60)
    settings = {**SETTINGS, "validation": 0.3, "epochs": 200, "out": tmp_path}
    one = fit(noisy, data, patience=2, **settings)
    again = fit(noisy, data, patience=2, resume=True, **settings)
    assert (one.stopped_early, again.stopped_early) == (True, True)
    require_same(one, again)
    longer = fit(noisy, data, patience=4, resume=True, **settings)
    assert len(longer.history) > len(one.history)


def test_a_run_that_is_done_is_returned_as_it_is(noisy, stripes, tmp_path):
    one = fit(noisy, stripes, epochs=2, out=tmp_path, **SETTINGS)
    two = fit(noisy, stripes, epochs=2, out=tmp_path, resume=True, **SETTINGS)
    np.testing.assert_array_equal(weights_of(one.network), weights_of(two.network))
    assert one.history == two.history


def test_auto_begins_or_goes_on(noisy, stripes, tmp_path, require_same):
    for epochs in (1, 3):
        result = fit(noisy, stripes, epochs=epochs, out=tmp_path, resume="auto", **SETTINGS)
        assert len(result.history) == epochs
    require_same(result, fit(noisy, stripes, epochs=3, **SETTINGS))


def test_a_folder_may_be_moved(noisy, stripes, tmp_path, require_same):
    whole = fit(noisy, stripes, epochs=2, **SETTINGS)
    fit(noisy, stripes, epochs=1, out=tmp_path / "here", **SETTINGS)
    shutil.move(tmp_path / "here", tmp_path / "there")
    require_same(
        fit(noisy, stripes, epochs=2, out=tmp_path / "there", resume=True, **SETTINGS), whole
    )
