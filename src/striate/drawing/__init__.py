"""Drawings: geometry and arrays -> scenes -> SVG, PNG and GIF."""

from striate.drawing.arithmetic import convolution, pooling, transposed_convolution
from striate.drawing.bar_chart import bar_chart
from striate.drawing.catalogue import figure
from striate.drawing.contact_sheet import contact_sheet
from striate.drawing.curves import curves
from striate.drawing.feature_maps import Example, feature_maps
from striate.drawing.figures import Numbers
from striate.drawing.files import SUFFIXES, check_suffix, write
from striate.drawing.raster import raster
from striate.drawing.scene import Animation, Scene
from striate.drawing.svg import svg

__all__ = [
    "SUFFIXES",
    "Animation",
    "Example",
    "Numbers",
    "Scene",
    "bar_chart",
    "check_suffix",
    "contact_sheet",
    "convolution",
    "curves",
    "feature_maps",
    "figure",
    "pooling",
    "raster",
    "svg",
    "transposed_convolution",
    "write",
]
