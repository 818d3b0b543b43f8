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
from striate.geometry.sampling import Beyond, Sampling
from striate.geometry.window import PaddingLike, Sizes, TransposedWindow, Window

__all__ = [
    "CONVENTION",
    "Axis",
    "Beyond",
    "Field",
    "Interval",
    "Padding",
    "PaddingLike",
    "Sampling",
    "Sizes",
    "TransposedAxis",
    "TransposedWindow",
    "Window",
    "convolution_macs",
    "flops",
    "matrix_macs",
    "transposed_convolution_macs",
]
