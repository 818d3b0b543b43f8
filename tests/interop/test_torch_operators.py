"""Operators of PyTorch: read, run by PyTorch again, equal to the call itself."""

from functools import cache

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from striate.interop.torch import from_torch, to_torch


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@cache
def weights(*shape):
    """A constant of the module, made before it is exported."""
    return numbers(*shape, seed=7) / 3


ELEMENTWISE = {
    "abs": torch.abs,
    "acos": lambda x: torch.acos(x.tanh()),
    "acosh": lambda x: torch.acosh(1.1 + x.abs()),
    "add_alpha": lambda x: torch.add(x, x * x, alpha=3),
    "asin": lambda x: torch.asin(x.tanh()),
    "asinh": torch.asinh,
    "atan": torch.atan,
    "atanh": lambda x: torch.atanh(x.tanh() * 0.9),
    "ceil": torch.ceil,
    "celu": lambda x: F.celu(x, 0.7),
    "clamp": lambda x: x.clamp(-0.5, 0.3),
    "clamp_below": lambda x: x.clamp(min=0.1),
    "clamp_tensor": lambda x: x.clamp(min=x * 0.5, max=torch.tensor(0.4)),
    "cos": torch.cos,
    "cosh": torch.cosh,
    "divide": lambda x: 1 / (2 + x.abs()) - x / 3,
    "div_floor": lambda x: torch.div(x, 0.3, rounding_mode="floor"),
    "div_trunc": lambda x: torch.div(x, 0.3, rounding_mode="trunc"),
    "elu": lambda x: F.elu(x, 0.8),
    "erf": torch.erf,
    "erfc": torch.erfc,
    "exp": torch.exp,
    "exp2": torch.exp2,
    "expm1": torch.expm1,
    "floor": torch.floor,
    "floor_divide": lambda x: x // 0.4,
    "fmod": lambda x: torch.fmod(x, 0.4),
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "glu": lambda x: F.glu(x, 1),
    "hardshrink": F.hardshrink,
    "hardsigmoid": F.hardsigmoid,
    "hardswish": F.hardswish,
    "hardtanh": lambda x: F.hardtanh(x, -0.4, 0.6),
    "isnan": lambda x: torch.isnan(x.log()).float() + torch.isinf(x / 0).float(),
    "leaky_relu": lambda x: F.leaky_relu(x, 0.2),
    "lerp": lambda x: torch.lerp(x, x * x, 0.3),
    "log": lambda x: x.abs().log(),
    "log10": lambda x: torch.log10(x.abs() + 1),
    "log1p": lambda x: torch.log1p(x.abs()),
    "log2": lambda x: torch.log2(x.abs() + 1),
    "log_sigmoid": F.logsigmoid,
    "masked_fill": lambda x: x.masked_fill(x > 0, -2.0),
    "maximum": lambda x: torch.maximum(x, -x) + torch.minimum(x, x * x),
    "mish": F.mish,
    "neg": lambda x: -x,
    "pow": lambda x: x.abs().pow(1.7) + x**2 + 2**x + x.abs() ** x,
    "prelu": lambda x: F.prelu(x, weights(4)),
    "prelu_one": lambda x: F.prelu(x, weights(1)),
    "reciprocal": torch.reciprocal,
    "relu6": lambda x: F.relu6(4 * x),
    "remainder": lambda x: x % 0.7,
    "round": lambda x: torch.round(3 * x),
    "rsqrt": lambda x: torch.rsqrt(x.abs() + 0.1),
    "rsub": lambda x: 2 - x,
    "selu": F.selu,
    "sigmoid": torch.sigmoid,
    "sign": torch.sign,
    "silu": F.silu,
    "sin": torch.sin,
    "sinh": torch.sinh,
    "softplus": F.softplus,
    "softplus_beta": lambda x: F.softplus(x, beta=2),
    "softshrink": F.softshrink,
    "softsign": F.softsign,
    "sqrt": lambda x: x.abs().sqrt(),
    "square": torch.square,
    "tan": torch.tan,
    "tanh": torch.tanh,
    "tanhshrink": F.tanhshrink,
    "threshold": lambda x: F.threshold(x, 0.1, 20.0),
    "threshold_zero": lambda x: F.threshold(x, 0.1, 0.0),
    "trunc": lambda x: torch.trunc(3 * x),
    "where": lambda x: torch.where((x > 0) & ~(x >= 1) | (x < -1), x, 0.5),
    "compare": lambda x: (x == x.round()).float() + (x != 0).float() + (x <= 0.2).float(),
    "logic": lambda x: torch.logical_xor(x > 0, x < 1).float(),
    "cast": lambda x: (x.int() + 2).to(torch.float32) + x.double().float(),
    "promote": lambda x: x + torch.arange(6) + (x > 0),
    "whole": lambda x: ((x * 10).long() // 3 % 4).float(),
    "addcmul": lambda x: torch.addcmul(x, x, x, value=0.3) + torch.addcdiv(x, x, x.exp()),
}
SHAPING = {
    "cat": lambda x: torch.cat([x, 2 * x], 1),
    "cat_last": lambda x: torch.cat([x, x.mean(-1, keepdim=True)], -1),
    "channel_shuffle": lambda x: F.channel_shuffle(x, 2),
    "chunk": lambda x: torch.chunk(x, 2, 1)[1],
    "chunk_uneven": lambda x: torch.chunk(x, 4, 3)[1],
    "expand": lambda x: x[:, :1].expand(-1, 4, -1, -1) + x,
    "expand_new": lambda x: weights(1, 4, 1).expand(x.shape[0], -1, 6) + x[:, :, 0],
    "flatten": lambda x: torch.flatten(x, 1),
    "flatten_some": lambda x: x.flatten(2),
    "flip": lambda x: x.flip(2, 3),
    "gather": lambda x: x.gather(3, torch.tensor([0, 3, 1]).expand(x.shape[0], 4, 5, 3)),
    "getitem": lambda x: x[:, 1] + x[:, -1] + x[..., :5, :][:, 0],
    "index": lambda x: x[:, torch.tensor([3, 0, 0])],
    "index_pair": lambda x: x[:, :, torch.tensor([[0, 4], [-1, 2]]), torch.tensor([1, -2])],
    "index_select": lambda x: x.index_select(2, torch.tensor([4, 1])),
    "in_place_slice": lambda x: _written(x),
    "movedim": lambda x: x.movedim(1, -1),
    "narrow": lambda x: x.narrow(2, 1, 3),
    "permute": lambda x: x.permute(0, 2, 3, 1),
    "pixel_shuffle": lambda x: F.pixel_shuffle(x, 2),
    "pixel_unshuffle": lambda x: F.pixel_unshuffle(x[..., :4, :], 2),
    "pixel_unshuffle_grey": lambda x: F.pixel_unshuffle(x[:, :1, :4], 2),
    "repeat": lambda x: x.repeat(1, 2, 1, 3),
    "repeat_new": lambda x: x[:, 0].repeat(1, 1, 2),
    "repeat_interleave": lambda x: x.repeat_interleave(3, 2),
    "reshape": lambda x: x.reshape(x.shape[0], 2, -1),
    "reshape_batch": lambda x: x.reshape(-1, 6),
    "roll": lambda x: x.roll((1, -2), (2, 3)),
    "select": lambda x: x.select(1, -2),
    "slice_steps": lambda x: x[:, ::2, 1:, ::3],
    "slice_negative": lambda x: x[:, :, -3:-1],
    "split": lambda x: sum(torch.split(x, [1, 1, 2], 1)[:2]),
    "stack": lambda x: torch.stack([x, -x], 1),
    "squeeze": lambda x: x[:, :1].squeeze(1).unsqueeze(-1),
    "tril": lambda x: x.tril() + x.triu(1),
    "transpose": lambda x: x.transpose(1, 2),
    "unbind": lambda x: x.unbind(1)[2],
    "unflatten": lambda x: x.unflatten(1, (2, 2)),
    "einsum": lambda x: torch.einsum("nchw,ndhw->ncd", x, x),
    "meshgrid": lambda x: torch.meshgrid(torch.arange(5), torch.arange(6), indexing="ij")[0] + x,
    "linspace": lambda x: x + torch.linspace(0, 1, 6) + torch.zeros(6) + torch.eye(6)[2],
    "ones_like": lambda x: torch.ones_like(x) + torch.full_like(x, 0.5) + x.new_zeros(1),
    "arange_batch": lambda x: torch.arange(x.shape[0])[:, None].float() + x[:, :, 0, 0],
    "batch_count": lambda x: x.sum(0, keepdim=True) * x.shape[0],
    "zeros_batch": lambda x: torch.cat([torch.zeros(x.shape[0], 1, 5, 6), x], 1),
    "one_hot": lambda x: F.one_hot(x.argmax(1), 4).float(),
}
REDUCING = {
    "all": lambda x: ((x > 0).all(1) | (x < 0).any(1)).float() + (x > 5).any().float(),
    "amax": lambda x: x.amax((2, 3)) - x.amin((2, 3)),
    "argmax": lambda x: x.argmax(1).float() + x.argmin(1, keepdim=True).float(),
    "argmax_whole": lambda x: x[:1].argmax().float(),
    "cumsum": lambda x: x.cumsum(2),
    "logsumexp": lambda x: torch.logsumexp(x, (1, 2)),
    "log_softmax": lambda x: F.log_softmax(x, 1),
    "matmul": lambda x: x @ x.transpose(-1, -2),
    "matvec": lambda x: x @ weights(6),
    "bmm": lambda x: torch.bmm(x[:, 0], x[:, 1].transpose(1, 2)),
    "addmm": lambda x: torch.addmm(weights(3), x[:, 0, 0], weights(6, 3), beta=2, alpha=0.5),
    "linear": lambda x: F.linear(x, weights(3, 6), weights(3)),
    "linear_flat": lambda x: F.linear(x[:, 0, 0], weights(3, 6)),
    "max": lambda x: x.max(1)[0] + x.min(1).indices,
    "max_whole": lambda x: x[:1].max() - x[:1].min(),
    "mean": lambda x: x.mean((2, 3), keepdim=True) + x.mean(1, keepdim=True),
    "mean_whole": lambda x: x[:1].mean() + x[:1].sum(),
    "norm": lambda x: x.norm(dim=1) + torch.linalg.vector_norm(x, 1, 1),
    "norm_more": lambda x: torch.linalg.vector_norm(x, 3, 1) + x.norm(float("inf"), 1),
    "normalize": lambda x: F.normalize(x, dim=1),
    "cosine": lambda x: F.cosine_similarity(x, x.flip(1), dim=1),
    "prod": lambda x: x.prod(1),
    "softmax": lambda x: x.softmax(-1),
    "softmin": lambda x: F.softmin(x, 1),
    "sort": lambda x: x.sort(1, descending=True)[0] + x.argsort(1),
    "std": lambda x: x.std(1) + x.var((2, 3), keepdim=True).mean(1),
    "std_mean": lambda x: sum(torch.std_mean(x, 1, correction=0)),
    "sum_bool": lambda x: (x > 0).sum(1).float(),
    "topk": lambda x: x.topk(2, 1)[0] + x.topk(2, 1, largest=False)[1],
    "attention": lambda x: F.scaled_dot_product_attention(x, x, x),
    "attention_causal": lambda x: F.scaled_dot_product_attention(x, x, x, is_causal=True),
    "attention_mask": lambda x: F.scaled_dot_product_attention(x, x, x, x[..., :5] > -0.5),
}
WINDOWS = {
    "adaptive_avg": lambda x: F.adaptive_avg_pool2d(x, (3, 4)),
    "adaptive_avg_larger": lambda x: F.adaptive_avg_pool2d(x, (7, 11)),
    "adaptive_avg_divisible": lambda x: F.adaptive_avg_pool2d(x, (5, 3)),
    "adaptive_avg_one_axis": lambda x: F.adaptive_avg_pool2d(x, (None, 4)),
    "adaptive_avg_whole": lambda x: F.adaptive_avg_pool2d(x, 1),
    "adaptive_max": lambda x: F.adaptive_max_pool2d(x, (2, 5)),
    "adaptive_max_whole": lambda x: F.adaptive_max_pool2d(x, 1),
    "adaptive_1d": lambda x: F.adaptive_avg_pool1d(x[:, :, 0], 4),
    "adaptive_3d": lambda x: F.adaptive_avg_pool3d(x[:, None], (2, 3, 4)),
    "avg": lambda x: F.avg_pool2d(x, 2),
    "avg_ceil": lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True),
    "avg_ceil_uncounted": lambda x: F.avg_pool2d(x, 2, 2, 1, True, count_include_pad=False),
    "avg_divisor": lambda x: F.avg_pool2d(x, 2, divisor_override=3),
    "avg_1d": lambda x: F.avg_pool1d(x[:, :, 0], 3, 1, 1),
    "avg_3d": lambda x: F.avg_pool3d(x[:, None], 2, 1),
    "lp": lambda x: F.lp_pool2d(x.abs(), 2, 2),
    "max": lambda x: F.max_pool2d(x, 3, 2, 1),
    "max_ceil_dilated": lambda x: F.max_pool2d(x, 2, 2, 1, 2, ceil_mode=True),
    "max_indices": lambda x: F.max_pool2d(x, 2, return_indices=True)[1].float(),
    "max_1d": lambda x: F.max_pool1d(x[:, :, 0], 3, 1),
    "max_3d": lambda x: F.max_pool3d(x[:, None], (2, 3, 3), 1),
    "conv": lambda x: F.conv2d(x, weights(6, 2, 3, 3), weights(6), 2, (1, 2), groups=2),
    "conv_same": lambda x: F.conv2d(x, weights(6, 4, 2, 3), padding="same", dilation=2),
    "conv_1d": lambda x: F.conv1d(x[:, :, 0], weights(5, 4, 3), padding=1, dilation=2),
    "conv_3d": lambda x: F.conv3d(x[:, None], weights(2, 1, 3, 3, 3), stride=(1, 2, 2)),
    "conv_unbatched": lambda x: F.conv2d(x[0], weights(6, 4, 3, 3)),
    "transposed": lambda x: F.conv_transpose2d(x, weights(4, 3, 3, 3), weights(3), 2, 1, 1),
    "transposed_groups": lambda x: F.conv_transpose2d(
        x, weights(4, 3, 4, 4), None, 3, (2, 1), (0, 2), 2
    ),
    "transposed_dilated": lambda x: F.conv_transpose2d(
        x, weights(4, 3, 2, 2), weights(3), (2, 1), 1, 1, dilation=2
    ),
    "transposed_1d": lambda x: F.conv_transpose1d(x[:, :, 0], weights(4, 2, 3), stride=2),
    "transposed_3d": lambda x: F.conv_transpose3d(x[:, None], weights(1, 2, 2, 2, 2), stride=2),
    "pad_constant": lambda x: F.pad(x, (1, 2, 0, 3), value=0.5),
    "pad_channels": lambda x: F.pad(x, (0, 0, 0, 0, 1, 2)),
    "pad_crop": lambda x: F.pad(x, (-1, 2, 1, -2)),
    "pad_reflect": lambda x: F.pad(x, (2, 1, 3, 0), mode="reflect"),
    "pad_replicate": lambda x: F.pad(x, (2, 1, 3, 7), mode="replicate"),
    "pad_circular": lambda x: F.pad(x, (2, 1, 3, 1), mode="circular"),
    "pad_1d": lambda x: F.pad(x[:, :, 0], (2, 1), mode="reflect"),
    "group_norm": lambda x: F.group_norm(x, 2, weights(4), weights(4)),
    "group_norm_plain": lambda x: F.group_norm(x, 2),
    "instance_norm": lambda x: F.instance_norm(x, weight=weights(4), bias=weights(4)),
    "instance_norm_plain": F.instance_norm,
    "layer_norm": lambda x: F.layer_norm(x, (5, 6), weights(5, 6), weights(5, 6)),
    "layer_norm_plain": lambda x: F.layer_norm(x, (6,)),
    "rms_norm": lambda x: F.rms_norm(x, (6,), weights(6)),
    "local_response_norm": lambda x: F.local_response_norm(x, 3),
    "batch_norm": lambda x: F.batch_norm(x, weights(4), weights(4).abs() + 1),
    "nearest": lambda x: F.interpolate(x, scale_factor=2),
    "nearest_odd": lambda x: F.interpolate(x, size=(7, 4)),
    "nearest_factor": lambda x: F.interpolate(x, scale_factor=1.7),
    "nearest_exact": lambda x: F.interpolate(x, size=(7, 4), mode="nearest-exact"),
    "bilinear": lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"),
    "bilinear_factor": lambda x: F.interpolate(x, scale_factor=(1.3, 0.7), mode="bilinear"),
    "bilinear_size": lambda x: F.interpolate(x, size=(3, 9), mode="bilinear"),
    "bilinear_corners": lambda x: F.interpolate(x, (9, 4), mode="bilinear", align_corners=True),
    "bilinear_corners_factor": lambda x: F.interpolate(
        x, scale_factor=1.7, mode="bilinear", align_corners=True
    ),
    "bilinear_antialias": lambda x: F.interpolate(x, size=(3, 4), mode="bilinear", antialias=True),
    "bicubic": lambda x: F.interpolate(x, scale_factor=2, mode="bicubic"),
    "bicubic_corners": lambda x: F.interpolate(x, (4, 9), mode="bicubic", align_corners=True),
    "linear_1d": lambda x: F.interpolate(x[:, :, 0], size=9, mode="linear"),
    "trilinear": lambda x: F.interpolate(x[:, None], scale_factor=2, mode="trilinear"),
    "nearest_3d": lambda x: F.interpolate(x[:, None], scale_factor=2),
    "dropout": lambda x: F.dropout(x, 0.5, False),
    "upsample_relu": lambda x: F.relu_(F.interpolate(x, scale_factor=3)),
}


