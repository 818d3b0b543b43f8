"""The pictures of the page: what two libraries make of one image, and the five borders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from striate.drawing import Scene, contact_sheet, palette, raster
from striate.drawing.colour_map import diverging
from striate.drawing.scene import Group, Rectangle, Shape, Text
from striate.filters.borders import BORDERS, OUTSIDE, border_indices

from .execution import as_dtype, evaluate
from .row import Differs, Peer, Row
from .scene import scene

__all__ = [
    "COMPARISONS",
    "Comparison",
    "border_examples",
    "border_strips",
    "compared",
    "png",
    "row_of",
]

Pixels = NDArray[Any]
SIZE = 96, 128
COLOURS = 256
CELL = 256  # units of a page for a picture: two a pixel


@dataclass(frozen=True)
class Comparison:
    """Two results and their difference, of a row that says they differ.

    Attributes
    ----------
    name : str
        The picture's file, less its suffix.
    peer : str
        The module of the peer.
    theirs : str
        The row's call.
    dtype : str
        Of the image.
    caption : str
        What to see, in a sentence.
    colour : bool
        Whether the image is.
    amplify : int
        How many times the difference is shown.
    """

    name: str
    peer: str
    theirs: str
    dtype: str
    caption: str
    colour: bool = False
    amplify: int = 1


COMPARISONS = (
    Comparison(
        "pillow-gaussian",
        "pillow",
        "im.filter(ImageFilter.GaussianBlur(2))",
        "uint8",
        "Pillow's Gaussian is three box blurs.",
        amplify=40,
    ),
    Comparison(
        "scipy-colours",
        "scipy",
        "ndimage.gaussian_filter(x, 2)",
        "float32",
        "SciPy blurs along the axis of the colours too.",
        colour=True,
        amplify=3,
    ),
    Comparison(
        "kornia-even",
        "kornia",
        "kornia.filters.box_blur(t, 4)",
        "float32",
        "kornia's even windows lie a pixel further down and right.",
        amplify=3,
    ),
    Comparison(
        "kornia-motion",
        "kornia",
        "kornia.filters.motion_blur(t, 9, -30.0, 0.0)",
        "float32",
        "kornia turns a row of pixels to the nearest ones.",
        amplify=8,
    ),
    Comparison(
        "scipy-sobel",
        "scipy",
        "ndimage.sobel(x, 1)",
        "uint8",
        "SciPy's slopes of a uint8 image wrap around.",
    ),
    Comparison(
        "pillow-unsharp",
        "pillow",
        "im.filter(ImageFilter.UnsharpMask(2, 150, 0))",
        "uint8",
        "Pillow's unsharp mask stands on its three box blurs.",
        amplify=30,
    ),
    Comparison(
        "scipy-flip",
        "scipy",
        "ndimage.convolve(x, filters.kernels.emboss(), axes=(0, 1))",
        "float32",
        "Convolution flips the kernel: the light comes from the other corner.",
    ),
    Comparison(
        "pillow-kernel",
        "pillow",
        "im.filter(ImageFilter.Kernel((3, 3), filters.kernels.emboss().ravel(), 1))",
        "uint8",
        "Pillow turns kernels upside down, and leaves the border as it is.",
    ),
    Comparison(
        "opencv-border",
        "opencv",
        "cv2.GaussianBlur(x, (0, 0), 4)",
        "float32",
        "OpenCV mirrors without the edge pixel, if nothing is said.",
        amplify=12,
    ),
)


def row_of(comparison: Comparison, peer: Peer) -> Row:
    """Return the row that a comparison shows: what is not said to differ is not pictured."""
    colours = (True, None) if comparison.colour else (True, False)
    for row in peer.rows:
        same_call = row.theirs == comparison.theirs and comparison.dtype in row.dtypes.split()
        if same_call and row.colour in colours and isinstance(row.claim, Differs):
            return row
    raise LookupError(f"no row of {peer.name} says that {comparison.theirs} differs")


def png(drawing: Scene) -> bytes:
    """Return a scene as a small PNG: in few colours, bright ones kept."""
    buffer = BytesIO()
    few = raster(drawing).quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def compared(comparison: Comparison, peer: Peer, names: dict[str, Any]) -> Scene:
    """Return striate's result, the peer's, and what the peer's has more or less."""
    row = row_of(comparison, peer)
    image = as_dtype(scene(*SIZE, colour=comparison.colour), comparison.dtype)
    ours, theirs = evaluate(row.ours, image, names), evaluate(row.theirs, image, names)
    white = 255 if image.dtype == np.uint8 else 1
    visible = [np.clip(result.astype(np.float64) / white, 0, 1) for result in (ours, theirs)]
    apart = visible[1] - visible[0]
    largest = 255 * np.abs(apart).max()
    times = f", shown {comparison.amplify} times" if comparison.amplify > 1 else ""
    return contact_sheet(
        [
            ("striate", as_levels(visible[0]), row.ours),
            (peer.name, as_levels(visible[1]), row.theirs),
            (
                "Difference",
                amplified(apart, comparison.amplify),
                f"up to {largest:.0f} levels of 255{times}",
            ),
        ],
        cell=CELL,
        title=comparison.caption,
    )


