"""Modules of one's own: calls, shared weights, writing in place, answers of all kinds, one to three
axes: to striate, on to PyTorch and ONNX, and the same.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from striate.interop.torch import from_torch, to_torch


class Tied(nn.Module):
    """An encoder and a decoder of one weight, and one layer that is called twice."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(12, 12, bias=False)
        self.decode = nn.Linear(12, 12)
        self.decode.weight = self.embed.weight
        self.same = nn.Linear(12, 12)

    def forward(self, x):
        x = x.mean((1, 3))[:, :12]
        return self.decode(self.same(torch.tanh(self.same(self.embed(x)))))


class Functional(nn.Module):
    """No layers: raw parameters, buffers, calls."""

    def __init__(self):
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(4, 3, 3, 3))
        self.scale = nn.Parameter(torch.ones(4, 1, 1) * 1.5, requires_grad=False)
        self.matrix = nn.ParameterList([nn.Parameter(torch.randn(6, 4))])
        self.register_buffer("mean", torch.tensor([0.5, 0.4, 0.3]).view(1, 3, 1, 1))
        self.register_buffer("factor", torch.tensor(2.0))
        self.register_buffer("order", torch.tensor([2, 0, 1]), persistent=False)

    def forward(self, x):
        x = (x[:, self.order] - self.mean) * self.factor
        x = F.conv2d(x, self.kernel * self.scale.mean(), padding=1) * self.scale
        x = F.layer_norm(F.relu(x), x.shape[-1:])
        return F.linear(F.adaptive_max_pool2d(x, 1).flatten(1), self.matrix[0])


class InPlace(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3)

    def forward(self, x):
        y = self.conv(x)
        y.mul_(2).add_(1).clamp_(min=0)
        y[:, 0] = 0
        y[:, 1:3, ::1, :5] *= y[:, 3:5, :, :5]
        y.sub_(y.mean())
        return F.leaky_relu_(y, 0.1)


class Adaptive(nn.Module):
    def __init__(self):
        super().__init__()
        self.levels = nn.ModuleList(nn.AdaptiveAvgPool2d(size) for size in (1, 2, 3, (5, 7)))
        self.largest = nn.AdaptiveMaxPool2d((7, 3))

    def forward(self, x):
        parts = [F.interpolate(p(x), x.shape[2:], mode="bilinear") for p in self.levels]
        return torch.cat([*parts, F.interpolate(self.largest(x), size=x.shape[-2:])], 1)


class Answers(nn.Module):
    """Outputs of all kinds."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        x = self.conv(x)
        pooled = x.mean((2, 3))
        best = pooled.argmax(1)
        return {"features": x, "scores": [self.head(pooled), pooled], "nothing": None, "best": best}


class OneAxis(nn.Module):
    """Sound: (N, C, time)."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(3, 6, 5, stride=2, padding=2, padding_mode="reflect")
        self.norm = nn.GroupNorm(2, 6)
        self.glu = nn.GLU(1)
        self.up = nn.ConvTranspose1d(3, 3, 4, 2, 1)
        self.slope = nn.PReLU(3)

    def forward(self, x):
        return self.slope(self.up(self.glu(self.norm(self.conv(x[:, :, 0])))))


class Volume(nn.Module):
    """Video: (N, C, time, height, width)."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv3d(1, 4, 3, padding="same")
        self.norm = nn.InstanceNorm3d(4, affine=True)
        self.pool = nn.MaxPool3d((1, 2, 2), ceil_mode=True)
        self.average = nn.AdaptiveAvgPool3d((2, 4, 1))

    def forward(self, x):
        return self.average(self.pool(F.elu(self.norm(self.conv(x[:, None])))))


@pytest.mark.parametrize(
    "kind",
    [Tied, Functional, InPlace, Adaptive, Answers, OneAxis, Volume],
)
def test_there_and_back_and_on_to_onnx(kind, check_there_and_back):
    check_there_and_back(kind)


def through_a_view(self, x):
    y = x * 2
    seen = y.view(y.shape[0], -1)
    y.relu_()
    return seen


def through_a_dropout(self, x):
    y = x * 2
    torch.nn.functional.dropout(y, 0.5, False).add_(1)
    return y


def through_another_name(self, x):
    y = x * 2
    first = y.relu_()
    y.add_(1)
    second = first.mul_(3)
    return first, y, second


def through_a_slice(self, x):
    y = x * 2
    y[:, 1].add_(y[:, 0])
    return y, y.sum(1)


def after_it_was_read(self, x):
    y = x * 2
    total = y.sum(1)
    y.clamp_(min=0)
    return total + y.sum(1)


@pytest.mark.parametrize(
    "forward",
    [
        through_a_view,
        through_a_dropout,
        through_another_name,
        through_a_slice,
        after_it_was_read,
    ],
)
def test_what_is_written_in_place_is_seen_under_every_name(forward, images, close):
    module = type("Module", (nn.Module,), {"forward": forward})()
    x = images(2)
    close(to_torch(from_torch(module, (1, 3, 24, 24)))(x), module(x))


def test_recurrent_layers_are_spelt_out_in_time(close):
    torch.manual_seed(0)
    module = nn.LSTM(4, 3, batch_first=True, bidirectional=True)
    network = from_torch(module, (1, 5, 4))
    x = torch.randn(2, 5, 4)
    with torch.no_grad():
        close(to_torch(network)(x), module(x))
