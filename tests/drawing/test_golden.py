"""Golden SVG text: a change of a figure shows up as a change of a file.

After a change that is meant, rewrite the files and look at them in a browser before committing:

    STRIATE_UPDATE_GOLDEN=1 pytest tests/drawing/test_golden.py
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from striate.drawing import (
    Animation,
    Numbers,
    Scene,
    convolution,
    curves,
    figure,
    pooling,
    svg,
    transposed_convolution,
)

GOLDEN = Path(__file__).parents[1] / "golden"
DRAWINGS: dict[str, Animation | Scene] = {
    "padding_and_strides": figure("padding and strides"),
    "numerical": figure("numerical"),
    "dilation_one_step": figure("dilation", step=4),
    "odd_transposed": figure("odd transposed", step=20),
    "floor_drops": pooling((7, 6), 2, stride=3),
    "ceil_uneven": convolution(
        (5, 8), (2, 3), stride=(2, 3), padding=((0, 1), (2, 0)), ceil=True, step=8
    ),
    "transposed_with_numbers": transposed_convolution(
        (2, 3), (3, 2), stride=2, numbers=Numbers.seeded((2, 3), (3, 2), 1), step=7
    ),
    "curves": curves(
        {"train": [(1, 9.5), (2, 4.25), (3, 2.0)], "test": [(1, 11.0), (2, 6.5), (3, 5.0)]},
        title="Error over three passes",
        x_label="pass",
        y_label="error, %",
        y_from_zero=True,
    ),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_svg_text_is_golden(name: str) -> None:
    text = svg(DRAWINGS[name])
    path = GOLDEN / f"{name}.svg"
    if os.environ.get("STRIATE_UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8", newline="\n")
    assert text == path.read_text(encoding="utf-8")


def test_every_golden_drawing_is_still_drawn() -> None:
    assert {path.stem for path in GOLDEN.glob("*.svg")} == set(DRAWINGS)
