"""Which input channels the lanes of an output read, step after step, when channels are in groups.

Each lane of a block of maps reads the channels of its own group, one in each step. Where
registers can be permuted by a register, a step takes all lanes from one or two blocks of input
channels; lanes whose channels are in others wait. Elsewhere each lane loads its own element.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.ops.blocked.lanes import choose_lanes
from striate.ops.codegen import Index, Pointer, Target, Vector, Writer
from striate.ops.codegen.values import I32, ir

__all__ = ["Gathering", "call_own", "gatherer", "permutes", "plan_gathering"]

PERMUTES = {"avx512": {1: 1.0, 2: 1.5}, "avx2": {1: 1.0, 2: 4.0}}
"""What it costs to take lanes from one or two registers, in multiply-adds."""


@dataclass(frozen=True)
class Gathering:
    """The steps of all blocks of maps.

    Attributes
    ----------
    starts : (blocks + 1,), the first step of each block of maps
    channels : (steps, lanes), which channel of its group a lane reads; -1 where it waits
    sources : registers that a step takes lanes from; 0 where each lane loads its own
    masked : whether any lane ever waits
    words : (steps, sources + 1), blocks of input channels and the mask of the lanes that do not
        wait; or (steps, lanes), the channel of each lane
    places : (steps, lanes) int32, the lane that is read, counted through the sources
    """

    starts: NDArray[np.int64]
    channels: NDArray[np.int64]
    sources: int
    masked: bool
    words: NDArray[np.int64]
    places: NDArray[np.int32]


def permutes(target: Target) -> bool:
    """Tell whether the processor permutes registers by registers."""
    return target.level in PERMUTES


@lru_cache(maxsize=64)
def plan_gathering(target: Target, channels: int, maps: int, groups: int, taps: int) -> Gathering:
    """Return the cheapest steps for so many channels and maps in each group.

    Each element that is gathered is used for `taps` products.

    >>> plan_gathering(Target.named("sse"), 2, 2, 4, 3).channels
    array([[0, 0, 0, 0],
           [1, 1, 1, 1],
           [0, 0, 0, 0],
           [1, 1, 1, 1]])
    """
    if not permutes(target):
        return _loaded(target.lanes, channels, maps, groups)
    plans = [_permuted(target.lanes, channels, maps, groups, sources) for sources in (1, 2)]
    prices = PERMUTES[target.level]
    return min(plans, key=lambda plan: len(plan.channels) * (taps + prices[plan.sources]))


def _group_of_lanes(lanes: int, maps: int, groups: int) -> NDArray[np.int64]:
    """Return the group of each lane of the blocks of maps; -1 for spare lanes."""
    blocks = -(-maps * groups // lanes)
    numbers = np.arange(blocks * lanes)
    return np.where(numbers < maps * groups, numbers // maps, -1).reshape(blocks, lanes)


def _loaded(lanes: int, channels: int, maps: int, groups: int) -> Gathering:
    owners = _group_of_lanes(lanes, maps, groups)
    step = np.arange(channels)[None, :, None]
    numbers = (np.maximum(owners, 0)[:, None, :] * channels + step).reshape(-1, lanes)
    chosen = np.repeat(step, len(owners), 0).repeat(lanes, 2).reshape(-1, lanes)
    starts = np.arange(len(owners) + 1) * channels
    return Gathering(starts, chosen, 0, False, numbers, numbers.astype(np.int32))


def _permuted(lanes: int, channels: int, maps: int, groups: int, sources: int) -> Gathering:
    starts, chosen, words, places = [0], [], [], []
    masked = False
    for owners in _group_of_lanes(lanes, maps, groups):
        left = {g: _by_block(g * channels, channels, lanes) for g in owners.tolist() if g >= 0}
        while any(left.values()):
            blocks = _wanted(left, sources)
            picked = {group: _pick(rest, blocks) for group, rest in left.items()}
            masked |= None in picked.values()
            numbers = [picked.get(group) for group in owners.tolist()]  # of lanes; None is idle
            chosen.append([-1 if n is None else n % channels for n in numbers])
            place = [
                0 if n is None else blocks.index(n // lanes) * lanes + n % lanes for n in numbers
            ]
            places.append(place)
            words.append([*blocks, sum(1 << i for i, n in enumerate(numbers) if n is not None)])
        starts.append(len(chosen))
    arrays = np.array(starts), np.array(chosen), sources, masked
    return Gathering(*arrays, np.array(words, np.int64), np.array(places, np.int32))


def _by_block(first: int, count: int, lanes: int) -> dict[int, list[int]]:
    """Return the channels of a group, the last first, by the block of channels they are in."""
    found: dict[int, list[int]] = {}
    for number in range(first, first + count):
        found.setdefault(number // lanes, []).insert(0, number)
    return found


def _wanted(left: dict[int, dict[int, list[int]]], sources: int) -> list[int]:
    """Return the blocks that are wanted for the most steps yet."""
    demand: dict[int, int] = {}
    for rest in left.values():
        for block, numbers in rest.items():
            demand[block] = max(demand.get(block, 0), len(numbers))
    best = sorted(demand, key=lambda block: -demand[block])[:sources]
    return best + best[-1:] * (sources - len(best))


def _pick(rest: dict[int, list[int]], blocks: list[int]) -> int | None:
    """Take from a group's channels one that is in these blocks: where it wants more."""
    block = max(blocks, key=lambda block: len(rest.get(block, ())))
    if block not in rest:
        return None
    number = rest[block].pop()
    if not rest[block]:
        del rest[block]
    return number


