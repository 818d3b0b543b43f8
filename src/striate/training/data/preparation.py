"""Preparation: pixels as they are stored, made into the numbers that a network sees.

A preparation is fitted once, on the training images, and then applied to all. The same image gives
the same numbers, whatever images stand beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from striate.errors import DTypeError, ParameterError, ShapeError

__all__ = [
    "GlobalContrast",
    "Preparation",
    "Scale",
    "Standardize",
    "floats",
    "prepared_parts",
]

Floats = NDArray[np.float32]
PART = 512
"""Images at a time where all must be gone through."""


@runtime_checkable
class Preparation(Protocol):
    """A function of images that may first have to be fitted to some."""

    @property
    def text(self) -> str:
        """What `preparation` reads back as the same, not fitted."""

    def fitted(self, images: NDArray[Any], before: Preparation | None = None) -> Preparation:
        """Return this preparation fitted to images, each prepared by `before` first."""

    def applied(self, images: NDArray[Any]) -> Floats:
        """Return images (N, C, *spatial), uint8 or float32, as float32 of the same shape."""

    def described(self) -> dict[str, Any]:
        """Return what it does, and what it is fitted to, as JSON can say it."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Pixels spread evenly over a range.

    A uint8 pixel of 0 becomes `low` and one of 255 `high`. A float32 pixel is taken to lie in
    [-1, 1] already; for `low` -1 and `high` 1, which is how data sets come, it stays as it is.

    Examples
    --------
    >>> Scale().applied(np.array([[[0, 51, 255]]], np.uint8))
    array([[[-1. , -0.6,  1. ]]], dtype=float32)
    """

    low: float = -1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if not (np.isfinite([self.low, self.high]).all() and self.low < self.high):
            raise ParameterError(
                f"scale: {self.low} to {self.high} must be finite, the lower bound first"
            )

    @property
    def text(self) -> str:
        """What `preparation` reads back as the same."""
        return f"scale:{self.low:g}:{self.high:g}"

    def fitted(self, images: NDArray[Any], before: Preparation | None = None) -> Scale:
        """Return the same: nothing is fitted."""
        return self

    def applied(self, images: NDArray[Any]) -> Floats:
        """Return the images in the new range."""
        scaled, low, high = floats("scale", images), self.low, self.high
        if images.dtype == np.uint8:
            scaled *= np.float32(high - low)
            scaled += np.float32(255 * low)
            scaled /= np.float32(255)
        elif (low, high) != (-1.0, 1.0):
            scaled = (scaled + np.float32(1)) * np.float32((high - low) / 2) + np.float32(low)
        return scaled

    def described(self) -> dict[str, Any]:
        """Return the range."""
        return {"name": "scale", "low": self.low, "high": self.high}


@dataclass(frozen=True, slots=True)
class Standardize:
    """Each channel with the mean 0 and the standard deviation 1 over all training pixels.

    A channel that never changes is only moved to 0. The figures are of pixels as they are stored:
    0 to 255 for uint8.

    Examples
    --------
    >>> images = np.array([[[10, 30]], [[20, 20]]], np.uint8)
    >>> Standardize().fitted(images).means
    (20.0,)
    """

    means: tuple[float, ...] | None = None
    deviations: tuple[float, ...] | None = None

    @property
    def text(self) -> str:
        """What `preparation` reads back as the same, not fitted."""
        return "standardize"

    def fitted(self, images: NDArray[Any], before: Preparation | None = None) -> Standardize:
        """Return it with the means and deviations of these images."""
        axes = (0, *range(2, images.ndim))
        count = images.size / images.shape[1]
        parts = prepared_parts(images, before)
        mean = sum(part.sum(axis=axes, dtype=np.float64) for _, part in parts) / count
        squares = np.zeros(images.shape[1])
        for _, part in prepared_parts(images, before):
            centred = part - mean.reshape(-1, *[1] * (images.ndim - 2))
            squares += (centred**2).sum(axis=axes)
        deviations = np.sqrt(squares / count)
        return Standardize(tuple(mean.tolist()), tuple(deviations.tolist()))

    def applied(self, images: NDArray[Any]) -> Floats:
        """Return the standardised images."""
        if self.means is None or self.deviations is None:
            raise ParameterError(
                "standardize: not fitted yet; use data.with_preparation, or fitted(images) first"
            )
        pixels = floats("standardize", images)
        if pixels.shape[1] != len(self.means):
            raise ShapeError(
                f"standardize: fitted to {len(self.means)} channels, but the images are "
                f"{pixels.shape}: fit it to such images"
            )
        one_each = (-1, *[1] * (pixels.ndim - 2))
        factors = [1 / deviation if deviation else 1.0 for deviation in self.deviations]
        centred = pixels - np.array(self.means, np.float32).reshape(one_each)
        centred *= np.array(factors, np.float32).reshape(one_each)
        return centred

    def described(self) -> dict[str, Any]:
        """Return the means and deviations."""
        return {"name": "standardize", "means": self.means, "deviations": self.deviations}


@dataclass(frozen=True, slots=True)
class GlobalContrast:
    """Global contrast normalisation: each image with the mean 0 and the same contrast.

    The mean over all channels and pixels of an image is subtracted, and the rest is multiplied by
    `scale` / sqrt(`bias` + its sum of squares), or where `by` is "deviation" its variance (over
    n - 1) instead of that sum. An image whose divisor is below `minimum` is only centred. As
    A. Coates, H. Lee, A. Ng, An Analysis of Single-Layer Networks in Unsupervised Feature Learning,
    AISTATS 2011, section 3.2.1, and I. Goodfellow et al., Maxout Networks, ICML 2013, section 5.2,
    whose library, pylearn2, divides by the norm and takes 55 for CIFAR-10, so that a pixel has a
    standard deviation of about 1 (55.4 is the root of 3,072).

    Examples
    --------
    >>> image = np.array([[[1, 2, 3, 6]]], np.uint8)
    >>> round(float(np.linalg.norm(GlobalContrast(scale=2.0).applied(image))), 5)
    2.0
    """

    scale: float = 55.0
    by: Literal["norm", "deviation"] = "norm"
    bias: float = 0.0
    minimum: float = 1e-8

    def __post_init__(self) -> None:
        if self.by not in ("norm", "deviation"):
            raise ParameterError(f"gcn: by {self.by!r} must be norm or deviation")
        if not (0 < self.scale < np.inf and 0 <= self.bias < np.inf and self.minimum > 0):
            raise ParameterError(
                f"gcn: scale {self.scale} and minimum {self.minimum} must be above 0, "
                f"and bias {self.bias} at least 0"
            )

    @property
    def text(self) -> str:
        """What `preparation` reads back; only scale, divisor and bias are said."""
        short = {"norm": "", "deviation": ":deviation"}[self.by]
        bias = f":{self.bias:g}" if self.bias else ""
        return f"gcn:{self.scale:g}{short or (':norm' if bias else '')}{bias}"

    def fitted(self, images: NDArray[Any], before: Preparation | None = None) -> GlobalContrast:
        """Return the same: nothing is fitted."""
        return self

    def applied(self, images: NDArray[Any]) -> Floats:
        """Return the images with their contrast normalised."""
        flat = floats("gcn", images).reshape(len(images), -1)
        flat = flat - flat.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
        squares = np.square(flat).sum(axis=1, dtype=np.float64)
        if self.by == "deviation":
            squares /= max(1, flat.shape[1] - 1)
        divisors = np.sqrt(self.bias + squares) / self.scale
        divisors[divisors < self.minimum] = 1
        flat *= (1 / divisors).astype(np.float32)[:, None]
        normalised: Floats = flat.reshape(images.shape)
        return normalised

    def described(self) -> dict[str, Any]:
        """Return the formula's numbers."""
        return {
            "name": "gcn",
            "scale": self.scale,
            "by": self.by,
            "bias": self.bias,
            "minimum": self.minimum,
        }


def prepared_parts(
    images: NDArray[Any], before: Preparation | None
) -> Iterator[tuple[slice, Floats]]:
    """Yield images some hundred at a time, prepared if they are to be, with their places."""
    for i in range(0, len(images), PART):
        place = slice(i, min(len(images), i + PART))
        part = images[place]
        yield place, floats("preparation", part) if before is None else before.applied(part)


def floats(where: str, images: NDArray[Any]) -> Floats:
    """Return images as float32: a copy of uint8, the array itself where it is float32."""
    if images.ndim < 3:
        raise ShapeError(f"{where}: images {images.shape} must be (N, C, *spatial)")
    if images.dtype not in (np.uint8, np.float32):
        raise DTypeError(f"{where}: images are {images.dtype}: they must be uint8 or float32")
    floats: Floats = np.asarray(images).astype(np.float32, copy=images.dtype != np.float32)
    return floats
