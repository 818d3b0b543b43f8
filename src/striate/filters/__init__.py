"""Image filters on NumPy arrays: blurs, edges, waves, sharpening, and any kernel of one's own.

Images are (H, W) or (H, W, C) arrays of uint8, uint16, float32 or float64; each channel is
filtered by itself. The result has the image's shape and, unless `dtype` or `out` says otherwise,
its dtype. Integer results are float64 sums rounded once, half to even, and clipped to the dtype's
range; they are exact where the weights are whole numbers, or halves, quarters and so on. float32
results are added up in float32, to 1e-6 of the largest pixel times the sum of the absolute weights.

============================================ =================================================
`box`, `gaussian`, `motion_blur`             blurs; `gaussian` also derivatives of order 1 and 2
`sobel`, `scharr`, `prewitt`, `roberts`      first derivatives and their magnitude
`gradient`, `steer`                          magnitude and direction, any direction
`laplacian`, `laplacian_of_gaussian`         second derivatives
`difference_of_gaussians`                    a band of sizes
`gabor`, `gabor_bank`                        waves of one direction, and many
`sharpen`, `unsharp_mask`, `emboss`          edges added to the image
`median`                                     specks taken away
`convolve`, `correlate`                      any kernel, flipped and not
`separate`                                   a kernel as products of a column and a row
`kernels`                                    the kernels themselves, as arrays
`borders`                                    what lies beyond the border
`alpha`                                      images with an alpha channel
`light`                                      linear light: the curve of sRGB
`files`                                      image files to arrays and back
`large`                                      images larger than memory: TIFF, Zarr, dask
============================================ =================================================

Every filter takes these by name:

================ =================================================================================
`border`         reflect (if left out), mirror, nearest, constant or wrap: see
                 `striate.filters.borders`
`cval`           what lies outside under ``border="constant"``; 0
`dtype`          the result's, if not the image's: uint8, uint16, int16, int32, float32 or float64;
                 an unsigned result shows negative values as 0
`out`            an array of the image's shape for the result, returned; its dtype is the result's.
                 It may be a view, or the image itself
`stack`          True: the first axis counts images, (N, H, W) or (N, H, W, C), each filtered alone
`alpha`          True: of 2 or 4 channels the last is alpha, and is treated as suits the filter: see
                 `striate.filters.alpha`; otherwise it is a channel like the others
`linear_light`   True: levels are decoded by the curve of sRGB, filtered as light, and encoded: see
                 `striate.filters.light`
`method`         auto, or reference: the definition in NumPy
================ =================================================================================
"""

from __future__ import annotations

from striate.filters import alpha, borders, files, kernels, large, light
from striate.filters._blur import box, gaussian, motion_blur
from striate.filters._edges import prewitt, roberts, scharr, sobel
from striate.filters._gradients import gradient, steer
from striate.filters._linear import convolve, correlate
from striate.filters._median import median
from striate.filters._second import difference_of_gaussians, laplacian, laplacian_of_gaussian
from striate.filters._sharpening import emboss, sharpen, unsharp_mask
from striate.filters._waves import gabor, gabor_bank
from striate.filters.separation import Separation, separate

__all__ = [
    "Separation",
    "alpha",
    "borders",
    "box",
    "convolve",
    "correlate",
    "difference_of_gaussians",
    "emboss",
    "files",
    "gabor",
    "gabor_bank",
    "gaussian",
    "gradient",
    "kernels",
    "laplacian",
    "laplacian_of_gaussian",
    "large",
    "light",
    "median",
    "motion_blur",
    "prewitt",
    "roberts",
    "scharr",
    "separate",
    "sharpen",
    "sobel",
    "steer",
    "unsharp_mask",
]
