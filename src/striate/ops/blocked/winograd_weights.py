"""The weights of Winograd's convolution, transformed and in the microkernel's order."""

from __future__ import annotations

import functools
from itertools import product

import numpy as np
from numpy.typing import NDArray

from striate.ops.blocked.winograd_forms import Form, Forms
from striate.ops.blocked.winograd_product import vectors_of
from striate.ops.blocked.winograd_transforms import weight_matrix
from striate.ops.codegen import Target

__all__ = ["pack"]

Array = NDArray[np.float64]

CHUNK = 1 << 9  # kernels transformed at a time, so that they stay in the cache


def pack(target: Target, forms: Forms, weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return G g G^T of all pieces of all kernels.

    Parameters
    ----------
    target : processor
    forms : what each axis is computed by
    weight : (M, C, *kernel)

    Returns
    -------
    (places, pieces * C * blocks * lanes) : for each place of a transformed tile and each group of
        maps that the microkernel takes at a time a matrix (pieces * C, maps of the group); maps
        beyond M are 0

    Notes
    -----
    Computed in float64 and rounded once.
    """
    maps, channels = weight.shape[:2]
    lanes = target.lanes
    blocks = -(-maps // lanes)
    width = vectors_of(blocks) * lanes
    whole = [_matrices(form) for form in forms]
    pieces = [functools.reduce(_both, each) for each in product(*whole)]
    places, count = len(pieces[0]), len(pieces)
    # np.zeros would leave it to the system to clear page after page, when they are first touched.
    packed = np.empty((places, count * channels * blocks * lanes), np.float32)
    if maps < blocks * lanes:
        packed.fill(0)
    flat = weight.reshape(maps, channels, -1)
    for first in range(0, maps, width):
        size = min(width, blocks * lanes - first)
        group = packed[:, first * count * channels :][:, : size * count * channels]
        group = group.reshape(places, count, channels, size)
        step = max(1, CHUNK // size)
        for c in range(0, channels, step):
            some = flat[first : first + size, c : c + step].transpose(2, 1, 0).astype(np.float64)
            sizes = some.shape[1:]
            for number, matrix in enumerate(pieces):
                transformed = matrix @ some.reshape(matrix.shape[1], -1)
                group[:, number, c : c + step, : sizes[1]] = transformed.reshape(-1, *sizes)
    return packed


def _matrices(form: Form) -> list[Array]:
    """Return the matrices (n, taps of the kernel) that transform each piece of an axis."""
    matrices, taken = [], 0
    once = weight_matrix(form.m, form.r)
    for start in form.starts:
        matrix = np.zeros((form.n, form.kernel))
        fresh = range(max(start, taken), start + form.r)
        matrix[:, fresh] = once[:, fresh.start - start :]
        matrices.append(matrix)
        taken = fresh.stop
    return matrices


def _both(outer: Array, inner: Array) -> Array:
    return np.kron(outer, inner).astype(np.float64)
