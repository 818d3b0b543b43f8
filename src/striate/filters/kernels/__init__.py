"""Kernels as data: matrices of float64 weights, for display and for `striate.filters.convolve`.

A kernel that is the outer product of two rows of numbers costs K + K multiplications a pixel
instead of K x K. The filters of `striate.filters` keep such products as their factors, and
`striate.filters.separate` finds the factors of any matrix.

The derivatives `sobel`, `scharr`, `prewitt` and `roberts` are printed, as in the literature, for
*convolution*, which flips them; every other kernel here that is not symmetric is for
*correlation*. Angles are in radians, from the columns' axis towards the rows' axis.
"""

from __future__ import annotations

from striate.filters.kernels.checks import per_axis
from striate.filters.kernels.edges import (
    DIFFERENCE,
    SMOOTHING,
    difference_of_gaussians,
    laplacian,
    laplacian_of_gaussian,
    prewitt,
    roberts,
    scharr,
    sobel,
)
from striate.filters.kernels.gabor import gabor, gabor_bank
from striate.filters.kernels.sharpening import emboss, sharpen, unsharp_mask
from striate.filters.kernels.smoothing import box, box_taps, gaussian, gaussian_taps, motion
from striate.filters.kernels.steganalysis import ker_bohme, kv, spam
from striate.filters.kernels.text import parse

__all__ = [
    "DIFFERENCE",
    "SMOOTHING",
    "box",
    "box_taps",
    "difference_of_gaussians",
    "emboss",
    "gabor",
    "gabor_bank",
    "gaussian",
    "gaussian_taps",
    "ker_bohme",
    "kv",
    "laplacian",
    "laplacian_of_gaussian",
    "motion",
    "parse",
    "per_axis",
    "prewitt",
    "roberts",
    "scharr",
    "sharpen",
    "sobel",
    "spam",
    "unsharp_mask",
]
