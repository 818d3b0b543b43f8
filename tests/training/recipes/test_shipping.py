"""Trained weights from the folder of a run into a folder of the package."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import striate as st
from striate.errors import FileError, ParameterError, UnknownNameError
from striate.files import write_whole
from striate.interop import pretrained
from striate.interop.weights import read_notes, read_tensors, write_tensors
from striate.training import data
from striate.training.evaluation import evaluate
from striate.training.recipes.shipping import SHIPMENTS, Shipment, ship

HOW = {"epochs": 2, "learning_rate": 0.01, "batch_size": 1, "loss": "squared", "shuffle": False}
DIGITS = Shipment("lenet-1989", lambda graph: HOW, "digits", "float32")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A whole run of two passes."""
    place = tmp_path_factory.mktemp("runs") / "digits"
    digits = data.load("digits", size=16)
    st.fit(st.load("lenet-1989"), digits, **HOW, out=place, progress=False)
    return place


@pytest.fixture
def copy(folder, tmp_path):
    """Return copy(change): the run with settings.json changed by a function."""

    def make(change):
        place = tmp_path / "run"
        place.mkdir()
        for file in ("settings.json", "last.safetensors"):
            (place / file).write_bytes((folder / file).read_bytes())
        told = json.loads((place / "settings.json").read_bytes())
        change(told)
        write_whole(place / "settings.json", json.dumps(told))
        return place

    return make


@pytest.fixture
def shelf(tmp_path):
    place = tmp_path / "files"
    place.mkdir()
    return place


@pytest.mark.parametrize("stored", ["float32", "float16"])
def test_what_is_shipped_is_what_was_trained(folder, shelf, stored):
    made = {"lenet-1989": replace(DIGITS, stored=stored)}
    record = ship(folder, shelf, made)
    network = pretrained.load("lenet-1989", shelf)
    trained = read_tensors(folder / "last.safetensors")
    for name, array in network.weights.items():
        np.testing.assert_array_equal(array, trained[name].astype(stored).astype(np.float32))
    digits = data.load("digits", size=16)
    images = digits.prepared(digits.test_images)
    assert evaluate(network, images, digits.test_labels).errors == record.results["test_wrong"]
    assert record.results["test_examples"] == len(digits.test_labels)
    assert record.to_json() == pretrained.record("lenet-1989", shelf).to_json()
    assert (record.stored, record.seed, record.data["name"]) == (stored, 0, "digits")
    assert network.preprocessing.range == (1.0, -1.0)


def test_commands_are_kept_without_places(copy, shelf):
    def typed(told):
        told["sessions"][0]["command"] = "/a/python /a/bin/striate train lenet-1989 --out /b/run"

    record = ship(copy(typed), shelf, {"lenet-1989": DIGITS})
    assert record.command == "striate train lenet-1989 --out run"


def test_the_same_run_gives_the_same_files(folder, shelf):
    made = {"lenet-1989": DIGITS}
    ship(folder, shelf, made)
    once = {file.name: file.read_bytes() for file in shelf.iterdir()}
    ship(folder, shelf, made)
    assert once == {file.name: file.read_bytes() for file in shelf.iterdir()}


def change(told, *keys, to):
    for key in keys[:-1]:
        told = told[key]
    told[keys[-1]] = to


@pytest.mark.parametrize(
    ("keys", "to", "kind", "message"),
    [
        (
            ("settings", "seed"),
            1,
            ParameterError,
            "the run has seed 1, but the recipe lenet-1989 and seed 0 0: train it again",
        ),
        (
            ("settings", "momentum"),
            0.9,
            ParameterError,
            "the run has momentum 0.9, but the recipe lenet-1989 and seed 0 0.0: train it again",
        ),
        (
            ("data", "name"),
            "mnist",
            ParameterError,
            "the run has data 'mnist', but the recipe lenet-1989 and seed 0 'digits': train it "
            "again",
        ),
        (
            ("network", "graph"),
            "0",
            ParameterError,
            "the run trained another lenet-1989 than the zoo's: train it again",
        ),
        (
            ("network", "name"),
            "vgg16",
            UnknownNameError,
            "no network to be shipped is called 'vgg16'; known: lenet-1989",
        ),
    ],
)
def test_other_runs_are_refused(copy, shelf, keys, to, kind, message):
    place = copy(lambda told: change(told, *keys, to=to))
    with pytest.raises(kind) as error:
        ship(place, shelf, {"lenet-1989": DIGITS})
    assert str(error.value) == message
    assert not list(shelf.iterdir())


def test_other_data_are_refused(copy, shelf):
    known = data.load("digits", size=16).fingerprint
    place = copy(lambda told: change(told, "data", "fingerprint", to="0"))
    with pytest.raises(ParameterError) as error:
        ship(place, shelf, {"lenet-1989": DIGITS})
    assert str(error.value) == (
        f"the run saw data of fingerprint 0, but digits is {known} here: train it again"
    )


def test_other_weights_are_refused(copy, shelf):
    place = copy(lambda told: None)
    weights = place / "last.safetensors"
    notes, tensors = read_notes(weights), read_tensors(weights)
    tensors["output.bias"] = tensors["output.bias"][::-1]
    write_tensors(weights, tensors, notes)
    with pytest.raises(ParameterError, match="test examples wrong, but the run's log says"):
        ship(place, shelf, {"lenet-1989": DIGITS})


def test_runs_that_are_not_over(copy, shelf, tmp_path):
    place = copy(lambda told: change(told, "settings", "epochs", to=3))
    with pytest.raises(FileError) as error:
        ship(place, shelf, {"lenet-1989": DIGITS})
    assert str(error.value) == (
        f"{place}: no whole run (it has 2 of 3 epochs; resume it); make one with striate train ... "
        f"--out {place}"
    )
    with pytest.raises(FileError, match="no whole run"):
        ship(tmp_path / "nowhere", shelf)


def test_weights_must_stay_small(folder, shelf):
    (shelf / "other.npz").write_bytes(bytes(3_980_000))
    with pytest.raises(FileError) as error:
        ship(folder, shelf, {"lenet-1989": DIGITS})
    assert str(error.value) == (
        f"{shelf}: would hold 4,020,902 bytes of weights, but 4,000,000 are allowed; store them as "
        '"float16", or leave a network out'
    )


def test_what_comes_along_may_be_shipped():
    for name in pretrained.names():
        record = pretrained.record(name)
        made = SHIPMENTS[name]
        assert (record.recipe, record.data["name"]) == (made.recipe, made.data)
        assert record.stored == made.stored


def test_the_command_says_what_is_wrong(tmp_path):
    command = [sys.executable, "-m", "striate.training.recipes.shipping"]
    done = subprocess.run([*command, os.fspath(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(f"shipping: {tmp_path}: no whole run (")
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (
        2,
        "usage: python -m striate.training.recipes.shipping FOLDER\n",
    )
