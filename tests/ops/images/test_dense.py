"""Sums over any matrix of weights against their definition, on whatever a pass may meet."""

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
from striate.ops.images.dense_plan import dense_pass, sums_for
from striate.ops.images.edges import Layout, Reach

PADS = {
    "reflect": "symmetric",
    "mirror": "reflect",
    "nearest": "edge",
    "wrap": "wrap",
    "constant": "constant",
}
LEVELS = ["neon"] if Target.host().level == "neon" else ["sse", "avx2", "avx512"]

Array = NDArray[Any]


def centre(matrix: Array) -> Reach:
    down, across = matrix.shape
    return Reach(down // 2, (down - 1) // 2, across // 2, (across - 1) // 2)


def filtered(
    image: Array,
    matrix: Array,
    result: str,
    sums: str | None = None,
    *,
    border: str = "reflect",
    fill: float = 0.0,
    reach: Reach | None = None,
    scale: float | None = None,
    into: Array | None = None,
) -> Array:
    """Run the pass over an image of shape (H, W, C)."""
    reach = reach or centre(matrix)
    layout = Layout(*image.shape, image.dtype.name, result, border, fill)
    sums = sums or sums_for(layout, matrix, scale)
    output = np.empty(image.shape, result) if into is None else into
    plan = dense_pass(layout, reach, matrix, sums, scale=scale)
    run(plan, image.reshape(image.shape[0], -1), output.reshape(image.shape[0], -1))
    return output


def defined(
    image: Array,
    matrix: Array,
    border: str = "reflect",
    fill: float = 0.0,
    reach: Reach | None = None,
) -> Array:
    """Return the float64 sums, weight after weight."""
    top, bottom, left, right = reach or centre(matrix)
    more = {"constant_values": fill} if border == "constant" else {}
    around = ((top, bottom), (left, right), (0, 0))
    padded = np.pad(image.astype(float), around, PADS[border], **more)  # type: ignore[call-overload]
    sums = np.zeros(image.shape)
    with np.errstate(invalid="ignore"):
        for u, v in np.ndindex(matrix.shape):
            sums += matrix[u, v] * padded[u : u + image.shape[0], v : v + image.shape[1]]
    return sums


def clipped(sums: Array, dtype: str) -> Array:
    limits = np.iinfo(dtype)
    return np.clip(np.rint(sums), limits.min, limits.max).astype(dtype)


def picture(shape: tuple[int, ...], dtype: str, seed: int = 0) -> Array:
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    return rng.integers(0, int(np.iinfo(dtype).max) + 1, shape).astype(dtype)


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    known = LEVELS[: LEVELS.index(Target.host().level) + 1]
    if request.param not in known:
        pytest.skip("this processor has no such registers")
    monkeypatch.setenv("STRIATE_ISA", request.param)
    host.cache_clear()
    yield request.param
    host.cache_clear()


@pytest.mark.parametrize("border", PADS)
@pytest.mark.parametrize("shape", [(37, 150, 1), (9, 2200, 3), (6, 40, 4), (1, 64, 1), (3, 17, 3)])
@pytest.mark.parametrize("sides", [(3, 3), (2, 5), (6, 6), (9, 4)])
def test_floats_of_any_border_and_shape(sides, shape, border):
    image = picture(shape, "float32")
    matrix = np.random.default_rng(1).standard_normal(sides)
    bound = 3e-7 * np.abs(matrix).sum() * np.abs(image).max()
    expected = defined(image, matrix, border, 1.5)
    found = filtered(image, matrix, "float32", border=border, fill=1.5)
    np.testing.assert_allclose(found, expected, rtol=0, atol=bound)
    wide = image.astype(float)
    found = filtered(wide, matrix, "float64", border=border, fill=1.5)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8 * bound)


