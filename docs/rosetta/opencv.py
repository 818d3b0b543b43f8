"""OpenCV."""

from __future__ import annotations

from .row import Differs, Missing, Peer, Refuses, Row, Same

__all__ = ["PEER"]

FLOATS, INTEGERS = "float32 float64", "uint8 uint16"
BORDER = "borderType=cv2.BORDER_REFLECT"
KERNEL = "no such filter; the kernel is striate's"

ROWS = (
    Row("box", "filters.box(x, 5)", f"cv2.blur(x, (5, 5), {BORDER})", Same()),
    Row(
        "box",
        "filters.box(x, 4)",
        f"cv2.blur(x, (4, 4), {BORDER})",
        Same(),
        "uint16 float32 float64",
        "even windows reach up and left, as striate's",
    ),
    Row(
        "box",
        "filters.box(x, 4)",
        f"cv2.blur(x, (4, 4), {BORDER})",
        Differs(1),
        "uint8",
        "halves go up or down, by an arithmetic of its own",
    ),
    Row(
        "gaussian",
        "filters.gaussian(x, 2)",
        f"cv2.GaussianBlur(x, (17, 17), 2, {BORDER})",
        Same(),
        FLOATS,
        "side: `2 * int(4 * sigma + 0.5) + 1`",
    ),
    Row(
        "gaussian",
        "filters.gaussian(x, 2)",
        f"cv2.GaussianBlur(x, (17, 17), 2, {BORDER})",
        Differs(1),
        "uint8",
        "its weights are rounded to fixed point",
    ),
    Row(
        "gaussian",
        "filters.gaussian(x, 2)",
        f"cv2.GaussianBlur(x, (17, 17), 2, {BORDER})",
        Differs(2),
        "uint16",
        "as for uint8",
    ),
    Row(
        "gaussian",
        "filters.gaussian(x, 2, border='mirror')",
        "cv2.GaussianBlur(x, (0, 0), 2)",
        Same(),
        FLOATS,
        "the side that OpenCV chooses for floats is striate's; its border is mirror",
    ),
    Row(
        "gaussian",
        "filters.gaussian(x, 2, truncate=3, border='mirror')",
        "cv2.GaussianBlur(x, (0, 0), 2)",
        Differs(2),
        "uint8",
        "for uint8 it cuts the bell at 3 sigma",
    ),
    Row(
        "gaussian",
        "filters.gaussian(x, 1.1, truncate=1.8, border='mirror')",
        "cv2.GaussianBlur(x, (5, 5), 0)",
        Differs(0.017),
        FLOATS,
        "sigma 0 stands for `0.3 * ((side - 1) / 2 - 1) + 0.8`, but up to side 7 the weights are "
        "binomial, as below",
    ),
    Row(
        "gaussian",
        "filters.correlate(x, np.outer(b := [1, 4, 6, 4, 1], b) / 256, border='mirror')",
        "cv2.GaussianBlur(x, (5, 5), 0)",
        Same(),
        FLOATS,
    ),
    Row(
        "gaussian",
        "filters.correlate(x, np.outer(b := [1, 4, 6, 4, 1], b) / 256, border='mirror')",
        "cv2.GaussianBlur(x, (5, 5), 0)",
        Differs(1),
        "uint8",
        "halves are rounded up, striate's to even",
    ),
    Row(
        "gaussian",
        "filters.gaussian(x, 2, order=(0, 1))",
        f"cv2.filter2D(x, -1, filters.kernels.gaussian(2, order=(0, 1)), {BORDER})",
        Same(),
        FLOATS,
        KERNEL,
    ),
    Row("gaussian", "", "", Missing("gauss.*deriv|deriv.*gauss", "its derivatives")),
    Row("motion_blur", "", "", Missing("motionblur|motion_blur")),
    Row(
        "motion_blur",
        "filters.motion_blur(x, 9, angle=0.5)",
        f"cv2.filter2D(x, -1, filters.kernels.motion(9, 0.5), {BORDER})",
        Same(),
        "uint8 float32 float64",
        KERNEL,
    ),
    Row(
        "median",
        "filters.median(x, 5, border='nearest')",
        "cv2.medianBlur(x, 5)",
        Same(),
        "uint8 uint16 float32",
        "the border cannot be chosen",
    ),
    Row(
        "median", "filters.median(x, 7, border='nearest')", "cv2.medianBlur(x, 7)", Same(), "uint8"
    ),
    Row(
        "median",
        "filters.median(x, 7, border='nearest')",
        "cv2.medianBlur(x, 7)",
        Refuses("src.depth() == CV_8U"),
        "uint16 float32",
        "sides above 5: uint8 alone",
    ),
    Row(
        "median",
        "filters.median(x, 3, border='nearest')",
        "cv2.medianBlur(x, 3)",
        Refuses("Unsupported format"),
        "float64",
    ),
    Row(
        "sobel",
        "filters.sobel(x, 1)",
        f"cv2.Sobel(x, -1, 1, 0, {BORDER})",
        Same(),
        note="axis 0: `0, 1`; negative values become 0 in unsigned results",
    ),
    Row(
        "sobel",
        "filters.sobel(x, 1, dtype=np.int16)",
        f"cv2.Sobel(x, cv2.CV_16S, 1, 0, {BORDER})",
        Same(),
        "uint8",
    ),
    Row(
        "sobel",
        "filters.sobel(x)",
        f"cv2.magnitude(cv2.Sobel(x, -1, 1, 0, {BORDER}), cv2.Sobel(x, -1, 0, 1, {BORDER}))",
        Same(),
        FLOATS,
    ),
    Row("scharr", "filters.scharr(x, 1)", f"cv2.Scharr(x, -1, 1, 0, {BORDER})", Same()),
    Row("prewitt", "", "", Missing("prewitt")),
    Row(
        "prewitt",
        "filters.prewitt(x, 1)",
        f"cv2.filter2D(x, -1, -filters.kernels.prewitt(1), {BORDER})",
        Same(),
        note=f"{KERNEL}, turned by the minus sign",
    ),
    Row("roberts", "", "", Missing("roberts(?!on)")),
    Row(
        "roberts",
        "filters.roberts(x, 0)",
        f"cv2.filter2D(x, -1, -filters.kernels.roberts(0), anchor=(0, 0), {BORDER})",
        Same(),
        note=f"{KERNEL}, turned by the minus sign",
    ),
    Row(
        "gradient",
        "filters.gradient(x)[0]",
        f"cv2.magnitude(cv2.Sobel(x, -1, 1, 0, {BORDER}), cv2.Sobel(x, -1, 0, 1, {BORDER}))",
        Same(),
        FLOATS,
    ),
    Row(
        "gradient",
        "filters.gradient(x)[1] % (2 * np.pi)",
        f"cv2.phase(cv2.Sobel(x, cv2.CV_32F, 1, 0, {BORDER}), "
        f"cv2.Sobel(x, cv2.CV_32F, 0, 1, {BORDER}))",
        Differs(0.00017),
        "uint8",
        "in radians: its arctangent is approximate, and runs from 0 to 2π",
        scale=1,
    ),
    Row(
        "laplacian",
        "filters.laplacian(x)",
        f"cv2.Laplacian(x, -1, {BORDER})",
        Same(),
        note="its `ksize=1`, which it takes if none is given",
    ),
    Row(
        "laplacian",
        "filters.laplacian(x, dtype=np.int16)",
        f"cv2.Laplacian(x, cv2.CV_16S, {BORDER})",
        Same(),
        "uint8",
    ),
    Row(
        "laplacian",
        "filters.correlate(x, [[2, 0, 2], [0, -8, 0], [2, 0, 2]])",
        f"cv2.Laplacian(x, -1, ksize=3, {BORDER})",
        Same(),
        note="its `ksize=3` is another kernel: neither striate's with 4 neighbours nor with 8",
    ),
    Row("laplacian_of_gaussian", "", "", Missing("laplacian.*gauss|gauss.*lapl")),
    Row(
        "laplacian_of_gaussian",
        "filters.laplacian_of_gaussian(x, 2)",
        f"cv2.filter2D(x, -1, filters.kernels.laplacian_of_gaussian(2), {BORDER})",
        Same(),
        FLOATS,
        KERNEL,
    ),
    Row(
        "laplacian_of_gaussian",
        "filters.laplacian_of_gaussian(x, 2)",
        f"cv2.Laplacian(cv2.GaussianBlur(x, (17, 17), 2, {BORDER}), -1, {BORDER})",
        Differs(0.0037),
        FLOATS,
        "differences of the blurred image, not the bell's derivatives",
    ),
    Row("difference_of_gaussians", "", "", Missing("difference_?of|^dog")),
    Row(
        "difference_of_gaussians",
        "filters.difference_of_gaussians(x, 1, 2)",
        f"cv2.GaussianBlur(x, (9, 9), 1, {BORDER}) - cv2.GaussianBlur(x, (17, 17), 2, {BORDER})",
        Same(),
        FLOATS,
    ),
    Row(
        "gabor",
        "filters.gabor(x, 8, 0.6)",
        "cv2.filter2D(x, -1, cv2.getGaborKernel((39, 49), s := 4.497375003102662, 0.6, 8, 0.5, 0) "
        f"/ cv2.getGaborKernel((39, 49), s, 0.6, 1e12, 0.5, 0).sum(), {BORDER})",
        Same(),
        FLOATS,
        "sigma: `wavelength * 0.5622` for the bandwidth of one octave; its kernel is not divided "
        "by the bell's sum; side as `filters.kernels.gabor(8, 0.6)`, columns first",
    ),
    Row("sharpen", "", "", Missing("sharpen")),
    Row(
        "sharpen",
        "filters.sharpen(x)",
        f"cv2.filter2D(x, -1, filters.kernels.sharpen(), {BORDER})",
        Same(),
        note=KERNEL,
    ),
    Row("unsharp_mask", "", "", Missing("unsharp")),
    Row(
        "unsharp_mask",
        "filters.unsharp_mask(x, 2, 0.7)",
        f"cv2.addWeighted(x, 1.7, cv2.GaussianBlur(x, (17, 17), 2, {BORDER}), -0.7, 0)",
        Same(),
        FLOATS,
    ),
    Row(
        "unsharp_mask",
        "filters.unsharp_mask(x, 2, 0.7)",
        f"cv2.addWeighted(x, 1.7, cv2.GaussianBlur(x, (17, 17), 2, {BORDER}), -0.7, 0)",
        Differs(1),
        "uint8",
        "the blurred image is rounded on the way",
    ),
    Row("emboss", "", "", Missing("emboss")),
    Row(
        "emboss",
        "filters.emboss(x)",
        f"cv2.filter2D(x, -1, filters.kernels.emboss(), {BORDER})",
        Same(),
        note=KERNEL,
    ),
    Row(
        "convolve",
        "filters.convolve(x, [[1, 2, 3], [0, 0, 0], [0, 0, 0]])",
        f"cv2.filter2D(x, -1, np.array([[0.0, 0, 0], [0, 0, 0], [3, 2, 1]]), {BORDER})",
        Same(),
        note="filter2D correlates: flip the kernel on both axes",
    ),
    Row(
        "convolve",
        "filters.convolve(x, [[1, 2], [3, 4]])",
        f"cv2.filter2D(x, -1, np.array([[4.0, 3], [2, 1]]), anchor=(0, 0), {BORDER})",
        Same(),
        note="even kernels: flip the anchor too, to `(side - 1) // 2`",
    ),
    Row(
        "correlate",
        "filters.correlate(x, [[1, 2], [3, 4]])",
        f"cv2.filter2D(x, -1, np.array([[1.0, 2], [3, 4]]), {BORDER})",
        Same(),
    ),
    Row(
        "correlate",
        "filters.correlate(x, filters.kernels.kv())",
        f"cv2.filter2D(x, -1, filters.kernels.kv(), {BORDER})",
        Differs(1),
        INTEGERS,
        "weights that are no binary fractions: halves fall to either side, in both",
    ),
    Row(
        "borders",
        "filters.box(x, 5, border='mirror')",
        "cv2.blur(x, (5, 5))",
        Same(),
        note="`cv2.BORDER_REFLECT_101` is what all of OpenCV takes if none is given",
    ),
    Row(
        "borders",
        "filters.gaussian(x, 4)",
        "cv2.GaussianBlur(x, (0, 0), 4)",
        Differs(0.044),
        FLOATS,
        "in the 16 outermost rows and columns",
    ),
    *(
        Row(
            "borders",
            f"filters.box(x, 5, border='{ours}')",
            f"cv2.blur(x, (5, 5), borderType=cv2.BORDER_{theirs})",
            Same(),
        )
        for ours, theirs in (
            ("reflect", "REFLECT"),
            ("nearest", "REPLICATE"),
            ("constant", "CONSTANT"),
        )
    ),
    Row(
        "borders",
        "filters.box(x, 5, border='wrap')",
        "cv2.blur(cv2.copyMakeBorder(x, 2, 2, 2, 2, cv2.BORDER_WRAP), (5, 5))[2:-2, 2:-2]",
        Same(),
    ),
    Row(
        "borders",
        "filters.correlate(x, np.ones((3, 3)), border='wrap')",
        "cv2.filter2D(x, -1, np.ones((3, 3)), borderType=cv2.BORDER_WRAP)",
        Refuses("columnBorderType != BORDER_WRAP"),
        note="most filters refuse BORDER_WRAP, some for some dtypes",
    ),
)

PEER = Peer(
    name="OpenCV",
    distribution="opencv-python-headless",
    imports="import cv2",
    searched=("cv2",),
    coming="""\
- What OpenCV calls convolution and `filter2D` is `correlate`.
- Its border, if none is given, is `BORDER_REFLECT_101`: `border="mirror"`. striate's is `reflect`.
- Sizes are (columns, rows), `dx` comes before `dy`; striate has rows first. Axis 1 is `dx=1`.
- `ddepth=-1` is what striate does if no `dtype` is given; `cv2.CV_16S` is `dtype=np.int16`.
- A side of 0 leaves the choice to OpenCV: 4 sigma for floats, as striate's `truncate=4`, but 3
  sigma for uint8. A sigma of 0 has no counterpart: say which you mean.
- Results of uint8 may be a level off: weights are rounded to fixed point, and halves go up.
  striate adds exactly where weights allow it, and rounds once, halves to even.
- Constants around the image other than 0 (`cval`) need `cv2.copyMakeBorder`.
""",
    rows=ROWS,
)
