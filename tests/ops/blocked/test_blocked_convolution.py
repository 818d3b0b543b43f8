"""Direct convolution on blocked values and on planes, against the definition.

Whole numbers must give the same bits as the reference. What must not matter is filled with NaN:
lanes beyond the channels, blocks of other values, memory around the result.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, prod
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from numpy.testing import assert_array_equal

from striate import ops
from striate.geometry import Window
from striate.ops.blocked.convolution import Source, direct, window_sweep
from striate.ops.blocked.layout import Place, Value, blocked
from striate.ops.blocked.program import run_tasks
from striate.ops.blocked.tiling import Tiling, choose_tiling
from striate.ops.codegen import Target

Make = Callable[..., Any]
MANY = settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
UNTOUCHED = np.float32(-12345)
REFERENCE = {1: ops.conv1d, 2: ops.conv2d, 3: ops.conv3d}


def reference(x: Any, weight: Any, bias: Any, window: Window, groups: int = 1) -> Any:
    """Return the definition's outputs."""
    convolve = REFERENCE[window.rank]
    how = {"stride": window.strides, "padding": window.paddings, "dilation": window.dilations}
    return convolve(x, weight, bias, **how, groups=groups, method="reference")


@pytest.fixture
def convolve(put: Make, get: Make) -> Make:
    """Return convolve(target, x, weight, bias, window, ...) by the direct method."""

    def source(target: Target, x: Any, after: tuple[int, ...], window: Window, planar: bool) -> Any:
        before = tuple(axis.before for axis in window.axes)
        if not planar:
            at = blocked(x.shape, target.lanes, before, after)
            at = at._replace(first_block=2, all_blocks=at.blocks + 3)
            return Source.of(Value(at, "x")), put(at, x)
        sides = [(0, 0), (0, 0), *zip(before, after, strict=True)]
        planes = np.pad(x, sides)
        sizes = planes.shape[2:]
        strides = tuple(prod(sizes[axis + 1 :]) for axis in range(len(sizes)))
        inset = sum(b * s for b, s in zip(before, strides, strict=True))
        plane = prod(sizes)
        image = plane * x.shape[1]
        return Source(Place("x", inset), image, strides, plane, planar=True), planes.ravel()

    def convolve(
        target: Target,
        x: Any,
        weight: Any,
        bias: Any,
        window: Window,
        *,
        groups: int = 1,
        residual: Any = None,
        low: float = -inf,
        high: float = inf,
        planar: bool = False,
        threads: int = 1,
        cut: tuple[int, tuple[int, ...]] | None = None,
    ) -> Any:
        sizes, maps = x.shape[2:], weight.shape[0]
        outputs = window.output_shape(sizes)
        after = tuple(
            max(0, (out - 1) * a.stride + a.extent - a.before - size)
            for a, out, size in zip(window.axes, outputs, sizes, strict=True)
        )
        where, buffer = source(target, x, after, window, planar)
        one, two = (1,) * window.rank, (2,) * window.rank
        at = blocked((len(x), maps, *outputs), target.lanes, one, two)
        at = at._replace(first_block=1, all_blocks=at.blocks + 2)
        y = np.full(at.size, UNTOUCHED)
        buffers = {"x": buffer, "y": y}
        added = None
        if residual is not None and len(residual.shape) == window.rank + 1:
            units = np.zeros((at.blocks * at.lanes, *outputs), np.float32)
            units[:maps] = residual
            units[maps:] = np.nan
            split = units.reshape(at.blocks, at.lanes, *outputs)
            added = np.ascontiguousarray(np.moveaxis(split, 1, -1))
        elif residual is not None:
            there = blocked(residual.shape, target.lanes, two, one)
            buffers["residual"] = put(there, residual)
            added = Value(there, "residual")
        taps = prod(window.kernel)
        each = maps // groups, x.shape[1] // groups
        tiling = choose_tiling(target, outputs[-1], *each, groups, taps)
        if cut is not None:
            tiling = Tiling(*cut, *each, groups, target.lanes)
        packed = tiling.pack(weight.reshape(*weight.shape[:2], -1), planar=planar)
        start = np.zeros(at.blocks * at.lanes, np.float32)
        start[:maps] = bias
        before = [axis.before for axis in window.axes]
        sweep = window_sweep(outputs, window.strides, window.dilations, window.kernel, before)
        task = direct(
            *(target, where, Value(at, "y"), sweep, tiling, packed, start),
            residual=added,
            low=low,
            high=high,
        )
        run_tasks([task], buffers, threads, target)
        found = get(at, y).copy()
        inside = (slice(1, -2),) * window.rank
        rest = y.reshape(len(x), at.all_blocks, *at.padded, at.lanes)
        rest[(slice(None), slice(1, -1), *inside)] = UNTOUCHED
        assert (rest == UNTOUCHED).all()
        return found

    return convolve


