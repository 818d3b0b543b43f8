"""PyTorch modules that fail: which layer, which number, and repairs that PyTorch itself runs."""

import numpy as np
import pytest
import torch
from torch import nn

import striate as st
from striate.errors import ParameterError, ShapeError
from striate.network import diagnose


def said(diagnosis):
    return [str(repair) for repair in diagnosis.repairs]


def chain(features, *, channels=3):
    return nn.Sequential(
        nn.Conv2d(channels, 8, 3),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(features, 10),
    )


def test_a_linear_layer_of_another_size():
    found = diagnose(chain(100), (1, 3, 32, 32))
    lines = str(found).splitlines()
    assert lines[0] == "Sequential on 1x3x32x32: 5 (Linear) does not fit"
    assert lines[2:] == [
        "  input 1x3x32x32 -> 0 1x8x30x30 -> 3 1x8x15x15 -> 4 1x1800",
        "  1800 features arrive, 5 takes 100",
        "repairs, each inferred to the end:",
        "  1. Linear 5: in_features=1800 instead of 100; gives 1x10",
    ]
    assert chain(1800)(torch.zeros(1, 3, 32, 32)).shape == (1, 10)


def test_inputs_of_another_size():
    found = diagnose(chain(1800), (2, 3, 34, 34))
    assert said(found)[1:] == ["input 2x3x33x33 instead of 2x3x34x34"]
    assert chain(1800)(torch.zeros(2, 3, 33, 33)).shape == (2, 10)


def test_channels():
    found = diagnose(chain(1800), (1, 1, 32, 32))
    assert found.failure.layer == "0"
    assert found.failure.arithmetic == ("input 1x1x32x32", "1 channels arrive, 0 takes 3")
    assert said(found) == [
        "Conv2d 0: in_channels=1 instead of 3",
        "input 1x3x32x32 instead of 1x1x32x32",
    ]
    assert said(diagnose(chain(1800), (1, 32, 32, 3)))[-1] == (
        "input 1x3x32x32 instead of 1x32x32x3"
    )


def test_every_layer_that_does_not_fit_is_changed():
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(6), nn.Conv2d(4, 2, 3), nn.Flatten(), nn.Linear(9, 5)
    )
    (repair,) = diagnose(net, (1, 3, 8, 8)).repairs
    assert repair.steps == (
        "BatchNorm2d 1: num_features=8 instead of 6",
        "Conv2d 2: in_channels=8 instead of 4",
        "Linear 4: in_features=32 instead of 9",
    )
    assert (repair.output_shapes, repair.graph) == (((1, 5),), None)


class Joined(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.MaxPool2d(2)
        self.up = nn.ConvTranspose2d(1, 1, 2, stride=2)

    def forward(self, x):
        return torch.cat([x, self.up(self.down(x))], 1)


def test_what_fails_between_layers():
    found = diagnose(Joined(), (1, 1, 33, 32))
    assert (found.failure.layer, found.failure.operator) == ("cat", "Concat")
    assert found.failure.message == (
        "(1, 1, 33, 32), (1, 1, 32, 32) differ in more than their channels"
    )
    trail, place, meeting = found.failure.arithmetic
    assert trail == "input 1x1x33x32 -> down 1x1x16x16 -> up 1x1x32x32"
    line = Joined.forward.__code__.co_firstlineno + 1
    statement = "return torch.cat([x, self.up(self.down(x))], 1)"
    assert place == f"at {__file__}, line {line}: {statement}"
    assert meeting == "x 1x1x33x32 meets up 1x1x32x32"
    assert said(found) == [
        "output padding 1x0 instead of 0 in up",
        "crop x from 33x32 to 32x32 before cat",
        "pad up from 32x32 to 33x32 before cat",
        "input 1x1x32x32 instead of 1x1x33x32",
        "input 1x1x34x32 instead of 1x1x33x32",
    ]


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(8, channels, 3, stride=channels // 8, padding=channels // 16)

    def forward(self, x):
        return x + self.conv(x)


def test_sums_of_paths():
    assert said(diagnose(Residual(8), (1, 8, 16, 16))) == [
        "padding 1 instead of 0 in conv",
        "crop x from 16x16 to 14x14 before add",
        "pad conv from 14x14 to 16x16 before add",
    ]
    assert said(diagnose(Residual(16), (1, 8, 16, 16))) == [
        "put a 1x1 convolution of stride 2x2 from 8 to 16 channels on x before add"
    ]


def test_a_layer_that_forgets_to_flatten():
    net = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.Linear(8 * 16 * 16, 10))
    found = diagnose(net, (1, 3, 32, 32))
    assert said(found) == [
        "flatten the 1x8x16x16 that 1 reads",
        "Linear 1: in_features=16 instead of 2048",
    ]


def test_a_kernel_larger_than_its_input():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 5))
    found = diagnose(net, (1, 1, 6, 6))
    assert found.failure.arithmetic == (
        "input 1x1x6x6 -> 0 1x2x4x4",
        "floor((4 + 0 + 0 - 5) / 1) + 1 = 0 outputs",
    )
    assert "input 1x1x7x7 instead of 1x1x6x6" in said(found)
    assert "kernel 4 instead of 5 in 1" in said(found)


