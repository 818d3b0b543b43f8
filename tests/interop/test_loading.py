"""One name for networks from everywhere."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx.parser
import pytest

import striate as st
from striate.errors import FileError, ParameterError, UnknownNameError
from striate.interop import load, save
from striate.network import infer_shapes

TEXT = (
    '<ir_version: 8, opset_import: ["" : 17]> g (float[N, 3, H, W] x) => (float[N] y) {y = Relu(x)}'
)
KINDS = (
    "give a name as 'vgg16', the path of an .onnx file, an onnx.ModelProto, a torch.nn.Module or a "
    "torch.export.ExportedProgram"
)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "relu.onnx"
    path.write_bytes(onnx.parser.parse_model(TEXT).SerializeToString())
    return path


def test_load_is_the_public_one():
    assert st.load is load


def test_names_paths_and_models(file):
    assert load("vgg16").graph.nodes[0].name == "conv1_1"
    assert load(file).graph.inputs == load(str(file)).graph.inputs
    assert load(onnx.parser.parse_model(TEXT)).name == "g"


def test_open_sizes_may_be_fixed(file):
    assert load(file, input_shape=(1, 3, 8, 9)).graph.inputs[0].shape == (1, 3, 8, 9)


def test_endings_in_capitals(file):
    assert load(file.rename(file.with_suffix(".ONNX"))).name == "relu"


def test_modules_of_torch(monkeypatch):
    import torch

    import striate.interop as interop

    given = []

    class Home:
        @staticmethod
        def from_torch(module, input_shape):
            given.append((module, input_shape))
            return load("lenet-5")

    monkeypatch.setitem(sys.modules, "striate.interop.torch", Home)
    monkeypatch.setattr(interop, "torch", Home, raising=False)
    module = torch.nn.ReLU()
    assert load(module, input_shape=(1, 2)).name == "lenet-5"
    assert given == [(module, (1, 2))]


def test_weights_come_from_a_file(tmp_path):
    trained = load("lenet-1989").initialize(3)
    path = save(trained, tmp_path / "lenet.safetensors")
    again = load("lenet-1989", weights=path)
    assert set(again.weights) == set(trained.weights)
    for name, weight in trained.weights.items():
        np.testing.assert_array_equal(again.weights[name], weight)


@pytest.mark.parametrize("name", ["lenet-5", "resnet18", "squeezenet"])
def test_what_is_saved_can_be_loaded(name, tmp_path):
    network = load(name).initialize(0)
    path = network.save(tmp_path / "n.onnx")
    again = load(path)
    assert again.name == name
    one, two = infer_shapes(network.graph), infer_shapes(again.graph)
    (output,), (found) = network.graph.outputs, again.graph.outputs
    assert one[output] == two[found[0]]
    ours = {key: weight for key, weight in network.weights.items() if key in again.weights}
    assert ours
    for key, weight in ours.items():
        np.testing.assert_array_equal(again.weights[key], weight)


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        (
            "vgg17",
            UnknownNameError,
            "no network is called 'vgg17'; did you mean vgg13 or vgg16 or vgg19?",
        ),
        ("no.onnx", FileError, "no.onnx: no such file; give the path of an .onnx file"),
        (
            "a.pth",
            ParameterError,
            "a.pth: such files hold weights, or code to run, but no network; give the network and "
            "them: load('vgg16', weights='a.pth')",
        ),
        (
            Path("a.pt2"),
            ParameterError,
            "a.pt2: an exported program of PyTorch; load(torch.export.load('a.pt2'))",
        ),
        (Path("a.tflite"), ParameterError, f"a.tflite: no .onnx file; {KINDS}"),
        (Path(), ParameterError, ".: a folder; give the path of an .onnx file in it"),
        (3, ParameterError, f"source is int; {KINDS}"),
        (None, ParameterError, f"source is NoneType; {KINDS}"),
    ],
)
def test_what_cannot_be_loaded(source, kind, message):
    with pytest.raises(kind) as error:
        load(source)
    assert str(error.value) == message


def test_the_zoo_has_its_own_shapes():
    with pytest.raises(ParameterError) as error:
        load("vgg16", input_shape=(1, 3, 8, 8))
    assert str(error.value) == (
        "vgg16 of the zoo has its own input shape; give input_shape to inspect, or compile it and "
        "feed inputs of any shape that fits"
    )


def test_networks_are_saved_in_two_ways(tmp_path):
    with pytest.raises(ParameterError) as error:
        save(load("lenet-5").initialize(), tmp_path / "lenet.pt")
    assert str(error.value) == (
        f"{tmp_path / 'lenet.pt'}: a network is saved as .onnx, its weights alone as .safetensors; "
        "end the name in one of them"
    )


def test_the_zoo_needs_neither_onnx_nor_torch_nor_a_compiler():
    code = (
        "import sys, striate; striate.load('vgg16')\n"
        "print([m for m in ('onnx', 'torch', 'numba', 'safetensors') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
