"""Resize: another number of samples along each axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from striate.errors import ParameterError, ShapeError
from striate.network.defined import Defined
from striate.network.graph import Shape
from striate.network.operators.axes import axes_of, many, settle
from striate.network.operators.functions import wide
from striate.network.operators.interpolation import (
    COORDINATES,
    NEAREST,
    ResizedAxis,
    Taps,
    cubic_taps,
    linear_taps,
    nearest_taps,
    settled,
)

__all__ = ["Resize"]

Array = NDArray[Any]
MOST = 1 << 16
"""How many times longer an axis may become: larger scales are of damaged models."""
CHOICES = {
    "mode": ("nearest", "linear", "cubic"),
    "coordinates": tuple(COORDINATES),
    "nearest": tuple(NEAREST),
    "policy": ("stretch", "not_larger", "not_smaller"),
}


@dataclass(frozen=True)
class Resize(Defined):
    """x sampled anew along each of `axes` (None: all): `scales` times as often, or to `sizes`.

    Each output lies at a place of the original axis that `coordinates` chooses, and is the nearest
    sample (rounded as `nearest` says), or a sum of samples about it: 2 ("linear") or 4 ("cubic",
    Keys 1981, with the parameter `cubic`) along each axis, or more where `antialias` widens the
    kernel for a smaller output. Samples beyond the ends are those at the ends, unless
    `exclude_outside` leaves them out. Axes are resized one after another.

    Parameters
    ----------
    scales, sizes : numbers for each of the axes
        One of the two. With the `policy` "not_larger" or "not_smaller" all axes get one scale: the
        largest that exceeds no size, the smallest that falls short of none.
    roi : starts, then ends, for each of the axes
        As fractions of the axis, for "tf_crop_and_resize"; outputs that lie outside of the
        original are then `extrapolation`.
    """

    scales: tuple[float, ...] | None = None
    sizes: tuple[int, ...] | None = None
    axes: tuple[int, ...] | None = None
    roi: tuple[float, ...] | None = None
    mode: Literal["nearest", "linear", "cubic"] = "nearest"
    coordinates: str = "half_pixel"
    nearest: str = "round_prefer_floor"
    cubic: float = -0.75
    exclude_outside: bool = False
    extrapolation: float = 0.0
    policy: Literal["stretch", "not_larger", "not_smaller"] = "stretch"
    antialias: bool = False
    onnx: ClassVar[str] = "Resize"

    def __post_init__(self) -> None:
        for name in ("scales", "sizes", "axes", "roi"):
            settle(self, **{name: many(getattr(self, name))})
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                ways = ", ".join(choices)
                raise ParameterError(f"{name} must be one of {ways}, not {getattr(self, name)!r}")
        if (self.scales is None) == (self.sizes is None):
            raise ParameterError(
                f"resize takes either scales or sizes, not scales={self.scales} and "
                f"sizes={self.sizes}"
            )
        if min(self.scales or (1,)) <= 0 or min(self.sizes or (1,)) < 1:
            raise ParameterError(
                f"scales must be above 0 and sizes at least 1, not {self.scales or self.sizes}"
            )
        if self.coordinates == "tf_crop_and_resize" and self.roi is None:
            raise ParameterError("tf_crop_and_resize needs roi, the region of interest")

    def resized(self, shape: Shape) -> tuple[ResizedAxis, ...]:
        """Return the axes that are resized, for an input of this shape."""
        axes = axes_of(self.axes, shape)
        given = self.sizes if self.scales is None else self.scales
        assert given is not None
        if len(given) != len(axes):
            raise ShapeError(f"{given} must be one for each of the axes {axes} of {shape}")
        region = self.roi if self.coordinates == "tf_crop_and_resize" else None
        if region is None:
            region = (0.0,) * len(axes) + (1.0,) * len(axes)
        if len(region) != 2 * len(axes):
            raise ShapeError(f"roi {region} must be starts, then ends, for each of the axes {axes}")
        scaled = zip(axes, self._scaled([shape[axis] for axis in axes]), strict=True)
        return tuple(
            ResizedAxis(axis, shape[axis], output, scale, region[i], region[i + len(axes)])
            for i, (axis, (output, scale)) in enumerate(scaled)
        )

    def _scaled(self, lengths: Sequence[int]) -> list[tuple[int, float]]:
        """Return the size and the scale of each axis."""
        if self.scales is not None:
            return [
                (floor(n * scale), scale) for n, scale in zip(lengths, self.scales, strict=True)
            ]
        assert self.sizes is not None
        if 0 in lengths:
            raise ShapeError(f"axes of {tuple(lengths)} elements cannot be resized: one is empty")
        scales = [size / n for size, n in zip(self.sizes, lengths, strict=True)]
        if self.policy == "stretch":
            return list(zip(self.sizes, scales, strict=True))
        scale = min(scales) if self.policy == "not_larger" else max(scales)
        return [(floor(n * scale + 0.5), scale) for n in lengths]

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return the shape with the new sizes."""
        sizes = list(shapes[0])
        for resized in self.resized(shapes[0]):
            sizes[resized.axis] = resized.output
            if resized.output < 1:
                raise ShapeError(
                    f"a scale of {resized.scale} leaves nothing of the {resized.size} elements of "
                    f"axis {resized.axis} of {shapes[0]}"
                )
            if resized.scale > MOST:
                raise ShapeError(
                    f"a scale of {resized.scale} for axis {resized.axis} of {shapes[0]}: an axis "
                    f"is resized by {MOST} at most"
                )
        return tuple(sizes)

    def taps(self, axis: ResizedAxis) -> Taps:
        """Return the samples that each output along an axis reads, and their weights."""
        places = axis.places(self.coordinates)
        scale = axis.scale if self.antialias else 1.0
        if self.mode == "nearest":
            samples, weights = nearest_taps(places, self.nearest)
        elif self.mode == "linear":
            samples, weights = linear_taps(places, scale)
        else:
            samples, weights = cubic_taps(places, self.cubic, scale)
        if self.exclude_outside and self.mode != "nearest":
            weights = np.where((samples >= 0) & (samples < axis.size), weights, 0)
            sums = weights.sum(axis=1, keepdims=True)
            weights = weights / np.where(sums == 0, 1, sums)  # 0: outside, thus extrapolated
        return samples.clip(0, axis.size - 1), weights

    def value(self, *arrays: Array) -> Array:
        """Return, axis after axis, the sum of the samples times their weights."""
        (x,) = arrays
        self.infer([x.shape])
        y = x if self.mode == "nearest" else wide(x)
        for axis in self.resized(x.shape):
            if axis.output != axis.size or axis.scale != 1 or self.coordinates.startswith("tf"):
                y = self._along(y, axis)
        return y.astype(x.dtype)

    def _along(self, x: Array, axis: ResizedAxis) -> Array:
        samples, weights = self.taps(axis)
        column = (-1, *(1,) * (x.ndim - 1 - axis.axis))
        if self.mode == "nearest":
            y = np.take(x, samples[:, 0], axis.axis)
        else:
            pairs = zip(samples.T, weights.T, strict=True)
            y = sum(np.take(x, s, axis.axis) * w.reshape(column) for s, w in pairs)
        if self.coordinates != "tf_crop_and_resize":
            return np.asarray(y)
        places = settled(axis.places(self.coordinates)).reshape(column)
        inside = (places >= 0) & (places <= axis.size - 1)
        return np.where(inside, y, y.dtype.type(self.extrapolation))
