"""kornia."""

from __future__ import annotations

from .row import Differs, Missing, Peer, Refuses, Row, Same

__all__ = ["PEER"]

FLOATS = "float32 float64"
MIRROR = "border='mirror'"
KERNEL = "no such filter; the kernel is striate's"


def tensor(kernel: str) -> str:
    """Return the code of a kernel as kornia wants it."""
    return f"torch.tensor(filters.kernels.{kernel})[None]"


ROWS = (
    Row("box", f"filters.box(x, 5, {MIRROR})", "kornia.filters.box_blur(t, 5)", Same(), FLOATS),
    Row(
        "box",
        f"filters.box(x, 5, dtype=np.float32, {MIRROR})",
        "kornia.filters.box_blur(t, 5)",
        Same(),
        "uint8",
        "integers become float32 and stay so, in all of its filters",
    ),
    Row(
        "box",
        f"filters.box(x, 4, {MIRROR})",
        "kornia.filters.box_blur(t, 4)",
        Differs(0.3),
        FLOATS,
        "even windows reach a pixel further down and right; striate's up and left",
    ),
    Row(
        "gaussian",
        f"filters.gaussian(x, 2, {MIRROR})",
        "kornia.filters.gaussian_blur2d(t, 17, (2, 2))",
        Same(),
        FLOATS,
        "side: `2 * int(4 * sigma + 0.5) + 1`",
    ),
    Row(
        "gaussian",
        f"filters.gaussian(x, 2, order=(0, 1), {MIRROR})",
        f"kornia.filters.filter2d(t, {tensor('gaussian(2, order=(0, 1))')})",
        Same(),
        FLOATS,
        KERNEL,
    ),
    Row("gaussian", "", "", Missing("gauss.*deriv|deriv.*gauss", "its derivatives")),
    Row(
        "motion_blur",
        f"filters.motion_blur(x, 9, {MIRROR})",
        "kornia.filters.motion_blur(t, 9, 0.0, 0.0)",
        Same(),
        FLOATS,
        "odd lengths to the right or down",
    ),
    Row(
        "motion_blur",
        f"filters.motion_blur(x, 9, angle=np.radians(30), {MIRROR})",
        "kornia.filters.motion_blur(t, 9, -30.0, 0.0)",
        Differs(0.13),
        FLOATS,
        "degrees, the other way round; at other angles its kernel is a row turned to the nearest "
        "pixels, and its length varies",
    ),
    Row(
        "median",
        f"filters.median(x, 5, {MIRROR})",
        "kornia.filters.median_blur(t, 5)",
        Same(),
        "uint8 float32 float64",
    ),
    Row(
        "median",
        f"filters.median(x, 4, {MIRROR})",
        "kornia.filters.median_blur(t, 4)",
        Refuses("must be an odd integer"),
        FLOATS,
    ),
    Row(
        "sobel",
        "filters.sobel(x, 1)",
        "8 * kornia.filters.spatial_gradient(t)[:, :, 0]",
        Same(),
        FLOATS,
        "divided by 8 unless `normalized=False`; axis 0: `[:, :, 1]`; its border here is nearest, "
        "which is reflect where a kernel reaches one pixel",
    ),
    Row(
        "sobel",
        "filters.sobel(x)",
        "kornia.filters.sobel(t, normalized=False, eps=0)",
        Same(),
        FLOATS,
    ),
    Row(
        "sobel",
        "filters.sobel(x)",
        "kornia.filters.sobel(t, normalized=False)",
        Differs(7.3e-5),
        FLOATS,
        "a millionth is added below the root: flat parts have a slope of 0.001",
    ),
    Row("scharr", "", "", Missing("scharr")),
    Row("prewitt", "", "", Missing("prewitt")),
    Row("roberts", "", "", Missing("roberts")),
    *(
        Row(
            name,
            f"filters.{name}(x, {which})",
            f"kornia.filters.filter2d(t, {tensor(f'{name}({which})')}, "
            "'replicate', behaviour='conv')",
            Same(),
            FLOATS,
            KERNEL,
        )
        for name, which in (("scharr", 1), ("prewitt", 1), ("roberts", 0))
    ),
    Row(
        "gradient",
        "filters.gradient(x)[0]",
        "kornia.filters.sobel(t, normalized=False, eps=0)",
        Same(),
        FLOATS,
    ),
    Row(
        "gradient",
        "filters.gradient(x)[1]",
        "torch.atan2(*kornia.filters.spatial_gradient(t).flip(2).unbind(2))",
        Same(),
        "uint8",
        "in radians",
        scale=1,
    ),
    Row(
        "laplacian",
        f"filters.laplacian(x, neighbours=8, {MIRROR})",
        "16 * kornia.filters.laplacian(t, 3)",
        Same(),
        FLOATS,
        "eight neighbours, divided by 16 unless `normalized=False`",
    ),
    Row("laplacian_of_gaussian", "", "", Missing("gauss.*lapl|laplacian_of")),
    Row(
        "laplacian_of_gaussian",
        f"filters.laplacian_of_gaussian(x, 2, {MIRROR})",
        f"kornia.filters.filter2d(t, {tensor('laplacian_of_gaussian(2)')})",
        Same(),
        FLOATS,
        KERNEL,
    ),
    Row("difference_of_gaussians", "", "", Missing("difference|^dog")),
    Row(
        "difference_of_gaussians",
        f"filters.difference_of_gaussians(x, 1, 2, {MIRROR})",
        "kornia.filters.gaussian_blur2d(t, 9, (1, 1)) "
        "- kornia.filters.gaussian_blur2d(t, 17, (2, 2))",
        Same(),
        FLOATS,
    ),
    Row("gabor", "", "", Missing("gabor")),
    Row(
        "gabor",
        f"filters.gabor(x, 8, 0.6, {MIRROR})",
        f"kornia.filters.filter2d(t, {tensor('gabor(8, 0.6)')})",
        Same(),
        FLOATS,
        KERNEL,
    ),
    Row(
        "sharpen",
        "filters.sharpen(x, 1 / 13, neighbours=8).clip(0, 1)",
        "kornia.enhance.sharpness(t, 2.0)",
        Same(),
        FLOATS,
        "`amount = (factor - 1) / 13`; clipped; the border stays as it is",
        inside=1,
    ),
    Row(
        "unsharp_mask",
        f"filters.unsharp_mask(x, 2, {MIRROR})",
        "kornia.filters.unsharp_mask(t, 17, (2, 2))",
        Same(),
        FLOATS,
        "an amount of 1, and no other",
    ),
    Row("emboss", "", "", Missing("emboss")),
    Row(
        "emboss",
        f"filters.emboss(x, {MIRROR})",
        f"kornia.filters.filter2d(t, {tensor('emboss()')})",
        Same(),
        FLOATS,
        KERNEL,
    ),
    *(
        Row(
            "convolve",
            f"filters.convolve(x, {kernel}, {MIRROR})",
            f"kornia.filters.filter2d(t, torch.tensor([{kernel}]), behaviour='conv')",
            Same(),
            FLOATS,
        )
        for kernel in ("[[1, 2, 3], [0, 0, 0], [0, 0, 0]]", "[[1, 2], [3, 4]]")
    ),
    Row(
        "correlate",
        f"filters.correlate(x, [[1, 2, 3], [0, 0, 0], [0, 0, 0]], {MIRROR})",
        "kornia.filters.filter2d(t, torch.tensor([[[1, 2, 3], [0, 0, 0], [0, 0, 0]]]))",
        Same(),
        FLOATS,
    ),
    Row(
        "correlate",
        f"filters.correlate(x, [[0, 0, 0], [0, 1, 2], [0, 3, 4]], {MIRROR})",
        "kornia.filters.filter2d(t, torch.tensor([[[1, 2], [3, 4]]]))",
        Same(),
        FLOATS,
        "even kernels reach a pixel further down and right; striate's up and left",
    ),
    *(
        Row(
            "borders",
            f"filters.gaussian(x, 2, border='{ours}')",
            f"kornia.filters.gaussian_blur2d(t, 17, (2, 2), '{theirs}')",
            Same(),
            FLOATS,
        )
        for ours, theirs in (
            ("mirror", "reflect"),
            ("nearest", "replicate"),
            ("constant", "constant"),
            ("wrap", "circular"),
        )
    ),
    Row(
        "borders",
        "filters.gaussian(x, 2)",
        "kornia.filters.gaussian_blur2d(t, 17, (2, 2))",
        Differs(0.09),
        FLOATS,
        "`'reflect'`, which it takes if none is given, is mirror; it has no reflect",
    ),
)

PEER = Peer(
    name="kornia",
    distribution="kornia",
    imports="import kornia\nimport torch",
    searched=("kornia.filters",),
    coming="""\
- `border_type="reflect"` is `border="mirror"`; kornia has nothing like striate's `reflect`.
- `filter2d` correlates; `behaviour="conv"` convolves. Even kernels reach down and right.
- `normalized=True` divides derivatives by the sum of their absolute weights: 8 for Sobel, 16 for
  the Laplacian. striate does not.
- Magnitudes have `eps=1e-6` below the root; give `eps=0` to compare.
- Say the kernel's side: `2 * int(4 * sigma + 0.5) + 1` is what striate's `truncate=4` gives.
- Images are (N, C, H, W), floats from 0 to 1; integers become floats.
""",
    rows=ROWS,
)
