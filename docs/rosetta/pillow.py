"""Pillow."""

from __future__ import annotations

from .row import Differs, Missing, Peer, Refuses, Row, Same

__all__ = ["PEER"]

NEAREST = "border='nearest'"
COPIED = "the border stays as it is"

ROWS = (
    Row(
        "box",
        f"filters.box(x, 5, {NEAREST})",
        "im.filter(ImageFilter.BoxBlur(2))",
        Differs(1),
        "uint8",
        "the radius counts from the centre; rounded after each of the two passes",
    ),
    Row(
        "box",
        f"filters.box(x, 31, {NEAREST})",
        "im.filter(ImageFilter.BoxBlur(15))",
        Differs(1),
        "uint8",
        "as above",
    ),
    Row(
        "gaussian",
        f"filters.gaussian(x, 2, {NEAREST})",
        "im.filter(ImageFilter.GaussianBlur(2))",
        Differs(23),
        "uint8",
        "no Gaussian: three box blurs, and a border before each of them",
    ),
    Row(
        "gaussian",
        f"filters.gaussian(x, 2, {NEAREST})",
        "im.filter(ImageFilter.GaussianBlur(2))",
        Differs(4),
        "uint8",
        "most of it is at the border",
        inside=8,
    ),
    Row(
        "gaussian",
        f"filters.gaussian(x, 2, {NEAREST})",
        "im.filter(ImageFilter.GaussianBlur(2))",
        Refuses("wrong mode"),
        "uint16 float32",
        "8 bits alone",
        colour=False,
    ),
    Row("gaussian", "", "", Missing("deriv", "its derivatives")),
    Row(
        "median",
        f"filters.median(x, 5, {NEAREST})",
        "im.filter(ImageFilter.MedianFilter(5))",
        Same(),
        "uint8",
    ),
    Row(
        "median",
        f"filters.median(x, 5, {NEAREST})",
        "im.filter(ImageFilter.MedianFilter(5))",
        Same(),
        "float32",
        colour=False,
    ),
    Row(
        "median",
        f"filters.median(x, 4, {NEAREST})",
        "im.filter(ImageFilter.MedianFilter(4))",
        Refuses("bad filter size"),
        "uint8",
    ),
    Row(
        "laplacian",
        "(-filters.laplacian(x, neighbours=8, dtype=np.int16)).clip(0, 255)",
        "im.filter(ImageFilter.FIND_EDGES)",
        Same(),
        "uint8",
        f"FIND_EDGES is the Laplacian with 8 neighbours, of the opposite sign; {COPIED}",
        inside=1,
    ),
    Row(
        "sharpen",
        "filters.sharpen(x, 1 / 8, neighbours=8)",
        "im.filter(ImageFilter.SHARPEN)",
        Differs(1),
        "uint8",
        f"halves are rounded up, striate's to even; {COPIED}",
        inside=1,
    ),
    Row(
        "sharpen",
        "filters.sharpen(x, 1 / 8, neighbours=8)",
        "im.filter(ImageFilter.SHARPEN)",
        Differs(87),
        "uint8",
        "at the border",
    ),
    Row(
        "sharpen",
        "filters.sharpen(x, 1 / 13, neighbours=8)",
        "ImageEnhance.Sharpness(im).enhance(2)",
        Same(),
        "uint8",
        f"`amount = (factor - 1) / 13`; {COPIED}",
        inside=1,
    ),
    Row(
        "unsharp_mask",
        f"filters.unsharp_mask(x, 2, 1.5, {NEAREST})",
        "im.filter(ImageFilter.UnsharpMask(2, 150, 0))",
        Differs(14),
        "uint8",
        "on Pillow's approximate Gaussian",
    ),
    Row(
        "emboss",
        "(filters.correlate(x, [[0, 0, 0], [0, 1, 0], [-1, 0, 0]], dtype=np.int16) + 128)"
        ".clip(0, 255)",
        "im.filter(ImageFilter.EMBOSS)",
        Same(),
        "uint8",
        f"EMBOSS is another filter: the slope to the right and up alone, on grey; {COPIED}",
        inside=1,
    ),
    Row(
        "emboss",
        "filters.emboss(x)",
        "im.filter(ImageFilter.Kernel((3, 3), filters.kernels.emboss()[::-1].ravel(), 1))",
        Same(),
        "uint8",
        f"rows from the bottom up; {COPIED}",
        inside=1,
    ),
    Row(
        "emboss",
        "filters.emboss(x)",
        "im.filter(ImageFilter.Kernel((3, 3), filters.kernels.emboss().ravel(), 1))",
        Differs(255),
        "uint8",
        "the kernel as it is printed is turned upside down: lit from the lower left",
        inside=1,
    ),
    Row(
        "correlate",
        "filters.correlate(x, [[1, 2, 3], [0, 0, 0], [0, 0, 0]])",
        "im.filter(ImageFilter.Kernel((3, 3), [0, 0, 0, 0, 0, 0, 1, 2, 3], 1))",
        Same(),
        "uint8",
        f"rows from the bottom up, 3x3 or 5x5; {COPIED}",
        inside=1,
    ),
    Row(
        "convolve",
        "filters.convolve(x, [[1, 2, 3], [0, 0, 0], [0, 0, 0]])",
        "im.filter(ImageFilter.Kernel((3, 3), [3, 2, 1, 0, 0, 0, 0, 0, 0], 1))",
        Same(),
        "uint8",
        f"upside down already: each row from right to left; {COPIED}",
        inside=1,
    ),
    *(
        Row(name, "", "", Missing(pattern))
        for name, pattern in (
            ("motion_blur", "motion"),
            ("sobel", "sobel"),
            ("scharr", "scharr"),
            ("prewitt", "prewitt"),
            ("roberts", "roberts"),
            ("gradient", "gradient"),
            ("laplacian_of_gaussian", "lapl"),
            ("difference_of_gaussians", "difference"),
            ("gabor", "gabor"),
        )
    ),
    Row(
        "borders",
        f"filters.box(x, 5, {NEAREST})",
        "im.filter(ImageFilter.BoxBlur(2))",
        Differs(1),
        "uint8",
        "nearest for blurs and medians, none for kernels; it cannot be chosen",
    ),
)

PEER = Peer(
    name="Pillow",
    distribution="pillow",
    imports="from PIL import Image, ImageEnhance, ImageFilter",
    searched=("PIL.ImageFilter", "PIL.ImageEnhance"),
    coming="""\
- `BoxBlur(r)` is `box(x, 2 * r + 1)`; for other radii there is no counterpart.
- `GaussianBlur(s)` is three box blurs: a few levels from `gaussian(x, s)`, and more at the border.
- `Kernel` takes its rows from the bottom up, adds `offset`, divides by `scale` (by the sum of the
  weights if none is given), and leaves the outermost pixels as they are.
- `UnsharpMask(r, percent, threshold)`: `amount = percent / 100`; striate has no threshold, which
  is 3 there if none is given.
- 8 bits a channel, but for the median.
""",
    rows=ROWS,
)
