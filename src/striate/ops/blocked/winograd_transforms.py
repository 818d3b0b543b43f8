"""Winograd's transforms of tiles, from the points they interpolate at.

F(m, r) computes m outputs of a kernel of r weights from n = m + r - 1 inputs with n
multiplications instead of r m; along two axes F(m x m, r x r) takes n x n instead of (r m)^2::

    Y = A^T [(G g G^T) * (B^T d B)] A        d: n x n inputs, g: r x r weights, Y: m x m outputs

where ``*`` multiplies element by element. The points here are 0, n / 2 - 1 pairs +p and -p, and
infinity. With M(z) the product of z - p^2 over all pairs, and Q(z) that over all pairs but one,
the rows of B^T are the coefficients of

    M(x^2) / M(0) for 0,        (x^2 +- p x) Q(x^2) for +p and -p,        x M(x^2) for infinity,

those of G are (1, 0, 0, ...), (1, +-p, p^2, ...) / (2 p^2 Q(p^2)) and (..., 0, 0, 1), and the
columns of A^T the powers of the points. So what +p and -p share is computed once, and inputs are
transformed in the same way for all kernels with the same n.

Powers of the points scale the terms of the sums, and thereby what they round: sqrt(1/2) and
sqrt(2) round about four times less than the 1 and 2 of Lavin and Gray. For n = 8, of ten sets
around 1/2, 1 and 2 that we tried on random data, several had about the same largest error, and
this one nearly the least mean square; 1/2, 1 and 2 themselves had the least mean square, but a
largest error about a fifth higher.

The functions take arrays, or the registers of `Vector`, for which they write machine code.

Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016, section 4,
arXiv:1509.09308; Barabasz, Anderson, Soodhalter and Gregg, "Error Analysis and Improving the
Accuracy of Winograd Convolution for Deep Neural Networks", 2018, arXiv:1803.10986, for points.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["POINTS", "transform_input", "transform_output", "weight_matrix"]

POINTS = {
    4: (1.0,),
    6: (sqrt(0.5), sqrt(2.0)),
    8: (0.55, 1.0, 1 / 0.55),
    10: (0.45, 0.8, 1 / 0.8, 1 / 0.45),
    12: (0.4, 0.7, 1.0, 1 / 0.7, 1 / 0.4),
}
"""The positive points for each n."""

Numbers = Sequence[Any]


def transform_input(n: int, d: Numbers) -> list[Any]:
    """Return B^T d."""
    if n == 1:
        return [d[0]]
    points = POINTS[n]
    whole = product(points)
    result = [weighted([c / whole[0] for c in whole], d[0::2])]
    for p in points:
        rest = product([other for other in points if other != p])
        even, odd = weighted(rest, d[2::2]), weighted([p * c for c in rest], d[1:-2:2])
        result += [even + odd, even - odd]
    return [*result, weighted(whole, d[1::2])]


def transform_output(m: int, t: Numbers) -> list[Any]:
    """Return A^T t."""
    n = len(t)
    if n == 1:
        return [t[0]]
    points = POINTS[n]
    pairs = list(zip(t[1:-1:2], t[2:-1:2], strict=True))
    sums, differences = [a + b for a, b in pairs], [a - b for a, b in pairs]
    result = [weighted([p**k for p in points], (sums, differences)[k % 2]) for k in range(m)]
    return [t[0] + result[0], *result[1:-1], result[-1] + t[-1]]


def weight_matrix(m: int, r: int) -> NDArray[np.float64]:
    """Return G."""
    n = m + r - 1
    if n == 1:
        return np.ones((1, 1))
    points = POINTS[n]
    powers = np.arange(r)
    rows = [0.0**powers]
    for p in points:
        rest = product([other for other in points if other != p])
        scale = 2 * p**2 * sum(c * p ** (2 * k) for k, c in enumerate(rest))
        rows += [(sign * p) ** powers / scale for sign in (1, -1)]
    return np.array([*rows, np.eye(r)[-1]])


def product(points: Sequence[float]) -> list[float]:
    """Return the coefficients of the product of z - p^2, beginning with that of 1."""
    result = [1.0]
    for p in points:
        shifted = [0.0, *result]
        result = [high - p * p * low for high, low in zip(shifted, [*result, 0.0], strict=True)]
    return result


def weighted(factors: Sequence[float], numbers: Numbers) -> Any:
    """Return the sum of factors by numbers, those with the factor 1 first."""
    # Multiplying by 1 is left out, and infinity times 0 does not occur.
    terms = sorted(zip(factors, numbers, strict=True), key=lambda term: term[0] != 1.0)
    factor, total = terms[0]
    total = total if factor == 1.0 else total * factor
    for factor, number in terms[1:]:
        total = total + number if factor == 1.0 else total + number * factor
    return total
