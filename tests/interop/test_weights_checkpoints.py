"""PyTorch's checkpoints and other sources of weights: what is read, and what is refused."""

import io
import os
import pickle
import struct
import time
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from striate.errors import FileError, ParameterError, ShapeError, StriateError
from striate.interop.torch import from_torch, to_torch
from striate.interop.weights import load_weights, save_weights
from striate.network import Builder, Network

SAVING = "write the tensors alone with torch.save(model.state_dict(), path)"


@pytest.fixture
def tiny():
    b = Builder("tiny", (None, 1, 6, 6))
    x = b.batch_norm(b.conv(b.input, "conv", channels=4, kernel=3), "norm")
    return Network(b.graph(b.linear(x, "scores", features=3)))


@pytest.fixture
def state(tiny):
    """The tensors of a checkpoint of it, as PyTorch names them."""
    words = {"scale": "weight", "mean": "running_mean", "variance": "running_var"}
    result = {}
    for name, array in tiny.initialize(seed=1).weights.items():
        layer, _, word = name.rpartition(".")
        word = words.get(word, word) if layer == "norm" else word
        result[f"{layer}.{word}"] = torch.from_numpy(array.copy())
    result["norm.num_batches_tracked"] = torch.tensor(7)
    return result


def same(loaded, network):
    for name, array in network.weights.items():
        np.testing.assert_array_equal(loaded.weights[name], array)
    return True


def failing(kind, network, source):
    with pytest.raises(kind) as error:
        load_weights(network, source)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".th", ".bin", ".ckpt", ""])
@pytest.mark.parametrize("legacy", [False, True])
def test_both_formats_under_every_name(tiny, state, tmp_path, suffix, legacy):
    path = tmp_path / f"weights{suffix}"
    torch.save(state, path, _use_new_zipfile_serialization=not legacy)
    assert same(load_weights(tiny, path), tiny.initialize(seed=1))


@pytest.mark.parametrize("holder", ["state_dict", "model", "model_state_dict"])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod.", "model."])
def test_state_dictionaries_within_others(tiny, state, tmp_path, holder, prefix):
    whole = {"epoch": 3, "best": 0.5, holder: {prefix + k: v for k, v in state.items()}}
    whole["optimizer"] = {"state": {0: {"momentum": torch.ones(3)}}, "param_groups": [{"lr": 0.1}]}
    torch.save(whole, tmp_path / "last.pt")
    assert same(load_weights(tiny, tmp_path / "last.pt"), tiny.initialize(seed=1))


def test_parameters_and_mappings(tiny, state):
    assert same(load_weights(tiny, state), tiny.initialize(seed=1))
    learnt = {name: nn.Parameter(t) if t.is_floating_point() else t for name, t in state.items()}
    assert same(load_weights(tiny, learnt), tiny.initialize(seed=1))
    own = tiny.initialize(seed=1).weights
    assert same(load_weights(tiny, own), tiny.initialize(seed=1))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions(tiny, state, tmp_path, dtype):
    other = {name: t.to(dtype) if t.is_floating_point() else t for name, t in state.items()}
    torch.save(other, tmp_path / "other.pt")
    save_file(other, tmp_path / "other.safetensors")
    for path in ("other.pt", "other.safetensors"):
        loaded = load_weights(tiny, tmp_path / path)
        kind = np.float64 if dtype == torch.float64 else np.float32
        assert {array.dtype for array in loaded.weights.values()} == {np.dtype(kind)}
        found = loaded.weights["conv.weight"]
        np.testing.assert_array_equal(found, other["conv.weight"].to(torch.float64))


def test_tied_weights_have_two_names(tmp_path):
    module = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    module[1].weight = module[0].weight
    network = from_torch(module, (1, 3))
    torch.save(module.state_dict(), tmp_path / "tied.pt")
    assert list(load_weights(network, tmp_path / "tied.pt").weights) == ["0.weight"]
    other = {**module.state_dict(), "1.weight": torch.zeros(3, 3)}
    assert failing(ShapeError, network, other) == (
        "load_weights: weight '1.weight' (3, 3) has no place in Sequential: "
        "the file belongs to another network"
    )


def test_weights_of_a_module_in_a_file_of_its_own(tmp_path):
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    network = from_torch(module, (1, 1, 5, 5))
    save_weights(network, tmp_path / "module.safetensors")
    loaded = load_weights(network, tmp_path / "module.safetensors")
    x = torch.rand(1, 1, 5, 5)
    torch.testing.assert_close(to_torch(loaded)(x), module.eval()(x))


def test_what_is_no_state_dictionary(tiny, tmp_path):
    path = tmp_path / "x.pt"
    for whole, held in (
        ([torch.ones(3)], "list"),
        ({}, "nothing"),
        ({"epoch": 1, "loss": 2.0}, "a dictionary of epoch, loss"),
    ):
        torch.save(whole, path)
        assert failing(FileError, tiny, path) == (
            f"{path}: holds {held}, no state dictionary; "
            "write one with torch.save(model.state_dict(), path)"
        )
    torch.save(nn.Linear(2, 2), path)
    assert failing(FileError, tiny, path) == (
        f"{path}: holds torch.nn.modules.linear.Linear, an object that is no tensor; {SAVING}"
    )
    assert failing(ParameterError, tiny, 3) == (
        "load_weights: weights are int; give a path, or a mapping of names to arrays"
    )
    assert failing(ParameterError, tiny, {"conv.weight": [1.0]}) == (
        "load_weights: 'conv.weight' is list, not a tensor; "
        "give a state dictionary, as model.state_dict() returns it"
    )


