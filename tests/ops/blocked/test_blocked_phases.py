"""Transposed convolution as the sweeps of its phases, against the definition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import product
from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from numpy.testing import assert_array_equal

from striate import ops
from striate.geometry import TransposedWindow
from striate.ops.blocked.convolution import Source, direct
from striate.ops.blocked.layout import Value, blocked
from striate.ops.blocked.phases import phases
from striate.ops.blocked.program import run_tasks
from striate.ops.blocked.tiling import choose_tiling
from striate.ops.codegen import Target

Make = Callable[..., Any]
TRANSPOSED = {1: ops.conv_transpose1d, 2: ops.conv_transpose2d, 3: ops.conv_transpose3d}


@some.composite
def windows(draw: Any) -> tuple[TransposedWindow, tuple[int, ...]]:
    """Draw a window and the sizes of an input that has outputs."""
    rank = draw(some.integers(1, 3))
    most = {1: 5, 2: 4, 3: 3}[rank]
    pick = lambda *bounds: tuple(draw(some.integers(*bounds)) for _ in range(rank))  # noqa: E731
    kernel, stride, dilation = pick(1, most), pick(1, 3), pick(1, 3)
    sizes = pick(1, {1: 9, 2: 5, 3: 3}[rank])
    added, padding = [], []
    for k, s, d, size in zip(kernel, stride, dilation, sizes, strict=True):
        more = draw(some.integers(0, max(s, d) - 1))
        room = (size - 1) * s + d * (k - 1) + more  # that padding may take away
        before = draw(some.integers(0, min(3, room)))
        padding.append((before, draw(some.integers(0, min(3, room - before)))))
        added.append(more)
    window = TransposedWindow.parse(kernel, stride, padding, dilation, added, rank=rank)
    return window, sizes


@given(drawn=windows())
@settings(deadline=None, max_examples=60)
def test_every_product_of_the_definition_is_taken_once(drawn: Any) -> None:
    """As triples: output, input (which may be padding) and tap."""
    window, sizes = drawn
    outputs = window.output_shape(sizes)
    taken: Counter[Any] = Counter()
    made: Counter[Any] = Counter()
    for sweep, numbers in phases(window, outputs):
        assert len(sweep.taps) == len(numbers)
        for place in product(*map(range, sweep.counts)):
            axes = zip(sweep.first, place, sweep.out, strict=True)
            output = tuple(first + i * out for first, i, out in axes)
            made[output] += 1
            for tap, number in zip(sweep.taps, numbers, strict=True):
                read = zip(place, sweep.step, tap, strict=True)
                taken[output, tuple(i * step + t for i, step, t in read), number] += 1
    assert made == Counter(product(*map(range, outputs)))
    wanted: Counter[Any] = Counter()
    for output in made:
        for number, tap in enumerate(product(*map(range, window.kernel))):
            at = [
                o + a.padding[0] - k * a.dilation
                for o, k, a in zip(output, tap, window.axes, strict=True)
            ]
            if not any(i % a.stride for i, a in zip(at, window.axes, strict=True)):
                read = tuple(i // a.stride for i, a in zip(at, window.axes, strict=True))
                wanted[output, read, number] += 1
    assert taken == wanted


@pytest.fixture
def transposed(put: Make, get: Make) -> Make:
    """Return transposed(target, x, weight, bias, window, groups) by the direct method."""

    def transposed(
        target: Target,
        x: Any,
        weight: Any,
        bias: Any,
        window: TransposedWindow,
        groups: int = 1,
        **more: Any,
    ) -> Any:
        outputs = window.output_shape(x.shape[2:])
        found = phases(window, outputs)
        sides = np.zeros((2, window.rank), int)
        for sweep, _ in found:
            for tap in sweep.taps:
                sides[0] = np.maximum(sides[0], [-offset for offset in tap])
                last = np.array(sweep.counts) - 1 + tap - np.array(x.shape[2:]) + 1
                sides[1] = np.maximum(sides[1], last)
        before, after = (tuple(map(int, side)) for side in sides)
        source = Value(blocked(x.shape, target.lanes, before, after), "x")
        channels, maps = x.shape[1] // groups, weight.shape[1]
        result = Value(blocked((len(x), maps * groups, *outputs), target.lanes), "y")
        start = np.zeros(result.layout.blocks * target.lanes, np.float32)
        start[: len(bias)] = bias
        parts = weight.reshape(groups, channels, maps, -1).transpose(0, 2, 1, 3)
        parts = parts.reshape(groups * maps, channels, -1)
        tasks = []
        for sweep, numbers in found:
            sizes = sweep.counts[-1], maps, channels, groups, len(numbers)
            tiling = choose_tiling(target, *sizes)
            packed = tiling.pack(parts[..., list(numbers)])
            to = Value(result.layout, "y")
            tasks.append(direct(target, Source.of(source), to, sweep, tiling, packed, start))
        y = np.full(result.layout.size, -12345, np.float32)
        run_tasks(tasks, {"x": put(source.layout, x), "y": y}, target=target, **more)
        return get(result.layout, y)

    return transposed


def reference(x: Any, weight: Any, bias: Any, window: TransposedWindow, groups: int = 1) -> Any:
    """Return the definition's outputs."""
    return TRANSPOSED[window.rank](
        *(x, weight, bias),
        stride=window.strides,
        padding=window.paddings,
        dilation=window.dilations,
        output_padding=[axis.output_padding for axis in window.axes],
        groups=groups,
        method="reference",
    )


