"""What the values of a graph see of its inputs: receptive fields and reach."""

from striate.network.seeing.fields import Seen, infer_fields, look
from striate.network.seeing.reaching import Box, reach, reached

__all__ = ["Box", "Seen", "infer_fields", "look", "reach", "reached"]