@pytest.mark.parametrize("border", PADS)
@pytest.mark.parametrize("sides", [(3, 3), (7, 5), (15, 15)])
def test_scipy_agrees(sides, border):
    image = picture((40, 70, 1), "float64")
    matrix = np.random.default_rng(1).standard_normal(sides)
    expected = scipy.ndimage.correlate(image[..., 0], matrix, mode=border, cval=-2.0)
    found = filtered(image, matrix, "float64", border=border, fill=-2.0)[..., 0]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("result", ["uint8", "uint16", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("source", ["uint8", "uint16"])
@pytest.mark.parametrize("side", [3, 7])
def test_whole_weights_are_exact(side, source, result):
    image = picture((21, 90, 3), source)
    matrix = np.random.default_rng(2).integers(-2, 3, (side, side)).astype(float)
    sums = defined(image, matrix)
    expected = sums if result.startswith("float") else clipped(sums, result)
    np.testing.assert_array_equal(filtered(image, matrix, result), expected)


@pytest.mark.parametrize("result", ["uint8", "uint16", "int16", "int32"])
@pytest.mark.parametrize("source", ["uint8", "uint16"])
@pytest.mark.parametrize("side", [3, 6, 11])
def test_other_weights_are_rounded_as_float64_sums_are(side, source, result):
    image = picture((33, 130, 1), source)
    matrix = np.random.default_rng(2).standard_normal((side, side)) / side
    expected = clipped(defined(image, matrix), result)
    np.testing.assert_array_equal(filtered(image, matrix, result), expected)


@pytest.mark.parametrize("result", ["uint8", "int16"])
def test_floats_are_rounded_and_clipped(result):
    image = 300 * picture((20, 70, 1), "float32")
    matrix = np.zeros((3, 3))
    matrix[1, 1] = 1.0
    np.testing.assert_array_equal(filtered(image, matrix, result), clipped(image, result))


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize(
    ("source", "result", "sums"),
    [
        ("float32", "float32", "float32"),
        ("float64", "float64", "float64"),
        ("uint8", "uint8", "float32"),
        ("uint8", "int16", "int16"),
        ("uint16", "uint16", "float64"),
    ],
)
@pytest.mark.parametrize("sides", [(3, 3), (7, 5)])
def test_every_instruction_set(sides, source, result, sums):
    image = picture((13, 147, 3), source)
    matrix = np.random.default_rng(2).integers(-3, 4, sides).astype(float)
    if sums != "int16":
        matrix /= 7.0
    expected = defined(image, matrix)
    found = filtered(image, matrix, result, sums)
    if result.startswith("float"):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    else:
        np.testing.assert_array_equal(found, clipped(expected, result))


@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_any_size_reach_and_border(data):
    reach = Reach(*(data.draw(st.integers(0, 4)) for _ in range(4)))
    channels = data.draw(st.sampled_from([1, 2, 3, 4]))
    shape = (data.draw(st.integers(1, 12)), data.draw(st.integers(1, 150)), channels)
    image = picture(shape, "uint8", data.draw(st.integers(0, 99)))
    matrix = picture(reach.sides, "uint8") // 86 - 1.0
    border = data.draw(st.sampled_from(list(PADS)))
    found = filtered(image, matrix, "int16", border=border, fill=9.0, reach=reach)
    expected = clipped(defined(image, matrix, border, 9.0, reach), "int16")
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("sides", [(3, 3), (7, 7)])
@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_reach_the_windows_that_hold_them(odd, sides):
    image = picture((30, 400, 1), "float32")
    image[17, 201] = odd
    matrix = np.random.default_rng(3).integers(-1, 2, sides).astype(float)
    expected = defined(image, matrix)
    found = filtered(image, matrix, "float32")
    finite = np.isfinite(expected)
    assert (~finite).sum() == matrix.size
    np.testing.assert_array_equal(found[~finite], expected[~finite].astype(np.float32))
    assert np.isfinite(found[finite]).all()


@pytest.mark.parametrize(("source", "result"), [("float32", "float32"), ("uint8", "uint8")])
@pytest.mark.parametrize("side", [3, 9])
def test_parts_give_the_bits_of_the_whole(side, source, result):
    image = picture((150, 2500, 1), source)
    matrix = np.random.default_rng(4).standard_normal((side, side)) / side
    whole = filtered(image, matrix, result)
    reach = side // 2
    for top, left, height, width in ((0, 0, 37, 300), (61, 333, 70, 1007), (20, 1, 130, 2499)):
        part = image[top : top + height, left : left + width].copy()
        inner = (slice(reach, height - reach), slice(reach, width - reach))
        found = filtered(part, matrix, result)[inner]
        np.testing.assert_array_equal(found, whole[top:, left:][inner])


@pytest.mark.parametrize(("source", "result"), [("float32", "float32"), ("uint8", "uint8")])
@pytest.mark.parametrize("side", [3, 9])
def test_threads_give_the_same_bits(side, source, result, monkeypatch):
    image = picture((301, 1001, 3), source)
    matrix = np.random.default_rng(4).standard_normal((side, side)) / side
    found = []
    for threads in ("1", "2"):
        monkeypatch.setenv("STRIATE_NUM_THREADS", threads)
        found.append(filtered(image, matrix, result))
    np.testing.assert_array_equal(found[0], found[1])


@pytest.mark.parametrize("offset", [0, 1, 7])
@pytest.mark.parametrize("width", [2048, 2051])
@pytest.mark.parametrize(("source", "result"), [("float32", "float32"), ("uint8", "int16")])
def test_large_results_wherever_they_lie(source, result, width, offset):
    image = picture((1100, width, 1), source)
    room = np.full((1100, width + 2 * offset), -77, result)
    into = room[:, offset : offset + width]
    matrix = np.random.default_rng(5).integers(-3, 4, (3, 3)).astype(float)
    layout = Layout(*image.shape, source, result, "reflect", 0.0)
    run(dense_pass(layout, centre(matrix), matrix, sums_for(layout, matrix)), image[..., 0], into)
    expected = defined(image, matrix)[..., 0]
    np.testing.assert_allclose(into, expected, rtol=0, atol=1e-5)
    assert (room[:, :offset] == -77).all()
    assert (room[:, offset + width :] == -77).all()


@pytest.mark.parametrize("scale", [1 / 9, 1 / 6, 0.5])
@pytest.mark.parametrize("result", ["uint8", "float32"])
def test_sums_are_scaled(result, scale):
    image = picture((20, 200, 1), "uint8")
    matrix = np.ones((3, 3))
    sums = scale * defined(image, matrix)
    found = filtered(image, matrix, result, scale=scale)
    if result == "uint8":
        np.testing.assert_array_equal(found, clipped(sums, "uint8"))
    else:
        np.testing.assert_allclose(found, sums, rtol=2e-7)