def as_levels(result: Pixels) -> NDArray[np.uint8]:
    """Return a result between black, 0, and white, 1, as levels."""
    levels: NDArray[np.uint8] = np.rint(255 * np.clip(result, 0, 1)).astype(np.uint8)
    return levels


def amplified(apart: Pixels, times: int) -> NDArray[np.uint8]:
    """Return differences in orange and blue on white; those of colours on grey."""
    if apart.ndim == 2:
        return diverging(apart, 1 / times)
    return as_levels(0.5 + 0.5 * times * apart)


def border_examples() -> Scene:
    """Return a picture and what lies beyond its border under each of the five names."""
    picture = scene(48, 64, colour=True)
    framed = picture.copy()
    for edge in (framed[0], framed[-1], framed[:, 0], framed[:, -1]):
        edge[:] = (224, 106, 10)
    items = []
    for border in BORDERS:
        rows, columns = (border_indices(border, side, 24, 24) for side in picture.shape[:2])
        beyond = picture[rows[:, None], columns]
        beyond[(rows[:, None] == OUTSIDE) | (columns == OUTSIDE)] = 128
        beyond[24:-24, 24:-24] = framed
        items.append((border, beyond, f"1234 > {shown(border)}"))
    return contact_sheet(items, cell=336, title="Beyond the border")


def shown(border: str) -> str:
    """Return the pixels 1234 with two beyond them on either side; k is the constant."""
    return "".join("1234k"[index] for index in border_indices(border, 4, 2, 2))


def border_strips() -> Scene:
    """Return the pixels 1234 and what each border puts before and after them."""
    side, left, beyond = 34, 130, 6
    shapes: list[Shape] = []
    for number, border in enumerate(BORDERS):
        top = 20 + number * (side + 14)
        shapes.append(Text(20, top + 0.64 * side, border, 16))
        for place, index in enumerate(border_indices(border, 4, beyond, beyond)):
            shapes += cell(left + place * side, top, side, index, beyond <= place < beyond + 4)
    width, height = left + (4 + 2 * beyond) * side + 20, 20 + len(BORDERS) * (side + 14)
    description = "1234 becomes " + ", ".join(f"{shown(one)} ({one})" for one in BORDERS)
    return Scene(width, height + 6, "The five borders", description, (Group(tuple(shapes)),))


def cell(x: float, y: float, side: float, index: int, inside: bool) -> Iterator[Shape]:
    """Yield a square with a pixel's number in it, strong where the pixel itself lies."""
    tints = ("#d7e8f8", "#a9d0f5", "#6fb1ea", "#3a86c8", "#c9ced4")
    yield Rectangle(x, y, side, side, tints[index], palette.LIGHT, 2)
    yield Text(x + side / 2, y + 0.66 * side, "1234k"[index], 17, palette.INK, "middle")
    if inside:
        yield Rectangle(x, y + side, side, 4, "#e06a0a")
