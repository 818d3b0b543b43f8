"""Whole modules of all sorts: PyTorch to striate and on to PyTorch and ONNX, the same answers."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import striate as st
from striate.interop.torch import from_torch, to_torch
from striate.interop.weights import load_weights


class Residual(nn.Module):
    """A block of ResNet, written in place, as torchvision writes it."""

    def __init__(self, seen, channels, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(seen, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = None
        if stride > 1 or seen != channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(seen, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x):
        identity = x if self.downsample is None else self.downsample(x)
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += identity
        return self.relu(out)


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(Residual(8, 8), Residual(8, 8))
        self.layer2 = nn.Sequential(Residual(8, 16, 2), Residual(16, 16))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.avgpool(self.layer2(self.layer1(x)))
        return self.fc(torch.flatten(x, 1))


class VGG(nn.Module):
    def __init__(self):
        super().__init__()
        layers, seen = [], 3
        for channels in (8, "pool", 16, 16, "pool"):
            if channels == "pool":
                layers.append(nn.MaxPool2d(2, 2))
            else:
                conv = nn.Conv2d(seen, channels, 3, padding=1)
                layers += [conv, nn.BatchNorm2d(channels), nn.ReLU(True)]
                seen = channels
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d((4, 4))
        self.classifier = nn.Sequential(
            nn.Linear(16 * 16, 32), nn.ReLU(True), nn.Dropout(), nn.Linear(32, 10)
        )

    def forward(self, x):
        x = self.avgpool(self.features(x))
        return self.classifier(x.view(x.size(0), -1))


class Inception(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Conv2d(3, 4, 1)
        self.two = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Conv2d(4, 6, 3, padding=1))
        self.three = nn.Conv2d(3, 5, (1, 7), padding=(0, 3))
        self.pool = nn.Conv2d(3, 2, 1)

    def forward(self, x):
        pooled = self.pool(F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False))
        return F.relu(torch.cat([self.one(x), self.two(x), self.three(x), pooled], 1))


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down1 = nn.Conv2d(3, 6, 3, padding=1)
        self.down2 = nn.Conv2d(6, 12, 3, padding=1)
        self.up = nn.ConvTranspose2d(12, 6, 2, stride=2)
        self.out = nn.Conv2d(12, 2, 1)

    def forward(self, x):
        one = F.relu(self.down1(x))
        two = F.relu(self.down2(F.max_pool2d(one, 2)))
        up = self.up(two)
        high, wide = one.shape[2] - up.shape[2], one.shape[3] - up.shape[3]
        up = F.pad(up, (wide // 2, wide - wide // 2, high // 2, high - high // 2))
        return self.out(torch.cat([up, one], 1))


class SqueezeExcite(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, bias=False)
        self.reduce = nn.Linear(8, 2)
        self.expand = nn.Linear(2, 8)

    def forward(self, x):
        x = F.hardswish(self.conv(x))
        scale = self.expand(F.relu(self.reduce(x.mean((2, 3)))))
        return x * F.hardsigmoid(scale)[:, :, None, None]


class Depthwise(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(3, 12, 1, bias=False),
            nn.BatchNorm2d(12),
            nn.ReLU6(inplace=True),
            nn.Conv2d(12, 12, 3, 2, 1, groups=12, bias=False),
            nn.BatchNorm2d(12, affine=False),
            nn.SiLU(),
            nn.Conv2d(12, 6, 1),
        )


class Transformer(nn.Module):
    """A small vision transformer: patches, a class token, attention, layer norms."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 6, 6)
        self.token = nn.Parameter(torch.randn(1, 1, 16))
        self.position = nn.Parameter(torch.randn(1, 17, 16))
        self.block = nn.TransformerEncoderLayer(
            16, 4, 32, batch_first=True, activation="gelu", norm_first=True
        )
        self.norm = nn.LayerNorm(16)
        self.head = nn.Linear(16, 5)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.position
        return self.head(self.norm(self.block(x))[:, 0])


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


class SuperResolution(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 12, 3, padding=1))
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, x):
        small = F.pixel_unshuffle(self.shuffle(self.conv(x)), 2)
        return self.shuffle(small) + F.interpolate(x, scale_factor=2, mode="bicubic")


