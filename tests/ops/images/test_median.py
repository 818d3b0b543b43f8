"""Medians against their definition, on whatever a pass may meet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from striate.ops.codegen import Target
from striate.ops.images.calls import host, run
from striate.ops.images.edges import Layout, Reach, narrow
from striate.ops.images.median import WRITTEN, median_pass

BORDERS = {
    "reflect": "symmetric",
    "mirror": "reflect",
    "nearest": "edge",
    "wrap": "wrap",
    "constant": "constant",
}
LEVELS = ["neon"] if Target.host().level == "neon" else ["sse", "avx2", "avx512"]
SOURCES = ["uint8", "uint16", "float32", "float64"]
RESULTS = ["uint8", "uint16", "int16", "int32", "float32", "float64"]

Array = NDArray[Any]


def centre(sides: tuple[int, int]) -> Reach:
    down, across = sides
    return Reach(down // 2, (down - 1) // 2, across // 2, (across - 1) // 2)


def filtered(
    image: Array,
    sides: tuple[int, int],
    border: str = "reflect",
    fill: float = 0.0,
    result: str | None = None,
) -> Array:
    """Run the pass over an image of shape (H, W, C)."""
    result = result or image.dtype.name
    layout = Layout(*image.shape, image.dtype.name, result, border, fill)
    output = np.empty(image.shape, result)
    one = median_pass(layout, centre(sides))
    run(one, image.reshape(image.shape[0], -1), output.reshape(image.shape[0], -1))
    return output


def defined(
    image: Array, sides: tuple[int, int], border: str = "reflect", fill: float = 0.0
) -> Array:
    """Sort each window, as float64."""
    reach = centre(sides)
    around = ((reach.top, reach.bottom), (reach.left, reach.right), (0, 0))
    extra = {"constant_values": fill} if border == "constant" else {}
    padded: Array = np.pad(image.astype(np.float64), around, mode=BORDERS[border], **extra)  # type: ignore[call-overload]
    windows = np.lib.stride_tricks.sliding_window_view(padded, sides, axis=(0, 1))
    flat = windows.reshape(*image.shape, -1)
    middle: Array = np.sort(flat, axis=-1)[..., sides[0] * sides[1] // 2]
    return np.where(np.isnan(flat).any(axis=-1), np.nan, middle)


def photograph(shape: tuple[int, ...], dtype: str, seed: int = 0) -> Array:
    values = np.random.default_rng(seed).random(shape)
    if np.dtype(dtype).kind == "u":
        return (values * (np.iinfo(dtype).max + 0.99)).astype(dtype)
    return ((values - 0.5) * 1e3).astype(dtype)


@pytest.fixture(params=LEVELS)
def level(request: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    best = Target.host().level
    if LEVELS.index(request.param) > LEVELS.index(best):
        pytest.skip(f"this processor has no {request.param}")
    monkeypatch.setenv("STRIATE_ISA", request.param)
    host.cache_clear()
    yield request.param
    monkeypatch.undo()
    host.cache_clear()


@pytest.mark.parametrize("dtype", SOURCES)
@pytest.mark.parametrize("sides", [(3, 3), (5, 5), (4, 3), (13, 12)])
@pytest.mark.parametrize("shape", [(19, 70, 1), (14, 61, 3), (5, 130, 4), (1, 60, 1)])
def test_every_level_border_and_number_of_channels(level, dtype, sides, shape):
    image = photograph(shape, dtype)
    for border in BORDERS:
        if border == "mirror" and min(shape[:2]) == 1:
            continue  # NumPy's pad cannot turn round at a single pixel
        found = filtered(image, sides, border, 7.0)
        np.testing.assert_array_equal(found, defined(image, sides, border, 7.0))


@pytest.mark.parametrize("dtype", SOURCES)
@pytest.mark.parametrize(
    "sides",
    [(1, 1), (1, 2), (2, 1), (2, 2), (1, 7), (9, 1), (3, 5), (5, 3), (6, 6), (7, 7), (11, 11)],
)
def test_every_size_of_compiled_windows_equals_scipys(dtype, sides):
    assert sides[0] * sides[1] <= WRITTEN
    image = photograph((23, 99, 1), dtype)
    expected = scipy.ndimage.median_filter(image, (*sides, 1), mode="reflect")
    np.testing.assert_array_equal(filtered(image, sides), expected)


@pytest.mark.parametrize("dtype", SOURCES)
@pytest.mark.parametrize("sides", [(15, 15), (3, 60), (60, 3), (22, 21)])
def test_windows_that_tables_describe_equal_scipys(dtype, sides):
    assert sides[0] * sides[1] > WRITTEN
    image = photograph((70, 150, 1), dtype)
    expected = scipy.ndimage.median_filter(image, (*sides, 1), mode="wrap")
    np.testing.assert_array_equal(filtered(image, sides, "wrap"), expected)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("result", RESULTS)
def test_results_of_every_dtype_are_rounded_and_clipped(source, result):
    image = photograph((9, 70, 1), source) * (1e7 if source[0] == "f" else 1)
    image = image.astype(source)
    expected = defined(image, (3, 3))
    if result[0] != "f":
        limits = np.iinfo(result)
        expected = np.clip(np.rint(expected), limits.min, limits.max)
    found = filtered(image, (3, 3), result=result)
    np.testing.assert_array_equal(found, expected.astype(result))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sides", [(3, 3), (5, 4), (14, 14)])
@pytest.mark.parametrize("border", list(BORDERS))
def test_nan_spoils_the_windows_that_hold_it_and_no_other(dtype, sides, border):
    image = photograph((40, 90, 2), dtype)
    image[3, 4, 0] = image[39, 89, 1] = image[20, 0, 1] = np.nan
    image[30, 30, 0] = -np.nan
    image[10:14, 50:60] = np.inf
    image[11, 52:80] = -np.inf
    found = filtered(image, sides, border, 3.0)
    np.testing.assert_array_equal(found, defined(image, sides, border, 3.0))


def test_nan_beyond_the_edge():
    image = photograph((9, 40, 1), "float32")
    found = filtered(image, (3, 3), "constant", np.nan)
    np.testing.assert_array_equal(found, defined(image, (3, 3), "constant", np.nan))
    assert np.isfinite(found[1:-1, 1:-1]).all()


def test_zeros_have_no_sign_so_that_no_order_shows():
    image = np.where(photograph((30, 80, 1), "float32") < 0, -0.0, 0.0).astype(np.float32)
    for sides in ((3, 3), (5, 5), (13, 13)):
        assert not np.signbit(filtered(image, sides)).any()


@pytest.mark.parametrize("dtype", SOURCES)
@pytest.mark.parametrize("sides", [(3, 3), (5, 5), (12, 12)])
def test_threads_and_where_an_image_is_cut_change_nothing(dtype, sides, monkeypatch):
    image = photograph((150, 1500, 1), dtype)
    whole = []
    for threads in ("1", "2"):
        monkeypatch.setenv("STRIATE_NUM_THREADS", threads)
        whole.append(filtered(image, sides))
    np.testing.assert_array_equal(*whole)
    part = np.ascontiguousarray(image[37:130, 211:1203])
    inside = (slice(12, -12), slice(12, -12))
    assert filtered(part, sides)[inside].tobytes() == whole[0][37:130, 211:1203][inside].tobytes()


def test_a_result_that_is_streamed_past_the_caches():
    for width in (2500, 2501):
        image = photograph((1700, width, 1), "uint8")
        found = filtered(image, (3, 3))
        expected = scipy.ndimage.median_filter(image[-40:], (3, 3, 1), mode="reflect")
        np.testing.assert_array_equal(found[-38:], expected[-38:])


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 12),
    st.integers(1, 200),
    st.integers(1, 4),
    st.integers(0, 99),
    st.sampled_from([(3, 3), (5, 5), (2, 5), (12, 12)]),
    st.sampled_from(SOURCES),
    st.sampled_from(list(BORDERS)),
)
def test_any_image(height, width, channels, seed, sides, dtype, border):
    image = photograph((height, width, channels), dtype, seed)
    layout = Layout(*image.shape, dtype, dtype, border, 9.0)
    if narrow(layout, centre(sides)) or (border == "mirror" and height == 1):
        return
    found = filtered(image, sides, border, 9.0)
    np.testing.assert_array_equal(found, defined(image, sides, border, 9.0))