@some.composite
def layers(draw: Any) -> tuple[Window, tuple[int, ...], tuple[int, int, int]]:
    """Draw a window, spatial sizes that it fits, and batch, channels and maps beyond a block."""
    rank = draw(some.integers(1, 3))
    numbers = {3: 3, 2: 4, 1: 5}[rank]
    pick = lambda *bounds: tuple(draw(some.integers(*bounds)) for _ in range(rank))  # noqa: E731
    kernel, stride, dilation = pick(1, numbers), pick(1, 3), pick(1, 2)
    padding = tuple(zip(pick(0, 3), pick(0, 3), strict=True))
    window = Window.parse(kernel, stride, padding, dilation, rank=rank)
    more = pick(0, {3: 3, 2: 6, 1: 20}[rank])
    sizes = tuple(
        max(1, a.extent - a.before - a.after) + extra
        for a, extra in zip(window.axes, more, strict=True)
    )
    counts = draw(some.tuples(some.integers(1, 2), some.integers(1, 19), some.integers(1, 35)))
    return window, sizes, counts


@MANY
@given(layer=layers(), sum_of=some.sampled_from(["", "value", "units"]), bounded=some.booleans())
def test_any_window_gives_the_references_bits(
    target: Target, convolve: Make, whole: Make, layer: Any, sum_of: str, bounded: bool
) -> None:
    window, sizes, (batch, channels, maps) = layer
    x, weight = whole(batch, channels, *sizes), whole(maps, channels, *window.kernel)
    bias = whole(maps)
    wanted = reference(x, weight, bias, window)
    residual, bounds = None, {}
    if sum_of:
        residual = whole(*wanted.shape[0 if sum_of == "value" else 1 :])
        wanted = wanted + residual
    if bounded:
        bounds = {"low": -7.0, "high": 11.0}
        wanted = wanted.clip(-7, 11)
    found = convolve(target, x, weight, bias, window, residual=residual, **bounds)
    assert_array_equal(found, wanted)


@MANY
@given(layer=layers(), channels=some.integers(1, 4), relu=some.booleans())
def test_planes_give_the_references_bits(
    target: Target, convolve: Make, whole: Make, layer: Any, channels: int, relu: bool
) -> None:
    window, sizes, (batch, _, maps) = layer
    x, weight = whole(batch, channels, *sizes), whole(maps, channels, *window.kernel)
    bias = whole(maps)
    wanted = reference(x, weight, bias, window)
    residual = whole(*wanted.shape)
    wanted = wanted + residual
    bounds = {"low": 0.0} if relu else {}
    found = convolve(target, x, weight, bias, window, residual=residual, planar=True, **bounds)
    assert_array_equal(found, wanted.clip(0, inf) if relu else wanted)


@pytest.mark.parametrize("groups", [2, 3])
@pytest.mark.parametrize(("channels", "maps"), [(1, 1), (2, 1), (1, 3), (3, 2)])
def test_groups_of_whole_blocks(
    target: Target, convolve: Make, whole: Make, groups: int, channels: int, maps: int
) -> None:
    channels, maps = channels * target.lanes, maps * target.lanes
    window = Window.parse((2, 3), (1, 2), (1, 0), rank=2)
    x, weight = whole(2, groups * channels, 4, 9), whole(groups * maps, channels, 2, 3)
    bias = whole(groups * maps)
    found = convolve(target, x, weight, bias, window, groups=groups)
    assert_array_equal(found, reference(x, weight, bias, window, groups))


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("bad", [np.nan, inf, -inf])
@pytest.mark.parametrize("where", ["input", "weight", "both", "bias", "residual"])
def test_nan_and_infinity_go_where_the_reference_has_them(
    target: Target, convolve: Make, whole: Make, planar: bool, bad: float, where: str
) -> None:
    """An infinite weight meets the zeros of the padding: NaN at the edges only."""
    window = Window.parse(3, (1, 2), 1, rank=2)
    channels = 3 if planar else target.lanes + 3
    x, weight = whole(2, channels, 6, 11), whole(target.lanes + 2, channels, 3, 3)
    bias = whole(len(weight))
    residual = whole(2, len(weight), *window.output_shape((6, 11)))
    if where in ("input", "both"):
        x[0, channels - 1, 2, 3] = bad
        x[1, 0, 5, 10] = -bad
    if where in ("weight", "both"):
        weight[1, 0, 0, 1] = weight[-1, -1, 2, 2] = bad
    if where == "bias":
        bias[[0, -1]] = bad
    if where == "residual":
        residual[0, 0, 0, 0] = residual[1, -1, -1, -1] = bad
    with np.errstate(all="ignore"):
        wanted = reference(x, weight, bias, window) + residual
        clipped = wanted.clip(-20, 20)
    args = target, x, weight, bias, window
    assert_array_equal(convolve(*args, residual=residual, planar=planar), wanted)
    bounded = convolve(*args, residual=residual, planar=planar, low=-20.0, high=20.0)
    assert_array_equal(bounded, clipped)
    assert not np.isfinite(wanted).all()


