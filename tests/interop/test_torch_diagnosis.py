"""PyTorch modules that fail: which layer, which number, and repairs that PyTorch itself runs."""

import pytest
import torch
from torch import nn

import striate as st
from striate.errors import ParameterError
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
    assert (found.failure.layer, found.failure.operator) == ("Joined", "Joined")
    assert found.failure.arithmetic == ("input 1x1x33x32 -> down 1x1x16x16 -> up 1x1x32x32",)
    assert said(found) == [
        "input 1x1x32x32 instead of 1x1x33x32",
        "input 1x1x34x32 instead of 1x1x33x32",
    ]


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
