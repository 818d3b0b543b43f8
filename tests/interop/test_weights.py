"""Weight files: whole, checked, and named when they are not."""

import json
import struct

import numpy as np
import pytest
from safetensors.numpy import save, save_file

import striate as st
from striate.errors import FileError, MissingExtraError, ParameterError, ShapeError
from striate.interop.weights import load_weights, save_weights
from striate.network import Builder, Network
from striate.network.operators import ScaledTanh


@pytest.fixture
def tiny():
    b = Builder("tiny", (None, 1, 6, 6))
    x = b.add(ScaledTanh(), b.conv(b.input, "conv", channels=4, kernel=3, stride=2), name="tanh")
    return Network(b.graph(b.linear(x, "scores", features=3)))


@pytest.fixture
def place(tiny, tmp_path):
    save_weights(tiny.initialize(1), tmp_path / "tiny.safetensors")
    return tmp_path / "tiny.safetensors"


def failing(kind, network, place):
    with pytest.raises(kind) as error:
        load_weights(network, place)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_what_is_saved_comes_back(tiny, place):
    loaded, expected = load_weights(tiny, place), tiny.initialize(1)
    assert list(loaded.weights) == list(expected.weights)
    for name, array in expected.weights.items():
        np.testing.assert_array_equal(loaded.weights[name], array)
    assert [path.name for path in place.parent.iterdir()] == [place.name]


def test_untrained_networks_have_nothing_to_save(tiny, tmp_path):
    with pytest.raises(ParameterError) as error:
        save_weights(tiny, tmp_path / "x.safetensors")
    assert str(error.value) == (
        "save_weights: tiny has no weights: train it, or initialize(seed) it first"
    )


def test_unwritable_places_are_named(tiny, tmp_path):
    with pytest.raises(FileError) as error:
        save_weights(tiny.initialize(), tmp_path / "missing" / "x.safetensors")
    assert str(error.value) == (
        f"{tmp_path / 'missing' / 'x.safetensors'}: its folder does not exist; "
        f"create {tmp_path / 'missing'} first"
    )


def test_a_missing_file(tiny, tmp_path):
    assert failing(FileError, tiny, tmp_path / "none") == (
        f"{tmp_path / 'none'}: no such file; "
        "give a .safetensors file or a PyTorch checkpoint (.pt, .pth)"
    )


def test_a_folder_is_no_weight_file(tiny, tmp_path):
    assert failing(FileError, tiny, tmp_path) == (
        f"{tmp_path}: a folder, not a weight file; name a .safetensors file or a PyTorch checkpoint"
    )


def test_weights_of_another_network_of_the_same_shapes(tmp_path):
    path = tmp_path / "base.safetensors"
    save_weights(st.load("base-c").initialize(0), path)
    assert failing(ParameterError, st.load("strided-cnn-c"), path) == (
        f"{path}: holds weights of base-c, not of strided-cnn-c; use it with base-c"
    )


def test_numbers_that_are_not_finite(tiny, place):
    weights = dict(tiny.initialize(1).weights)
    weights["conv.bias"] = np.array([0, np.nan, 0, np.inf], np.float32)
    place.write_bytes(save(weights))
    assert failing(FileError, tiny, place) == (
        f"{place}: 2 of the 4 numbers of weight 'conv.bias' are NaN or infinite; train it again"
    )


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[:7],
        lambda whole: whole[:-1],
        lambda whole: whole[:40],
        lambda whole: whole + b"\0",
        lambda whole: struct.pack("<Q", 2**63) + whole[8:],
        lambda whole: struct.pack("<Q", 200_000_000) + whole[8:],
        lambda whole: whole[:8] + b"[" + whole[9:],
    ],
)
def test_corrupt_files_are_named(tiny, place, damage):
    place.write_bytes(damage(place.read_bytes()))
    text = failing(FileError, tiny, place)
    assert text.startswith(f"{place}: not a whole safetensors file (")
    assert text.endswith("); copy or train it again")


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04 a zip file", b"# notes of a day\n", b"\x08\x08" * 9]
)
def test_other_files_hold_no_weights(tiny, place, content):
    place.write_bytes(content)
    assert failing(FileError, tiny, place) == (
        f"{place}: no weight file; give a .safetensors file or a PyTorch checkpoint (.pt, .pth)"
    )


def test_networks_are_no_weight_files(tiny, tmp_path):
    path = tiny.initialize().save(tmp_path / "tiny.onnx")
    assert failing(ParameterError, tiny, path) == (
        f"{path}: a network with its own weights, no weight file; load it itself, or give a "
        ".safetensors file or a PyTorch checkpoint (.pt, .pth)"
    )


def test_files_of_another_length_than_they_say(tiny, place):
    place.write_bytes(place.read_bytes() + b"\0")
    assert failing(FileError, tiny, place) == (
        f"{place}: not a whole safetensors file (it is not as long as its header says); copy or "
        "train it again"
    )


def test_a_header_that_lies_about_offsets(tiny, place):
    header = json.dumps(
        {"conv.weight": {"dtype": "F32", "shape": [9], "data_offsets": [0, 2**40]}}
    ).encode()
    place.write_bytes(struct.pack("<Q", len(header)) + header)
    assert "not a whole safetensors file" in failing(FileError, tiny, place)


def test_other_numbers_than_floats(tiny, place):
    save_file({"conv.weight": np.ones((4, 1, 3, 3), np.int32)}, place)
    assert failing(FileError, tiny, place) == (
        f"{place}: weight 'conv.weight' is int32; it must be float32 or float64"
    )


def test_the_first_weight_that_does_not_fit_is_named(tiny, place):
    weights = dict(tiny.initialize(1).weights)
    other = "the file belongs to another network"
    place.write_bytes(save({**weights, "conv.bias": np.ones(5, np.float32)}))
    assert failing(ShapeError, tiny, place) == (
        f"{place}: weight 'conv.bias' is (5,) but tiny needs (4,): {other}"
    )
    place.write_bytes(save({**weights, "more": np.ones(5, np.float32)}))
    assert failing(ShapeError, tiny, place) == (
        f"{place}: weight 'more' (5,) has no place in tiny: {other}"
    )
    del weights["conv.bias"]
    place.write_bytes(save(weights))
    assert failing(ShapeError, tiny, place) == (
        f"{place}: no weight 'conv.bias' (4,), which tiny needs: {other}"
    )
    assert "lenet-1989 needs" in failing(ShapeError, st.load("lenet-1989"), place)


def test_without_safetensors(tiny, place, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "safetensors", None)
    assert failing(MissingExtraError, tiny, place) == (
        "reading weights needs safetensors: pip install 'striate[weights]'"
    )
