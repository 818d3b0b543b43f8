"""``striate inspect``: models in files, and what is refused."""

import json

import pytest

from striate.errors import (
    FileError,
    GeometryError,
    ParameterError,
    ShapeError,
    UnknownNameError,
)

MODULE = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, padding=1)

    def forward(self, x):
        return torch.relu(self.conv(x)).mean((2, 3))

ready = Net(8)
number = 3

def broken():
    return nn.Conv2d(3, 4, 0, groups=2)
"""


@pytest.mark.parametrize(("name", "parameters"), [("Net", 112), ("ready", 224)])
def test_a_module_in_a_file(tmp_path, name, parameters, printed):
    path = tmp_path / "nets.py"
    path.write_text(MODULE, encoding="utf-8")
    text = printed(f"{path}:{name}", "--input", "1x3x8x8", "--json")
    report = json.loads(text)
    assert report["totals"]["parameters"] == parameters
    conv = next(layer for layer in report["layers"] if layer["operator"] == "Conv")
    assert [axis["size"] for axis in conv["field"]] == [3, 3]
    assert report["layers"][-1]["field"][0]["size"] == 10


def test_modules_that_cannot_be_had(tmp_path, refused):
    path = tmp_path / "more_nets.py"
    path.write_text(MODULE, encoding="utf-8")
    assert refused(f"{tmp_path}/none.py:net", "--input", "1x3x8x8") == (
        FileError,
        f"{tmp_path}/none.py: there is no such file; write FILE.py:NAME of a PyTorch module",
    )
    assert refused(f"{path}:Nett", "--input", "1x3x8x8") == (
        UnknownNameError,
        f"no object of {path} is called 'Nett'; did you mean Net?",
    )
    kind, message = refused(f"{path}:broken", "--input", "1x3x8x8")
    assert kind is ParameterError
    assert message.startswith(f"{path}:broken: ValueError: ")
    kind, message = refused(f"{path}:number", "--input", "1x3x8x8")
    assert (kind, message.partition(";")[0]) == (ParameterError, f"{path}:number is int")
    path.write_text("1 / 0", encoding="utf-8")
    assert refused(f"{path}:net") == (
        ParameterError,
        f"{path}: ZeroDivisionError: division by zero",
    )


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ((), ParameterError, "inspect: no model given; name one of striate inspect --list"),
        (
            ("vgg61",),
            UnknownNameError,
            "no network is called 'vgg61'; did you mean vgg13 or vgg16 or vgg19?",
        ),
        (
            ("vgg16", "--explain", "conv9_1"),
            UnknownNameError,
            "no layer is called 'conv9_1'; did you mean conv3_1 or conv4_1 or conv5_1?",
        ),
        (
            ("vgg16", "--input", "1x4x224x224"),
            ShapeError,
            "vgg16: input shape (1, 4, 224, 224) has 4 channels, not 3: (any, 3, 224, 224)",
        ),
        (
            ("vgg16", "--input", "1x3x64x64"),
            ShapeError,
            "vgg16: fc6 (Gemm): weight (4096, 25088) takes 25088 features but the input has 2048"
            "; vgg16 is made for 1x3x224x224",
        ),
        (
            ("vgg16", "--input", "1x3x8x8"),
            GeometryError,
            "vgg16: pool4 (MaxPool): kernel 2 is larger than the padded input 1 + 0 + 0: "
            "pad by 1 more or use a smaller kernel; vgg16 is made for 1x3x224x224",
        ),
        (
            ("vgg16", "--json", "--explain", "conv1_1"),
            ParameterError,
            "inspect: --explain cannot go with --json; leave one of them out",
        ),
        (
            ("vgg16", "--columns", "layer,mac"),
            UnknownNameError,
            "no column is called 'mac'; did you mean macs?",
        ),
        (
            ("vgg16", "--convention", "ptflop"),
            UnknownNameError,
            "inspect: no convention is called 'ptflop'; did you mean flops or thop?",
        ),
        (
            ("vgg16", "--input", "1x3x8x8", "--input", "1x3x9x9"),
            ParameterError,
            "--input is given 2 times; name the inputs, as in --input x=1x3x8x8",
        ),
        (
            ("vgg16", "--input", "1x3x8x8", "--input", "y=1x3x9x9"),
            ParameterError,
            "--input names some inputs only; write NAME=1x3x224x224 for each",
        ),
        (
            ("vgg16", "--list"),
            ParameterError,
            "inspect: --list cannot go with a model; leave one of them out",
        ),
        (
            ("--list", "--input", "1x3x8x8"),
            ParameterError,
            "inspect: --list cannot go with --input; leave one of them out",
        ),
    ],
)
def test_refusals(arguments, kind, message, refused):
    assert refused(*arguments) == (kind, message)


@pytest.mark.parametrize(
    "text", ["", "abc", "224", "1x3x", "1x3x-8x8", "1x3x2.5x8", "1,3,8,8", "²x²"]
)
def test_bad_input_text(text, refused):
    assert refused("vgg16", "--input", text) == (
        ParameterError,
        f"--input is {text!r}; it must be whole numbers joined by x: examples, channels, then "
        "each axis, as in 1x3x224x224",
    )
