"""Dropout with masks that are computed where they are needed, forward and backward.

Whether an element is kept is a function of its place in its example (as NumPy's order counts it),
the example's number, the step, the layer and the seed; so nothing is stored, and neither threads
nor layouts matter. Keys of examples are numbers of SplitMix64 (Steele, Lea and Flood, "Fast
splittable pseudorandom number generators", OOPSLA 2014, figure 17); their halves key two rounds of
the 32-bit mixing function "lowbias32" (Wellons, "Prospecting for hash functions", 2018).
"""

from __future__ import annotations

from math import prod
from typing import Any

from striate.errors import ParameterError
from striate.ops.blocked.lanes import choose_lanes, first_lanes, load_first, store_first
from striate.ops.blocked.layout import Place, Value
from striate.ops.blocked.rows import row_of, stride_names, strides
from striate.ops.blocked.task import Task, Word, bits
from striate.ops.blocked.walk import cut_task, row_template, volume, walk
from striate.ops.codegen import Index, Target, Vector, Writer
from striate.ops.codegen.values import FLOAT, I32, I64, ir

__all__ = ["dropout", "dropout_rows"]

GOLDEN = 0x9E3779B97F4A7C15
SPLIT = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
LAST_SPLIT = 31
MIX = ((16, 0x7FEB352D), (15, 0x846CA68B))
LAST_MIX = 16
WORD = (1 << 64) - 1

PART = 512
"""Registers of a plain row that are one row of a task."""


def dropout(
    target: Target, source: Value, result: Value, rate: float, seed: int, layer: int, step: Place
) -> Task:
    """Return what sets elements to 0 with probability `rate`, and divides the rest by 1 - rate.

    Of gradients, it is the backward pass, as long as the step is the same.

    Parameters
    ----------
    result : may be the source
    rate : at least 0 and less than 1
    seed, layer : any whole numbers; layers get masks of their own
    step : an int64 word that differs from step to step, such as a clock begins with; as offsets
        count float32 elements, word i of a buffer lies at ``Place(buffer, 2 * i)``

    Raises
    ------
    ParameterError
        If the rate is out of range.
    """
    x, v = source.layout, volume(source.layout)
    words: dict[str, Word] = {"x": source.origin, "y": result.origin, "batch": x.batch}
    words |= {"blocks": x.blocks} | dict(zip(("slices", "rows", "width"), v.sizes, strict=True))
    words |= _words(rate, seed, layer, step) | strides("x", x) | strides("y", result.layout)
    rows = x.batch * x.blocks * v.sizes[0] * v.sizes[1]
    work = 24 * x.batch * x.blocks * prod(x.spatial) * x.lanes
    return cut_task(drop_pixels.kernel(target), words, rows, work)


