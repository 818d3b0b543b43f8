"""Gabor's kernels: a wave under a bell, one and in banks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from striate.errors import ParameterError
from striate.filters.kernels.checks import LARGEST, Taps, finite, plain, positive

__all__ = ["gabor", "gabor_bank"]


def gabor(
    wavelength: float,
    angle: float = 0.0,
    *,
    bandwidth: float = 1.0,
    aspect: float = 0.5,
    phase: float = 0.0,
    truncate: float = 3.0,
) -> Taps:
    """Return a wave under a Gaussian bell: what simple cells of the striate cortex answer to.

    exp(-(x'² + γ² y'²) / 2σ²) · cos(2π x' / λ + φ), divided by the sum of the bell's weights,
    where x' = x cos θ + y sin θ runs across the stripes and y' = y cos θ - x sin θ along them.
    σ follows from the bandwidth b in octaves: σ / λ = √(ln 2 / 2) / π · (2ᵇ + 1) / (2ᵇ - 1).

    Sources: J. G. Daugman, "Uncertainty relation for resolution in space, spatial frequency, and
    orientation", 1985; N. Petkov and P. Kruizinga, "Computational models of visual neurons
    specialised in the detection of periodic and aperiodic oriented visual stimuli", 1997.

    Parameters
    ----------
    wavelength : float
        λ, in pixels from stripe to stripe.
    angle : float
        θ, in radians, from the columns' axis (to the right) towards the rows' axis (downwards):
        where the wave goes. 0 answers to vertical stripes.
    bandwidth : float
        b, in octaves, at half the largest response.
    aspect : float
        γ: how long the bell is along the stripes is σ / γ.
    phase : float
        φ, in radians: 0 answers to bright lines, -π / 2 to edges that get brighter along `angle`.
    truncate : float
        Where the bell is cut, in standard deviations.

    Examples
    --------
    >>> gabor(2, aspect=1, truncate=1).round(3)
    array([[-0.082,  0.122, -0.082],
           [-0.122,  0.182, -0.122],
           [-0.082,  0.122, -0.082]])
    """
    wave, octaves = positive("wavelength", wavelength), positive("bandwidth", bandwidth)
    turn, shift = finite("angle", angle), finite("phase", phase)
    ratio = math.sqrt(math.log(2) / 2) / math.pi / math.tanh(octaves * math.log(2) / 2)
    across = wave * ratio
    along = across / positive("aspect", aspect)
    end = positive("truncate", truncate)
    cosine, sine = math.cos(turn), math.sin(turn)
    reaches = (math.hypot(across * sine, along * cosine), math.hypot(across * cosine, along * sine))
    down, right = (math.floor(min(end * reach + 0.5, LARGEST)) for reach in reaches)
    if (2 * down + 1) * (2 * right + 1) > LARGEST:
        raise ParameterError(
            f"wavelength {wave:g} needs a kernel of more than {LARGEST} weights; "
            f"lower truncate, or shrink the image and the wavelength with it"
        )
    y, x = np.mgrid[-down : down + 1, -right : right + 1]
    forward, sideways = x * cosine + y * sine, y * cosine - x * sine
    bell = np.exp(-0.5 * ((forward / across) ** 2 + (sideways / along) ** 2))
    kernel: Taps = bell * np.cos(2 * math.pi * forward / wave + shift) / bell.sum()
    return kernel


def gabor_bank(
    wavelengths: Sequence[float],
    angles: int | Sequence[float] = 4,
    *,
    bandwidth: float = 1.0,
    aspect: float = 0.5,
    phase: float = 0.0,
    truncate: float = 3.0,
) -> list[list[Taps]]:
    """Return Gabor's kernels for each of `wavelengths`, and in it for each of `angles`.

    Parameters
    ----------
    wavelengths : sequence of float
        In pixels.
    angles : int or sequence of float
        In radians, or how many, evenly spread over half a turn: 4 gives 0, π/4, π/2 and 3π/4.
    bandwidth, aspect, phase, truncate : float
        As for `gabor`.

    Examples
    --------
    >>> [[kernel.shape for kernel in row] for row in gabor_bank([2, 4], angles=2)]
    [[(15, 7), (7, 15)], [(27, 15), (15, 27)]]
    """
    return [
        [
            gabor(
                wavelength,
                angle,
                bandwidth=bandwidth,
                aspect=aspect,
                phase=phase,
                truncate=truncate,
            )
            for angle in spread(angles)
        ]
        for wavelength in several("wavelengths", wavelengths)
    ]


def spread(angles: int | Sequence[float]) -> list[float]:
    """Return the angles themselves, or so many of them over half a turn."""
    if isinstance(angles, (int, np.integer)):
        if not 1 <= angles <= 360:
            raise ParameterError(f"angles is {angles}; their number must be from 1 to 360")
        return [math.pi * k / angles for k in range(angles)]
    return several("angles", angles)


def several(name: str, values: Sequence[float]) -> list[float]:
    """Return at least one number as a list."""
    if not isinstance(values, (list, tuple, range, np.ndarray)) or np.ndim(values) != 1:
        raise ParameterError(f"{name} is {plain(values)!r}; give a list of numbers")
    if len(values) == 0:
        raise ParameterError(f"{name} is empty; give at least one number")
    return list(values)
