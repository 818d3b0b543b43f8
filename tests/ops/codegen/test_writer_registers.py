"""What kernels do with registers of float32 lanes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from striate.ops.codegen import Target, Writer, library, template

Call = Callable[..., None]
NAN, INF = np.float32(np.nan), np.float32(np.inf)
SPECIAL = np.array([0.0, -0.0, 1.5, -2.25, NAN, INF, -INF, 1e-45, 3e38], np.float32)


def pairs() -> tuple[Any, Any]:
    """Return all pairs of special numbers, as many as whole registers hold."""
    a, b = (grid.ravel() for grid in np.meshgrid(SPECIAL, SPECIAL))
    more = -len(a) % 16
    return np.pad(a, (0, more)), np.pad(b, (0, more))


def same_bits(found: Any, wanted: Any) -> None:
    """Compare with the sign of zero; one NaN is as good as another."""
    assert_array_equal(found, wanted)
    numbers = ~np.isnan(wanted)
    assert_array_equal(np.signbit(found)[numbers], np.signbit(wanted)[numbers])


@template("x", "other", "y", "size")
def tested_arithmetic(w: Writer, a: Any, name: str) -> None:
    x, other, y = w.pointer(a.x), w.pointer(a.other), w.pointer(a.y)
    with w.loop(0, a.size, w.lanes) as i:
        one, two = x.load(i), other.load(i)
        y.store(
            {
                "+": lambda: one + two,
                "-": lambda: one - two,
                "*": lambda: one * two,
                "/": lambda: one / two,
                "maximum": lambda: one.maximum(two),
                "+ 1.5": lambda: one + 1.5,
                "- 2": lambda: one - 2,
                "* 0.1": lambda: one * 0.1,
                "/ 3": lambda: one / 3,
            }[name](),
            i,
        )


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("+", np.add),
        ("-", np.subtract),
        ("*", np.multiply),
        ("/", np.divide),
        ("+ 1.5", lambda a, b: a + np.float32(1.5)),
        ("- 2", lambda a, b: a - np.float32(2)),
        ("* 0.1", lambda a, b: a * np.float32(0.1)),
        ("/ 3", lambda a, b: a / np.float32(3)),
    ],
)
def test_arithmetic(target: Target, call: Call, name: str, meaning: Any) -> None:
    a, b = pairs()
    y = np.zeros_like(a)
    call(tested_arithmetic.kernel(target, name=name), x=a, other=b, y=y, size=len(a))
    with np.errstate(all="ignore"):
        same_bits(y, meaning(a, b))


def test_maximum_is_nan_where_either_is(target: Target, call: Call) -> None:
    a, b = pairs()
    y = np.zeros_like(a)
    call(tested_arithmetic.kernel(target, name="maximum"), x=a, other=b, y=y, size=len(a))
    assert_array_equal(y, np.maximum(a, b))


@template("x", "y", "low", "high", "size")
def tested_clip(w: Writer, a: Any) -> None:
    x, y, low, high = w.pointer(a.x), w.pointer(a.y), w.float_of(a.low), w.float_of(a.high)
    with w.loop(0, a.size, w.lanes) as i:
        y.store(x.load(i).clip(low, high), i)


@pytest.mark.parametrize("bounds", [(-INF, INF), (0, INF), (-1, 2), (1.5, 1.5), (-INF, 0)])
def test_clip_keeps_nan(target: Target, call: Call, bounds: tuple[float, float]) -> None:
    x, _ = pairs()
    y = np.zeros_like(x)
    low, high = (int(np.float32(bound).view(np.uint32)) for bound in bounds)
    # Only the low half of a word is read as a number.
    words = {"low": low - 2**32, "high": high | (0x7FC00000 << 31)}
    call(tested_clip.kernel(target), x=x, y=y, size=len(x), **words)
    assert_array_equal(y, np.where(np.isnan(x), x, np.clip(x, *bounds)))


@template("x", "y", "z", "out")
def tested_multiply_add(w: Writer, a: Any) -> None:
    x, y, z = (w.pointer(pointer).load() for pointer in (a.x, a.y, a.z))
    w.pointer(a.out).store(x.multiply_add(y, z))


def test_multiply_add_is_rounded_once_where_the_processor_can(target: Target, call: Call) -> None:
    x = np.full(16, 1 + 2.0**-12, np.float32)
    z = np.full(16, -(1 + 2.0**-11), np.float32)
    out = np.full(17, 7, np.float32)
    call(tested_multiply_add.kernel(target), x=x, y=x, z=z, out=out)
    wanted = 2.0**-24 if target.fused else 0.0
    assert_array_equal(out, [wanted] * target.lanes + [7] * (17 - target.lanes))


@template("x", "other", "y")
def tested_shuffle(w: Writer, a: Any, places: tuple[int, ...]) -> None:
    w.pointer(a.y).store(w.pointer(a.x).load().shuffle(w.pointer(a.other).load(), places))


def test_shuffle_counts_through_both_registers(target: Target, call: Call) -> None:
    lanes = target.lanes
    both = np.arange(2 * lanes, dtype=np.float32)
    rng = np.random.default_rng(0)
    for places in (range(lanes), range(lanes, 2 * lanes), rng.integers(0, 2 * lanes, lanes)):
        y = np.zeros(lanes, np.float32)
        kernel = tested_shuffle.kernel(target, places=tuple(map(int, places)))
        call(kernel, x=both[:lanes].copy(), other=both[lanes:].copy(), y=y)
        assert_array_equal(y, both[list(places)])


@template("x", "y", "place")
def tested_elements(w: Writer, a: Any) -> None:
    """Store one element in all lanes, then unaligned registers, then single elements."""
    x, y = w.pointer(a.x), w.pointer(a.y)
    y.store(x.broadcast(a.place))
    y.store(w.spread(x.scalar(2)), w.lanes)
    y.store((x + a.place).load(1), w.index(2) * w.lanes)
    y.store(w.constant(-0.5), 3 * w.lanes)
    y.put_scalar(x.scalar(a.place), 4 * w.lanes + 1)
    (y + 0).put_scalar(x.scalar(), a.place + 3 * w.lanes)
    w.prefetch(x)
    w.prefetch(w.pointer(a.place * 0), 1, to_write=True)


@pytest.mark.parametrize("shift", [0, 1, 3])
def test_loads_and_stores_at_any_element(target: Target, call: Call, shift: int) -> None:
    lanes = target.lanes
    x = np.arange(100, 200, dtype=np.float32)[shift:]
    y = np.full(5 * lanes + shift, 7, np.float32)[shift:]
    call(tested_elements.kernel(target), x=x, y=y, place=3)
    wanted = [x[3]] * lanes + [x[2]] * lanes + list(x[4 : 4 + lanes]) + [-0.5] * lanes
    wanted += [7, x[3]] + [7] * (lanes - 2)
    wanted[3 * lanes + 3] = x[0]
    assert_array_equal(y, wanted)


def test_registers_of_the_level_are_used(target: Target) -> None:
    """The sum of two registers is one instruction on registers of the level's width."""
    name = {"sse": "xmm", "avx2": "ymm", "avx512": "zmm"}.get(target.level)
    if name is None:
        pytest.skip("names of registers are those of x86")

    def write(module: Any, symbol: str) -> None:
        tested_arithmetic.write(target, {"name": "+"}, module, symbol)

    text = library(target).assembly(write)
    assert f"%{name}" in text
    wider = {"xmm": ("ymm", "zmm"), "ymm": ("zmm",), "zmm": ()}[name]
    assert not any(f"%{other}" in text for other in wider)
