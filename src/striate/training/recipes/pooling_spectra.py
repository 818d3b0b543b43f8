"""What halving a map does to a hidden signal, by frequency: measured, beside the theory.

The high-pass is linear, so the residual of a picture with a message is the picture's own residual
and, added to it, the signal's. Averaging 2x2 values multiplies the frequency (f, g), in cycles per
pixel, by cos(pi f) cos(pi g): nothing is left at 1/2, where the high-pass has put the signal. A
stride leaves the spectrum as it is, folded; of four values it keeps one. The maximum is not linear:
the signal in it is taken to be the difference that the message makes to the maximum.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.filters.kernels import kv
from striate.ops import conv2d

__all__ = ["REDUCTIONS", "Kept", "Spectrum", "kept", "residuals", "spectra", "theory"]

Floats = NDArray[Any]
BINS = 10


def _windows(x: Floats) -> Floats:
    """Return the four values of each 2x2 window, at every place: (4, N, H - 1, W - 1)."""
    return np.stack([x[:, :-1, :-1], x[:, :-1, 1:], x[:, 1:, :-1], x[:, 1:, 1:]])


def _mean(x: Floats) -> Floats:
    return np.asarray(_windows(x).mean(axis=0))


def _most(x: Floats) -> Floats:
    return np.asarray(_windows(x).max(axis=0))


REDUCTIONS: dict[str, Callable[[Floats], Floats]] = {
    "average": _mean,
    "max": _most,
    "stride": lambda x: x,
}
"""What becomes of a map before every second row and column of it are kept."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How a way to halve maps treats the signal and the picture.

    `signal` and `picture` are the shares of the variance of each that are left; `ratio` is the
    variance of the signal over that of the picture, in decibels, after it.
    """

    name: str
    signal: float
    picture: float
    ratio: float


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Power by frequency: the distance from zero frequency in cycles per pixel, ring by ring.

    `power` is the mean over a ring, `counts` how many frequencies of the transform lie in it.
    """

    name: str
    frequencies: tuple[float, ...]
    power: tuple[float, ...]
    counts: tuple[int, ...]


def residuals(pictures: NDArray[Any]) -> Floats:
    """Return what the KV kernel leaves of pictures (N, H, W), where it lies inside them."""
    high_pass = kv()[None, None]
    return conv2d(pictures.astype(np.float64)[:, None], high_pass)[:, 0]


def kept(covers: NDArray[Any], stegos: NDArray[Any]) -> tuple[Kept, ...]:
    """Return what each reduction keeps of residuals, after "nothing", which keeps them whole.

    Parameters
    ----------
    covers, stegos : arrays, shape (N, H, W)
        The same pictures without and with a message.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> covers = random.integers(0, 200, (4, 24, 24))
    >>> [k.name for k in kept(covers, covers + random.integers(-1, 2, covers.shape))]
    ['nothing', 'average', 'max', 'stride']
    """
    cover, stego = residuals(covers), residuals(stegos)
    whole = float(np.var(stego - cover)), float(np.var(cover))
    ways: dict[str, Callable[[Floats], Floats]] = {"nothing": lambda x: x, **REDUCTIONS}
    found = []
    for name, way in ways.items():
        step = 1 if name == "nothing" else 2
        plain = way(cover)[:, ::step, ::step]
        signal = float(np.var(way(stego)[:, ::step, ::step] - plain))
        picture = float(np.var(plain))
        ratio = 10 * float(np.log10(signal / picture))
        found.append(Kept(name, signal / whole[0], picture / whole[1], ratio))
    return tuple(found)


def spectra(covers: NDArray[Any], stegos: NDArray[Any]) -> tuple[Spectrum, ...]:
    """Return the power of the signal's residual, whole and after averages and maxima, by frequency.

    The power is per value and frequency, averaged over pictures and over rings of frequencies of
    equal width; reductions are taken at every place, before rows and columns are dropped.
    """
    cover, stego = residuals(covers), residuals(stegos)
    signals = {
        "the signal's residual": stego - cover,
        "after the average of 2x2": _mean(stego) - _mean(cover),
        "after the maximum of 2x2": _most(stego) - _most(cover),
    }
    return tuple(_ringed(name, signal) for name, signal in signals.items())


def theory(variance: float, side: int = 64) -> tuple[Spectrum, ...]:
    """Return what follows for white noise of a variance, before and after the average.

    Examples
    --------
    >>> before, after = theory(0.5)
    >>> after.power[-1] < 0.05 * before.power[-1]
    True
    """
    fs = np.fft.fftfreq(side)
    padded = np.zeros((side, side))
    padded[:5, :5] = kv()
    high = np.abs(np.fft.fft2(padded)) ** 2 * variance
    low = np.outer(np.cos(np.pi * fs), np.cos(np.pi * fs)) ** 2
    names = "the signal's residual", "after the average of 2x2"
    return tuple(
        _by_ring(name, power) for name, power in zip(names, (high, high * low), strict=True)
    )


def _ringed(name: str, maps: Floats) -> Spectrum:
    """Return the mean power of maps (N, H, W), under a Hann window so that edges add nothing."""
    window = np.outer(*(np.hanning(size + 2)[1:-1] for size in maps.shape[1:]))
    power = np.abs(np.fft.fft2(maps * window)) ** 2
    return _by_ring(name, power.mean(axis=0) / np.sum(window**2))


def _by_ring(name: str, power: Floats) -> Spectrum:
    fs, gs = (np.fft.fftfreq(size) for size in power.shape)
    radius = np.hypot(*np.meshgrid(fs, gs, indexing="ij"))
    edges = np.linspace(0, 0.5 * np.sqrt(2), BINS + 1)
    ring = np.clip(np.digitize(radius, edges) - 1, 0, BINS - 1).ravel()
    counts = np.bincount(ring, minlength=BINS)
    sums = np.bincount(ring, power.ravel(), BINS)
    full = counts > 0
    centres = ((edges[1:] + edges[:-1]) / 2)[full]
    means = sums[full] / counts[full]
    return Spectrum(
        name, tuple(centres.tolist()), tuple(means.tolist()), tuple(counts[full].tolist())
    )