def _written(x):
    y = x.clone()
    y[:, :2] = 0
    y[:, 3, 1:3] += 1
    y[:, 0, 0] = x[:, 1, 1]
    return y


class Every(nn.Module):
    """All functions of a table: a dictionary of their answers."""

    def __init__(self, table):
        super().__init__()
        self.table = table

    def forward(self, x):
        return {name: function(x) for name, function in self.table.items()}


@pytest.mark.parametrize("table", [ELEMENTWISE, SHAPING, REDUCING, WINDOWS])
def test_the_answers_are_the_functions_for_any_batch(table):
    module = Every(table)
    wanted = {batch: module(numbers(batch, 4, 5, 6, seed=batch)) for batch in (3, 1)}
    network = from_torch(module, (None, 4, 5, 6))
    assert network.graph.inputs[0].shape == (None, 4, 5, 6)
    assert network.graph.outputs == tuple(table)
    again = to_torch(network)
    for batch, answers in wanted.items():
        found = again(numbers(batch, 4, 5, 6, seed=batch))
        for name, one in zip(table, found, strict=True):
            assert one.shape == answers[name].shape, name
            assert one.dtype == answers[name].dtype, name
            torch.testing.assert_close(
                one, answers[name], rtol=1e-5, atol=1e-5, equal_nan=True, msg=name
            )
