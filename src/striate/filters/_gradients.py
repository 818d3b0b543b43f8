"""Gradients: magnitude and direction together, and derivatives steered to any direction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from striate.errors import ParameterError, UnknownNameError, explained
from striate.filters._apply import Options, Request
from striate.filters._images import image_filter
from striate.filters._passes import Pair, apply, define, run_pass, sums_of
from striate.filters.alpha import keep_alpha
from striate.filters.kernels.checks import finite, plain
from striate.filters.kernels.edges import ALONG, derivative_taps
from striate.filters.kernels.smoothing import gaussian_factors
from striate.ops.filtering import correlate_reference
from striate.ops.images.calls import Pass
from striate.ops.images.correlation import separable_pass
from striate.ops.images.edges import Layout, Reach

__all__ = ["gradient", "steer"]

OPERATORS = (*ALONG, "gaussian")


@image_filter(None)
def gradient(
    image: ArrayLike,
    operator: str = "sobel",
    *,
    sigma: float | tuple[float, float] = 1.0,
    truncate: float = 4.0,
    **options: Unpack[Options],
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return how steeply the image rises, and where to.

    Parameters
    ----------
    image : array, shape (H, W) or (H, W, C)
        uint8, uint16, float32 or float64; each channel is filtered by itself.
    operator : str
        sobel, scharr or prewitt, whose magnitude is that of the filter of this name, or gaussian:
        the first derivatives of a bell, whose direction is the most exact.
    sigma, truncate : float
        For the operator gaussian: see `striate.filters.gaussian`.
    **options
        border, cval, dtype, out, method and others, for the magnitude: see `striate.filters`.

    Returns
    -------
    magnitude : array, the image's shape
    direction : array, the image's shape
        In radians, above -π and up to π, from the columns' axis (0: brighter to the right)
        towards the rows' axis (π / 2: brighter downwards); 0 where the image is flat. float32,
        or float64 for float64 images.

    Raises
    ------
    ShapeError, DTypeError, ParameterError, UnknownNameError
        The image or an argument is not as described.

    Examples
    --------
    >>> corner = np.array([[0, 0, 0], [0, 0, 9], [0, 9, 9]], dtype=np.uint8)
    >>> steepness, direction = gradient(corner)
    >>> steepness[1, 1], np.degrees(direction[1, 1])
    (np.uint8(38), np.float32(45.0))
    """
    with explained("gradient"):
        if operator not in OPERATORS:
            raise UnknownNameError.of("operator", operator, OPERATORS)
        request = Request.of(image, options)
        factors = slopes(operator, sigma, truncate)
        reach = request.reach((factors[0][0].size, factors[0][1].size))
        wide = request.pixels.dtype.itemsize == 8
        direction = np.empty(request.target.shape, np.float64 if wide else np.float32)
        if request.reference:
            define_both(request, reach, factors, direction)
        else:
            weights = tuple((column.tobytes(), row.tobytes()) for column, row in factors)
            kind = direction.dtype.name
            plan = partial(planned, reach=reach, weights=weights, directions=kind)
            run_pass(request, reach, plan, direction, any_width=True)
        return request.result(), direction.reshape(request.shape)


@lru_cache(maxsize=32)
def planned(
    layout: Layout, reach: Reach, weights: tuple[tuple[bytes, bytes], ...], directions: str
) -> Pass:
    """Return the pass of an image and its two pairs of weights, which are given as bytes."""
    pairs = [(np.frombuffer(column), np.frombuffer(row)) for column, row in weights]
    sums = sums_of(layout, [np.outer(*pair) for pair in pairs], "magnitude")
    return separable_pass(layout, reach, pairs, sums, ending="magnitude", directions=directions)


def define_both(
    request: Request, reach: Reach, factors: Sequence[Pair], direction: NDArray[Any]
) -> None:
    """Fill the target and the directions by the definition."""
    define(request, reach, factors, "magnitude")
    frame = request.frame(reach)
    across, down = (correlate_reference(request.pixels, one, frame) for one in factors)
    # Adding 0 turns -0, whose direction would be π, into 0.
    direction[...] = np.arctan2(down + 0.0, across + 0.0)


def slopes(operator: str, sigma: Any, truncate: float) -> list[tuple[Any, Any]]:
    """Return the factors that, correlated, rise to the right, and those that rise downwards."""
    if operator == "gaussian":
        return [gaussian_factors(sigma, truncate, order) for order in ((0, 1), (1, 0))]
    pairs = [derivative_taps(operator, axis) for axis in (1, 0)]
    return [(down[::-1].copy(), across[::-1].copy()) for down, across in pairs]


@image_filter(keep_alpha)
def steer(
    image: ArrayLike,
    angle: float,
    sigma: float,
    *,
    order: int = 1,
    truncate: float = 4.0,
    **options: Unpack[Options],
) -> NDArray[Any]:
    """Return the derivative of the blurred image in any direction, out of two or three of them.

    Order 1 is cos θ · ∂x + sin θ · ∂y, order 2 is cos² θ · ∂xx + 2 cos θ sin θ · ∂xy +
    sin² θ · ∂yy, of the Gaussian's derivatives.

    Source: W. T. Freeman and E. H. Adelson, "The design and use of steerable filters", IEEE
    Transactions on Pattern Analysis and Machine Intelligence 13(9), 1991, section II.

    Parameters
    ----------
    image : array, shape (H, W) or (H, W, C)
        uint8, uint16, float32 or float64; each channel is filtered by itself.
    angle : float
        θ, in radians, from the columns' axis (to the right) towards the rows' axis (downwards).
    sigma : float
        Standard deviation in pixels.
    order : int
        1 or 2.
    truncate : float
        Where a bell is cut, in standard deviations.
    **options
        border, cval, dtype, out, method and others: see `striate.filters`.

    Returns
    -------
    array, the image's shape

    Raises
    ------
    ShapeError, DTypeError, ParameterError
        The image or an argument is not as described.

    Examples
    --------
    >>> import numpy as np
    >>> ramp = np.arange(20.0) * np.ones((20, 1))
    >>> steer(ramp, np.pi / 3, 1)[10, 10].round(2)
    np.float64(0.5)
    """
    with explained("steer"):
        turn = finite("angle", angle)
        if isinstance(order, bool) or order not in (1, 2):
            raise ParameterError(f"order is {plain(order)!r}; it must be 1 or 2")
        cosine, sine = math.cos(turn), math.sin(turn)
        terms = {(0, 1): cosine, (1, 0): sine}
        if order == 2:
            terms = {(0, 2): cosine**2, (1, 1): 2 * cosine * sine, (2, 0): sine**2}
        pairs = [
            (weight * down, across)
            for orders, weight in terms.items()
            for down, across in [gaussian_factors(sigma, truncate, orders)]
        ]
        return apply(image, pairs, options)
