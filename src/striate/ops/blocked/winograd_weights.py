"""The weights of Winograd's convolution, transformed and in the microkernel's order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from striate.ops.blocked.winograd_product import vectors_of
from striate.ops.blocked.winograd_transforms import weight_matrix
from striate.ops.codegen import Target

__all__ = ["pack"]

CHUNK = 1 << 9  # kernels transformed at a time, so that they stay in the cache


def pack(target: Target, m: int, weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return G g G^T of all kernels.

    Parameters
    ----------
    target : processor
    m : outputs of a tile along each axis: 2, 4 or 6
    weight : (M, C, 3, 3), or (M, C, 3) for one axis

    Returns
    -------
    (places, C * blocks * lanes) : for each place of a transformed tile and each group of maps
        that the microkernel takes at a time a matrix (C, maps of the group); maps beyond M are 0

    Notes
    -----
    Computed in float64 and rounded once.
    """
    maps, channels, *taps = weight.shape
    lanes = target.lanes
    blocks = -(-maps // lanes)
    width = vectors_of(blocks) * lanes
    once = weight_matrix(m)
    both = once if len(taps) == 1 else np.kron(once, once)
    packed = np.zeros((len(both), channels * blocks * lanes), np.float32)
    flat = weight.reshape(maps, channels, -1)
    for first in range(0, maps, width):
        size = min(width, blocks * lanes - first)
        group = packed[:, first * channels :][:, : size * channels]
        group = group.reshape(len(both), channels, size)
        step = max(1, CHUNK // size)
        for c in range(0, channels, step):
            some = flat[first : first + size, c : c + step].transpose(2, 1, 0)
            count = some.shape[1:]
            product = both @ some.astype(np.float64).reshape(both.shape[1], -1)
            group[:, c : c + step, : count[1]] = product.reshape(-1, *count)
    return packed
