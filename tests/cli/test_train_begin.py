"""``striate train``: the weights it begins with, what is frozen, and the data it is given."""

import json

import numpy as np
import pytest
from PIL import Image

import striate as st
from striate.training import load_weights

FEW = ("--data", "digits", "--epochs", 1, "--json")


@pytest.fixture
def photos(tmp_path):
    """Return a folder of ten images of 16x16 in each of two classes, and one that is none."""
    folder = tmp_path / "photos"
    for kind in ("dark", "light"):
        (folder / kind).mkdir(parents=True)
        for i in range(10):
            Image.new("L", (16, 16), i + 200 * (kind == "light")).save(folder / kind / f"{i}.png")
    (folder / "dark" / "notes.txt").write_text("none")
    return folder


def saved(tmp_path):
    return load_weights(st.load("lenet-1989"), tmp_path / "out" / "last.safetensors").weights


def test_it_may_begin_with_the_weights_that_come_with_striate(striate, tmp_path):
    """At a rate too small to change a bit, they are what comes out."""
    slow = ("--learning-rate", 1e-30, "--out", tmp_path / "out", "--batch-size", 64)
    assert striate("train", "lenet-1989", *FEW, "--pretrained", *slow).code == 0
    shipped = st.load("lenet-1989", pretrained=True).weights
    assert all(np.array_equal(array, shipped[name]) for name, array in saved(tmp_path).items())
    about = json.loads((tmp_path / "out" / "settings.json").read_text())
    assert about["network"]["begins_with"] == "given weights"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("lenet-1989", "--pretrained", "--weights", "a.safetensors"),
            "striate: --pretrained cannot go with --weights; leave one of them out\n",
        ),
        (
            ("mlp", "--pretrained"),
            "striate: no trained weights of 'mlp' come with striate",
        ),
        (
            ("lenet-1989", "--freeze", "h9.*"),
            "striate: fit: freeze: no trainable parameter of lenet-1989 is called 'h9.*'; ",
        ),
    ],
)
def test_refusals(striate, arguments, message):
    told = striate("train", *arguments, *FEW)
    assert (told.code, told.err.count("\n"), told.out) == (2, 1, "")
    assert told.err.startswith(message)


def test_parameters_are_frozen_by_patterns(striate, tmp_path):
    """The paper's rates, one for each layer, are passed over for what is frozen."""
    patterns = ("--freeze", "H1.*", "--freeze", "H2.weight", "--out", tmp_path / "out")
    told = striate("train", "lenet-1989", "--pretrained", *FEW, *patterns)
    assert json.loads(told.out)["settings"]["freeze"] == ["H1.*", "H2.weight"]
    shipped = st.load("lenet-1989", pretrained=True).weights
    same = {name for name, a in saved(tmp_path).items() if np.array_equal(a, shipped[name])}
    assert same == {name for name in shipped if name.startswith("H1.")} | {"H2.weight"}


def test_files_that_cannot_be_used_are_told_in_one_line(striate, photos):
    """Not with the line of code that warns."""
    told = striate("train", "lenet-1989", "--data", photos, "--epochs", 1, "--loss", "squared")
    assert told.code == 0
    assert told.err == (
        f"striate: {photos}: 1 of 21 files left out: "
        "dark/notes.txt (not an image that Pillow reads)\n"
    )


def test_only_one_of_several_processes_tells(striate, photos, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    told = striate("train", "lenet-1989", "--data", photos, "--epochs", 0)
    assert told.err == "striate: fit: epochs 0 must be a whole number of at least 1\n"


@pytest.mark.parametrize(
    ("shape", "said"),
    [((None, 1, None, None), "(any, 1, any, any)"), ((None, 16, 16, 1), "(any, 16, 16, 1)")],
)
def test_a_network_without_one_square_size_cannot_have_images_resized(
    striate, photos, tmp_path, shape, said
):
    place = tmp_path / "net.py"
    place.write_text(
        "from striate.network import Builder, Network, operators as op\n"
        f"b = Builder('any', {shape})\n"
        "net = Network(b.graph(b.add(op.Flatten(), b.input, name='flat')))\n"
    )
    told = striate("train", f"{place}:net", "--data", photos, "--resize")
    assert (told.code, told.err) == (
        2,
        f"striate: --resize: any takes {said}, no one square size of channels first; "
        "leave it out, or give data of the right size\n",
    )
