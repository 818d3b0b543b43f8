"""Separable kernels: a matrix as the sum of few products of a column and a row."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from striate.errors import DTypeError, ParameterError, ShapeError, explained
from striate.filters.kernels.checks import plain

__all__ = ["Separation", "as_kernel", "binary_places", "separate"]

Taps = NDArray[np.float64]

PLACES = 20  # binary places up to which weights count as exact
ROUNDING = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Separation:
    """A kernel as the sum of outer products.

    Attributes
    ----------
    factors : tuple of (column, row)
        Arrays of shape (U,) and (V,); their outer products add up to the kernel.
    bound : float
        The sum of the absolute differences between the kernel and what the factors make. A
        filter through the factors differs from the kernel's by at most `bound` times the largest
        absolute pixel, besides the rounding of its sums.
    """

    factors: tuple[tuple[Taps, Taps], ...]
    bound: float

    @property
    def rank(self) -> int:
        """How many products there are."""
        return len(self.factors)

    def matrix(self) -> Taps:
        """Return the kernel that the factors make."""
        return summed(self.factors)


def as_kernel(kernel: ArrayLike) -> Taps:
    """Return `kernel` as a finite float64 matrix; one axis of weights is a row."""
    try:
        weights = np.asarray(kernel)
    except ValueError:
        raise ShapeError("kernel has rows of different lengths; they must be equal") from None
    if weights.dtype.kind not in "biuf":
        raise DTypeError(f"kernel has dtype {weights.dtype}; its weights must be real numbers")
    if weights.ndim not in (1, 2):
        raise ShapeError(
            f"kernel has shape {weights.shape}; it must be (columns,) or (rows, columns)"
        )
    if weights.size == 0:
        raise ShapeError(f"kernel has shape {weights.shape}; it must hold at least one weight")
    matrix = np.atleast_2d(weights).astype(np.float64)
    with np.errstate(over="ignore"):
        total = np.abs(matrix).sum()
    if not np.isfinite(total):
        raise ParameterError(
            "kernel holds NaN or infinity, or weights too large to add up; they must be finite"
        )
    return matrix


def separate(kernel: ArrayLike, rank: int | None = None) -> Separation:
    """Return the fewest products of a column and a row that add up to `kernel`.

    The rank is the number of singular values above max(U, V) · ε times the largest, as in
    ``numpy.linalg.matrix_rank``. A single product is read off the kernel's own row and column, so
    that whole numbers stay whole and nothing is lost; several come from the singular value
    decomposition, which is the best there is for each rank (C. Eckart and G. Young, "The
    approximation of one matrix by another of lower rank", 1936).

    Parameters
    ----------
    kernel : array or nested list, shape (U, V) or (V,)
        Finite real weights.
    rank : int, optional
        Stop after so many products, for a cheaper kernel that is only nearly the same; `bound`
        says how nearly.

    Returns
    -------
    Separation

    Raises
    ------
    ShapeError, DTypeError, ParameterError
        The kernel or the rank is not as described.

    Examples
    --------
    >>> sobel = separate([[1, 0, -1], [2, 0, -2], [1, 0, -1]])
    >>> sobel.rank, sobel.bound
    (1, 0.0)
    >>> sobel.factors[0]
    (array([1., 2., 1.]), array([ 1.,  0., -1.]))
    >>> separate([[0, 1, 0], [1, -4, 1], [0, 1, 0]]).rank
    2
    """
    with explained("separate"):
        matrix = as_kernel(kernel)
        if rank is None:
            return separated(matrix.tobytes(), matrix.shape)
        whole = isinstance(rank, (int, np.integer)) and not isinstance(rank, bool)
        if not whole or not 1 <= rank <= min(matrix.shape):
            raise ParameterError(
                f"rank is {plain(rank)!r}; for a kernel of shape {matrix.shape} it must be an "
                f"integer from 1 to {min(matrix.shape)}"
            )
        full = separated(matrix.tobytes(), matrix.shape)
        if rank >= full.rank:
            return full
        return bounded(matrix, products(matrix, int(rank)))


@lru_cache(maxsize=64)
def separated(weights: bytes, shape: tuple[int, int]) -> Separation:
    """Return the separation of a matrix, given as what can be remembered."""
    matrix = np.frombuffer(weights).reshape(shape)
    values = np.linalg.svd(matrix, compute_uv=False)
    rank = int((values > max(shape) * ROUNDING * values[0]).sum())
    factors = (one_product(matrix),) if rank <= 1 else products(matrix, rank)
    for column, row in factors:
        column.setflags(write=False)
        row.setflags(write=False)
    return bounded(matrix, factors)


def bounded(matrix: Taps, factors: tuple[tuple[Taps, Taps], ...]) -> Separation:
    """Return the factors with what they leave of `matrix`."""
    return Separation(factors, float(np.abs(matrix - summed(factors)).sum()))


def summed(factors: tuple[tuple[Taps, Taps], ...]) -> Taps:
    """Return the sum of the factors' outer products."""
    total: Taps = sum(np.outer(*pair) for pair in factors)  # type: ignore[assignment]
    return total


def one_product(matrix: Taps) -> tuple[Taps, Taps]:
    """Return the column and the row whose product is a matrix of rank 1 or 0."""
    i, j = np.unravel_index(np.abs(matrix).argmax(), matrix.shape)
    if matrix[i, j] == 0:
        return np.zeros(matrix.shape[0]), np.zeros(matrix.shape[1])
    places = binary_places(matrix)
    if places is None:
        return matrix[:, j].copy(), matrix[i] / matrix[i, j]
    whole = np.ldexp(matrix[i], places).astype(np.int64)
    row = (whole // np.gcd.reduce(whole)).astype(np.float64)
    return matrix[:, j] / row[j], row


def products(matrix: Taps, rank: int) -> tuple[tuple[Taps, Taps], ...]:
    """Return the first `rank` terms of the singular value decomposition."""
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    columns = left * values
    return tuple((columns[:, k].copy(), right[k].copy()) for k in range(rank))


def binary_places(matrix: Taps) -> int | None:
    """Return after how many binary places all weights end, if sums of them are exact.

    Such weights add up exactly, in any order, over pixels of at most 16 bits: 53 bits hold every
    sum. None if they do not end within 20 places, or add up to too much.

    Examples
    --------
    >>> binary_places(np.array([[1.0, -0.75]])), binary_places(np.array([[0.1]]))
    (2, None)
    """
    if np.abs(matrix).sum() >= 2.0**16:
        return None
    scaled = np.ldexp(matrix, PLACES)
    if (scaled != np.rint(scaled)).any():
        return None
    bits = int(np.bitwise_or.reduce(np.abs(scaled).astype(np.int64), axis=None))
    ended = (bits & -bits).bit_length() - 1 if bits else PLACES
    return max(PLACES - ended, 0)
