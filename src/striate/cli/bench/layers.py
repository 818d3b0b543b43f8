"""The layers that are measured, each described by one line.

``1x64x56x56 96 3x3 s2 p1 d1 g1`` is a convolution of an input (1, 64, 56, 56) to 96 maps with a
3x3 kernel, stride 2, padding 1, dilation 1 and one group; what is 1 (padding: 0) may be left
out, and a ``t`` at the end makes it a transposed convolution. Any number of axes from 1 to 3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from striate.cli.bench.case import Case
from striate.errors import ParameterError, UnknownNameError, explained
from striate.network import Builder, Network

__all__ = ["KINDS", "layer_case", "layer_cases"]

KINDS: dict[str, tuple[str, ...]] = {
    "3x3": (
        *("1x64x224x224 64 3x3 p1", "1x64x112x112 128 3x3 p1", "1x128x112x112 128 3x3 p1"),
        *("1x128x56x56 256 3x3 p1", "1x256x56x56 256 3x3 p1", "1x256x28x28 512 3x3 p1"),
        *("1x512x28x28 512 3x3 p1", "1x512x14x14 512 3x3 p1", "1x512x7x7 512 3x3 p1"),
        *("1x64x56x56 64 3x3 p1", "1x96x32x32 96 3x3 p1", "1x192x16x16 192 3x3 p1"),
        *("1x67x61x53 71 3x3 p1", "1x131x29x31 97 3x3", "1x257x13x17 199 3x3 p1"),
    ),
    "3x3 few channels": (
        *("1x16x112x112 16 3x3 p1", "1x32x57x57 24 3x3 p1", "1x13x61x53 17 3x3 p1"),
        *("1x48x28x28 40 3x3 p1", "1x128x28x28 32 3x3 p1"),
    ),
    "1x1": (
        *("1x64x56x56 256 1x1", "1x256x56x56 64 1x1", "1x512x28x28 128 1x1"),
        *("1x1024x14x14 256 1x1", "1x512x7x7 2048 1x1", "1x32x112x112 64 1x1"),
        *("1x24x56x56 144 1x1", "1x131x29x31 97 1x1", "1x192x6x6 10 1x1"),
    ),
    "stride 2": (
        *("1x64x56x56 128 3x3 s2 p1", "1x256x28x28 256 3x3 s2 p1", "1x96x32x32 96 3x3 s2 p1"),
        *("1x256x56x56 512 1x1 s2", "1x67x61x53 71 3x3 s2 p1"),
    ),
    "5x5": ("1x96x27x27 256 5x5 p2", "1x32x28x28 96 5x5 p2", "1x37x31x29 41 5x5 p2"),
    "7x7": ("1x64x28x28 64 7x7 p3", "1x33x30x29 35 7x7 p3"),
    "first": (
        *("1x3x224x224 64 7x7 s2 p3", "1x3x224x224 64 3x3 p1", "1x3x224x224 32 3x3 s2 p1"),
        *("1x3x227x227 96 11x11 s4", "1x3x32x32 96 3x3 p1", "1x1x28x28 6 5x5 p2"),
        "1x1x19x19 12 5x5 s2",
    ),
    "depthwise": (
        *("1x32x112x112 32 3x3 p1 g32", "1x144x56x56 144 3x3 p1 g144"),
        *("1x512x14x14 512 3x3 p1 g512", "1x96x112x112 96 3x3 s2 p1 g96"),
        *("1x1024x7x7 1024 3x3 p1 g1024", "1x37x61x53 37 3x3 p1 g37", "1x96x56x56 96 7x7 p3 g96"),
    ),
    "grouped": (
        *("1x128x56x56 128 3x3 p1 g32", "1x96x27x27 256 5x5 p2 g2", "1x240x28x28 240 1x1 g3"),
        "1x70x31x29 35 3x3 p1 g5",
    ),
    "dilated": ("1x256x28x28 256 3x3 p2 d2", "1x64x56x56 64 3x3 p4 d4", "1x67x31x29 71 3x3 p3 d3"),
    "1-D": (
        *("1x64x16000 64 3 p1", "1x1x16000 64 80 s4", "1x128x2000 128 9 p4"),
        "1x67x1999 71 5 s2 p2",
    ),
    "3-D": (
        *("1x3x16x112x112 64 3x3x3 p1", "1x64x8x28x28 64 3x3x3 p1", "1x17x9x29x31 19 3x3x3 s2 p1"),
    ),
    "transposed": (
        *("1x512x4x4 256 4x4 s2 p1 t", "1x128x16x16 64 4x4 s2 p1 t", "1x64x56x56 32 2x2 s2 t"),
        *("1x64x32x32 3 4x4 s2 p1 t", "1x37x15x17 41 3x3 s2 p1 t"),
    ),
}
"""Lines by kind. Rows of one kind share a mean in the report."""

_SIZES = r"\d+(?:x\d+){0,2}"
_LINE = re.compile(
    rf"(?P<shape>\d+(?:x\d+){{2,4}}) (?P<maps>\d+) (?P<kernel>{_SIZES})"
    r"(?: s(?P<stride>\d+))?(?: p(?P<padding>\d+))?(?: d(?P<dilation>\d+))?"
    r"(?: g(?P<groups>\d+))?(?P<transposed> t)?"
)


def layer_cases(
    kinds: Sequence[str], lines: Sequence[str], batches: Sequence[int]
) -> Iterator[Case]:
    """Return the layers of these kinds, and those described by `lines`, with each batch size.

    Raises
    ------
    UnknownNameError, ParameterError
        If there is no such kind, or a line cannot be read, before the first layer is made.
    """
    for kind in kinds:
        if kind not in KINDS:
            raise UnknownNameError.of("kind of layer", kind, KINDS)
    named = [(kind, line) for kind in kinds for line in KINDS[kind]]
    named += [("own", line) for line in lines if _parts(line)]
    return (layer_case(line, kind, batch) for kind, line in named for batch in batches)


def _parts(line: str) -> re.Match[str]:
    found = _LINE.fullmatch(line)
    if found is None:
        raise ParameterError(
            f"layer {line!r} must read as in '1x64x56x56 96 3x3 s2 p1 d1 g1': input, maps, kernel, "
            "then stride, padding, dilation and groups where they matter, and t if transposed"
        )
    return found


def layer_case(line: str, kind: str = "own", batch: int | None = None) -> Case:
    """Return the layer that a line describes.

    Raises
    ------
    ParameterError
        If the line cannot be read.
    ShapeError, GeometryError
        If it describes no layer.

    Examples
    --------
    >>> case = layer_case("1x3x32x32 8 3x3 s2 p1")
    >>> case.output_shape, case.macs
    ((1, 8, 16, 16), 55296)
    """
    found = _parts(line)
    shape = [int(size) for size in found["shape"].split("x")]
    shape[0] = batch or shape[0]
    stride, dilation, groups = (int(found[n] or 1) for n in ("stride", "dilation", "groups"))
    kernel = tuple(int(size) for size in found["kernel"].split("x"))
    b = Builder("layer", (None, *shape[1:]))
    with explained(f"layer {line!r}"):
        add = b.conv_transpose if found["transposed"] else b.conv
        y = add(
            b.input,
            "y",
            channels=int(found["maps"]),
            kernel=kernel,
            stride=stride,
            padding=int(found["padding"] or 0),
            dilation=dilation,
            groups=groups,
        )
    network = Network(b.graph(y)).initialize(0)
    weights = dict(network.weights)
    weights["y.bias"] = np.random.default_rng(1).standard_normal(int(found["maps"]), np.float32)
    return Case(line.partition("x")[2], kind, Network(network.graph, weights), tuple(shape))
