"""Padding and resizing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch.fx import Node as FxNode

from striate.errors import GraphError
from striate.interop.torch.reading.sizes import integer
from striate.interop.torch.reading.table import TABLE, aten
from striate.interop.torch.reading.translation import Translation
from striate.interop.torch.reading.windows import RANKS
from striate.network import operators as ops

__all__: list[str] = []

MODES: dict[str, Any] = {
    "constant": "constant",
    "reflect": "reflect",
    "replicate": "edge",
    "circular": "wrap",
}


def _padded(t: Translation, x: Any, sides: Sequence[Any], mode: str, value: Any = None) -> str:
    """PyTorch lists pairs from the last axis; `Pad` lists axes in order."""
    pairs = t.static(sides, "padding")
    if not any(pairs):
        return t.value(x)
    before, after = pairs[::2][::-1], pairs[1::2][::-1]
    return t.emit(ops.Pad(before, after, float(value or 0), MODES[mode]), x)


@aten("pad.default")
def _pad(
    t: Translation, node: FxNode, x: Any, sides: Any, mode: str = "constant", value: Any = None
) -> str:
    return _padded(t, x, sides, mode, value)


@aten("constant_pad_nd.default")
def _constant_pad(t: Translation, node: FxNode, x: Any, sides: Any, value: Any = 0) -> str:
    return _padded(t, x, sides, "constant", value)


@aten(
    *(f"{kind}_pad{word}.default" for kind in ("reflection", "replication") for word in RANKS),
    "_pad_circular.default",
)
def _mirrored(t: Translation, node: FxNode, x: Any, sides: Any) -> str:
    words = {"reflection": "reflect", "replication": "replicate", "_pad_circular": "circular"}
    return _padded(t, x, sides, next(m for w, m in words.items() if w in str(node.target)))


RESIZES: dict[str, tuple[str, str]] = {
    "upsample_nearest": ("nearest", "asymmetric"),
    "_upsample_nearest_exact": ("nearest", "half_pixel"),
    "upsample_linear": ("linear", ""),
    "upsample_bilinear": ("linear", ""),
    "upsample_trilinear": ("linear", ""),
    "upsample_bicubic": ("cubic", ""),
    "_upsample_bilinear2d_aa": ("linear", "antialias"),
    "_upsample_bicubic2d_aa": ("cubic", "antialias"),
}


def _resize(t: Translation, node: FxNode, x: Any, size: Any, *rest: Any, **named: Any) -> str:
    """`vec` operators take (size, align_corners, factors), the others one factor each."""
    word = str(node.target).removeprefix("aten.").partition(".")[0]
    mode, how = RESIZES[word if word in RESIZES else word[:-2]]
    rank = len(t.shape(x)) - 2
    left = list(rest)
    aligned = bool(left.pop(0)) if mode != "nearest" and left else named.get("align_corners", False)
    factors = left[0] if left and isinstance(left[0], list | tuple) else left or None
    axes = tuple(range(2, rank + 2))
    coordinates = how if how == "asymmetric" else "align_corners" if aligned else "half_pixel"
    settings: dict[str, Any] = {
        "axes": axes,
        "mode": mode,
        "coordinates": coordinates,
        "nearest": "floor" if how == "asymmetric" else "round_prefer_ceil",
        "antialias": how == "antialias",
        "exclude_outside": how == "antialias",
    }
    whole = None not in map(integer, t.shape(node)[2:])  # aligned corners follow the exact sizes
    given = factors and all(factor is not None for factor in factors)
    if factors and given and not (aligned and whole):
        if any(not isinstance(factor, int | float) for factor in factors):
            raise GraphError("a factor of interpolate depends on an input; give it as a number")
        return t.emit(ops.Resize(scales=tuple(map(float, factors)), **settings), x)
    sizes = tuple(integer(wanted) for wanted in t.shape(node)[2:])
    return t.emit(ops.Resize(sizes=t.static(sizes, "interpolate"), **settings), x)


for _word, _ranks in (
    ("upsample_nearest", ("1d", "2d", "3d")),
    ("_upsample_nearest_exact", ("1d", "2d", "3d")),
    ("upsample_linear", ("1d",)),
    ("upsample_bilinear", ("2d",)),
    ("upsample_trilinear", ("3d",)),
    ("upsample_bicubic", ("2d",)),
    ("_upsample_bilinear2d_aa", ("",)),
    ("_upsample_bicubic2d_aa", ("",)),
):
    for _dims in _ranks:
        for _kind in ("vec", "default"):
            TABLE[f"{_word}{_dims}.{_kind}"] = _resize
