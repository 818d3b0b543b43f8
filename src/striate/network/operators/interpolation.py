"""Where the samples of a resized axis lie on the original one, and how they are weighed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import floor, isclose
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "COORDINATES",
    "NEAREST",
    "ResizedAxis",
    "Taps",
    "cubic_taps",
    "linear_taps",
    "nearest_taps",
    "settled",
]

Array = NDArray[Any]
Taps = tuple[Array, Array]
"""Which elements each output reads, (O, K) whole numbers, and their weights, (O, K)."""


@dataclass(frozen=True)
class ResizedAxis:
    """One axis that is resized: `size` samples become `output`, about `scale` times as many.

    `start` and `end` are the ends of the region of interest, as fractions of the axis.
    """

    axis: int
    size: int
    output: int
    scale: float
    start: float = 0.0
    end: float = 1.0

    @property
    def length(self) -> float:
        """The size times the scale, before it is rounded down to whole samples.

        ONNX's own cases align corners by it; for a whole number it is `output`.
        """
        exact = self.scale * self.size
        return self.output if isclose(exact, self.output, rel_tol=1e-6) else exact

    def places(self, coordinates: str) -> Array:
        """Return where on the original axis each output lies, (O,), in its samples."""
        return np.asarray(COORDINATES[coordinates](self, np.arange(self.output, dtype=np.float64)))


def _half_pixel(axis: ResizedAxis, o: Array) -> Array:
    return (o + 0.5) / axis.scale - 0.5


def _half_pixel_symmetric(axis: ResizedAxis, o: Array) -> Array:
    adjustment = axis.output / axis.length
    return axis.size / 2 * (1 - adjustment) + (o + 0.5) / axis.scale - 0.5


def _pytorch_half_pixel(axis: ResizedAxis, o: Array) -> Array:
    return _half_pixel(axis, o) if axis.output > 1 else np.zeros_like(o)


def _align_corners(axis: ResizedAxis, o: Array) -> Array:
    return o * (axis.size - 1) / (axis.length - 1) if axis.output > 1 else np.zeros_like(o)


def _asymmetric(axis: ResizedAxis, o: Array) -> Array:
    return o / axis.scale


def _tf_half_pixel_for_nn(axis: ResizedAxis, o: Array) -> Array:
    return (o + 0.5) / axis.scale


def _tf_crop_and_resize(axis: ResizedAxis, o: Array) -> Array:
    last = axis.size - 1
    if axis.output == 1:
        return o + 0.5 * (axis.start + axis.end) * last
    return axis.start * last + o * (axis.end - axis.start) * last / (axis.output - 1)


COORDINATES: dict[str, Callable[[ResizedAxis, Array], Array]] = {
    "half_pixel": _half_pixel,
    "half_pixel_symmetric": _half_pixel_symmetric,
    "pytorch_half_pixel": _pytorch_half_pixel,
    "align_corners": _align_corners,
    "asymmetric": _asymmetric,
    "tf_half_pixel_for_nn": _tf_half_pixel_for_nn,
    "tf_crop_and_resize": _tf_crop_and_resize,
}
"""Where output o lies, by the name of ONNX's `coordinate_transformation_mode`."""

NEAREST: dict[str, Callable[[Array], Array]] = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}
"""Which sample is nearest to a place, by the name of ONNX's `nearest_mode`."""


def settled(places: Array) -> Array:
    """Return places without the last digits, so that rounding errors choose no sample.

    Scales are given in single precision: what they compute is not known any better.
    """
    return np.round(places, 6).astype(np.float32)


def nearest_taps(places: Array, rounding: str) -> Taps:
    """Return the nearest sample of each place."""
    nearest = NEAREST[rounding](settled(places)).astype(np.int64)[:, None]
    return nearest, np.ones(nearest.shape)


def linear_taps(places: Array, scale: float = 1.0) -> Taps:
    """Return the samples about each place, weighed by 1 - distance.

    With a scale below 1, distances are measured in output samples: more samples count (antialias).
    """
    return _kernel_taps(places, 1, min(scale, 1.0), lambda d: np.maximum(1 - d, 0))


def cubic_taps(places: Array, a: float, scale: float = 1.0) -> Taps:
    """Return the samples about each place, weighed by the cubic of Keys 1981 with parameter a."""

    def weight(d: Array) -> Array:
        near = (a + 2) * d**3 - (a + 3) * d**2 + 1
        far = a * (d**3 - 5 * d**2 + 8 * d - 4)
        return np.where(d <= 1, near, np.where(d < 2, far, 0))

    return _kernel_taps(places, 2, min(scale, 1.0), weight)


def _kernel_taps(
    places: Array, radius: int, scale: float, weight: Callable[[Array], Array]
) -> Taps:
    """Return all samples within radius / scale, and their weights, which sum to 1."""
    first = floor(-radius / scale) + 1
    samples = np.floor(places)[:, None] + np.arange(first, 2 - first)
    weights = weight(np.abs(samples - places[:, None]) * scale)
    return samples.astype(np.int64), weights / weights.sum(axis=1, keepdims=True)