class Windows(nn.Module):
    """Attention within shifted windows, with a learnt bias by relative position."""

    def __init__(self):
        super().__init__()
        self.project = nn.Linear(3, 8)
        self.qkv = nn.Linear(8, 24)
        self.table = nn.Parameter(torch.randn(49, 2))
        places = torch.stack(torch.meshgrid(torch.arange(4), torch.arange(4), indexing="ij"))
        apart = places.flatten(1)[:, :, None] - places.flatten(1)[:, None] + 3
        self.register_buffer("index", apart[0] * 7 + apart[1])

    def forward(self, x):
        x = self.project(x.permute(0, 2, 3, 1)).roll((-2, -2), (1, 2))
        n, h, w, c = x.shape
        x = x.view(n, h // 4, 4, w // 4, 4, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, 16, c)
        q, k, v = self.qkv(x).reshape(-1, 16, 3, 2, c // 2).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) / math.sqrt(c // 2)
        bias = self.table[self.index.view(-1)].view(16, 16, 2).permute(2, 0, 1)
        x = ((scores + bias).softmax(-1) @ v).transpose(1, 2).reshape(-1, 16, c)
        x = x.view(n, h // 4, w // 4, 4, 4, c).permute(0, 1, 3, 2, 4, 5).reshape(n, h, w, c)
        return x.roll((2, 2), (1, 2))


MODULES = [
    ResNet,
    VGG,
    Inception,
    UNet,
    SqueezeExcite,
    Depthwise,
    Transformer,
    Tied,
    Functional,
    InPlace,
    Adaptive,
    Answers,
    OneAxis,
    Volume,
    SuperResolution,
    Windows,
]


def made(kind):
    """A module whose batch norms have seen data, in training mode."""
    torch.manual_seed(0)
    module = kind()
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2)
    return module.train()


def images(batch):
    return torch.randn(batch, 3, 24, 24, generator=torch.Generator().manual_seed(batch))


def flat(answers):
    """All tensors of an answer, in order."""
    return [leaf for leaf in torch.utils._pytree.tree_leaves(answers) if leaf is not None]


def close(found, wanted):
    for one, two in zip(found, wanted, strict=True):
        one, two = np.asarray(one), two.detach().numpy()
        assert one.shape == two.shape
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-5 * max(1, np.abs(two).max()))


@pytest.mark.parametrize("kind", MODULES)
def test_there_and_back_and_on_to_onnx(kind, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    module = made(kind)
    network = from_torch(module, (1, 3, 24, 24))
    assert all(part.training for part in module.modules())
    assert network.graph.inputs[0].shape == (None, 3, 24, 24)
    again, run = to_torch(network), st.compile(network)
    network.save(tmp_path / "module.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "module.onnx")
    feed = session.get_inputs()[0].name
    module.eval()
    with torch.no_grad():
        for batch in (1, 3):
            x = images(batch)
            wanted = flat(module(x))
            found = run(x.numpy())
            close(flat(again(x)), wanted)
            close(found if isinstance(found, tuple) else (found,), wanted)
            close(session.run(None, {feed: x.numpy()}), wanted)


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
def test_what_is_written_in_place_is_seen_under_every_name(forward):
    module = type("Module", (nn.Module,), {"forward": forward})()
    x = images(2)
    close(flat(to_torch(from_torch(module, (1, 3, 24, 24)))(x)), flat(module(x)))


class ResNet18(ResNet):
    """torchvision's resnet18, under its names."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = nn.Sequential(Residual(64, 64), Residual(64, 64))
        self.layer2 = nn.Sequential(
            *(Residual(64, 128, 2), Residual(128, 128)),
            *(Residual(128, 256, 2), Residual(256, 256)),
            *(Residual(256, 512, 2), Residual(512, 512)),
        )
        self.fc = nn.Linear(512, 1000)

    def named_as_published(self):
        """The state dictionary with layer2 cut into torchvision's layer2 to layer4."""
        result = {}
        for name, tensor in self.state_dict().items():
            layer, *rest = name.split(".")
            if layer == "layer2":
                place = int(rest[0])
                layer, rest = f"layer{2 + place // 2}", [str(place % 2), *rest[1:]]
            result[".".join([layer, *rest])] = tensor
        return result


def test_a_published_resnet_computes_the_same_in_the_zoo():
    module = made(ResNet18).eval()
    network = load_weights(st.load("resnet18"), module.named_as_published())
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        wanted = module(x)
        close([to_torch(network)(x)], [wanted])
    report, other = st.inspect(network), st.inspect(from_torch(module, (1, 3, 224, 224)))
    assert report.totals.macs == other.totals.macs
    assert report.totals.parameters == other.totals.parameters


def test_recurrent_layers_are_spelt_out_in_time():
    torch.manual_seed(0)
    module = nn.LSTM(4, 3, batch_first=True, bidirectional=True)
    network = from_torch(module, (1, 5, 4))
    x = torch.randn(2, 5, 4)
    with torch.no_grad():
        close(flat(to_torch(network)(x)), flat(module(x)))
