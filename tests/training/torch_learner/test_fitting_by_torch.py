"""`fit` and `striate train` on PyTorch: the same call, loop, data and folder."""

import json

import numpy as np
import pytest

import striate as st
from striate.errors import ParameterError

FALL = """
import os
import signal
import sys
from pathlib import Path
import numpy as np
import striate as st
from striate.interop import load
from striate.training.torch_learner import distributed
from striate.training.torch_learner.learner import TorchLearner

folder, place = Path(sys.argv[1]), distributed()
given = np.load(folder / "examples.npz")
steps, calls = TorchLearner._steps, []

def steps_or_fall(self, *lesson):  # where all have met, so the first has saved what was before
    calls.append(lesson)
    if (place.rank, place.restarts, len(calls)) == (1, 0, 5):  # the first prepares; two an epoch
        os.kill(os.getpid(), signal.SIGKILL)
    return steps(self, *lesson)

TorchLearner._steps = steps_or_fall

def fit(out):
    return st.fit(
        load(folder / "normed.onnx"), (given["images"], given["labels"]), epochs=3, batch_size=2,
        learning_rate=0.02, momentum=0.9, device="torch", out=folder / out, checkpoint_every=0,
    )

result = fit("fallen")
again = fit("standing") if place.restarts else result
for name, array in again.network.weights.items():
    np.testing.assert_array_equal(result.network.weights[name], array, err_msg=name)
assert [e.train_loss for e in again.history] == [e.train_loss for e in result.history]
if place.leads:
    print("calls", len(calls), "restarts", place.restarts)
    np.save(folder / "losses.npy", [epoch.train_loss for epoch in result.history])
"""


def test_the_same_call_trains_by_pytorch(normed, examples, tmp_path):
    def fit(device, out):
        return st.fit(
            normed(),
            examples,
            epochs=2,
            batch_size=8,
            learning_rate=0.05,
            momentum=0.9,
            validation=0.2,
            augment="flip",
            device=device,
            out=tmp_path / out,
        )

    ours, native = fit("torch", "torch"), fit("cpu", "cpu")
    for found, wanted in zip(ours.history, native.history, strict=True):
        assert found.train_loss == pytest.approx(wanted.train_loss, rel=1e-4)
        assert found.train_error == wanted.train_error
        assert found.validation_loss == pytest.approx(wanted.validation_loss, rel=1e-3)
    kept = st.training.load_weights(normed(), tmp_path / "torch" / "last.safetensors")
    for name, array in kept.weights.items():
        np.testing.assert_array_equal(array, ours.network.weights[name])
        np.testing.assert_allclose(array, native.network.weights[name], 1e-4, 1e-5)
    np.testing.assert_allclose(
        st.compile(kept)(examples[0]), st.compile(native.network)(examples[0]), 1e-3, 1e-3
    )
    about = json.loads((tmp_path / "torch" / "settings.json").read_text())["learner"]
    assert about["name"] == "TorchLearner"
    assert about["device"] == "cpu"
    assert about["precision"] == "float32"
    assert about["processes"] == "1"
    assert about["torch"][0] in "23456789"


def test_a_run_goes_on_to_the_bit(normed, examples, tmp_path):
    options = {"batch_size": 8, "learning_rate": 0.01, "optimizer": "adamw", "device": "torch"}
    whole = st.fit(normed(0.3), examples, epochs=3, **options)
    st.fit(normed(0.3), examples, epochs=1, out=tmp_path, **options)
    rest = st.fit(normed(0.3), examples, epochs=3, out=tmp_path, resume=True, **options)
    for name, array in whole.network.weights.items():
        np.testing.assert_array_equal(rest.network.weights[name], array, err_msg=name)


def test_the_native_learner_is_one_process(normed, examples, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ParameterError) as caught:
        st.fit(normed(), examples, epochs=1, learning_rate=0.1)
    assert str(caught.value) == (
        'fit: device "cpu" trains in one process, but torchrun (WORLD_SIZE) starts several: '
        'take "torch" or "cuda", or start it without torchrun'
    )


def test_processes_begin_again_where_one_was_killed(normed, examples, tmp_path, torchrun):
    """Killed in the middle of the second epoch, they end with the bits of a run undisturbed."""
    network = normed(0.3).initialize(seed=1)
    network.save(tmp_path / "normed.onnx")
    np.savez(tmp_path / "examples.npz", images=examples[0], labels=examples[1])
    (tmp_path / "fall.py").write_text(FALL)
    done = torchrun(tmp_path / "fall.py", tmp_path, restarts=1)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "calls 11 restarts 1\n"  # four that were left, and all seven
    losses = np.load(tmp_path / "losses.npy")
    assert losses[-1] < losses[0]


def test_the_command_prints_once(tmp_path, torchrun):
    done = torchrun(
        *("-m", "striate", "train", "lenet-5", "--data", "digits", "--resize", "--epochs", 1),
        *("--batch-size", 512, "--device", "torch", "--out", tmp_path / "run", "--json"),
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["network"] == "lenet-5"
    about = json.loads((tmp_path / "run" / "settings.json").read_text())["learner"]
    assert about["processes"] == "2"
