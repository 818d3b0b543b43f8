"""Weights beside a model: none is read that lies elsewhere, or is not what it is said to be."""

import os

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from striate.errors import FileError
from striate.interop.onnx import from_onnx, load_onnx


def outside(made, **entries):
    tensor = made.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=str(value))
    return made


WEIGHT = np.arange(72, dtype=np.float32).reshape(4, 2, 3, 3)


@pytest.fixture
def convolution(model):
    """Return a model of one convolution, whose weight lies elsewhere as told."""
    return lambda **entries: outside(model("y = Conv (x, w)", w=WEIGHT), **entries)


def test_weights_beside_the_model(convolution, stored, tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "w.bin").write_bytes(b"1234" + WEIGHT.tobytes() + b"rest")
    net = load_onnx(stored(convolution(location="deep/w.bin", offset=4, length=288)))
    np.testing.assert_array_equal(net.weights["w"], WEIGHT)
    assert not net.weights["w"].flags.owndata
    from_folder = from_onnx(convolution(location="deep/w.bin", offset="4"), folder=tmp_path)
    np.testing.assert_array_equal(from_folder.weights["w"], WEIGHT)


def test_models_that_onnx_wrote_with_external_data(model, tmp_path):
    path = tmp_path / "m.onnx"
    made = model("y = Conv (x, w)", w=WEIGHT)
    onnx.save(made, path, save_as_external_data=True, location="w.bin", size_threshold=0)
    np.testing.assert_array_equal(load_onnx(path).weights["w"], WEIGHT)


RULE = "external data must be a file in the model's folder: move it there"


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"location": "/etc/passwd"}, f"its data are said to lie in '/etc/passwd'; {RULE}"),
        ({"location": "../w.bin"}, f"its data are said to lie in '../w.bin'; {RULE}"),
        ({"location": "a/../../w.bin"}, f"its data are said to lie in 'a/../../w.bin'; {RULE}"),
        ({}, f"its data are said to lie in ''; {RULE}"),
        ({"location": "w\0.bin"}, f"its data are said to lie in 'w\\x00.bin'; {RULE}"),
        ({"location": "no.bin"}, "its data 'no.bin' cannot be read (No such file or directory)"),
        ({"location": "link.bin"}, f"'link.bin' is a link that leads out of the folder; {RULE}"),
        (
            {"location": "loop"},
            "its data 'loop' cannot be read (a loop of links)",
        ),
        ({"location": "."}, f"'.' is no file; {RULE}"),
        ({"location": "pipe"}, f"'pipe' is no file; {RULE}"),
        (
            {"location": "w.bin", "offset": 4},
            "bytes 4 to 292 of 'w.bin', which has 288: the file is cut short or belongs to another "
            "model",
        ),
        (
            {"location": "w.bin", "length": 100},
            "100 bytes; float32 of shape (4, 2, 3, 3) takes 288: the file is damaged",
        ),
        (
            {"location": "w.bin", "offset": "-4"},
            "offset '-4' of its external data must be a whole number of bytes: the file is damaged",
        ),
        (
            {"location": "w.bin", "length": "9" * 5000},
            f"length '{'9' * 40}' of its external data must be a whole number of bytes: the file "
            "is damaged",
        ),
    ],
)
def test_weights_that_lie_elsewhere(convolution, stored, refused, tmp_path, entries, message):
    folder = tmp_path / "model"
    folder.mkdir()
    for place in (tmp_path, folder):
        (place / "w.bin").write_bytes(WEIGHT.tobytes())
    (folder / "link.bin").symlink_to(tmp_path / "w.bin")
    (folder / "loop").symlink_to(folder / "loop")
    os.mkfifo(folder / "pipe")
    path = stored(convolution(**entries), "model/m.onnx")
    assert refused(path) == f"m: initializer 'w': {message}"


def test_weights_in_a_file_need_a_folder(convolution):
    with pytest.raises(FileError) as error:
        from_onnx(convolution(location="w.bin"))
    assert str(error.value) == (
        "g: initializer 'w': its data lie in a file 'w.bin' beside the model: load the model by "
        "its path, or give its folder"
    )


def test_arrays_twice(model, stored, refused):
    made = model("y = Conv (x, w)", w=WEIGHT)
    made.graph.initializer.append(numpy_helper.from_array(WEIGHT, "w"))
    assert refused(stored(made)) == (
        "m: two values are called 'w': names must be unique, so the file is damaged"
    )
