"""How a convolution is cut for the microkernel: pixels into tiles, maps into groups."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from striate.ops.blocked.expression import Form
from striate.ops.blocked.tile import tile
from striate.ops.codegen import Target

__all__ = ["OVERHEAD", "Cut", "Tiling", "choose_tiling"]

MOST_VECTORS = 6
FIRST_LEVEL, SECOND_LEVEL = 24 << 10, 512 << 10  # bytes of weights that stay in a cache
FROM_SECOND, FROM_THIRD = 50.0, 20.0  # bytes in a cycle
OVERHEAD = 20.0  # cycles that a tile takes besides its products


@dataclass(frozen=True)
class Cut:
    """How a layer is cut for a microkernel.

    Attributes
    ----------
    rows : pixels in a tile
    vectors : in each group of maps, how many blocks of them
    maps, channels, groups : of the layer; maps and channels of one of its groups
    lanes : maps in a block
    """

    rows: int
    vectors: tuple[int, ...]
    maps: int
    channels: int
    groups: int
    lanes: int

    @property
    def all_maps(self) -> int:
        """Maps of all groups."""
        return self.maps * self.groups

    @property
    def sizes(self) -> list[int]:
        """The different sizes of groups."""
        return sorted(set(self.vectors), reverse=True)

    def depth(self, taps: int) -> int:
        """Products in a sum."""
        return self.channels * taps


@dataclass(frozen=True)
class Tiling(Cut):
    """The cut of a layer on blocked values: a block of maps is a register."""

    @property
    def pixels_first(self) -> bool:
        """Some maps of all pixels are done before the next maps."""
        return False

    def tiles(
        self,
        target: Target,
        step: int,
        out: int,
        planar: bool,
        short: bool,
        after: Form = 0,
        numbers: int = 0,
    ) -> list[int]:
        """Return the addresses of the microkernels, for each size of a group of maps."""
        how = step, out, planar, short, after, numbers
        return [tile(target, self.rows, size, *how) for size in self.sizes]

    @property
    def blocks(self) -> tuple[int, int]:
        """Blocks of channels that a map reads, and the channels in the last of them."""
        blocks = -(-self.channels // self.lanes)
        return blocks, self.channels - (blocks - 1) * self.lanes

    @property
    def starts(self) -> tuple[int, ...]:
        """The first register of each group of maps."""
        return (0, *accumulate(self.vectors))[:-1]

    def cycles(self, width: int, taps: int) -> float:
        """Return about how long a row of `width` outputs takes."""
        tiles, depth = -(-width // self.rows), self.depth(taps)
        steps = [_step(self.rows, size, depth, self.lanes) for size in self.vectors]
        return tiles * sum(depth * step + OVERHEAD for step in steps)

    def pack(self, weight: NDArray[np.float32], planar: bool = False) -> NDArray[np.float32]:
        """Return weights (groups * maps, channels, taps) in the order in which they are used.

        That is, for each group of registers: block of channels, tap, channel, lane. Where each
        tap is of a single channel (planar), channels come first.
        """
        parts = []
        span = self.lanes if not planar else 1
        for start, vectors in zip(self.starts, self.vectors, strict=True):
            wide = vectors * self.lanes
            part = weight[start * self.lanes : start * self.lanes + wide]
            if len(part) < wide:
                part = np.concatenate(
                    [part, np.zeros((wide - len(part), *part.shape[1:]), part.dtype)]
                )
            whole = self.channels // span * span
            _, _, taps = part.shape
            most = part[:, :whole].reshape(wide, whole // span, span, taps)
            parts.append(most.transpose(1, 3, 2, 0).ravel())
            parts.append(part[:, whole:].transpose(2, 1, 0).ravel())
        return np.concatenate(parts)


def choose_tiling(
    target: Target, width: int, maps: int, channels: int, groups: int = 1, taps: int = 1
) -> Tiling:
    """Return the fastest cut for rows of `width` outputs.

    `maps` and `channels` are those of one group. A tile of r pixels and v registers takes
    r v + v + 1 registers, does r v multiply-adds and r + v loads for each product's step, of
    either of which two go in a cycle.
    """
    blocks = -(-maps // target.lanes)
    best: tuple[float, Tiling] | None = None
    for vectors in range(1, min(MOST_VECTORS, blocks) + 1):
        parts = [vectors] * (blocks // vectors) + [blocks % vectors] * (blocks % vectors > 0)
        most = min(width, 28, (target.registers - 1 - vectors) // vectors)
        for rows in range(1, most + 1):
            tiling = Tiling(rows, tuple(parts) * groups, maps, channels, groups, target.lanes)
            cost = tiling.cycles(width, max(taps, 1))
            if best is None or cost < best[0]:
                best = cost, tiling
    assert best is not None
    return best[1]


def _step(rows: int, vectors: int, depth: int, lanes: int) -> float:
    """Return the cycles of one step of the sum: products, loads, waiting for sums, or weights.

    Weights of a group that fill a cache come anew from the next one for every tile.
    """
    wide = 4 * vectors * lanes
    kept = depth * wide
    stream = (
        wide / (FROM_THIRD if kept > SECOND_LEVEL else FROM_SECOND) if kept > FIRST_LEVEL else 0
    )
    return max(rows * vectors / 2, (rows + vectors) / 2, 4.0, stream) + 0.5