@given(drawn=windows(), counts=some.tuples(*(some.integers(1, most) for most in (2, 19, 35))))
@settings(
    deadline=None,
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_window_gives_the_references_bits(
    target: Target, transposed: Make, whole: Make, drawn: Any, counts: tuple[int, int, int]
) -> None:
    window, sizes = drawn
    batch, channels, maps = counts
    x, weight = whole(batch, channels, *sizes), whole(channels, maps, *window.kernel)
    bias = whole(maps)
    found = transposed(target, x, weight, bias, window)
    assert_array_equal(found, reference(x, weight, bias, window))


@pytest.mark.parametrize("groups", [2, 3])
def test_groups_of_whole_blocks(target: Target, transposed: Make, whole: Make, groups: int) -> None:
    lanes = target.lanes
    window = TransposedWindow.parse((3, 2), (2, 1), (1, 0), 1, (1, 0), rank=2)
    x, weight = whole(2, 2 * groups * lanes, 3, 5), whole(2 * groups * lanes, lanes, 3, 2)
    bias = whole(groups * lanes)
    found = transposed(target, x, weight, bias, window, groups)
    assert_array_equal(found, reference(x, weight, bias, window, groups))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_go_where_the_reference_has_them(
    target: Target, transposed: Make, whole: Make, bad: float
) -> None:
    window = TransposedWindow.parse(3, 2, 1, rank=2)
    x, weight, bias = whole(1, 5, 4, 5), whole(5, 6, 3, 3), whole(6)
    x[0, 2, 1, 3] = bad
    with np.errstate(all="ignore"):
        wanted = reference(x, weight, bias, window)
    assert_array_equal(transposed(target, x, weight, bias, window), wanted)
    assert 0 < np.isfinite(wanted).sum() < wanted.size


def test_results_do_not_depend_on_threads(target: Target, transposed: Make) -> None:
    rng = np.random.default_rng(0)
    window = TransposedWindow.parse(4, 2, 1, rank=2)
    x = rng.standard_normal((2, 24, 8, 8), np.float32)
    weight = rng.standard_normal((24, 20, 4, 4), np.float32)
    bias = rng.standard_normal(20, np.float32)
    wanted = transposed(target, x, weight, bias, window)
    exact = reference(*(a.astype(np.float64) for a in (x, weight, bias)), window)
    assert np.abs(wanted - exact).max() <= 2e-6 * np.abs(exact).max()
    assert wanted.size == 2 * 20 * prod(window.output_shape((8, 8)))
    for threads in (2, 3):
        assert_array_equal(transposed(target, x, weight, bias, window, threads=threads), wanted)
