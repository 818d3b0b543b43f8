"""Scenes as pixels, by Pillow alone: antialiased by drawing larger and averaging down.

Text is set in the face bundled with Pillow, so that a picture is the same on every machine. That
face knows basic Latin letters only: the signs − and × are drawn as lines, other typographic signs
are replaced by their nearest ASCII, letters lose their accents, and what is left appears as a box
(SVG keeps them all).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise, takewhile

from PIL import Image, ImageDraw, ImageFont

from striate.drawing.scene import (
    Animation,
    Group,
    Line,
    Picture,
    Point,
    Polygon,
    Rectangle,
    Scene,
    Shape,
    Text,
)

__all__ = ["frames", "raster"]

SAMPLES = 3  # per pixel and axis; fewer on large pictures, to bound memory
PIXELS = 60_000_000  # drawn at once, before averaging
ASCII = str.maketrans({"–": "-", "≈": "~", "→": ">", "…": "...", "’": "'", "“": '"', "”": '"'})
LINES = {  # signs that the face lacks, in ems from the baseline
    "−": (((0.1, 0.3), (0.52, 0.3)),),
    "×": (((0.13, 0.12), (0.49, 0.48)), ((0.13, 0.48), (0.49, 0.12))),
}
SIGNS = re.compile("([−×])")


def raster(scene: Scene, scale: float = 1) -> Image.Image:
    """Return a scene as an RGB image of `scale` pixels per unit of length.

    Examples
    --------
    >>> from striate.drawing.scene import Group, Rectangle, Scene
    >>> square = Group((Rectangle(1, 1, 8, 8, fill="#2f6fb0"),))
    >>> image = raster(Scene(10, 10, "Square", "A blue square.", (square,)), scale=2)
    >>> image.size, image.getpixel((10, 10)), image.getpixel((0, 0))
    ((20, 20), (47, 111, 176), (255, 255, 255))
    """
    return next(_drawn([scene], scale))


def frames(animation: Animation, scale: float = 1) -> Iterator[Image.Image]:
    """Yield the frames of an animation as RGB images; layers beneath all motion are drawn once."""
    return _drawn(animation.frames, scale)


def _drawn(scenes: Sequence[Scene], scale: float) -> Iterator[Image.Image]:
    first = scenes[0]
    size = math.ceil(first.width * scale), math.ceil(first.height * scale)
    samples = max(1, min(SAMPLES, math.isqrt(PIXELS // (size[0] * size[1]))))
    sheet = Image.new("RGB", (size[0] * samples, size[1] * samples), first.background)
    layers = zip(*(scene.layers for scene in scenes), strict=True)
    still = len(list(takewhile(lambda same: all(one == same[0] for one in same), layers)))
    for layer in first.layers[:still]:
        _paint(sheet, layer, scale * samples)
    for scene in scenes:
        copy = sheet.copy()
        for layer in scene.layers[still:]:
            _paint(copy, layer, scale * samples)
        yield copy.reduce(samples)


def _paint(sheet: Image.Image, shape: Shape, scale: float) -> None:
    """Paint one shape; drawing in RGBA mode on an RGB sheet blends by the colour's alpha."""
    draw = ImageDraw.Draw(sheet, "RGBA")
    match shape:
        case Group():
            for member in shape.shapes:
                _paint(sheet, member, scale)
        case Rectangle():
            _rectangle(draw, shape, scale)
        case Polygon():
            points = _scaled(shape.points, scale)
            if shape.fill:
                draw.polygon(points, _colour(shape.fill, shape.opacity))
            if shape.stroke:
                _stroke(draw, [*points, points[0]], shape, scale)
        case Line():
            points = _scaled(shape.points, scale)
            for piece in _dashed(points, [dash * scale for dash in shape.dashes]):
                _stroke(draw, piece, shape, scale)
        case Text():
            _letters(draw, shape, scale)
        case Picture():
            left, top = round(shape.x * scale), round(shape.y * scale)
            right = round((shape.x + shape.width) * scale)
            bottom = round((shape.y + shape.height) * scale)
            size = max(1, right - left), max(1, bottom - top)
            image = Image.fromarray(shape.array).convert("RGB")
            sheet.paste(image.resize(size, Image.Resampling.NEAREST), (left, top))


def _rectangle(draw: ImageDraw.ImageDraw, shape: Rectangle, scale: float) -> None:
    half = max(1, round(shape.line * scale)) / 2 if shape.stroke else 0
    left, top = shape.x * scale - half, shape.y * scale - half
    right = max(left, (shape.x + shape.width) * scale - 1 + half)
    bottom = max(top, (shape.y + shape.height) * scale - 1 + half)
    draw.rounded_rectangle(
        (left, top, right, bottom),
        shape.radius * scale,
        _colour(shape.fill, shape.opacity) if shape.fill else None,
        _colour(shape.stroke, shape.opacity) if shape.stroke else None,
        max(1, round(shape.line * scale)) if shape.stroke else 0,
    )


def _stroke(
    draw: ImageDraw.ImageDraw, points: list[Point], shape: Polygon | Line, scale: float
) -> None:
    colour = _colour(shape.stroke or "#000000", shape.opacity)
    draw.line(points, colour, max(1, round(shape.line * scale)), joint="curve")


def _dashed(points: list[Point], dashes: list[float]) -> Iterator[list[Point]]:
    """Yield the drawn pieces of a line; the dashes begin anew at each corner."""
    if not dashes:
        yield points
        return
    for (x0, y0), (x1, y1) in pairwise(points):
        length = math.hypot(x1 - x0, y1 - y0)
        at, turn = 0.0, 0
        while at < length:
            end = min(length, at + dashes[turn % len(dashes)])
            if turn % 2 == 0:
                a, b = at / length, end / length
                yield [(x0 + (x1 - x0) * t, y0 + (y1 - y0) * t) for t in (a, b)]
            at, turn = end, turn + 1


def _scaled(points: Sequence[Point], scale: float) -> list[Point]:
    return [(x * scale, y * scale) for x, y in points]


def _colour(name: str, opacity: float) -> tuple[int, int, int, int]:
    red, green, blue = (int(name[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue, round(255 * opacity)


def _letters(draw: ImageDraw.ImageDraw, shape: Text, scale: float) -> None:
    """Set a line of text, the signs that the face lacks drawn as lines."""
    size = shape.size * scale
    font, colour = _font(size), _colour(shape.fill, 1)
    pieces = [piece for piece in SIGNS.split(plain(shape.text)) if piece]
    widths = [0.62 * size if piece in LINES else font.getlength(piece) for piece in pieces]
    left = {"start": 0.0, "middle": 0.5, "end": 1.0}[shape.anchor] * sum(widths)
    x, y = shape.x * scale - left, shape.y * scale
    for piece, width in zip(pieces, widths, strict=True):
        if piece in LINES:
            for line in LINES[piece]:
                points = [(x + a * size, y - b * size) for a, b in line]
                draw.line(points, colour, max(1, round(0.075 * size)))
        else:
            draw.text((x, y), piece, colour, font, "ls")
        x += width


def plain(text: str) -> str:
    """Return `text` in the letters that the bundled face knows, and − and ×.

    >>> plain("3×3, −1, “café”")
    '3×3, −1, "cafe"'
    """
    spelt = unicodedata.normalize("NFKD", text.translate(ASCII))
    return "".join(c for c in spelt if not unicodedata.combining(c) and c.isprintable())


@lru_cache(maxsize=64)
def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(max(1.0, round(size, 2)))
