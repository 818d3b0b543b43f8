"""Image files to arrays and back: PNG, JPEG, WebP, TIFF and BMP.

====== ======================================== ============== ===================================
format arrays it can hold                       metadata kept  what is lost
====== ======================================== ============== ===================================
PNG    uint8 and uint16 with 1 to 4 channels    ICC, EXIF, dpi nothing
TIFF   uint8, uint16, float32 and float64 with  ICC, dpi       nothing
       any number of channels
BMP    uint8 with 1 or 3 channels               dpi            nothing
JPEG   uint8 with 1 or 3 channels               ICC, EXIF, dpi a little of every pixel
WebP   uint8 with 1 to 4 channels               ICC, EXIF      nothing, but a little of every pixel
                                                               at a `quality`; grey becomes colours
====== ======================================== ============== ===================================

Two channels are grey and alpha, four are colour and alpha, five and more just channels. Of several
pages or frames the first is read. Pillow reads and writes all but 16-bit colour, float colour,
float64 and more than four channels, which need tifffile and imagecodecs: ``pip install
'striate[large]'``. PNG and TIFF are compressed without loss. WebP keeps no profiles of greys.

`scaled` makes floats of levels, and levels of 8 bits of those of 16.
"""

from striate.filters.files.formats import SUFFIXES, format_of
from striate.filters.files.metadata import Metadata
from striate.filters.files.reading import read, read_with_metadata
from striate.filters.files.scaling import scaled
from striate.filters.files.writing import write

__all__ = [
    "SUFFIXES",
    "Metadata",
    "format_of",
    "read",
    "read_with_metadata",
    "scaled",
    "write",
]
