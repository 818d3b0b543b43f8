"""torchvision."""

from __future__ import annotations

from .row import FILTERS, Differs, Missing, Peer, Row, Same

__all__ = ["PEER"]

FLOATS, INTEGERS = "float32 float64", "uint8 uint16"
WORDS = {
    "box": "box.*blur|box.*filter|^mean",
    "motion_blur": "motion",
    "gradient": "gradient",
    "laplacian": "lapl",
    "laplacian_of_gaussian": "lapl",
    "difference_of_gaussians": "difference|^dog",
    "unsharp_mask": "unsharp",
    "convolve": "convol|filter2d",
    "correlate": "correl|filter2d",
}
ROWS = (
    Row(
        "gaussian",
        "filters.gaussian(x, 2, border='mirror')",
        "tv.gaussian_blur(t, [17, 17], [2.0, 2.0])",
        Same(2e-6),
        "uint8 float32 float64",
        "side: `2 * int(4 * sigma + 0.5) + 1`; the border cannot be chosen",
    ),
    Row(
        "gaussian",
        "filters.gaussian(x, 2, border='mirror')",
        "tv.gaussian_blur(t, [17, 17], [2.0, 2.0])",
        Differs(1),
        "uint16",
        "computed in float32, too coarse to round 16 bits always right",
    ),
    Row(
        "gaussian",
        "filters.gaussian(x, 1.1, truncate=1.8, border='mirror')",
        "tv.gaussian_blur(t, [5, 5])",
        Same(),
        FLOATS,
        "a sigma of `0.3 * ((side - 1) / 2 - 1) + 0.8`, if none is given",
    ),
    Row(
        "gaussian",
        "filters.gaussian(x, 2, border='mirror')",
        "tv.gaussian_blur(t, [5, 5], [2.0, 2.0])",
        Differs(0.11),
        FLOATS,
        "the side decides where the bell is cut",
    ),
    Row("gaussian", "", "", Missing("deriv", "its derivatives")),
    Row(
        "sharpen",
        "filters.sharpen(x, 1 / 13, neighbours=8).clip(0, 1)",
        "tv.adjust_sharpness(t, 2.0)",
        Same(),
        FLOATS,
        "`amount = (factor - 1) / 13`; clipped; the border stays as it is",
        inside=1,
    ),
    Row(
        "sharpen",
        "filters.sharpen(x, 1 / 13, neighbours=8)",
        "tv.adjust_sharpness(t, 2.0)",
        Same(),
        "uint8",
        inside=1,
    ),
    Row(
        "sharpen",
        "filters.sharpen(x, 1 / 13, neighbours=8)",
        "tv.adjust_sharpness(t, 2.0)",
        Differs(69),
        "uint8",
        "at the border",
    ),
    *(
        Row(name, "", "", Missing(WORDS.get(name, name)))
        for name in FILTERS
        if name not in ("gaussian", "sharpen", "borders")
    ),
    Row(
        "borders",
        "filters.gaussian(x, 2)",
        "tv.gaussian_blur(t, [17, 17], [2.0, 2.0])",
        Differs(0.09),
        FLOATS,
        "mirror, and no other",
    ),
)

PEER = Peer(
    name="torchvision",
    distribution="torchvision",
    imports="import torch\nfrom torchvision.transforms.v2 import functional as tv",
    searched=("torchvision.transforms.v2.functional",),
    coming="""\
- It has two filters of ours: `gaussian_blur` and `adjust_sharpness`. For others its users go to
  kornia, or to `torch.nn.functional.conv2d`, which correlates and pads with zeros.
- `padding_mode="reflect"` of PyTorch is `border="mirror"`; it has no `reflect`.
- Images are (C, H, W) there and (H, W, C) here: `t.permute(1, 2, 0).numpy()`.
""",
    rows=ROWS,
)
