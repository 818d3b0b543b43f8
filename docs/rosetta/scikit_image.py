"""scikit-image."""

from __future__ import annotations

from .row import Differs, Missing, Peer, Refuses, Row, Same

__all__ = ["PEER"]

FLOATS, INTEGERS = "float32 float64", "uint8 uint16"

ROWS = (
    Row(
        "box",
        "filters.box(x, 5)",
        "skimage.filters.correlate_sparse(x, np.ones((5, 5)) / 25)",
        Same(),
        FLOATS,
        "no such filter; `rank.mean` is another one",
        colour=False,
    ),
    Row(
        "box",
        "filters.box(x, 5)",
        "skimage.filters.rank.mean(x, np.ones((5, 5)))",
        Differs(24),
        "uint8",
        "the mean of those pixels of the window that lie in the image, cut, not rounded",
        colour=False,
    ),
    Row(
        "gaussian",
        "filters.gaussian(x, 2)",
        "skimage.filters.gaussian(x, 2, mode='reflect')",
        Same(),
        FLOATS,
        colour=False,
    ),
    Row(
        "gaussian",
        "filters.gaussian(x, 2)",
        "skimage.filters.gaussian(x, 2, mode='reflect', channel_axis=-1)",
        Same(),
        FLOATS,
        colour=None,
    ),
    Row(
        "gaussian",
        "filters.gaussian(x, 2)",
        "skimage.filters.gaussian(x, 2, mode='reflect')",
        Differs(0.13),
        FLOATS,
        "without `channel_axis` it blurs red, green and blue into each other",
        colour=None,
    ),
    Row(
        "gaussian",
        "filters.gaussian(x, 2, border='nearest')",
        "skimage.filters.gaussian(x, 2)",
        Same(),
        FLOATS,
        "its border is nearest here, reflect for Sobel and others",
        colour=False,
    ),
    Row(
        "gaussian",
        "filters.gaussian(x, 2)",
        "np.rint(skimage.filters.gaussian(x, 2, mode='reflect', preserve_range=True))",
        Same(),
        INTEGERS,
        colour=False,
    ),
    Row(
        "gaussian",
        "filters.gaussian(x, 2)",
        "skimage.filters.gaussian(x, 2, mode='reflect')",
        Differs(254),
        "uint8",
        "integers are scaled to 0…1 and stay floats",
        colour=False,
    ),
    Row("gaussian", "", "", Missing("deriv", "its derivatives")),
    *(
        Row(
            name,
            f"filters.{name}(x{arguments})",
            f"skimage.filters.correlate_sparse(x, filters.kernels.{kernel})",
            Same(),
            FLOATS,
            "no such filter; the kernel is striate's",
            colour=False,
        )
        for name, arguments, kernel in (
            ("gaussian", ", 2, order=(0, 1)", "gaussian(2, order=(0, 1))"),
            ("motion_blur", ", 9, angle=0.5", "motion(9, 0.5)"),
            ("laplacian_of_gaussian", ", 2", "laplacian_of_gaussian(2)"),
            ("gabor", ", 4, 0.6", "gabor(4, 0.6)"),
            ("sharpen", "", "sharpen()"),
            ("emboss", "", "emboss()"),
        )
    ),
    Row("motion_blur", "", "", Missing("motion")),
    Row(
        "median",
        "filters.median(x, 5)",
        "skimage.filters.median(x, np.ones((5, 5)), mode='reflect')",
        Same(),
        colour=False,
    ),
    Row(
        "median",
        "filters.median(x, 5)",
        "skimage.filters.median(x, np.ones((5, 5, 1)), mode='reflect')",
        Same(),
        note="a footprint of depth 1 keeps the channels apart",
        colour=None,
    ),
    Row(
        "median",
        "filters.median(x, 3, border='nearest')",
        "skimage.filters.median(x)",
        Same(),
        note="its border is nearest",
        colour=False,
    ),
    Row(
        "median",
        "filters.median(x, 3, border='nearest')",
        "skimage.filters.median(x)",
        Differs(0.46),
        FLOATS,
        "without a footprint: the median over red, green and blue too",
        colour=None,
    ),
    *(
        Row(
            name,
            f"filters.{name}(x, 1)",
            f"{weights} * skimage.filters.{name}_v(x)",
            Same(),
            FLOATS,
            f"divided by {weights}; axis 0: `{name}_h`",
            colour=False,
        )
        for name, weights in (("sobel", 4), ("scharr", 16), ("prewitt", 3))
    ),
    *(
        Row(
            name,
            f"filters.{name}(x)",
            f"{weights}np.sqrt(2) * skimage.filters.{name}(x)",
            Same(),
            FLOATS,
            "divided by √2 besides",
            colour=False,
        )
        for name, weights in (
            ("sobel", "4 * "),
            ("scharr", "16 * "),
            ("prewitt", "3 * "),
            ("roberts", ""),
        )
    ),
    Row(
        "sobel",
        "filters.sobel(x)",
        "skimage.filters.sobel(x)",
        Differs(0.27),
        FLOATS,
        "as it is, without the factor",
        colour=False,
    ),
    Row(
        "sobel",
        "filters.sobel(x)",
        "4 * np.sqrt(2) * skimage.filters.sobel(x)",
        Differs(0.083),
        FLOATS,
        "counts the slope from red to green to blue too",
        colour=None,
    ),
    Row(
        "sobel",
        "filters.sobel(x, 1)",
        "4 * skimage.filters.sobel_v(x)",
        Refuses("must be a 2-dimensional array"),
        FLOATS,
        colour=None,
    ),
    *(
        Row(
            "roberts",
            f"filters.roberts(x, {diagonal})",
            f"skimage.filters.roberts_{name}_diag(x)",
            Same(),
            FLOATS,
            colour=False,
        )
        for diagonal, name in ((0, "pos"), (1, "neg"))
    ),
    Row(
        "gradient",
        "filters.gradient(x)[0]",
        "4 * np.sqrt(2) * skimage.filters.sobel(x)",
        Same(),
        FLOATS,
        colour=False,
    ),
    Row(
        "gradient",
        "filters.gradient(x * 255)[1]",
        "np.arctan2(skimage.filters.sobel_h(x * 255), skimage.filters.sobel_v(x * 255))",
        Same(),
        "float64",
        "in radians; of whole numbers, since flat parts have no direction but rounding's",
        colour=False,
        scale=1,
    ),
    Row(
        "laplacian",
        "filters.laplacian(x)",
        "-skimage.filters.laplace(x)",
        Same(),
        FLOATS,
        "of the opposite sign",
        colour=False,
    ),
    Row(
        "laplacian",
        "filters.laplacian(x)",
        "-skimage.filters.laplace(x)",
        Differs(0.063),
        FLOATS,
        "counts the curvature from red to green to blue too",
        colour=None,
    ),
    Row("laplacian_of_gaussian", "", "", Missing("gaussian_lapl|laplacian_of|^log$")),
    *(
        Row(
            "difference_of_gaussians",
            f"filters.difference_of_gaussians(x, {sigmas})",
            f"skimage.filters.difference_of_gaussians(x, {sigmas}, mode='reflect')",
            Same(),
            FLOATS,
            note,
            colour=False,
        )
        for sigmas, note in (("1, 2", ""), ("1", "1.6 times as wide, if not said"))
    ),
    Row(
        "gabor",
        "filters.gabor(x, 8, 0.6)",
        "skimage.filters.gabor(x, 1 / 8, 0.6, sigma_x=(s := 4.497375003102662), sigma_y=2 * s)[0]",
        Differs(0.0007),
        FLOATS,
        "its kernel has another side, and is divided by the bell's integral, not by its sum; "
        "its bell is round unless `sigma_y` is given",
        colour=False,
    ),
    Row("sharpen", "", "", Missing("^sharp")),
    Row(
        "unsharp_mask",
        "filters.unsharp_mask(x, 2, 0.7)",
        "skimage.filters.unsharp_mask(x, 2, 0.7, preserve_range=True)",
        Same(),
        FLOATS,
        colour=False,
    ),
    Row(
        "unsharp_mask",
        "filters.unsharp_mask(x, 2, 0.7).clip(0, 1)",
        "skimage.filters.unsharp_mask(x, 2, 0.7)",
        Same(),
        FLOATS,
        "clipped to 0…1, or to -1…1 if any pixel is negative",
        colour=False,
    ),
    Row(
        "unsharp_mask",
        "filters.unsharp_mask(x, 2, 0.7)",
        "np.rint(skimage.filters.unsharp_mask(x, 2, 0.7, preserve_range=True)).clip(0, 255)",
        Same(),
        "uint8",
        colour=False,
    ),
    Row(
        "unsharp_mask",
        "filters.unsharp_mask(x, 2, 0.7)",
        "skimage.filters.unsharp_mask(x, 2, 0.7, channel_axis=2, preserve_range=True)",
        Same(),
        FLOATS,
        colour=None,
    ),
    Row(
        "unsharp_mask",
        "filters.unsharp_mask(x, 2, 0.7)[:3]",
        "skimage.filters.unsharp_mask(x, 2, 0.7, channel_axis=-1, preserve_range=True)[:3]",
        Differs(0.27),
        FLOATS,
        "**beware**: with `channel_axis=-1` it filters the first three rows, as if they were the "
        "channels, and returns memory as it happens to be for the others",
        colour=None,
    ),
    Row("emboss", "", "", Missing("emboss")),
    Row(
        "convolve",
        "filters.convolve(x, [[1, 2, 3], [0, 0, 0], [0, 0, 0]])",
        "skimage.filters.correlate_sparse(x, np.array([[0, 0, 0], [0, 0, 0], [3, 2, 1]]))",
        Same(),
        FLOATS,
        colour=False,
    ),
    Row(
        "correlate",
        "filters.correlate(x, [[1, 2, 3], [0, 0, 0], [0, 0, 0]])",
        "skimage.filters.correlate_sparse(x, np.array([[1, 2, 3], [0, 0, 0], [0, 0, 0]]))",
        Same(),
        FLOATS,
        colour=False,
    ),
    Row(
        "correlate",
        "filters.correlate(x, [[1, 2], [3, 4]])",
        "skimage.filters.correlate_sparse(x, np.array([[1, 2], [3, 4]]))",
        Refuses("must not be even"),
        FLOATS,
        colour=False,
    ),
    *(
        Row(
            "borders",
            f"filters.gaussian(x, 2, border='{border}')",
            f"skimage.filters.gaussian(x, 2, mode='{border}')",
            Same(),
            FLOATS,
            colour=False,
        )
        for border in ("reflect", "mirror", "nearest", "constant", "wrap")
    ),
)

PEER = Peer(
    name="scikit-image",
    distribution="scikit-image",
    imports="import skimage.filters.rank",
    searched=("skimage.filters", "skimage.filters.rank", "skimage.restoration"),
    coming="""\
- Edge filters are scaled there so that they keep within the image's range, here they are not:
  multiply by 4 (Sobel), 16 (Scharr), 3 (Prewitt), and magnitudes by √2 besides.
- `_v` finds vertical edges: axis 1 here. `_h` is axis 0.
- `laplace` has the opposite sign.
- Integers become floats from 0 to 1 (`preserve_range=True` keeps the levels), and the result is
  float. Here it has the image's dtype.
- The border is `nearest` for `gaussian`, `median` and `difference_of_gaussians`, `reflect` for the
  others; `numpy.pad` and `skimage.transform` give the same names other meanings.
- Colour images need `channel_axis=-1` where there is such an argument (not for `unsharp_mask`:
  write 2), and one channel at a time where there is none. Here channels never mix.
""",
    rows=ROWS,
)
