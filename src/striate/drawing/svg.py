"""Scenes and animations as SVG text: the same scene gives the same bytes everywhere.

Animations are CSS keyframes on the visibility of the shapes that come and go. They loop in any
browser and inside ``<img>``, pause under the pointer, and stand still on the chosen frame where
the reader asked for reduced motion or where a program does not animate SVG.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterable, Sequence
from io import BytesIO
from xml.sax.saxutils import escape, quoteattr

from PIL import Image

from striate.drawing.lettering import rounded
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

__all__ = ["svg"]

FONTS = "Aileron, 'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', sans-serif"
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def svg(drawing: Scene | Animation) -> str:
    """Return a scene, or an animation that loops, as the text of an SVG file.

    Title and description become ``<title>`` and ``<desc>``; all text is escaped, and characters
    that XML forbids are replaced by U+FFFD.

    Examples
    --------
    >>> from striate.drawing.scene import Group, Rectangle, Scene
    >>> square = Group((Rectangle(1, 1, 8, 8, fill="#2f6fb0"),))
    >>> print(svg(Scene(10, 10, "Square", "A blue square.", (square,))).splitlines()[-2])
    <g><rect x="1" y="1" width="8" height="8" fill="#2f6fb0"/></g>
    """
    scene = drawing if isinstance(drawing, Scene) else drawing.scene
    if isinstance(drawing, Animation) and len(drawing.frames) > 1:
        body = _moving(drawing)
    else:
        body = [_shape(layer) for layer in scene.layers]
    width, height = rounded(scene.width), rounded(scene.height)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" font-family="{FONTS}">',
        f"<title>{_text(scene.title)}</title>",
        f"<desc>{_text(scene.description)}</desc>",
        f'<rect width="{width}" height="{height}" fill={quoteattr(scene.background)}/>',
        *body,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _moving(animation: Animation) -> list[str]:
    """Return the style sheet and the layers of an animation, each shape written once."""
    count = len(animation.frames)
    still = animation.still % count
    prefix = f"k{zlib.crc32(animation.scene.title.encode('utf-8', 'replace')):08x}"
    names: dict[tuple[int, ...], str] = {}
    layers: list[str] = []
    for versions in zip(*(scene.layers for scene in animation.frames), strict=True):
        if all(version == versions[0] for version in versions):
            layers.append(_shape(versions[0]))
            continue
        parts = []
        for shape, shown in _appearances(versions).items():
            if len(shown) == count:
                parts.append(_shape(shape))
                continue
            name = names.setdefault(shown, f"{prefix}-{len(names)}")
            hidden = "" if still in shown else ' visibility="hidden"'
            parts.append(f'<g class="{name}"{hidden}>{_shape(shape)}</g>')
        layers.append("<g>" + "\n".join(parts) + "</g>")
    return [_style(names, count, animation.seconds, prefix), *layers]


def _appearances(versions: Sequence[Group]) -> dict[Shape, tuple[int, ...]]:
    """Return each shape of a layer, in order of first appearance, with the frames that show it."""
    shown: dict[Shape, list[int]] = {}
    for frame, group in enumerate(versions):
        for shape in dict.fromkeys(group.shapes):
            shown.setdefault(shape, []).append(frame)
    return {shape: tuple(frames) for shape, frames in shown.items()}


def _style(names: dict[tuple[int, ...], str], count: int, seconds: float, prefix: str) -> str:
    period = rounded(count * seconds)
    rules = [
        f'[class^="{prefix}"]{{animation:{period}s step-end infinite}}',
        f'svg:hover [class^="{prefix}"]{{animation-play-state:paused}}',
    ]
    for shown, name in names.items():
        states = [frame in shown for frame in range(count)]
        steps = "".join(
            f"{_percent(frame, count)}{{visibility:{'visible' if state else 'hidden'}}}"
            for frame, state in enumerate(states)
            if frame == 0 or state != states[frame - 1]
        )
        rules.append(f"@keyframes {name}{{{steps}}}.{name}{{animation-name:{name}}}")
    rules.append(f'@media (prefers-reduced-motion:reduce){{[class^="{prefix}"]{{animation:none}}}}')
    return "<style>" + "\n".join(rules) + "</style>"


def _percent(frame: int, count: int) -> str:
    """Return when a frame begins, in per cent of the loop, to a ten-thousandth."""
    return f"{100 * frame / count:.4f}".rstrip("0").rstrip(".") + "%"


def _shape(shape: Shape) -> str:
    match shape:
        case Group():
            return "<g>" + "\n".join(map(_shape, shape.shapes)) + "</g>"
        case Rectangle():
            place = _numbers(x=shape.x, y=shape.y, width=shape.width, height=shape.height)
            radius = _numbers(rx=shape.radius) if shape.radius else ""
            return f"<rect{place}{radius}{_paint(shape)}/>"
        case Polygon():
            return f'<polygon points="{_points(shape.points)}"{_paint(shape)}/>'
        case Line():
            dashes = " ".join(map(rounded, shape.dashes))
            extra = f' stroke-dasharray="{dashes}"' if dashes else ""
            return f'<polyline points="{_points(shape.points)}"{_paint(shape)}{extra}/>'
        case Text():
            place = _numbers(x=shape.x, y=shape.y, font_size=shape.size)
            anchor = "" if shape.anchor == "start" else f" text-anchor={quoteattr(shape.anchor)}"
            fill = f" fill={quoteattr(shape.fill)}"
            return f"<text{place}{anchor}{fill}>{_text(shape.text)}</text>"
        case Picture():
            place = _numbers(x=shape.x, y=shape.y, width=shape.width, height=shape.height)
            return (
                f'<image{place} preserveAspectRatio="none" style="image-rendering:pixelated" '
                f'href="data:image/png;base64,{_png(shape)}"/>'
            )


def _paint(shape: Rectangle | Polygon | Line) -> str:
    """Return the attributes for fill, stroke and opacity, leaving out SVG's defaults."""
    fill = None if isinstance(shape, Line) else shape.fill
    parts = [f" fill={quoteattr(fill or 'none')}"]
    if shape.stroke:
        parts.append(f" stroke={quoteattr(shape.stroke)}")
        parts.append(_numbers(stroke_width=shape.line) if shape.line != 1 else "")
        parts.append(' stroke-linejoin="round"' if not isinstance(shape, Rectangle) else "")
    if shape.opacity != 1:
        parts.append(_numbers(opacity=shape.opacity))
    return "".join(parts)


def _numbers(**values: float) -> str:
    return "".join(f' {k.replace("_", "-")}="{rounded(v)}"' for k, v in values.items())


def _points(points: Iterable[Point]) -> str:
    return " ".join(f"{rounded(x)},{rounded(y)}" for x, y in points)


def _text(text: str) -> str:
    return escape(NOT_XML.sub("\ufffd", text))


def _png(picture: Picture) -> str:
    buffer = BytesIO()
    Image.fromarray(picture.array).save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")
