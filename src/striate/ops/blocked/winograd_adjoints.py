"""The adjoints of Winograd's transforms, which take gradients of results to those of weights.

Where ``Y = A^T [(G g G^T) * (B^T d B)] A``, see `winograd_transforms`, the gradient of g is::

    G^T [ sum over tiles of (A dY A^T) * (B^T d B) ] G

The rows of A are the powers of the points, so what +p and -p share is computed once here too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from striate.ops.blocked.winograd_transforms import POINTS, weight_matrix, weighted

__all__ = ["transform_gradient", "transform_products"]

Numbers = Sequence[Any]


def transform_gradient(n: int, y: Numbers) -> list[Any]:
    """Return A y, for the gradients y of m outputs.

    Examples
    --------
    >>> transform_gradient(4, [1.0, 10.0])
    [1.0, 11.0, -9.0, 10.0]
    """
    if n == 1:
        return [y[0]]
    result = [y[0]]
    for p in POINTS[n]:
        powers = [p**k for k in range(len(y))]
        even, odd = weighted(powers[0::2], y[0::2]), weighted(powers[1::2], y[1::2])
        result += [even + odd, even - odd]
    return [*result, y[-1]]


def transform_products(r: int, t: Numbers) -> list[Any]:
    """Return G^T t: r gradients of weights from n sums of products.

    Examples
    --------
    >>> transform_products(3, [1.0, 2.0, 4.0, 8.0])
    [4.0, -1.0, 11.0]
    """
    n = len(t)
    if n == 1:
        return [t[0]]
    matrix = weight_matrix(n + 1 - r, r)
    pairs = list(zip(t[1:-1:2], t[2:-1:2], strict=True))
    sums, differences = [a + b for a, b in pairs], [a - b for a, b in pairs]
    result = [weighted(matrix[1:-1:2, k].tolist(), (sums, differences)[k % 2]) for k in range(r)]
    return [t[0] + result[0], *result[1:-1], result[-1] + t[-1]]