def test_groups():
    net = nn.Sequential(nn.Conv2d(3, 24, 1), nn.Conv2d(12, 24, 3, groups=2))
    assert said(diagnose(net, (1, 3, 8, 8))) == [
        "Conv2d 1: in_channels=24 instead of 12",
        "groups=4 instead of 2 in 1",
        "Conv 0: 12 output channels instead of 24",
    ]


class Heads(nn.Module):
    def forward(self, x):
        return x.reshape(x.shape[0], x.shape[1], 4, 8)


def test_a_reshape_to_other_sizes():
    found = diagnose(Heads(), (1, 10, 30))
    assert (found.failure.layer, found.failure.operator) == ("reshape", "Reshape")
    assert found.failure.message == (
        "(1, 10, 30) has 300 elements, which do not fit the shape (1, 10, 4, 8)"
    )


def test_an_input_without_batch_and_channels():
    net = nn.Sequential(nn.Conv2d(1, 2, 5), nn.Flatten(), nn.Linear(2 * 24 * 24, 3))
    found = diagnose(net, (28, 28))
    assert (found.failure.layer, found.failure.input_shapes) == ("0", ((28, 28),))
    assert said(found) == ["input 1x1x28x28 instead of 28x28"]


def test_axes_that_are_swapped():
    net = nn.Sequential(nn.Conv1d(12, 16, 7, 2), nn.Flatten(), nn.Linear(1600, 2))
    assert said(diagnose(net, (1, 12, 300))) == [
        "Linear 2: in_features=2352 instead of 1600",
        "input 1x12x206 instead of 1x12x300",
    ]
    swapped = diagnose(net, (1, 300, 12))
    assert said(swapped)[1:] == [
        "input 1x12x300 instead of 1x300x12, then Linear 2: in_features=2352 instead of 1600",
        "input 1x12x206 instead of 1x300x12",
    ]


class Idle(nn.Module):
    def __init__(self):
        super().__init__()
        self.used = nn.Conv2d(3, 4, 3)
        self.idle = nn.Linear(2, 3)

    def forward(self, x):
        return self.used(x)


def test_parameters_that_lead_to_no_output():
    (advice,) = diagnose(Idle(), (1, 3, 8, 8)).advice
    assert (advice.topic, advice.layers, advice.text) == (
        "unused",
        ("idle.weight", "idle.bias"),
        "9 parameters of the module lead to no output",
    )


class Rows(nn.Module):
    def forward(self, x):
        return x.view(-1, 256)


def test_examples_that_are_mixed():
    (advice,) = diagnose(Rows(), (2, 6, 8, 8)).advice
    assert (advice.topic, advice.layers, advice.text) == (
        "examples mixed",
        ("view",),
        "turns 2 examples (2x6x8x8) into 3 rows (3x256), with numbers of several in one row: "
        "6 x 8 x 8 = 384 numbers of each meet rows of 256",
    )


class Tokens(nn.Module):
    """Its reshape knows the sizes that it was traced at, but for the batch."""

    def forward(self, x):
        batch, channels, height, width = x.shape
        return x.reshape(batch, channels, height * width).mean(2)


def test_other_sizes_do_not_spill_into_the_examples():
    network = st.load(Tokens(), input_shape=(1, 3, 4, 4))
    problem = (
        "Tokens: reshape (Reshape): 2x3x8x8 becomes 8x3x16, 8 examples of 2: made for 2x3x4x4, not "
        "2x3x8x8; load it anew with input_shape=(2, 3, 8, 8)"
    )
    assert st.compile(network)(np.zeros((2, 3, 4, 4), np.float32)).shape == (2, 3)
    for call in (
        lambda: st.compile(network)(np.zeros((2, 3, 8, 8), np.float32)),
        lambda: network.to_torch()(torch.zeros(2, 3, 8, 8)),
        lambda: st.inspect(network, (2, 3, 8, 8)),
    ):
        with pytest.raises(ShapeError) as error:
            call()
        assert str(error.value) == problem
    found = diagnose(network, (2, 3, 8, 8))
    assert (found.fits, found.failure.message) == (False, problem.partition("(Reshape): ")[2])


def test_a_module_that_runs_gets_advice():
    found = diagnose(chain(1800), (1, 3, 32, 32))
    assert found.fits
    assert [advice.topic for advice in found.advice] == ["bias before norm"]


def test_the_module_is_left_as_it_is():
    net = chain(100).train()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    diagnose(net, (1, 3, 32, 32))
    assert net.training
    assert net[5].in_features == 100
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert not net[0]._forward_hooks
    assert not net[0]._forward_pre_hooks


def test_a_module_needs_a_shape():
    with pytest.raises(ParameterError) as error:
        st.network.diagnose(chain(100))
    assert str(error.value) == (
        "diagnose: a PyTorch module does not tell its input; give input_shape"
    )