class Calls:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def zipped(path, data, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/version", "3\n")


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize(
    ("function", "arguments", "name"),
    [
        (os.system, ("touch hostile",), "posix.system"),
        (bytearray, (2**40,), "builtins.bytearray"),
        (eval, ("1",), "builtins.eval"),
        (torch.Tensor, (2**40,), "torch.Tensor"),
    ],
)
def test_nothing_is_called(tiny, tmp_path, monkeypatch, function, arguments, name, legacy):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "hostile.pt"
    hostile = {"conv.weight": Calls(function, *arguments)}
    if legacy:
        path.write_bytes(
            pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(hostile, 2, fix_imports=False)
        )
    else:
        zipped(path, pickle.dumps(hostile, 2, fix_imports=False))
    begin = time.perf_counter()
    text = failing(FileError, tiny, path)
    assert time.perf_counter() - begin < 2
    assert text == f"{path}: holds {name}, an object that is no tensor; {SAVING}"
    assert not (tmp_path / "hostile").exists()


def test_files_that_claim_more_than_they_are(tiny, state, tmp_path):
    path = tmp_path / "bomb.pt"
    zipped(path, b"\0" * 2**26, zipfile.ZIP_DEFLATED)
    assert failing(FileError, tiny, path) == (
        f"{path}: not a whole PyTorch checkpoint (its parts claim {2**26 + 2} bytes, or are "
        "packed, as PyTorch's never are); copy or save it again"
    )
    zipped(path, pickle.dumps(list(range(10**6)), 2))
    assert failing(FileError, tiny, path).startswith(
        f"{path}: not a whole PyTorch checkpoint (archive/data.pkl has "
    )
    zipped(path, b"\x80\x04\x8c\x05posix\x8c\x06system\x93.")
    assert failing(FileError, tiny, path) == (
        f"{path}: not a whole PyTorch checkpoint (STACK_GLOBAL in its pickle, which PyTorch never "
        "writes); copy or save it again"
    )


def test_tensors_of_absurd_shapes_are_not_made(tiny, state, tmp_path):
    huge = torch.zeros(1).expand(2**40)
    torch.save({**state, "conv.weight": huge}, tmp_path / "huge.pt")
    assert failing(ShapeError, tiny, tmp_path / "huge.pt") == (
        f"{tmp_path / 'huge.pt'}: weight 'conv.weight' is ({2**40},) but tiny needs "
        "(4, 1, 3, 3): the file belongs to another network"
    )


def test_long_headers_of_safetensors(tiny, tmp_path):
    path = tmp_path / "long.safetensors"
    path.write_bytes(struct.pack("<Q", 90 * 2**20) + b"{" + b" " * 2**20)
    assert failing(FileError, tiny, path) == (
        f"{path}: not a whole safetensors file (its header claims {90 * 2**20} bytes, more than "
        f"{16 * 2**20}); copy or train it again"
    )


@pytest.mark.parametrize("legacy", [None, False, True])
def test_damaged_files_are_refused_or_read(tiny, state, tmp_path, legacy):
    kept, random = io.BytesIO(), np.random.default_rng(0)
    path = tmp_path / ("damaged.safetensors" if legacy is None else "damaged.pt")
    if legacy is None:
        save_file(state, path)
        whole = path.read_bytes()
    else:
        torch.save(state, kept, _use_new_zipfile_serialization=not legacy)
        whole = kept.getvalue()
    for turn in range(150):
        data = bytearray(whole)
        for place in random.integers(0, len(data), random.integers(1, 4)):
            data[place] = random.integers(256)
        path.write_bytes(bytes(data[: random.integers(1, len(data) + 1)]) if turn % 3 else data)
        begin = time.perf_counter()
        with suppress(StriateError):
            load_weights(tiny, path)
        assert time.perf_counter() - begin < 2


MODELS = Path(os.environ.get("STRIATE_DATA", "data")) / "models"


class Shortened(nn.Module):
    """He et al. 2015, section 4.2, shortcuts of option A: without weights."""

    def __init__(self, seen, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(seen, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.grown = (channels - seen) // 2

    def forward(self, x):
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        if self.grown:
            x = nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.grown, self.grown))
        return torch.relu(x + y)


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        seen = 16
        for stage, channels in enumerate((16, 32, 64), start=1):
            blocks = [Shortened(seen, channels, channels // seen)]
            blocks += [Shortened(channels, channels, 1) for _ in range(2)]
            self.add_module(f"layer{stage}", nn.Sequential(*blocks))
            seen = channels
        self.linear = nn.Linear(64, 10)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean((2, 3)))


@pytest.mark.data
@pytest.mark.skipif(not MODELS.is_dir(), reason="needs published models")
def test_a_published_checkpoint():
    module = ResNet20()
    path = MODELS / "resnet20-12fca82f.th"
    network = load_weights(from_torch(module, (1, 3, 32, 32)), path)
    published = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
    module.load_state_dict({k.removeprefix("module."): v for k, v in published.items()}, False)
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(to_torch(network)(x), module.eval()(x), rtol=1e-5, atol=1e-5)
