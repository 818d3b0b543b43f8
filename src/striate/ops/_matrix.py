"""The product of a few rows with a matrix: what a fully connected layer is for few examples.

The weights are read once, in the order in which they lie, and that bounds the time. NumPy's
product reads them no faster, and the threads of its BLAS go on spinning for a while, on the
processors that the next convolution wants.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from striate.ops._jit import summing

__all__ = ["MOST_ROWS", "ROWS_OF_WEIGHTS", "few_rows"]

Flat = NDArray[np.floating]

MOST_ROWS = 8
"""Examples up to which the weights' way from memory takes longer than the products."""

ROWS_OF_WEIGHTS = 32
"""Outputs in a block of work."""


@summing
def few_rows(
    x: Flat, weight: Flat, bias: Flat, y: Flat, sizes: tuple[int, int, int], start: int, stop: int
) -> None:
    """y[n, o] = bias[o] + sum over i of x[n, i] weight[o, i], for some blocks of outputs."""
    rows, inner, outputs = sizes
    for o in range(start * ROWS_OF_WEIGHTS, min(stop * ROWS_OF_WEIGHTS, outputs)):
        w = weight[o * inner : (o + 1) * inner]
        for n in range(rows):
            example = x[n * inner : (n + 1) * inner]
            total = w[0] * example[0]
            for i in range(1, len(w)):
                total += w[i] * example[i]
            y[n * outputs + o] = total + bias[o] if len(bias) else total
