"""Networks of the user's own file in training: repeated, resumed, refused."""

import json

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file
from typer.testing import CliRunner

import striate as st
from striate.cli import app
from striate.errors import ParameterError, StriateError

MODULE = """
import torch
from torch import nn

net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 2))
number = 3
"""


@pytest.fixture
def folder(tmp_path):
    random = np.random.default_rng(0)
    for name, least in (("dark", 0), ("light", 120)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(10):
            pixels = random.integers(least, least + 130, (8, 8), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    (tmp_path / "nets.py").write_text(MODULE)
    return tmp_path


def train(folder, *words, name="nets.py:net"):
    arguments = ("train", folder / name, "--data", folder / "photos", *words)
    return CliRunner().invoke(app, list(map(str, arguments)))


def weights(folder, run):
    return load_file(folder / run / "last.safetensors")


def test_the_same_seed_begins_with_the_same_module(folder):
    for run, seed in (("a", 3), ("b", 3), ("c", 4)):
        done = train(folder, "--epochs", 2, "--seed", seed, "--out", folder / run)
        assert done.exit_code == 0, done.output
    first, second, third = (weights(folder, run) for run in "abc")
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert not np.array_equal(first["0.weight"], third["0.weight"])


def test_a_run_of_a_module_goes_on_where_it_was_left(folder):
    whole = train(folder, "--epochs", 4, "--out", folder / "whole")
    first = train(folder, "--epochs", 2, "--out", folder / "parts")
    rest = train(folder, "--epochs", 4, "--out", folder / "parts", "--resume")
    assert (whole.exit_code, first.exit_code, rest.exit_code) == (0, 0, 0), rest.output
    one, two = weights(folder, "whole"), weights(folder, "parts")
    assert all(np.array_equal(one[name], two[name]) for name in one if "losses" not in name)
    log = json.loads((folder / "parts" / "last.json").read_text())
    assert len(log["history"]) == 4


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nets.py", "{0}: say which network of the file: {0}:NAME"),
        ("nets.py:", "{0}: say which network of the file: {0}:NAME"),
        (
            "nets.py:number",
            "{0}:number is int; name a torch.nn.Module, a striate Network or Graph, or a function "
            "without arguments that returns one",
        ),
    ],
)
def test_what_is_no_network_is_refused(folder, name, message):
    error = train(folder, name=name).exception
    assert isinstance(error, ParameterError)
    assert str(error) == message.format(folder / "nets.py")


def test_nothing_to_learn_and_one_class_are_refused(folder):
    b = st.network.Builder("mean", (None, 2))
    still = st.network.Network(b.graph(b.add(st.network.operators.Relu(), b.input, name="relu")))
    with pytest.raises(StriateError) as error:
        st.fit(still, (np.zeros((4, 2), np.float32), np.arange(4) % 2), epochs=1, learning_rate=0.1)
    assert str(error.value) == "fit: mean has no trainable parameters: there is nothing to learn"
    photos = folder / "photos"
    (photos / "light").rename(folder / "elsewhere")
    done = train(folder, "--epochs", 1)
    assert isinstance(done.exception, ParameterError)
    assert str(done.exception) == (
        "fit: photos has one class, dark; a network learns to tell at least 2 apart: in a folder, "
        "put the images of each into a subfolder of its name"
    )
