"""Images larger than memory."""

from striate.filters.large.reach import Reach, reach

__all__ = ["Reach", "reach"]
