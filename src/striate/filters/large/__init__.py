"""Images larger than memory: files filtered part by part, and lazy arrays.

============= ====================================================================================
`filter_file` a TIFF, BigTIFF or Zarr file through a filter, within bounded memory
`layout`      an image's shape and dtype, from the header alone
`takes`       whether a file of this name can be streamed
`reach`       which pixels a filter must see for one pixel of its result
============= ====================================================================================

Needs the extra ``large``. Results are the same to the bit as those of the whole image in memory.
"""

from striate.filters.large.files import filter_file, layout, takes
from striate.filters.large.layouts import Layout
from striate.filters.large.trial import Reach, reach

__all__ = ["Layout", "Reach", "filter_file", "layout", "reach", "takes"]
