"""Modules as papers and libraries have them: to striate, on to PyTorch and ONNX, and the same."""

import math

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


@pytest.mark.parametrize(
    "kind",
    [ResNet, VGG, Inception, UNet, SqueezeExcite, Depthwise, Transformer, SuperResolution, Windows],
)
def test_there_and_back_and_on_to_onnx(kind, check_there_and_back):
    check_there_and_back(kind)


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


def test_a_published_resnet_computes_the_same_in_the_zoo(made, close):
    module = made(ResNet18).eval()
    network = load_weights(st.load("resnet18"), module.named_as_published())
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        wanted = module(x)
        close(to_torch(network)(x), wanted)
    report, other = st.inspect(network), st.inspect(from_torch(module, (1, 3, 224, 224)))
    assert report.totals.macs == other.totals.macs
    assert report.totals.parameters == other.totals.parameters
