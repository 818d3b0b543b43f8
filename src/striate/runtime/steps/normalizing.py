"""Gradients of normalisations, of shares along axes, and of resizing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from striate.network import Operator, Shape
from striate.network import operators as op
from striate.network.operators.axes import axis_of
from striate.network.operators.normalization import by_channel
from striate.runtime.steps.step import Array

__all__ = ["NORMALIZING"]


def _standard(x: Array, axes: tuple[int, ...], epsilon: float) -> tuple[Array, Array]:
    """Return x with mean 0 and variance 1 along axes, and what it was multiplied by."""
    inverse = 1 / np.sqrt(x.var(axis=axes, keepdims=True) + epsilon)
    return (x - x.mean(axis=axes, keepdims=True)) * inverse, inverse


def _through(g: Array, normal: Array, inverse: Array, axes: tuple[int, ...]) -> Array:
    """Return the gradient for x, given that for x normalised."""
    along = (normal * g).mean(axis=axes, keepdims=True)
    through: Array = inverse * (g - g.mean(axis=axes, keepdims=True) - normal * along)
    return through


def _over_channels(dy: Array, normal: Array) -> tuple[Array, Array]:
    """Return the gradients for the scale and the bias of each channel."""
    others = (0, *range(2, dy.ndim))
    return (dy * normal).sum(axis=others), dy.sum(axis=others)


def _groups(o: Any, dy: Array, inputs: Sequence[Array], groups: int) -> Sequence[Array]:
    x, scale, _ = inputs
    shape: Shape = (len(x), groups, prod(x.shape[1:]) // groups)
    normal, inverse = _standard(x.astype(np.float64).reshape(shape), (2,), o.epsilon)
    g = (dy * by_channel(scale, x.ndim)).reshape(shape)
    dx = _through(g, normal, inverse, (2,)).reshape(x.shape)
    return dx, *_over_channels(dy, normal.reshape(x.shape))


def _layer(o: Any, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array]:
    x, scale, *bias = inputs
    axes = o.axes(x.shape)
    normal, inverse = _standard(x.astype(np.float64), axes, o.epsilon)
    return _through(dy * scale, normal, inverse, axes), dy * normal, *(dy for _ in bias)


def _rms(o: Any, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array]:
    x, scale = inputs
    axes = o.axes(x.shape)
    inverse = 1 / np.sqrt(np.square(x, dtype=np.float64).mean(axis=axes, keepdims=True) + o.epsilon)
    g = dy * scale
    along = (g * x).mean(axis=axes, keepdims=True)
    return inverse * g - x * inverse**3 * along, dy * x * inverse


def _response(o: Any, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array]:
    """LRN: x d^-beta, where d = bias + alpha / size times the sum of x^2 over near channels."""
    x = inputs[0].astype(np.float64)
    before, channels = (o.size - 1) // 2, x.shape[1]
    near = np.subtract.outer(np.arange(channels), np.arange(channels))  # channel - neighbour
    reads = ((near <= before) & (near >= before + 1 - o.size)).astype(np.float64)
    share = o.alpha / o.size
    d = o.bias + share * np.einsum("cn,bn...->bc...", reads, x * x)
    back = np.einsum("cn,bc...->bn...", reads, dy * x * d ** (-o.beta - 1))
    return (dy * d**-o.beta - 2 * share * o.beta * x * back,)


def _share_axes(o: Any, shape: Shape) -> tuple[int, ...]:
    axis = axis_of(o.axis, shape, ends=o.onwards)
    return tuple(range(axis, len(shape))) if o.onwards else (axis,)


def _softmax(o: Any, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array]:
    return (y * (dy - (dy * y).sum(axis=_share_axes(o, y.shape), keepdims=True)),)


def _log_softmax(o: Any, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array]:
    return (dy - np.exp(y) * dy.sum(axis=_share_axes(o, y.shape), keepdims=True),)


def _resize(o: op.Resize, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array]:
    """Along each axis the transpose of the matrix that says what each output reads."""
    for axis in o.resized(inputs[0].shape):
        samples, weights = o.taps(axis)
        matrix = np.zeros((axis.output, axis.size))
        np.add.at(matrix, (np.arange(axis.output)[:, None], samples), weights)
        if o.coordinates == "tf_crop_and_resize":
            places = axis.places(o.coordinates)
            matrix[(places < 0) | (places > axis.size - 1)] = 0
        dy = np.moveaxis(np.tensordot(dy, matrix, (axis.axis, 0)), -1, axis.axis)
    return (dy,)


NORMALIZING: dict[
    type[Operator], Callable[[Any, Array, Sequence[Array], Array], Sequence[Array]]
] = {
    op.GroupNormalization: lambda o, dy, ins, y: _groups(o, dy, ins, o.groups),
    op.InstanceNormalization: lambda o, dy, ins, y: _groups(o, dy, ins, ins[0].shape[1]),
    op.LRN: _response,
    op.LayerNormalization: _layer,
    op.LogSoftmax: _log_softmax,
    op.RMSNormalization: _rms,
    op.Resize: _resize,
    op.Softmax: _softmax,
}
"""The gradients for all inputs, as in `broadcasting.GRADIENTS`."""
