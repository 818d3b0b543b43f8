"""The layout of values between steps: channels in blocks of as many as a register has lanes.

A value (N, C, *spatial) lies in memory as (N, blocks, *padded spatial, lanes), blocks =
ceil(C / lanes). Around each image lie `before` and `after` pixels of padding along each axis, as
many as the largest reader wants; whoever fills the value fills them with zeros. So no kernel
needs to know where an image ends, and padding takes part in the sums as the definition has it.

What the lanes of the last block hold beyond C does not matter: nobody reads them as channels.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

__all__ = ["Blocked", "Place", "Value", "blocked"]


class Place(NamedTuple):
    """An address within a buffer that gets its memory later; `offset` counts elements."""

    buffer: str
    offset: int = 0


class Blocked(NamedTuple):
    """Where the elements of a value lie; strides and offsets count float32 elements.

    Attributes
    ----------
    batch, channels, spatial : the value's shape
    before, after : padding pixels along each spatial axis
    lanes : channels in a block
    first_block, all_blocks : the value may be some of the blocks of a larger one
    """

    batch: int
    channels: int
    spatial: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    lanes: int
    first_block: int
    all_blocks: int

    @property
    def blocks(self) -> int:
        """Blocks of channels."""
        return -(-self.channels // self.lanes)

    @property
    def padded(self) -> tuple[int, ...]:
        """Spatial sizes with their padding."""
        sizes = zip(self.before, self.spatial, self.after, strict=True)
        return tuple(before + size + after for before, size, after in sizes)

    @property
    def strides(self) -> tuple[int, ...]:
        """Elements from one pixel to the next along each spatial axis; the last is `lanes`."""
        padded = self.padded
        return tuple(prod(padded[axis + 1 :]) * self.lanes for axis in range(len(padded)))

    @property
    def plane(self) -> int:
        """Elements from one block of channels to the next."""
        return prod(self.padded) * self.lanes

    @property
    def image(self) -> int:
        """Elements from one example to the next."""
        return self.plane * self.all_blocks

    @property
    def size(self) -> int:
        """Elements of the whole buffer."""
        return self.image * self.batch

    @property
    def corner(self) -> int:
        """Offset of the first pixel of padding of the value's first block."""
        return self.first_block * self.plane

    @property
    def origin(self) -> int:
        """Offset of the first pixel that is none of padding."""
        inset = sum(b * s for b, s in zip(self.before, self.strides, strict=True))
        return self.corner + inset

    @property
    def contiguous(self) -> bool:
        """Whether a block has no padding."""
        return not any(self.before) and not any(self.after)

    @property
    def unbroken(self) -> bool:
        """Whether the pixels of a block lie one after another, without padding between."""
        return not any(self.before[1:]) and not any(self.after[1:])


class Value(NamedTuple):
    """A value in its buffer."""

    layout: Blocked
    buffer: str

    @property
    def origin(self) -> Place:
        """Where its first pixel lies."""
        return Place(self.buffer, self.layout.origin)

    @property
    def corner(self) -> Place:
        """Where its padding begins."""
        return Place(self.buffer, self.layout.corner)


def blocked(
    shape: tuple[int, ...],
    lanes: int,
    before: tuple[int, ...] | None = None,
    after: tuple[int, ...] | None = None,
) -> Blocked:
    """Return the layout of a value (N, C, *spatial) that has a buffer of its own."""
    none = (0,) * (len(shape) - 2)
    batch, channels, *spatial = shape
    blocks = -(-channels // lanes)
    return Blocked(batch, channels, tuple(spatial), before or none, after or none, lanes, 0, blocks)
