"""Batch normalisation in training, over the batch of all processes."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from striate.interop.torch.writing.table import How
from striate.network import operators as ops
from striate.training.torch_learner.world import World

__all__ = ["batch_norm"]


def batch_norm(
    world: World,
    op: ops.BatchNormalization,
    how: How,
    x: Tensor,
    scale: Tensor,
    bias: Tensor,
    mean: Tensor,
    variance: Tensor,
) -> Tensor:
    """Normalise, and gather the running statistics, as `striate.ops.batch_norm_training` does.

    PyTorch's own gathers n / (n - 1) times the variance; ONNX and striate the variance itself.
    """
    if not how.training:
        return F.batch_norm(x, mean, variance, scale, bias, False, 0.0, op.epsilon)
    if world.alone:
        y, batch_mean, batch_variance = _own(x, scale, bias, op.epsilon)
    else:
        y, batch_mean, batch_variance = _Shared.apply(x, scale, bias, op.epsilon, world)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        mean.mul_(op.momentum).add_(batch_mean, alpha=1 - op.momentum)
        variance.mul_(op.momentum).add_(batch_variance, alpha=1 - op.momentum)
    return y


def _own(x: Tensor, scale: Tensor, bias: Tensor, epsilon: float) -> tuple[Tensor, Tensor, Tensor]:
    """Normalise by one process's batch; the statistics are what running ones would become."""
    mean, variance = torch.zeros_like(scale), torch.zeros_like(scale)
    cudnn = torch.backends.cudnn.enabled
    y = torch.batch_norm(x, scale, bias, mean, variance, True, 1.0, epsilon, cudnn)
    count = x.numel() // x.shape[1]
    variance = variance * ((count - 1) / count) if count > 1 else torch.zeros_like(variance)
    return y, mean.detach(), variance.detach()


class _Shared(torch.autograd.Function):
    """The same over the examples of all processes, on any device.

    With the standardised input s and the mean <.> over all examples and positions, the gradient
    is scale / sqrt(variance + epsilon) (dy - <dy> - s <dy s>); those for scale and bias are of the
    process's own examples, since the processes' gradients are added up later.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, scale: Tensor, bias: Tensor, epsilon: float, world: World
    ) -> tuple[Tensor, Tensor, Tensor]:
        axes = (0, *range(2, x.dim()))
        wide, positions = x.float(), x.numel() // (x.shape[0] * x.shape[1])
        mean = wide.mean(axes)
        spread = (wide - _along(mean, x)).square().sum(axes)
        counts = torch.tensor(world.counts, dtype=torch.float32, device=x.device)[:, None]
        counts, total = counts * positions, sum(world.counts) * positions
        means, spreads = world.each(torch.stack((mean, spread))).unbind(1)
        mean = (means * counts).sum(0) / total
        apart = (means - mean).square() * counts
        variance = (torch.where(counts > 0, spreads, 0.0) + apart).sum(0) / total
        inverse = torch.rsqrt(variance + epsilon)
        y = (wide - _along(mean, x)) * _along(inverse * scale, x) + _along(bias, x)
        ctx.save_for_backward(x, scale, mean, inverse)
        ctx.world, ctx.total = world, total
        ctx.mark_non_differentiable(mean, variance)
        return y.to(x.dtype), mean, variance

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, scale, mean, inverse = ctx.saved_tensors
        dy = gradients[0].float()
        axes = (0, *range(2, x.dim()))
        standard = (x.float() - _along(mean, x)) * _along(inverse, x)
        dbias, dscale = dy.sum(axes), (dy * standard).sum(axes)
        sums = ctx.world.total(torch.stack((dbias, dscale))) / ctx.total
        dx = _along(scale * inverse, x) * (dy - _along(sums[0], x) - standard * _along(sums[1], x))
        if not ctx.world.has_examples:  # what counts for nothing must move nothing
            dx = torch.zeros_like(dx)
        return dx.to(x.dtype), dscale, dbias, None, None


def _along(per_channel: Tensor, x: Tensor) -> Tensor:
    return per_channel.reshape(-1, *(1,) * (x.dim() - 2))
