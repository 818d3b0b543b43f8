"""Correlations as compiled passes: what their sums are kept in, and for which image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from striate.filters._again import note_pass
from striate.filters._apply import Options, Request
from striate.filters.separation import binary_places
from striate.ops.filtering import correlate_reference, round_into
from striate.ops.images.calls import Pass, run
from striate.ops.images.correlation import doubts_pay, separable_pass
from striate.ops.images.dense_plan import dense_pass, sums_for
from striate.ops.images.edges import Layout, Reach, border_indices, fill_fits, narrow

__all__ = ["Pair", "add_pairs", "add_products", "apply", "define", "run_pass"]

Values = NDArray[np.float64]
Pair = tuple[Values, Values]

SMALL = 2.0**15  # what 16-bit sums do not reach
SINGLE = 2.0**24  # up to here, float32 shows all whole numbers


def apply(
    image: ArrayLike,
    pairs: Sequence[Pair],
    options: Options,
    *,
    ending: str = "sum",
    flipped: bool = False,
) -> NDArray[Any]:
    """Correlate `image` with products of columns and rows, and add them up.

    Parameters
    ----------
    image, options : what the caller gave
    pairs : columns and rows of weights, of one size
    ending : "sum", or "magnitude" for the root of the sum of two squares
    flipped : whether the caller reversed the kernel (a convolution)
    """
    request = Request.of(image, options)
    reach = request.reach((pairs[0][0].size, pairs[0][1].size), flipped=flipped)
    if request.reference:
        define(request, reach, pairs, ending)
    else:
        add_pairs(request, reach, pairs, ending)
    return request.result()


def define(
    request: Request, reach: Reach, weights: Sequence[Values | Pair], ending: str = "sum"
) -> None:
    """Fill the target by the definition."""
    frame = request.frame(reach)
    sums = [correlate_reference(request.pixels, one, frame) for one in weights]
    with np.errstate(invalid="ignore", over="ignore"):  # infinity less itself is NaN, quietly
        if ending == "magnitude":
            half = len(sums) // 2
            total = np.hypot(np.sum(sums[:half], axis=0), np.sum(sums[half:], axis=0))
        else:
            total = np.sum(sums, axis=0)
    round_into(request.target, total)


def add_pairs(request: Request, reach: Reach, pairs: Sequence[Pair], ending: str = "sum") -> None:
    """Fill the target with the sum, or the magnitude, of correlations with columns and rows."""
    weights = tuple((column.tobytes(), row.tobytes()) for column, row in pairs)
    run_pass(request, reach, lambda layout: planned(layout, reach, weights, ending), any_width=True)


@lru_cache(maxsize=128)
def planned(
    layout: Layout, reach: Reach, weights: tuple[tuple[bytes, bytes], ...], ending: str
) -> Pass:
    """Return the pass of an image and its pairs of weights, which are given as bytes."""
    pairs = [(np.frombuffer(column), np.frombuffer(row)) for column, row in weights]
    sums = sums_of(layout, [np.outer(*pair) for pair in pairs], ending)
    if sums == "float64" and doubts_pay(layout, pairs, ending):
        sums = "float32"
    return separable_pass(layout, reach, pairs, sums, ending=ending)


def add_products(request: Request, reach: Reach, matrix: Values) -> None:
    """Fill the target with the correlation with a matrix, weight after weight."""
    weights = matrix.tobytes()
    run_pass(request, reach, lambda layout: planned_matrix(layout, reach, weights), any_width=True)


@lru_cache(maxsize=128)
def planned_matrix(layout: Layout, reach: Reach, weights: bytes) -> Pass:
    """Return the pass of an image and a matrix, which is given as bytes."""
    matrix = np.frombuffer(weights).reshape(reach.sides)
    return dense_pass(layout, reach, matrix, sums_for(layout, matrix))


def sums_of(layout: Layout, matrices: Sequence[Values], ending: str = "sum") -> str:
    """Return the dtype that the sums over an image are kept in: the smallest that is right.

    Whole weights add up exactly in 16 bits or float32 while no sum is too large for them. Other
    weights take float32 sums of integer and float32 images, where the result is float32 too.
    """
    source, result = np.dtype(layout.source), np.dtype(layout.result)
    if "float64" in (layout.source, layout.result):
        return "float64"
    places = [binary_places(matrix) for matrix in matrices]
    if source.kind == "f" or None in places:
        return "float32" if result.kind == "f" else "float64"
    bound = max(float(np.iinfo(source).max), abs(layout.fill)) * largest_sum(matrices, ending)
    if source.itemsize == 1 and bound < SMALL and not any(places):
        sums = "int16"
    else:
        sums = "float32" if bound * 2.0 ** max(p or 0 for p in places) <= SINGLE else "float64"
    if ending == "magnitude" and result.kind != "f" and result.itemsize > 1:
        return sums if 2 * bound**2 <= SINGLE else "float64"  # squares must be exact
    return sums


def largest_sum(matrices: Sequence[Values], ending: str) -> float:
    """Return the largest sum of |weights| that are added up."""
    totals = [float(np.abs(matrix).sum()) for matrix in matrices]
    half = len(totals) // 2
    return max(sum(totals[:half]), sum(totals[half:])) if ending == "magnitude" else sum(totals)


def run_pass(
    request: Request,
    reach: Reach,
    plan: Callable[[Layout], Pass],
    second: NDArray[Any] | None = None,
    *,
    any_width: bool = False,
) -> None:
    """Fill the target, and a second array like it, by the pass that is planned for the image.

    Passes that do not take `any_width` are given narrow images with what lies beside them.
    """
    pixels, target = request.pixels, request.target
    layout = Layout(
        request.shape[0],
        request.shape[1],
        request.channels,
        pixels.dtype.name,
        target.dtype.name,
        request.border,
        request.fill if request.border == "constant" else 0.0,
    )
    if not fill_fits(layout):
        pixels, layout = pixels.astype(np.float64), layout._replace(source="float64")
    if any_width or not narrow(layout, reach):
        one = plan(layout)
        run(one, pixels, target, second)
        if second is None:
            note_pass(one, pixels, target)
        return
    wide, layout = widened(pixels, layout, reach)
    result = np.empty(wide.shape, target.dtype)
    other = None if second is None else np.empty(wide.shape, second.dtype)
    run(plan(layout), wide, result, other)
    shown = slice(reach.left * layout.channels, reach.left * layout.channels + target.shape[1])
    target[...] = result[:, shown]
    if second is not None and other is not None:
        second[...] = other[:, shown]


def widened(pixels: NDArray[Any], layout: Layout, reach: Reach) -> tuple[NDArray[Any], Layout]:
    """Return an image with what lies left and right of it, so that its windows fit into it."""
    columns = border_indices(layout.border, layout.pixels, reach.left, reach.right)
    shown = np.concatenate([columns, np.repeat(columns[-1:], reach.left + reach.right + 2)])
    image = pixels.reshape(layout.height, layout.pixels, layout.channels).take(shown, axis=1)
    image[:, shown < 0] = layout.fill
    return image.reshape(layout.height, -1), layout._replace(pixels=shown.size)
