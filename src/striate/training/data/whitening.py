"""ZCA whitening: pixels made uncorrelated, with images that still look like images."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import ParameterError, ShapeError
from striate.training.data.arrays import Allocate, digest, kept_arrays
from striate.training.data.preparation import Floats, Preparation, prepared_parts

__all__ = ["ZCA"]

LARGEST = 12_288
"""Numbers in an image, 64x64 in colour: their covariance takes 1.2 GB."""


@dataclass(frozen=True, slots=True)
class ZCA:
    """Zero-phase component analysis: x becomes (x - m) V diag(1 / sqrt(e + r)) V'.

    x is an image as one row, m the mean of the training images, and V and e are the eigenvectors
    and eigenvalues of their covariance (over n); r is the `regularisation`, which keeps the
    directions that hardly occur, and are mostly noise, from being blown up. After contrast
    normalisation a pixel has a variance of about 1, to which r must be compared. From A. Bell,
    T. Sejnowski, The "Independent Components" of Natural Scenes Are Edge Filters, Vision Research
    37, 1997; for CIFAR-10 A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images,
    2009, appendix A, and Coates et al. 2011 and Goodfellow et al. 2013 with r = 0.1.

    What is fitted is kept in the cache folder, and found there the next time.

    Parameters
    ----------
    regularisation : float

    Examples
    --------
    >>> images = np.random.default_rng(0).random((100, 1, 2, 2), np.float32)
    >>> white = ZCA(1e-6).fitted(images).applied(images).reshape(100, 4)
    >>> np.abs(np.cov(white.T, ddof=0) - np.eye(4)).max() < 1e-3
    np.True_
    """

    regularisation: float = 0.1
    mean: Floats | None = field(default=None, repr=False, compare=False)
    matrix: Floats | None = field(default=None, repr=False, compare=False)
    origin: str = ""
    """The SHA-256 of what it is fitted to."""

    def __post_init__(self) -> None:
        if not 0 < self.regularisation < np.inf:
            raise ParameterError(f"zca: regularisation {self.regularisation} must be above 0")

    @property
    def text(self) -> str:
        """What `preparation` reads back as the same, not fitted."""
        return f"zca:{self.regularisation:g}"

    def fitted(self, images: NDArray[Any], before: Preparation | None = None) -> ZCA:
        """Return it with the mean and the matrix of these images: O(n d^2 + d^3) once."""
        size = prod(images.shape[1:])
        if size > LARGEST:
            raise ShapeError(
                f"zca: images {images.shape[1:]} have {size} numbers, more than {LARGEST}: "
                "make them smaller (resized), or leave whitening out"
            )
        first = "" if before is None else json.dumps(before.described(), sort_keys=True)
        key = f"zca {self.regularisation!r} {digest(images)} {first}"

        def make(allocate: Allocate) -> None:
            mean, matrix = _fit(images, before, self.regularisation)
            allocate("mean", mean.shape, np.float32)[...] = mean
            allocate("matrix", matrix.shape, np.float32)[...] = matrix

        arrays = kept_arrays("zca", key, make)
        origin = hashlib.sha256(key.encode()).hexdigest()
        return ZCA(self.regularisation, arrays["mean"], arrays["matrix"], origin)

    def applied(self, images: NDArray[Any]) -> Floats:
        """Return the whitened images."""
        if self.mean is None or self.matrix is None:
            raise ParameterError(
                "zca: not fitted yet; use data.with_preparation, or fitted(images) first"
            )
        if prod(images.shape[1:]) != len(self.mean):
            raise ShapeError(
                f"zca: fitted to images of {len(self.mean)} numbers, but these are "
                f"{images.shape[1:]}: fit it to such images"
            )
        white = np.empty(images.shape, np.float32)
        for place, part in prepared_parts(images, None):
            flat = part.reshape(len(part), -1) - self.mean
            white[place] = (flat @ self.matrix).reshape(part.shape)
        return white

    def described(self) -> dict[str, Any]:
        """Return the regularisation, and the digest of what it is fitted to."""
        return {"name": "zca", "regularisation": self.regularisation, "fitted_to": self.origin}


def _fit(
    images: NDArray[Any], before: Preparation | None, regularisation: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean and the symmetric matrix of whitening."""
    count, size = len(images), prod(images.shape[1:])
    mean = np.zeros(size)
    for _, part in prepared_parts(images, before):
        mean += part.reshape(len(part), -1).sum(axis=0, dtype=np.float64)
    mean /= count
    centre = mean.astype(np.float32)
    covariance = np.zeros((size, size))
    for _, part in prepared_parts(images, before):
        flat = part.reshape(len(part), -1) - centre
        covariance += flat.T @ flat  # in float32 over some hundred images, in float64 over all
    covariance /= count
    variances, vectors = np.linalg.eigh(covariance)
    weights = 1 / np.sqrt(np.maximum(variances, 0) + regularisation)
    return mean, (vectors * weights) @ vectors.T
