from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from striate import ops
from striate.geometry import Window
from striate.ops import _depthwise
from striate.ops._depthwise import number_of, slide_rows, slide_rows_in_python
from striate.ops._jit import kernel
from striate.ops._microkernel import tile_for

Make = Callable[..., Any]


@dataclass(frozen=True)
class Case:
    batch: int
    groups: int
    maps: int
    sizes: tuple[int, int]
    kernel: int
    stride: int
    padding: tuple[tuple[int, int], tuple[int, int]]
    dtype: str

    def plans(self) -> tuple[Any, Any]:
        window = Window.parse(self.kernel, self.stride, self.padding, rank=2)
        shape = (self.batch, self.groups, *self.sizes)
        weight_shape = (self.groups * self.maps, 1, self.kernel, self.kernel)
        sliding, reference = (
            ops.convolution_plan(shape, weight_shape, window, self.groups, self.dtype, method)
            for method in ("sliding", "reference")
        )
        return sliding, reference


@st.composite
def cases(draw: st.DrawFn) -> Case:
    size = draw(st.sampled_from([3, 5]))
    sides = st.tuples(st.integers(0, size), st.integers(0, size))
    padding = draw(st.tuples(sides, sides))
    height, width = (
        max(1, size - sum(side)) + draw(st.integers(0, most))
        for side, most in zip(padding, (9, 70), strict=True)
    )
    batch, groups, maps = (draw(st.integers(1, most)) for most in (2, 3, 2))
    stride, dtype = draw(st.integers(1, 2)), draw(st.sampled_from(["float32", "float64"]))
    return Case(batch, groups, maps, (height, width), size, stride, padding, dtype)


def agree(case: Case, with_bias: bool) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(-4, 5, (case.batch, case.groups, *case.sizes)).astype(case.dtype)
    shape = case.groups * case.maps, 1, case.kernel, case.kernel
    weight, bias = rng.integers(-4, 5, shape), rng.integers(-4, 5, shape[0])
    weight, bias = weight.astype(case.dtype), bias.astype(case.dtype) if with_bias else None
    sliding, reference = case.plans()
    assert_array_equal(sliding.forward(x, weight, bias), reference.forward(x, weight, bias))


@settings(deadline=None, max_examples=60)
@given(case=cases(), with_bias=st.booleans())
def test_rows_equal_the_definition_to_the_bit(case: Case, with_bias: bool) -> None:
    agree(case, with_bias)


SAME = {3: ((1, 1), (1, 1)), 5: ((2, 2), (2, 2))}


@pytest.mark.parametrize(("size", "stride"), [(3, 1), (3, 2), (5, 1), (5, 2)])
@pytest.mark.parametrize("sizes", [(1, 1), (7, 7), (9, 16), (5, 17), (13, 33), (6, 64), (4, 131)])
def test_rows_of_every_length(size: int, stride: int, sizes: tuple[int, int]) -> None:
    agree(Case(2, 3, 1, sizes, size, stride, SAME[size], "float32"), True)


def test_rows_of_asymmetric_padding() -> None:
    for padding in (((0, 1), (0, 1)), ((4, 0), (0, 3)), ((0, 5), (20, 0))):
        agree(Case(1, 2, 2, (8, 21), 3, 2, padding, "float32"), True)


def test_small_rows_of_any_memory_layout(whole: Make) -> None:
    x, weight = whole(2, 4, 9, 22), whole(4, 1, 3, 3)
    expected = ops.conv2d(x, weight, padding=1, groups=4, method="reference")
    for layout in (np.asfortranarray(x), np.repeat(x, 2, axis=3)[..., ::2]):
        assert_array_equal(ops.conv2d(layout, weight, padding=1, groups=4), expected)


def test_small_bias_for_each_unit(whole: Make) -> None:
    x, weight, bias = whole(2, 4, 9, 22), whole(4, 1, 3, 3), whole(4, 9, 22)
    expected = ops.conv2d(x, weight, bias, padding=1, groups=4, method="reference")
    assert_array_equal(ops.conv2d(x, weight, bias, padding=1, groups=4), expected)


@pytest.mark.parametrize("column", [0, 20, 39])
def test_small_nan_reaches_the_outputs_that_read_it(column: int) -> None:
    x, weight = np.ones((1, 2, 9, 40), np.float32), np.ones((2, 1, 3, 3), np.float32)
    x[0, 1, 4, column] = np.nan
    y = ops.conv2d(x, weight, padding=1, groups=2)
    reads = np.zeros((2, 9, 40), bool)
    reads[1, 3:6, max(0, column - 1) : column + 2] = True
    assert_array_equal(np.isnan(y[0]), reads)


def test_infinity_survives() -> None:
    x, weight = np.full((1, 1, 5, 5), -np.inf, np.float32), np.ones((1, 1, 3, 3), np.float32)
    assert_array_equal(ops.conv2d(x, weight), np.full((1, 1, 3, 3), -np.inf))


@pytest.mark.parametrize("size", [3, 5])
def test_results_do_not_depend_on_threads_or_batch(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 70, 31, 29)).astype(np.float32)
    weight = rng.standard_normal((70, 1, size, size)).astype(np.float32)
    results = []
    for threads in (1, 2, 3):
        monkeypatch.setenv("STRIATE_NUM_THREADS", str(threads))
        results.append(ops.conv2d(x, weight, padding=1, groups=70))
        alone = [ops.conv2d(image[None], weight, padding=1, groups=70)[0] for image in x]
        assert_array_equal(results[-1], alone)
        assert_array_equal(results[-1], results[0])


@kernel
def compiled(
    case: int, w: Any, at: int, x: Any, area: Any, padding: Any, y: Any, to: Any, bias: Any
) -> None:
    slide_rows(case, w, at, x, area, padding, y, to, bias)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_small_slides_of_every_case(whole: Make, dtype: str) -> None:
    lanes, height, size, before = tile_for(np.dtype(dtype).itemsize).lanes, 6, 37, 2
    x, padding = whole(3 + height * size, dtype=dtype), np.zeros(size, dtype)
    bias = np.dtype(dtype).type(3)
    for extent, stride, rows in itertools.product(
        _depthwise.KERNELS, _depthwise.STRIDES, range(1, _depthwise.ROWS + 1)
    ):
        w = whole(1 + extent**2, dtype=dtype)
        for first, width in itertools.product(
            (-2, 0, 3), (1, lanes, (size + 4 - extent) // stride)
        ):
            results = []
            for slide in (compiled, slide_rows_in_python):
                y = np.full(5 + rows * width + lanes, 99, dtype)
                area, case = (3, first, height, before, size), number_of(extent, stride, rows)
                slide(case, w, 1, x, area, padding, y, (5, width), bias)
                results.append(y)
            assert_array_equal(*results)
            assert (results[0][:5] == 99).all()
            assert (results[0][5 + rows * width :] == 99).all()
