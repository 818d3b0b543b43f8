"""The picture that the rows are run on: a zone plate, strokes, steps, and specks on a gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["scene"]

Plane = NDArray[np.float64]
GLYPHS = {  # letters of 3x5 strokes, a pixel each
    "S": "###,#..,###,..#,###",
    "T": "###,.#.,.#.,.#.,.#.",
    "R": "##.,#.#,##.,#.#,#.#",
    "I": "###,.#.,.#.,.#.,###",
    "A": ".#.,#.#,###,#.#,#.#",
    "E": "###,#..,##.,#..,###",
}
PAPER, INK = 0.95, 0.08
TINTS = {  # (red, green, blue) of each quarter's dark and bright ends
    "plate": ((0.05, 0.10, 0.35), (1.0, 0.93, 0.75)),
    "text": ((0.55, 0.05, 0.10), (0.98, 0.96, 0.90)),
    "steps": ((0.02, 0.15, 0.10), (0.85, 1.0, 0.80)),
    "specks": ((0.10, 0.05, 0.25), (1.0, 0.80, 0.55)),
}


def scene(height: int, width: int, *, colour: bool) -> NDArray[np.uint8]:
    """Return the picture as (height, width) or (height, width, 3), uint8."""
    top, left = height // 2, width // 2
    bottom, right = height - top, width - left
    quarters = {
        "plate": zone_plate(top, left),
        "text": lettering(top, right),
        "steps": steps(bottom, left),
        "specks": specks(bottom, right),
    }
    if colour:
        quarters = {name: tinted(plane, *TINTS[name]) for name, plane in quarters.items()}
    plate, text, stairs, dots = quarters.values()
    whole = np.concatenate(
        [np.concatenate([plate, text], axis=1), np.concatenate([stairs, dots], axis=1)]
    )
    levels: NDArray[np.uint8] = np.rint(255 * whole).astype(np.uint8)
    return levels


def zone_plate(height: int, width: int) -> Plane:
    """Return rings that narrow outwards, to three pixels from ring to ring at the nearer edge."""
    y, x = np.ogrid[:height, :width]
    squared = (y - height / 2) ** 2 + (x - width / 2) ** 2
    return 0.5 + 0.5 * np.cos(np.pi * squared / (1.5 * min(height, width)))


def lettering(height: int, width: int) -> Plane:
    """Return lines of letters, each line half as large again as the next, dark on light."""
    page = np.full((height, width), PAPER)
    top = 2
    for size in (max(1, height // 24), max(1, height // 36), 1):
        for place, letter in enumerate("STRIATE" * 9):
            rows = GLYPHS[letter].split(",")
            glyph = np.array([[mark == "#" for mark in row] for row in rows])
            block = np.kron(glyph, np.ones((size, size), bool))
            left = 3 + 4 * size * place
            if left + 3 * size <= width - 2 and top + 5 * size <= height:
                page[top : top + 5 * size, left : left + 3 * size][block] = INK
        top += 7 * size
    y, x = np.mgrid[top:height, :width]
    slanted = (x + 2 * (y - top)) % 16 < 2  # thin lines, two pixels wide
    page[top:][slanted] = INK
    return page


def steps(height: int, width: int) -> Plane:
    """Return eight flat steps from dark to bright, over a black and white edge that slants."""
    levels = np.repeat(np.linspace(0, 1, 8), -(-width // 8))[:width]
    picture = np.tile(levels, (height, 1))
    y, x = np.ogrid[:height, :width]
    low = y >= height // 2
    return np.where(low, np.where(x > width / 2 + (y - 0.75 * height) / 2, 1.0, 0.0), picture)


def specks(height: int, width: int) -> Plane:
    """Return a gradient with single bright and dark pixels, noisier to the right."""
    rng = np.random.default_rng(1959)
    y, x = np.ogrid[:height, :width]
    slope = 0.15 + 0.6 * (y / height + x / width) / 2
    noisy = slope + 0.15 * rng.standard_normal((height, width)) * (x > 0.6 * width)
    chance = rng.random((height, width))
    noisy[chance < 0.012] = 1
    noisy[chance > 0.988] = 0
    return np.clip(noisy, 0, 1)


def tinted(plane: Plane, dark: Any, bright: Any) -> Plane:
    """Return a grey plane as colours from one to another."""
    low, high = np.array(dark), np.array(bright)
    colours: Plane = low + plane[..., None] * (high - low)
    return colours