def cuts(target: Target, width: int, blocks: int) -> list[tuple[int, tuple[int, ...]]]:
    """Return ways to cut rows of outputs and blocks of maps."""
    sizes = {(1,) * blocks, (blocks,), (1, blocks - 1), (blocks - 1, 1)}
    rows = [1, 2, 3, width // 2, width]
    return [
        (r, vectors) for r in rows for vectors in sorted(sizes) if max(vectors) * (r + 1) + 1 <= 40
    ]


@pytest.mark.parametrize("planar", [False, True])
def test_results_depend_on_no_cut_and_no_threads(
    target: Target, convolve: Make, planar: bool
) -> None:
    """To the bit, on numbers whose sums are rounded."""
    rng = np.random.default_rng(3)
    channels, maps = (4, 3 * target.lanes) if planar else (2 * target.lanes + 1, 3 * target.lanes)
    window = Window.parse((3, 5), padding=(1, 2), rank=2)
    x = rng.standard_normal((2, channels, 9, 13), np.float32)
    weight = rng.standard_normal((maps, channels, 3, 5), np.float32)
    bias = rng.standard_normal(maps, np.float32)
    args = target, x, weight, bias, window
    wanted = convolve(*args, planar=planar)
    for threads in (2, 3):
        assert_array_equal(convolve(*args, planar=planar, threads=threads), wanted)
    for cut in cuts(target, 13, 3):
        assert_array_equal(convolve(*args, planar=planar, cut=cut), wanted)


@pytest.mark.parametrize("width", [5, 6, 8, 15, 30])
def test_results_do_not_depend_on_the_width_of_the_image(
    target: Target, convolve: Make, width: int
) -> None:
    rng = np.random.default_rng(4)
    window = Window.parse((2, 3), (1, 2), rank=2)
    x = rng.standard_normal((1, 20, 3, 33), np.float32)
    weight = rng.standard_normal((5, 20, 2, 3), np.float32)
    bias = rng.standard_normal(5, np.float32)
    wanted = convolve(target, x, weight, bias, window)
    found = convolve(target, x[..., :width], weight, bias, window)
    assert_array_equal(found, wanted[..., : found.shape[-1]])


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("positive", [False, True])
def test_long_sums_stay_accurate(
    target: Target, convolve: Make, kernel: int, positive: bool
) -> None:
    rng = np.random.default_rng(5)
    window = Window.parse(kernel, padding=kernel // 2, rank=2)
    x = rng.standard_normal((1, 512, 6, 6), np.float32)
    weight = rng.standard_normal((target.lanes, 512, kernel, kernel), np.float32)
    x = np.abs(x) if positive else x
    bias = rng.standard_normal(target.lanes, np.float32)
    exact = reference(*(a.astype(np.float64) for a in (x, weight, bias)), window)
    error = np.abs(convolve(target, x, weight, bias, window) - exact).max()
    assert error <= 2e-6 * np.abs(exact).max()


@pytest.mark.parametrize("planar", [False, True])
def test_one_pixel_of_one_channel(target: Target, convolve: Make, planar: bool) -> None:
    for rank in (1, 2, 3):
        window = Window.parse(1, rank=rank)
        one = np.full((1, 1, *(1,) * rank), 3, np.float32)
        bias = np.array([0.5], np.float32)
        found = convolve(target, one, one, bias, window, planar=planar)
        assert_array_equal(found, np.full_like(one, 9.5))
