"""Drawings: geometry and arrays -> scenes -> SVG, PNG and GIF."""

from striate.drawing.arithmetic import convolution, pooling, transposed_convolution
from striate.drawing.figures import Numbers
from striate.drawing.files import SUFFIXES, check_suffix, write
from striate.drawing.raster import raster
from striate.drawing.scene import Animation, Scene
from striate.drawing.svg import svg

__all__ = [
    "SUFFIXES",
    "Animation",
    "Numbers",
    "Scene",
    "check_suffix",
    "convolution",
    "pooling",
    "raster",
    "svg",
    "transposed_convolution",
    "write",
]
