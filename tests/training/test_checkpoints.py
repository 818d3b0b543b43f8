"""Checkpoints: interrupted and resumed training ends in the same bits."""

import json

import numpy as np
import pytest

from striate.errors import FileError, MissingExtraError, ParameterError, TrainingError
from striate.training import fit, load_weights

SETTINGS = {"learning_rate": 0.05, "momentum": 0.9, "batch_size": 7, "seed": 4}


def weights_of(network):
    return np.concatenate([array.ravel() for array in network.weights.values()])


def lessons(result):
    return [(e.number, e.train_loss, e.train_error) for e in result.history]


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("shuffle", [True, False])
def test_four_epochs_are_two_and_two(noisy, stripes, tmp_path, momentum, shuffle):
    settings = {**SETTINGS, "momentum": momentum, "shuffle": shuffle}
    whole = fit(noisy, stripes, epochs=4, **settings)
    fit(noisy, stripes, epochs=2, out=tmp_path / "run", **settings)
    resumed = fit(noisy, stripes, epochs=4, out=tmp_path / "run", resume=True, **settings)
    np.testing.assert_array_equal(weights_of(whole.network), weights_of(resumed.network))
    assert lessons(whole) == lessons(resumed)
    names = {path.name for path in (tmp_path / "run").iterdir()}
    momentum_file = {"momentum-0004.safetensors"} if momentum else set()
    assert names == {"state.json", "weights-0004.safetensors", *momentum_file}
    saved = load_weights(noisy, tmp_path / "run" / "weights-0004.safetensors")
    np.testing.assert_array_equal(weights_of(saved), weights_of(whole.network))


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
    np.testing.assert_array_equal(weights_of(run(resume=True).network), weights_of(whole.network))


def test_a_run_that_is_done_is_returned_as_it_is(noisy, stripes, tmp_path):
    one = fit(noisy, stripes, epochs=2, out=tmp_path, **SETTINGS)
    two = fit(noisy, stripes, epochs=2, out=tmp_path, resume=True, **SETTINGS)
    np.testing.assert_array_equal(weights_of(one.network), weights_of(two.network))
    assert one.history == two.history


def test_a_run_is_never_overwritten_or_mixed_up(noisy, tiny, stripes, tmp_path):
    out = tmp_path / "run"

    def failing(kind, network=noisy, data=stripes, **changes):
        with pytest.raises(kind) as error:
            fit(network, data, **{"epochs": 2, "out": out, **SETTINGS, **changes})
        return str(error.value)

    assert failing(FileError, resume=True) == (
        f"fit: {out}: holds no run to resume; begin one without resume (--resume)"
    )
    fit(noisy, stripes, epochs=2, out=out, **SETTINGS)
    before = {path: path.read_bytes() for path in out.iterdir()}
    assert failing(FileError) == (
        f"fit: {out}: holds a run already; resume it (resume=True, --resume) or name another folder"
    )
    same = "resume with the same settings, or name another folder"
    assert failing(ParameterError, resume=True, seed=5) == (
        f"fit: {out}: its run has seed 4, not 5: {same}"
    )
    assert failing(ParameterError, resume=True, network=tiny) == (
        f"fit: {out}: its run has network 'noisy', not 'tiny': {same}"
    )
    other = (-stripes[0], stripes[1])
    assert f"fit: {out}: its run has data '" in failing(ParameterError, data=other, resume=True)
    assert failing(ParameterError, resume=True, epochs=1) == (
        f"fit: {out}: its run has 2 epochs, more than the 1 asked for: "
        "ask for more, or name another folder"
    )
    assert before == {path: path.read_bytes() for path in out.iterdir()}


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"format": 1}', b'{"format": 9}', b"\xff"])
def test_a_damaged_state_is_named(noisy, stripes, tmp_path, text):
    fit(noisy, stripes, epochs=1, out=tmp_path, **SETTINGS)
    (tmp_path / "state.json").write_bytes(text)
    with pytest.raises(FileError) as error:
        fit(noisy, stripes, epochs=2, out=tmp_path, resume=True, **SETTINGS)
    assert str(error.value).startswith(f"fit: {tmp_path / 'state.json'}: cannot be read (")
    assert str(error.value).endswith("); begin again in another folder")


@pytest.mark.parametrize("damage", ["history", "random", "velocity"])
def test_a_state_that_does_not_fit_is_named(noisy, stripes, tmp_path, damage):
    fit(noisy, stripes, epochs=1, out=tmp_path, **SETTINGS)
    place = tmp_path / "state.json"
    state = json.loads(place.read_bytes())
    if damage == "history":
        state["history"] = [{"number": 1}]
    elif damage == "random":
        state["random"]["state"] = {"state": -1}
    else:
        (tmp_path / "weights-0001.safetensors").replace(tmp_path / "momentum-0001.safetensors")
    place.write_text(json.dumps(state))
    with pytest.raises(FileError):
        fit(noisy, stripes, epochs=2, out=tmp_path, resume=True, **SETTINGS)


def test_an_error_says_what_is_saved(tiny, stripes, tmp_path):
    with pytest.raises(TrainingError) as error:
        fit(tiny, stripes, epochs=3, learning_rate=1e20, out=tmp_path / "run")
    assert str(error.value).endswith("; no epoch was complete, so nothing is saved")
    assert not (tmp_path / "run").exists()


def test_a_folder_that_cannot_be_made(tiny, stripes, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError) as error:
        fit(tiny, stripes, epochs=1, learning_rate=0.1, out=tmp_path / "file")
    assert str(error.value) == (
        f"fit: {tmp_path / 'file'}: cannot be made (File exists); name another folder"
    )


def test_without_safetensors_nothing_is_begun(tiny, stripes, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "safetensors", None)
    with pytest.raises(MissingExtraError) as error:
        fit(tiny, stripes, epochs=1, learning_rate=0.1, out=tmp_path)
    assert str(error.value) == (
        "fit: keeping checkpoints needs safetensors: pip install 'striate[train]'"
    )
