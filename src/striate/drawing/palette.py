"""The colours of all drawings, chosen to be told apart by people who see no red or no green."""

from __future__ import annotations

__all__ = [
    "AXIS",
    "DROPPED",
    "FRAME",
    "GRID",
    "INK",
    "INPUT",
    "INPUT_LINE",
    "KERNEL",
    "LIGHT",
    "OUTPUT",
    "OUTPUT_LINE",
    "OUTPUT_NOW",
    "OVERHANG",
    "PADDING",
    "QUIET",
    "RIGHT",
    "SERIES",
    "WEIGHT",
    "WRONG",
    "ZERO_LINE",
]

INK = "#1b2733"
QUIET = "#5b6875"
GRID = "#e4e9ee"
FRAME = "#ccd4dc"
AXIS = "#9aa6b2"

INPUT = "#a9d0f5"
INPUT_LINE = "#4f8fc9"
ZERO_LINE = "#93b9dc"
KERNEL = "#1d5fa8"
LIGHT = "#ffffff"
WEIGHT = "#ffe29a"
PADDING = "#9aa7b5"
OVERHANG = "#d9902f"
DROPPED = "#8a94a0"
OUTPUT = "#b5e3d6"
OUTPUT_LINE = "#3f9e88"
OUTPUT_NOW = "#12856f"

RIGHT = "#1a8a5a"
WRONG = "#c8442f"
SERIES = ("#1d5fa8", "#e08214", "#12856f", "#8e4585", "#c8442f", "#5b6875")
