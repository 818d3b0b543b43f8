"""Which elements of its input a resized axis reads, in exact fractions."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor
from typing import Any

from striate.errors import GeometryError
from striate.geometry import Beyond, Sampling
from striate.network.graph import Shape
from striate.network.seeing.paths import LISTED, Link
from striate.network.seeing.steps import Slide, Step, Use

__all__ = ["resize"]

HALF = Fraction(1, 2)
MOST_TAPS = 1 << 15
"""The most elements that are told one by one for an axis."""


def resize(use: Use) -> tuple[Step, ...]:
    """Return the step of Resize: every axis that changes has its own sampling."""
    operator, shape = use.operator, use.shape
    scales = _scales(operator, shape)
    links = []
    for axis, (size, count) in enumerate(zip(shape, use.output, strict=True)):
        line = _line(operator, axis, size, count, scales[axis], shape)
        same = size == count and line == (Fraction(1), Fraction(0))
        still = same or axis not in _axes(operator, len(shape))
        along = None if still else _sampling(operator, line, size, count, scales[axis])
        links.append(Link(axis, along))
    return (Slide(tuple(links), use.output),)


def _axes(operator: Any, rank: int) -> list[int]:
    return list(range(rank)) if operator.axes is None else [a % rank for a in operator.axes]


def _scales(operator: Any, shape: Shape) -> list[Fraction]:
    """Return how much longer each axis becomes: as told, or as the sizes have it."""
    axes = _axes(operator, len(shape))
    scales = [Fraction(1)] * len(shape)
    if operator.scales is not None:
        for axis, scale in zip(axes, operator.scales, strict=True):
            scales[axis] = Fraction(scale).limit_denominator(1 << 16)
        return scales
    ratios = [Fraction(n, shape[a]) for a, n in zip(axes, operator.sizes, strict=True)]
    if operator.policy == "not_larger":
        ratios = [min(ratios)] * len(ratios)
    elif operator.policy == "not_smaller":
        ratios = [max(ratios)] * len(ratios)
    for axis, ratio in zip(axes, ratios, strict=True):
        scales[axis] = ratio
    return scales


def _line(
    operator: Any, axis: int, size: int, count: int, scale: Fraction, shape: Shape
) -> tuple[Fraction, Fraction]:
    """Return (step, start): output o lies at the place start + step o of the input."""
    name = operator.coordinates
    step = 1 / scale
    if name == "asymmetric":
        return step, Fraction(0)
    if name == "tf_half_pixel_for_nn":
        return step, step / 2
    if name == "align_corners":
        return (size - 1) / (scale * size - 1) if count > 1 else Fraction(0), Fraction(0)
    if name == "pytorch_half_pixel" and count == 1:
        return Fraction(0), Fraction(0)
    if name == "tf_crop_and_resize":
        return _crop(operator, axis, size, count, len(shape))
    start = step / 2 - HALF
    if name == "half_pixel_symmetric":
        start += Fraction(size, 2) * (1 - count / (scale * size))
    return step, start


def _crop(operator: Any, axis: int, size: int, count: int, rank: int) -> tuple[Fraction, Fraction]:
    axes = _axes(operator, rank)
    if axis not in axes:
        return Fraction(1), Fraction(0)
    place = axes.index(axis)
    low, high = (Fraction(operator.roi[place + i * len(axes)]) for i in (0, 1))
    if count == 1:
        return Fraction(0), (low + high) * (size - 1) / 2
    return (high - low) * (size - 1) / (count - 1), low * (size - 1)


def _sampling(
    operator: Any, line: tuple[Fraction, Fraction], size: int, count: int, scale: Fraction
) -> Sampling:
    step, start = line
    crops = operator.coordinates == "tf_crop_and_resize"
    period = min(step.denominator, count)
    told = count if crops else period
    if told > LISTED:
        raise GeometryError(f"its outputs read in {told:,} different ways, more than {LISTED:,}")
    reads = ceil(_reach(operator, scale) * 2)
    if reads * told > MOST_TAPS:
        raise GeometryError(
            f"its outputs read {told:,} x {reads:,} elements, more than {MOST_TAPS:,}"
        )
    offsets = []
    for output in range(period):
        place = start + step * output
        outside = crops and not 0 <= place <= size - 1
        offsets.append(() if outside else _taps(operator, place, scale))
    moves = step.numerator if period == step.denominator and not crops else 0
    if crops and period < count:  # the edge lies anywhere
        places = [start + step * output for output in range(count)]
        offsets = [
            _taps(operator, place, scale) if 0 <= place <= size - 1 else () for place in places
        ]
    beyond: Beyond = "nothing" if operator.exclude_outside else "edge"
    return Sampling(tuple(offsets), moves, beyond)


def _taps(operator: Any, place: Fraction, scale: Fraction) -> tuple[int, ...]:
    """Return the elements of non-zero weight around a place."""
    if operator.mode == "nearest":
        return (_rounded(operator.nearest, place),)
    half = _reach(operator, scale)
    wide = half if operator.mode == "linear" else half / 2
    around = range(ceil(place - half), floor(place + half) + 1)
    return tuple(tap for tap in around if _weighs((tap - place) / wide, operator.mode))


def _reach(operator: Any, scale: Fraction) -> Fraction:
    """Return how far from a place elements have weight."""
    if operator.mode == "nearest":
        return HALF
    wide = max(Fraction(1), 1 / scale) if operator.antialias else Fraction(1)
    return wide if operator.mode == "linear" else 2 * wide


def _weighs(distance: Fraction, mode: str) -> bool:
    """Tell whether the triangle, or Keys' cubic, is not zero there."""
    away = abs(distance)
    return away < 1 if mode == "linear" else away < 2 and away != 1


def _rounded(rule: str, place: Fraction) -> int:
    if rule == "floor":
        return floor(place)
    if rule == "ceil":
        return ceil(place)
    return ceil(place - HALF) if rule == "round_prefer_floor" else floor(place + HALF)