def dropout_rows(
    target: Target,
    source: Place,
    shape: tuple[int, int],
    result: Place,
    rate: float,
    seed: int,
    layer: int,
    step: Place,
) -> Task:
    """Return `dropout` of plain rows (N, K), with the mask of blocks of the same elements."""
    rows, size = shape
    parts = -(-size // (PART * target.lanes))
    words: dict[str, Word] = {"x": source, "y": result, "batch": rows, "size": size}
    words |= {"parts": parts} | _words(rate, seed, layer, step)
    return cut_task(drop_rows.kernel(target), words, rows * parts, 24 * rows * size)


def _words(rate: float, seed: int, layer: int, step: Place) -> dict[str, Word]:
    if not 0 <= rate < 1:
        raise ParameterError(f"rate must be at least 0 and less than 1, not {rate!r}")
    key = _split(_split(seed & WORD) + (layer + 1) * GOLDEN)
    bound = min(round(rate * 2**32), 2**32 - 1)
    signed = key - (1 << 64) if key >> 63 else key
    return {"key": signed, "step": step, "bound": bound, "scale": bits(1 / (1 - rate))}


def _split(number: int) -> int:
    """Return SplitMix64's mixing of a word.

    >>> hex(_split(GOLDEN))
    '0xe220a8397b1dcdaf'
    """
    number &= WORD
    for shift, factor in SPLIT:
        number = ((number ^ number >> shift) * factor) & WORD
    return number ^ number >> LAST_SPLIT


def _split_word(w: Writer, number: Index) -> Index:
    """Write the same."""

    def folded(value: Any, shift: int) -> Any:
        return w.builder.xor(value, w.builder.lshr(value, I64(shift)))

    value = number.value
    for shift, factor in SPLIT:
        value = w.builder.mul(folded(value, shift), I64(factor))
    return Index(w, folded(value, LAST_SPLIT))


class _Mask:
    """Which elements of an example are kept."""

    def __init__(self, w: Writer, a: Any, example: Index) -> None:
        self._w, self._kind = w, ir.VectorType(I32, w.lanes)
        step = w.word(w.pointer(a.step), 0)
        key = _split_word(w, a.key + (step + 1) * GOLDEN)
        key = _split_word(w, key + (example + 1) * GOLDEN)
        self._keys = self._all(key), self._all(Index(w, w.builder.lshr(key.value, I64(32))))
        self._bound, self._scale = self._all(a.bound), w.float_of(a.scale)
        self._lanes = ir.Constant(self._kind, list(range(w.lanes)))

    def _all(self, number: Index) -> Any:
        """Return the low half of a word in all lanes."""
        w = self._w
        low = w.builder.bitcast(w.builder.trunc(number.value, I32), FLOAT)
        return w.builder.bitcast(w.spread(low).value, self._kind)

    def _mixed(self, value: Any) -> Any:
        builder = self._w.builder

        def constant(number: int) -> Any:
            return ir.Constant(self._kind, [number] * self._w.lanes)

        for shift, factor in MIX:
            value = builder.xor(value, builder.lshr(value, constant(shift)))
            value = builder.mul(value, constant(factor))
        return builder.xor(value, builder.lshr(value, constant(LAST_MIX)))

    def applied(self, x: Vector, first: Index, step: Index | int = 1) -> Vector:
        """Return what is left of the elements at first, first + step ..."""
        w = self._w
        places = w.builder.mul(self._lanes, self._all(Index(w, w.integer(step))))
        places = w.builder.add(places, self._all(first))
        number = self._mixed(w.builder.add(places, self._keys[0]))
        number = self._mixed(w.builder.xor(number, self._keys[1]))
        kept = w.builder.icmp_unsigned(">=", number, self._bound)
        return choose_lanes(kept, x * self._scale, w.constant(0.0))


@row_template(
    *("x", "y", "batch", "blocks", "slices", "rows", "width", *stride_names("x")),
    *(*stride_names("y"), "key", "step", "bound", "scale"),
)
def drop_pixels(w: Writer, a: Any) -> None:
    """Write rows of pixels of a block."""
    plane = a.slices * a.rows * a.width
    with walk(w, a, (a.batch, a.blocks, a.slices, a.rows)) as (n, b, d, h):
        x, y = (row_of(w, a, name, (n, b, d, h)) for name in "xy")
        mask = _Mask(w, a, n)
        first = b * w.lanes * plane + (d * a.rows + h) * a.width
        with w.loop(0, a.width) as pixel:
            at = pixel * w.lanes
            y.store(mask.applied(x.load(at), first + pixel, plane), at)


@row_template("x", "y", "batch", "size", "parts", "key", "step", "bound", "scale")
def drop_rows(w: Writer, a: Any) -> None:
    """Write parts of rows."""
    with walk(w, a, (a.batch, a.parts)) as (n, part):
        mask = _Mask(w, a, n)
        x, y = (w.pointer(each) + n * a.size for each in (a.x, a.y))
        first = part * (PART * w.lanes)
        last = (first + PART * w.lanes).least(a.size)
        whole = last - (last - first) % w.lanes
        with w.loop(first, whole, w.lanes) as i:
            y.store(mask.applied(x.load(i), i), i)
        rest = first_lanes(w, last - whole)
        left = mask.applied(load_first(w, x + whole, rest), whole)
        store_first(w, y + whole, left, rest)
