"""Means over rectangles against their definition: exact for integers, every border and dtype."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from striate.ops import _threads
from striate.ops.codegen import Target
from striate.ops.images import box as plans
from striate.ops.images.box import box_pass
from striate.ops.images.calls import run
from striate.ops.images.edges import Layout, Reach

PADS: dict[str, Any] = {
    "reflect": "symmetric",
    "mirror": "reflect",
    "nearest": "edge",
    "wrap": "wrap",
    "constant": "constant",
}
INTEGERS = ("uint8", "uint16")
Window = tuple[int, int]


def reach_of(window: Window) -> Reach:
    (down, across), (top, left) = window, (window[0] // 2, window[1] // 2)
    return Reach(top, down - 1 - top, left, across - 1 - left)


def boxed(
    image: NDArray[Any],
    window: Window,
    result: str,
    border: str = "reflect",
    fill: float = 0.0,
    **options: Any,
) -> NDArray[Any]:
    height, pixels, channels = image.shape
    layout = Layout(height, pixels, channels, image.dtype.name, result, border, fill)
    made = np.zeros(image.shape, result)
    one = box_pass(layout, reach_of(window), **options)
    run(one, image.reshape(height, -1), made.reshape(height, -1))
    return made


def sums_by_definition(
    image: NDArray[Any], window: Window, border: str, fill: float
) -> NDArray[Any]:
    wide = image.astype(np.float64 if image.dtype.kind == "f" else np.int64)
    reach = reach_of(window)
    pads = [(reach.top, reach.bottom), (reach.left, reach.right), (0, 0)]
    shown = {"constant_values": fill} if border == "constant" else {}
    padded = np.pad(wide, pads, mode=PADS[border], **shown)
    views = np.lib.stride_tricks.sliding_window_view(padded, window, (0, 1))
    total: NDArray[Any] = views.sum((-1, -2))
    return total


def half_to_even(total: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    quotient, rest = np.divmod(total, count)
    up = (2 * rest > count) | ((2 * rest == count) & (quotient % 2 == 1))
    return np.asarray(quotient + up)


def expected(total: NDArray[Any], window: Window, result: str, mean: bool) -> NDArray[Any]:
    count = window[0] * window[1] if mean else 1
    if np.dtype(result).kind == "f":
        return np.asarray((total / count).astype(result))
    limits = np.iinfo(result)
    return np.clip(half_to_even(total, count), limits.min, limits.max).astype(result)


def image_of(shape: tuple[int, int, int], dtype: str, seed: int = 0) -> NDArray[Any]:
    random = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return random.standard_normal(shape).astype(dtype)
    return random.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def assert_box(
    image: NDArray[Any],
    window: Window,
    result: str,
    border: str,
    fill: float = 0.0,
    mean: bool = True,
) -> None:
    made = boxed(image, window, result, border, fill, mean=mean)
    total = sums_by_definition(image, window, border, fill)
    wanted = expected(total, window, result, mean)
    if image.dtype.kind == "u" and np.dtype(result).kind != "f":
        np.testing.assert_array_equal(made, wanted)
    elif image.dtype.kind == "u":
        np.testing.assert_array_max_ulp(made, wanted, 1, dtype=result)
    else:
        size = sums_by_definition(abs(image), window, border, abs(fill))
        size = size / (window[0] * window[1] if mean else 1)
        single = "float32" in (image.dtype, result)
        assert np.all(abs(made - wanted) <= (1e-6 if single else 1e-14) * size)


@pytest.mark.parametrize("border", PADS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_every_border_and_number_of_channels(dtype: str, border: str) -> None:
    for channels, window in itertools.product((1, 3, 4), [(3, 3), (4, 7), (11, 11)]):
        image = image_of((23, 2 * window[1] + 31, channels), dtype)
        assert_box(image, window, dtype, border, fill=7.0)


@pytest.mark.parametrize(
    ("source", "result"),
    [
        *(("uint8", result) for result in ("uint16", "int16", "int32", "float32", "float64")),
        *(("uint16", result) for result in ("uint8", "int16", "int32", "float32", "float64")),
        ("float32", "float64"),
        ("float64", "float32"),
    ],
)
@pytest.mark.parametrize("mean", [True, False])
def test_every_result(source: str, result: str, mean: bool) -> None:
    for window in [(3, 5), (20, 20)]:
        image = image_of((31, 75, 1), source)
        assert_box(image, window, result, "mirror", mean=mean)


@pytest.mark.parametrize("window", [(1, 1), (1, 2), (2, 1), (1, 40), (40, 1), (41, 3), (3, 61)])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_windows_of_every_shape(dtype: str, window: Window) -> None:
    assert_box(image_of((37, 150, 1), dtype), window, dtype, "reflect")


@pytest.mark.parametrize("count", range(1, 258))
def test_a_mean_of_bytes_is_the_exact_quotient(count: int) -> None:
    """Sums of all sizes appear: rows of 255 up to a place, then of 0, then a rest."""
    total = np.arange(255 * count + 1)
    image = np.zeros((count, total.size), np.uint8)
    image[:] = np.clip(total - 255 * np.arange(count)[:, None], 0, 255)
    down, right = count // 2, count - 1 - count // 2
    layout = Layout(count, total.size, 1, "uint8", "uint8", "constant", 0)
    made = np.zeros_like(image)
    run(box_pass(layout, Reach(down, right, 0, 0)), image, made)
    np.testing.assert_array_equal(made[down], half_to_even(total, count))


@pytest.mark.parametrize("window", [(256, 256), (257, 257), (300, 2), (2, 300), (258, 1)])
@pytest.mark.parametrize("dtype", INTEGERS)
def test_sums_past_sixteen_and_thirty_two_bits(dtype: str, window: Window) -> None:
    image = np.full((5, 2 * window[1] + 9, 1), np.iinfo(dtype).max, dtype)
    image[2, 7] = 0
    assert_box(image, window, dtype, "reflect")


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("across", [63, 100, 255, 299])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_sums_that_wait_in_memory(dtype: str, across: int, channels: int) -> None:
    for down in (2, 9):
        image = image_of((11, 2 * across + 37, channels), dtype)
        assert_box(image, (down, across), dtype, "reflect")


@pytest.mark.parametrize("down", [*range(1, 20), 24, 25, 2100])
def test_rows_of_floats_made_together(down: int) -> None:
    for height in (1, 7, 8, 33):
        assert_box(image_of((height, 40, 1), "float32"), (down, 2), "float32", "wrap")


@pytest.mark.parametrize("offset", range(0, 16, 3))
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_results_past_the_caches_at_any_address(dtype: str, offset: int) -> None:
    size = np.dtype(dtype).itemsize
    height, width = (1200, 3411 // size + offset)
    image = image_of((height, width, 1), dtype)
    room = np.full(height * width * size + 64 + offset * size, 77, np.uint8)
    made = room[offset * size :][: height * width * size].view(dtype).reshape(image.shape)
    layout = Layout(height, width, 1, dtype, dtype, "mirror", 0)
    run(box_pass(layout, reach_of((4, 7))), image[..., 0], made[..., 0])
    np.testing.assert_array_equal(made[300:900], boxed(image, (4, 7), dtype, "mirror")[300:900])
    few = boxed(image[280:320], (4, 7), dtype, "mirror")
    np.testing.assert_array_equal(made[284:316], few[4:36])
    assert np.all(room[: offset * size] == 77)
    assert np.all(room[offset * size + height * width * size :] == 77)


@pytest.mark.parametrize("channels", [5, 16, 17, 40])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_many_channels(dtype: str, channels: int) -> None:
    assert_box(image_of((9, 70, channels), dtype), (17, 31), dtype, "wrap")


@pytest.mark.parametrize("width", [9000, 5000, 1025])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_rows_of_several_chunks(dtype: str, width: int) -> None:
    for border in ("mirror", "wrap"):
        assert_box(image_of((7, width, 1), dtype), (5, 31), dtype, border)


@given(
    shape=st.tuples(st.integers(1, 40), st.integers(0, 70), st.sampled_from([1, 3, 4])),
    window=st.tuples(st.integers(1, 50), st.integers(1, 34)),
    dtype=st.sampled_from(["uint8", "uint16", "float32", "float64"]),
    border=st.sampled_from(list(PADS)),
    seed=st.integers(0, 9),
)
@settings(max_examples=40, deadline=None)
def test_any_size(
    shape: tuple[int, int, int], window: Window, dtype: str, border: str, seed: int
) -> None:
    shape = (shape[0], shape[1] + 2 * window[1] + 2, shape[2])
    assert_box(image_of(shape, dtype, seed), window, dtype, border)


@pytest.mark.parametrize("window", [(3, 3), (31, 31), (90, 5)])
def test_as_scipy(window: Window) -> None:
    image = image_of((70, 120, 3), "float64")
    for border in PADS:
        wanted = scipy.ndimage.uniform_filter(image, (*window, 1), mode=border, cval=0.5)
        made = boxed(image, window, "float64", border, 0.5)
        np.testing.assert_allclose(made, wanted, rtol=0, atol=1e-13)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("window", [(3, 3), (5, 11), (31, 31), (50, 2)])
def test_what_is_odd_stays_in_its_windows(window: Window, odd: float) -> None:
    image = image_of((90, 140, 1), "float32")
    calm = boxed(image, window, "float32")
    image[44, 71] = odd
    made = boxed(image, window, "float32")
    reach = reach_of(window)
    inside = np.zeros(image.shape, bool)
    inside[44 - reach.bottom : 45 + reach.top, 71 - reach.right : 72 + reach.left] = True
    np.testing.assert_array_equal(made[~inside], calm[~inside])
    if np.isfinite(odd):
        np.testing.assert_allclose(made[inside], odd / (window[0] * window[1]), rtol=1e-6)
    else:
        np.testing.assert_array_equal(made[inside], odd)


@pytest.mark.parametrize("value", [1.0, 0.1, 3e-39, 255.0])
def test_a_constant_keeps_its_value(value: float) -> None:
    image = np.full((80, 140, 1), value, np.float32)
    for window in [(3, 3), (7, 7), (31, 31), (60, 60)]:
        made = boxed(image, window, "float32")
        np.testing.assert_allclose(made, image, rtol=0 if value in (1.0, 255.0) else 1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("window", [(3, 3), (31, 31), (75, 9)])
def test_a_part_of_an_image_has_the_bits_of_the_whole(window: Window, dtype: str) -> None:
    image = image_of((200, 300, 3), dtype)
    whole = boxed(image, window, dtype)
    reach = reach_of(window)
    for top, left in [(41, 53), (47, 1), (64, 64), (80, 7)]:
        part = np.ascontiguousarray(image[top : top + 110, left : left + 150])
        made = boxed(part, window, dtype, origin=top)
        rows = slice(reach.top, 110 - reach.bottom)
        columns = slice(reach.left, 150 - reach.right)
        wanted = whole[top : top + 110, left : left + 150]
        np.testing.assert_array_equal(made[rows, columns], wanted[rows, columns])


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("window", [(3, 3), (31, 31), (75, 9)])
def test_any_number_of_threads_gives_the_same_bits(
    window: Window, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = image_of((411, 700, 3), dtype)
    made = []
    for threads in ("1", "2", "3"):
        monkeypatch.setenv("STRIATE_NUM_THREADS", threads)
        assert _threads.thread_count() == int(threads)
        made.append(boxed(image, window, dtype))
    np.testing.assert_array_equal(made[0], made[1])
    np.testing.assert_array_equal(made[0], made[2])


@pytest.mark.parametrize("level", ["sse", "avx2"])
def test_on_plainer_processors(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if Target.host().level not in ("sse", "avx2", "avx512"):
        pytest.skip("not an x86 processor")
    monkeypatch.setattr(plans, "host", lambda: Target.named(level))
    for dtype, window in itertools.product(
        ("uint8", "uint16", "float32", "float64"), [(3, 3), (4, 4), (11, 11), (31, 31)]
    ):
        for channels in (1, 3):
            image = image_of((40, 2 * window[1] + 45, channels), dtype)
            assert_box(image, window, dtype, "reflect")
