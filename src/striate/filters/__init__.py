"""Image filters on NumPy arrays: box, Gaussian, Sobel, and any kernel of one's own.

Images are (H, W) or (H, W, C) arrays of uint8, uint16, float32 or float64; each channel is
filtered by itself. The result has the image's shape and, unless `dtype` says otherwise, its
dtype: integer results are the exact result rounded half to even and clipped to the dtype's
range. Borders bear SciPy's names; `striate.filters.borders` has a table of what OpenCV,
scikit-image and PyTorch call them.

========================= ====================================================================
`box`, `gaussian`         blurs
`sobel`                   derivatives and their magnitude
`convolve`, `correlate`   any kernel, flipped and not
`kernels`                 the kernels themselves, as arrays
`borders`                 what lies beyond the border
`alpha`                   images with an alpha channel
`files`                   image files to arrays and back
========================= ====================================================================
"""

from __future__ import annotations

from striate.filters import alpha, borders, files, kernels
from striate.filters._blur import box, gaussian
from striate.filters._edges import sobel
from striate.filters._linear import convolve, correlate

__all__ = [
    "alpha",
    "borders",
    "box",
    "convolve",
    "correlate",
    "files",
    "gaussian",
    "kernels",
    "sobel",
]