def gatherer(
    w: Writer,
    tables: tuple[Pointer, Pointer],
    step: Index,
    plane: Index,
    sources: int,
    masked: bool,
) -> Callable[[Pointer], Vector]:
    """Return what writes the gathering of a step's lanes, given where a pixel of block 0 lies.

    `tables` are a gathering's words and places; `plane` is how far the next block of channels is.
    """
    words, places = tables
    if sources == 0:
        numbers = [w.word(words, step * w.lanes + lane) for lane in range(w.lanes)]
        offsets = [number // w.lanes * plane + number % w.lanes for number in numbers]
        return lambda pixel: _gathered(w, [pixel.scalar(offset) for offset in offsets])
    blocks = [w.word(words, step * (sources + 1) + number) * plane for number in range(sources)]
    integers = ir.VectorType(I32, w.lanes)
    order = w.builder.bitcast(places.load(step * w.lanes).value, integers)
    mask = None
    if masked:
        bits = w.word(words, step * (sources + 1) + sources)
        low = w.builder.trunc(bits.value, ir.IntType(w.lanes))
        mask = w.builder.bitcast(low, ir.VectorType(ir.IntType(1), w.lanes))

    def gather(pixel: Pointer) -> Vector:
        elements = _permute(w, [(pixel + block).load() for block in blocks], order)
        return choose_lanes(mask, elements, w.constant(0.0)) if masked else elements

    return gather


def _gathered(w: Writer, scalars: list[Any]) -> Vector:
    vector = ir.Constant(w.vector, ir.Undefined)
    for lane, scalar in enumerate(scalars):
        vector = w.builder.insert_element(vector, scalar, I32(lane))
    return Vector(w, vector)


def _permute(w: Writer, registers: list[Vector], order: Any) -> Vector:
    """Take each lane from the place that `order` names in one register, or two."""
    first = registers[0]
    if w.target.level == "avx512":
        if len(registers) == 1:
            return call_own(w, "llvm.x86.avx512.permvar.sf.512", first.value, order)
        second = registers[1].value
        return call_own(w, "llvm.x86.avx512.vpermi2var.ps.512", first.value, order, second)
    taken = [call_own(w, "llvm.x86.avx2.permps", one.value, order) for one in registers]
    if len(taken) == 1:
        return taken[0]
    lanes = ir.Constant(order.type, [w.lanes] * w.lanes)
    return choose_lanes(w.builder.icmp_signed("<", order, lanes), *taken)


def call_own(w: Writer, name: str, *values: Any) -> Vector:
    """Call an instruction that only some processors have, which gives a register."""
    function = w.module.globals.get(name)
    if function is None:
        kind = ir.FunctionType(w.vector, [value.type for value in values])
        function = ir.Function(w.module, kind, name)
    return Vector(w, w.builder.call(function, list(values)))
