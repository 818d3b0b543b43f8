"""Exact integers: windows, receptive fields, costs. Standard library only."""

from striate.geometry.axis import Axis, Padding, TransposedAxis
from striate.geometry.cost import (
    CONVENTION,
    convolution_macs,
    flops,
    matrix_macs,
    transposed_convolution_macs,
)
from striate.geometry.field import Field, Interval
from striate.geometry.window import PaddingLike, Sizes, TransposedWindow, Window

__all__ = [
    "CONVENTION",
    "Axis",
    "Field",
    "Interval",
    "Padding",
    "PaddingLike",
    "Sizes",
    "TransposedAxis",
    "TransposedWindow",
    "Window",
    "convolution_macs",
    "flops",
    "matrix_macs",
    "transposed_convolution_macs",
]
