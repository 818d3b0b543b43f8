"""What Winograd's convolution costs, by estimates in cycles.

The constants fit 380 layers, of 3 to 512 channels and maps, 4 x 3 to 100 x 100 pixels, one and 8
examples, and kernels of all kinds, measured on a Zen 5 with AVX-512 and with AVX2; 220 more helped
to choose the form of one term. For 220 drawn after that, the method of least cost took 0.7 %
longer in the mean than the fastest among the direct one and those whose cost is at most 2.2 times
the least, and over 10 % longer for 2 % of them.
"""

from __future__ import annotations

from striate.ops.blocked.layout import Blocked
from striate.ops.blocked.winograd_forms import Forms
from striate.ops.blocked.winograd_plan import SECOND_LEVEL, Plan, plan
from striate.ops.blocked.winograd_product import DEPTH, LINE
from striate.ops.codegen import Target

__all__ = ["cost"]

# In cycles.
CALL = 15.0  # calling the microkernel
SUM = 1.3  # adding to a register's sum in memory
STREAM = 4.0  # a line of weights from beyond the second-level cache
PRODUCT = 0.45  # reading a register of products
OUTPUT = 3.5  # a register of outputs
FAR = 2.0  # a register of transformed tiles, where they lie beyond the second-level cache
START = 700.0  # a task


def cost(target: Target, forms: Forms, x: Blocked, y: Blocked) -> float:
    """Return about what a convolution costs, in multiply-adds: 2 registers of them in a cycle.

    Reading x and writing y beyond the caches is left out: any method does it.
    """
    p, lanes = plan(target, forms, x, y, 1), target.lanes
    places, rounds = p.grid.places, -(-p.tiles // p.chunk)
    channels = p.pieces * x.channels
    products = _products(p, channels, y.blocks)
    lines = places * channels * y.blocks * lanes / LINE
    if 4 * lines * LINE > SECOND_LEVEL:
        products = max(products, STREAM * lines * (1 if p.fused else rounds))
    # Writing to the second-level cache depends on the bytes, transforming does not.
    read = lanes / 4 + sum(n / 8 for n in p.grid.n if n > 1)
    outputs = p.grid.m[0] * p.grid.m[1]
    moved = p.deep * places * read + y.blocks * (places * PRODUCT + outputs * OUTPUT)
    if not p.fused:
        moved += FAR * places * (p.deep + y.blocks)
    started = START * (1 if p.fused else 3 * rounds)
    return (products + p.tiles * moved + started) * 2 * lanes


def _products(p: Plan, channels: int, blocks: int) -> float:
    """Return the cycles of the microkernel."""
    full, rest = divmod(p.tiles, p.chunk)
    calls = full * -(-p.chunk // p.strip) + -(-rest // p.strip)
    last = blocks - (p.groups - 1) * p.vectors
    each = [_call(p.strip, vectors, channels) for vectors in (p.vectors, last)]
    return p.grid.places * calls * ((p.groups - 1) * each[0] + each[1])


def _call(rows: int, vectors: int, channels: int) -> float:
    """Return the cycles of a call: products, loads, or waiting for sums, of which two in one."""
    step = max(rows * vectors / 2, (rows + vectors) / 2, 4.0)
    return channels * step + -(-channels // DEPTH) * SUM * rows * vectors + CALL
