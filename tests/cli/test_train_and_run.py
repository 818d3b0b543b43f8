"""What `striate run` knows of a network that `striate train` trained: its images and classes."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import striate as st
from striate.cli import app
from striate.errors import FileError
from striate.interop.weights import noted_classes, notes_of, read_notes, write_tensors
from striate.network import Builder, Network, Preprocessing
from striate.training import data

MODULE = """
from striate.network import Builder, Network

b = Builder("own", (None, 3, 12, 12))
own = Network(b.graph(b.linear(b.input, "fc", features=2)))
"""


@pytest.fixture
def photos(tmp_path):
    random = np.random.default_rng(0)
    for name, least in (("dark", 0), ("light", 150)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(12):
            pixels = random.integers(least, least + 100, (14, 12, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    (tmp_path / "own.py").write_text(MODULE)
    return tmp_path / "photos"


def call(*words):
    done = CliRunner().invoke(app, list(map(str, words)))
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_trained_network_sees_images_and_names_classes_as_in_training(photos):
    module, out = f"{photos.parent / 'own.py'}:own", photos.parent / "run"
    settings = ("--epochs", 30, "--learning-rate", 0.005, "--validation", 0.2)
    call("train", module, "--data", photos, "--resize", "--out", out, *settings)
    image = photos / "light" / "3.png"
    for file in ("last.safetensors", "best.safetensors"):
        told = json.loads(call("run", module, image, "--weights", out / file, "--json"))
        assert told["preprocessing"]["range"] == [-1, 1]
        assert [found["label"] for found in told["results"][0]["top"]] == ["light", "dark"]
    names = photos.parent / "names.txt"
    names.write_text("night\nday\n")
    options = ("--weights", out / "last.safetensors", "--labels", names, "--json")
    told = json.loads(call("run", module, image, *options))
    assert told["results"][0]["top"][0]["label"] == "day"


def test_a_data_set_declares_what_run_does_to_an_image(photos):
    loaded = data.load(photos, size=12)
    seen = loaded.prepared(np.concatenate([loaded.train_images, loaded.test_images]))
    for path in photos.glob("*/*.png"):
        image = loaded.preprocessing.apply(np.asarray(Image.open(path)))
        assert np.abs(seen - image).max(axis=(1, 2, 3)).min() < 1e-6


def test_ink_is_bright_and_other_preparations_cannot_be_declared():
    digits = data.load("digits", size=16)
    assert digits.preprocessing.range == (1.0, -1.0)
    assert digits.with_preparation("gcn").preprocessing is None


def test_trained_networks_carry_it_into_files(tmp_path):
    digits = data.load("digits", size=16).subset(40)
    settings = {"epochs": 1, "learning_rate": 0.01, "progress": False}
    trained = st.fit(st.load("lenet-1989"), digits, **settings).network
    assert trained.preprocessing == digits.preprocessing
    st.training.save_weights(trained, tmp_path / "w.safetensors")
    again = st.training.load_weights(st.load("lenet-1989"), tmp_path / "w.safetensors")
    assert again.preprocessing == digits.preprocessing
    arrays = digits.train_images, digits.train_labels
    untold = st.load("lenet-1989")
    assert st.fit(untold, arrays, **settings).network.preprocessing == untold.preprocessing


def test_damaged_notes_are_refused(tmp_path):
    b = Builder("own", (None, 1, 4))
    network = Network(b.graph(b.linear(b.input, "fc", features=2))).initialize(0)
    path = tmp_path / "w.safetensors"
    for classes in ("{", '{"a": 1}', "[1, 2]"):
        write_tensors(path, network.weights, {**notes_of(network), "classes": classes})
        with pytest.raises(FileError) as error:
            noted_classes(path)
        assert str(error.value) == (
            f"{path}: its classes are no list of names; give others (--labels)"
        )
    write_tensors(path, network.weights, notes_of(network, ("a", "b")))
    assert noted_classes(path) == ("a", "b")
    assert read_notes(path) == {"network": "own", "classes": '["a", "b"]'}
    assert noted_classes(tmp_path / "other.pth") == ()
    assert Preprocessing.from_metadata(notes_of(network)) is None
