"""SciPy."""

from __future__ import annotations

from .row import Differs, Missing, Peer, Row, Same

__all__ = ["PEER"]

FLOATS, INTEGERS = "float32 float64", "uint8 uint16"
AXES = "axes=(0, 1)"
KERNEL = "no such filter; the kernel is striate's"

ROWS = (
    Row("box", "filters.box(x, 5)", f"ndimage.uniform_filter(x, 5, {AXES})", Same(), FLOATS),
    Row(
        "box",
        "filters.box(x, 4)",
        f"ndimage.uniform_filter(x, 4, {AXES})",
        Same(),
        FLOATS,
        "even windows reach up and left, as striate's",
    ),
    Row(
        "box",
        "filters.box(x, 5)",
        f"np.rint(ndimage.uniform_filter(x, 5, output=float, {AXES}))",
        Same(),
        INTEGERS,
    ),
    Row(
        "box",
        "filters.box(x, 5)",
        f"ndimage.uniform_filter(x, 5, {AXES})",
        Differs(2),
        INTEGERS,
        "cut, not rounded, after each of the two passes",
    ),
    Row(
        "gaussian",
        "filters.gaussian(x, 2)",
        f"ndimage.gaussian_filter(x, 2, {AXES})",
        Same(),
        FLOATS,
    ),
    Row(
        "gaussian",
        "filters.gaussian(x, 2)",
        f"np.rint(ndimage.gaussian_filter(x, 2, output=float, {AXES}))",
        Same(),
        INTEGERS,
    ),
    Row(
        "gaussian",
        "filters.gaussian(x, 2)",
        f"ndimage.gaussian_filter(x, 2, {AXES})",
        Differs(2),
        INTEGERS,
        "cut, not rounded, after each pass: darker by a level on average",
    ),
    Row(
        "gaussian",
        "filters.gaussian(x, 2)",
        "ndimage.gaussian_filter(x, 2)",
        Differs(0.13),
        FLOATS,
        "without `axes` it blurs red, green and blue into each other",
        colour=None,
    ),
    Row(
        "gaussian",
        "filters.gaussian(x, 2, order=(0, 1))",
        f"ndimage.gaussian_filter(x, 2, order=(0, 1), {AXES})",
        Same(),
        FLOATS,
    ),
    Row(
        "gaussian",
        "filters.gaussian(x, (2, 3), truncate=3, order=2)",
        f"ndimage.gaussian_filter(x, (2, 3), truncate=3, order=2, {AXES})",
        Same(),
        FLOATS,
    ),
    Row(
        "motion_blur",
        "filters.motion_blur(x, 9, angle=0.5)",
        f"ndimage.correlate(x, filters.kernels.motion(9, 0.5), {AXES})",
        Same(),
        FLOATS,
        KERNEL,
    ),
    Row(
        "motion_blur",
        "filters.motion_blur(x, 9)",
        f"ndimage.uniform_filter(x, (1, 9), {AXES})",
        Same(),
        FLOATS,
        "odd lengths to the right",
    ),
    Row("motion_blur", "", "", Missing("motion")),
    *(
        Row("median", f"filters.median(x, {n})", f"ndimage.median_filter(x, {n}, {AXES})", Same())
        for n in (5, 4)
    ),
    Row("sobel", "filters.sobel(x, 1)", "ndimage.sobel(x, 1)", Same(), FLOATS, colour=False),
    Row(
        "sobel",
        "filters.sobel(x, 1, dtype=np.int16)",
        "ndimage.sobel(x, 1, output=np.int16)",
        Same(),
        "uint8",
        colour=False,
    ),
    Row(
        "sobel",
        "filters.sobel(x, 1)",
        "ndimage.sobel(x, 1)",
        Differs(255),
        "uint8",
        "negative values wrap around: -1 becomes 255",
        colour=False,
    ),
    Row(
        "sobel",
        "filters.sobel(x, 1)",
        "ndimage.sobel(x, 1)",
        Differs(1.4),
        FLOATS,
        "smooths over red, green and blue as over rows, with weights that add up to 4",
        colour=None,
    ),
    Row(
        "sobel",
        "filters.sobel(x)",
        "ndimage.generic_gradient_magnitude(x, ndimage.sobel)",
        Same(),
        FLOATS,
        colour=False,
    ),
    Row(
        "sobel",
        "filters.sobel(x)",
        "ndimage.sobel(x)",
        Differs(0.58),
        FLOATS,
        "without an axis: along the last axis, not the magnitude",
        colour=False,
    ),
    Row("scharr", "", "", Missing("scharr")),
    Row(
        "scharr",
        "filters.scharr(x, 1)",
        f"ndimage.convolve(x, filters.kernels.scharr(1), {AXES})",
        Same(),
        FLOATS,
        KERNEL,
    ),
    Row("prewitt", "filters.prewitt(x, 1)", "ndimage.prewitt(x, 1)", Same(), FLOATS, colour=False),
    Row(
        "prewitt",
        "filters.prewitt(x, 1, dtype=np.int16)",
        "ndimage.prewitt(x, 1, output=np.int16)",
        Same(),
        "uint8",
        colour=False,
    ),
    Row("roberts", "", "", Missing("roberts")),
    Row(
        "roberts",
        "filters.roberts(x, 0)",
        f"ndimage.convolve(x, filters.kernels.roberts(0), {AXES})",
        Same(),
        FLOATS,
        KERNEL,
    ),
    Row(
        "gradient",
        "filters.gradient(x, 'gaussian', sigma=2)[0]",
        "ndimage.gaussian_gradient_magnitude(x, 2)",
        Same(),
        FLOATS,
        colour=False,
    ),
    Row(
        "gradient",
        "filters.gradient(x, 'gaussian', sigma=2)[0]",
        f"ndimage.gaussian_gradient_magnitude(x, 2, {AXES})",
        Differs(0.039),
        FLOATS,
        "for all its `axes` it blurs red, green and blue into each other",
        colour=None,
    ),
    Row(
        "gradient",
        "filters.gradient(x)[1]",
        "np.arctan2(ndimage.sobel(x, 0, output=float), ndimage.sobel(x, 1, output=float))",
        Same(),
        INTEGERS,
        "in radians",
        colour=False,
        scale=1,
    ),
    Row("laplacian", "filters.laplacian(x)", f"ndimage.laplace(x, {AXES})", Same(), FLOATS),
    Row(
        "laplacian",
        "filters.laplacian(x, dtype=np.int16)",
        f"ndimage.laplace(x, output=np.int16, {AXES})",
        Same(),
        "uint8",
    ),
    Row(
        "laplacian",
        "filters.laplacian(x)",
        f"ndimage.laplace(x, {AXES})",
        Differs(255),
        "uint8",
        "negative values wrap around",
    ),
    Row(
        "laplacian_of_gaussian",
        "filters.laplacian_of_gaussian(x, 2)",
        f"ndimage.gaussian_laplace(x, 2, {AXES})",
        Same(),
        FLOATS,
    ),
    Row("difference_of_gaussians", "", "", Missing("difference_of|dog")),
    Row(
        "difference_of_gaussians",
        "filters.difference_of_gaussians(x, 1, 2)",
        f"ndimage.gaussian_filter(x, 1, {AXES}) - ndimage.gaussian_filter(x, 2, {AXES})",
        Same(),
        FLOATS,
    ),
    Row("gabor", "", "", Missing("gabor")),
    Row(
        "gabor",
        "filters.gabor(x, 8, 0.6)",
        f"ndimage.correlate(x, filters.kernels.gabor(8, 0.6), {AXES})",
        Same(),
        FLOATS,
        KERNEL,
    ),
    Row("sharpen", "", "", Missing("sharp")),
    Row("sharpen", "filters.sharpen(x)", f"x - ndimage.laplace(x, {AXES})", Same(), FLOATS),
    Row("unsharp_mask", "", "", Missing("sharp")),
    Row(
        "unsharp_mask",
        "filters.unsharp_mask(x, 2, 0.7)",
        f"x + 0.7 * (x - ndimage.gaussian_filter(x, 2, {AXES}))",
        Same(),
        FLOATS,
    ),
    Row("emboss", "", "", Missing("emboss")),
    Row(
        "emboss",
        "filters.emboss(x)",
        f"ndimage.correlate(x, filters.kernels.emboss(), {AXES})",
        Same(),
        FLOATS,
        KERNEL,
    ),
    Row(
        "emboss",
        "filters.emboss(x)",
        f"ndimage.correlate(x, filters.kernels.emboss(), {AXES})",
        Differs(255),
        "uint8",
        "what is below 0 or above 255 wraps around",
    ),
    Row(
        "emboss",
        "filters.emboss(x)",
        f"ndimage.convolve(x, filters.kernels.emboss(), {AXES})",
        Differs(0.77),
        FLOATS,
        "`convolve` flips the kernel: lit from the lower right, hills become dents",
    ),
    *(
        Row(
            name,
            f"filters.{name}(x, {kernel})",
            f"ndimage.{name}(x, {kernel}, {AXES})",
            Same(),
            FLOATS,
            note,
        )
        for name in ("convolve", "correlate")
        for kernel, note in (
            ("[[1, 2, 3], [0, 0, 0], [0, 0, 0]]", ""),
            ("[[1, 2], [3, 4]]", "even kernels reach as far as striate's"),
        )
    ),
    Row(
        "correlate",
        "filters.correlate(x, [[1, 2], [3, 4]], dtype=np.int32)",
        f"ndimage.correlate(x, [[1, 2], [3, 4]], output=np.int32, {AXES})",
        Same(),
        INTEGERS,
    ),
    *(
        Row(
            "borders",
            f"filters.box(x, 5, border='{border}')",
            f"ndimage.uniform_filter(x, 5, mode='{border}', {AXES})",
            Same(),
            FLOATS,
        )
        for border in ("reflect", "mirror", "nearest", "constant", "wrap")
    ),
    Row(
        "borders",
        "filters.sobel(x, 1, border='constant', cval=1)",
        "ndimage.sobel(x, 1, mode='constant', cval=1)",
        Differs(1),
        FLOATS,
        "the constant is put around the result of the first pass too, whose weights add up to 0",
        colour=False,
        scale=1,
    ),
)

PEER = Peer(
    name="SciPy",
    distribution="scipy",
    imports="from scipy import ndimage",
    searched=("scipy.ndimage",),
    coming="""\
- Names of borders, centres of even windows, sigma, truncate, order, `convolve` and `correlate`
  are SciPy's: for grey images of floats you write the same and get the same.
- Colours: SciPy filters all axes, striate the first two. Give SciPy `axes=(0, 1)` to compare;
  `sobel`, `prewitt` and the gradient magnitudes have no such way and want one channel at a time.
- Integers: SciPy cuts the fraction off, after each pass, and wraps around what does not fit.
  striate rounds once and clips. Ask SciPy for `output=float` and round yourself to compare.
- `sobel(x)` is the magnitude here, and `axis=-1` there.
""",
    rows=ROWS,
)
