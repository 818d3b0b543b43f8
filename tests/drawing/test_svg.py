from __future__ import annotations

import base64
import re
from io import BytesIO
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from striate.drawing import Animation, Scene, convolution, svg
from striate.drawing.scene import Group, Line, Picture, Polygon, Rectangle, Text

NAMES = {"s": "http://www.w3.org/2000/svg"}


def parsed(drawing: Scene | Animation) -> ElementTree.Element:
    return ElementTree.fromstring(svg(drawing))


def page(*shapes: Group | Rectangle | Polygon | Line | Text | Picture) -> Scene:
    return Scene(20, 10, "Title", "Description.", (Group(shapes),))


def test_accessible_and_deterministic() -> None:
    root = parsed(page())
    assert root.get("role") == "img"
    assert root.get("viewBox") == "0 0 20 10"
    assert root.findtext("s:title", namespaces=NAMES) == "Title"
    assert root.findtext("s:desc", namespaces=NAMES) == "Description."
    assert svg(convolution((4, 4), 3)) == svg(convolution((4, 4), 3))


def test_hostile_text_is_escaped() -> None:
    hostile = '</text></svg><script>alert("1")</script>&amp; \x00\x1b\ud800 ]]>'
    drawing = Scene(20, 10, hostile, hostile, (Group((Text(1, 2, hostile),)),))
    text = svg(drawing)
    assert "<script>" not in text
    text.encode("utf-8")
    root = parsed(drawing)
    expected = '</text></svg><script>alert("1")</script>&amp; \ufffd\ufffd\ufffd ]]>'
    assert root.findtext("s:title", namespaces=NAMES) == expected
    assert root.findtext(".//s:text", namespaces=NAMES) == expected


def test_hostile_colours_stay_attributes() -> None:
    root = parsed(page(Rectangle(0, 0, 1, 1, '"/><script/>')))
    assert root.find(".//s:script", NAMES) is None


def test_shapes() -> None:
    text = svg(
        page(
            Rectangle(0, 0, 1.5, 2, "#ff0000", "#00ff00", 2, 0.5, 3),
            Polygon(((0, 0), (1, 0), (1, 1.256)), "#0000ff"),
            Line(((0, 0), (2, 2)), "#000000", dashes=(2, 1)),
            Text(3, 4, "a < b", 12, "#111111", "middle"),
        )
    )
    assert (
        '<rect x="0" y="0" width="1.5" height="2" rx="3" fill="#ff0000" stroke="#00ff00" '
        'stroke-width="2" opacity="0.5"/>' in text
    )
    assert '<polygon points="0,0 1,0 1,1.26" fill="#0000ff"/>' in text
    assert (
        '<polyline points="0,0 2,2" fill="none" stroke="#000000" stroke-linejoin="round" '
        'stroke-dasharray="2 1"/>' in text
    )
    assert '<text x="3" y="4" font-size="12" text-anchor="middle" fill="#111111">a &lt; b' in text


def test_pictures_are_embedded_exactly() -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 2, 3) * 20
    image = parsed(page(Picture.of(pixels, 0, 0, 20, 10))).find(".//s:image", NAMES)
    assert image is not None
    assert image.get("style") == "image-rendering:pixelated"
    data = str(image.get("href")).removeprefix("data:image/png;base64,")
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(base64.b64decode(data)))), pixels)


def frames_of(text: str) -> dict[str, str]:
    return dict(re.findall(r"@keyframes (\S+?)\{(.*?\})\}", text))


def test_animation_shows_each_shape_in_its_frames() -> None:
    a, b = Rectangle(0, 0, 1, 1, "#00000a"), Rectangle(0, 0, 1, 1, "#00000b")
    always = Rectangle(0, 0, 1, 1, "#00000c")
    still = Group((always,))
    scenes = [
        Scene(9, 9, "t", "d", (still, Group(shapes))) for shapes in ((a,), (a, b), (b,), (b, a))
    ]
    text = svg(Animation(tuple(scenes), seconds=0.5))
    assert text.count("#00000c") == text.count("#00000a") == text.count("#00000b") == 1
    rules = frames_of(text)
    hide, show = "{visibility:hidden}", "{visibility:visible}"
    assert sorted(rules.values()) == sorted([f"0%{show}50%{hide}75%{show}", f"0%{hide}25%{show}"])
    assert "animation:2s step-end infinite" in text
    assert "@media (prefers-reduced-motion:reduce)" in text


def test_still_frame_is_what_a_reader_without_animation_sees() -> None:
    a, b = Rectangle(0, 0, 1, 1, "#00000a"), Rectangle(0, 0, 1, 1, "#00000b")
    scenes = tuple(Scene(9, 9, "t", "d", (Group((shape,)),)) for shape in (a, b))
    root = parsed(Animation(scenes, still=0))
    seen = {
        group.find("s:rect", NAMES).get("fill"): group.get("visibility")  # type: ignore[union-attr]
        for group in root.iterfind(".//s:g[@class]", NAMES)
    }
    assert seen == {"#00000a": None, "#00000b": "hidden"}


def test_one_frame_does_not_move() -> None:
    assert "<style>" not in svg(convolution((4, 4), 3, step=0))
