"""Directions beside magnitudes against NumPy's arctan2 of exact slopes."""

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
from striate.ops.images.correlation import separable_pass
from striate.ops.images.edges import Layout, Reach

LEVELS = ["neon"] if Target.host().level == "neon" else ["sse", "avx2", "avx512"]
SMOOTH, SLOPE = np.array([1.0, 2.0, 1.0]), np.array([-1.0, 0.0, 1.0])
SOBEL = [(SMOOTH, SLOPE), (SLOPE, SMOOTH)]
CASES = [
    ("uint8", "int16", "float32"),
    ("uint16", "float32", "float32"),
    ("float32", "float32", "float32"),
    ("float64", "float64", "float64"),
    ("uint8", "float64", "float32"),
]
BOUNDS = {"float32": 2e-7 * np.pi, "float64": 1e-15}

Array = NDArray[Any]


def both(
    image: Array,
    pairs: list[tuple[Array, Array]],
    reach: Reach,
    sums: str,
    directions: str,
    border: str = "reflect",
) -> tuple[Array, Array]:
    """Run the pass over an image of shape (H, W, C)."""
    layout = Layout(*image.shape, image.dtype.name, "float64", border, 3.0)
    plan = separable_pass(layout, reach, pairs, sums, ending="magnitude", directions=directions)
    magnitude, direction = np.empty(image.shape), np.empty(image.shape, directions)
    flat = [one.reshape(image.shape[0], -1) for one in (image, magnitude, direction)]
    run(plan, *flat)
    return magnitude, direction


def slopes(image: Array, border: str) -> tuple[Array, Array]:
    exact = image.astype(np.float64)
    x, y = (
        scipy.ndimage.correlate(exact, np.outer(*pair)[..., None], mode=border, cval=3.0)
        for pair in SOBEL
    )
    return x, y


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


@pytest.mark.parametrize(("source", "sums", "directions"), CASES)
@pytest.mark.parametrize("border", ["reflect", "mirror", "nearest", "wrap", "constant"])
def test_both_equal_those_of_exact_slopes(level, source, sums, directions, border):
    rng = np.random.default_rng(0)
    for shape in ((13, 70, 1), (9, 33, 3), (5, 40, 4)):
        image = rng.integers(0, 256, shape).astype(source)
        image[:, 8:14] = 7
        x, y = slopes(image, border)
        reach = Reach(1, 1, 1, 1)
        magnitude, direction = both(image, SOBEL, reach, sums, directions, border)
        np.testing.assert_allclose(magnitude, np.hypot(x, y), rtol=3e-7)
        bound = BOUNDS[directions]
        np.testing.assert_allclose(direction, np.arctan2(y, x + 0.0), rtol=0, atol=bound)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.floats(-(2.0**30), 2.0**30, width=32)
        | st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-38, -1e-30, 1e30, -3e38]),
        min_size=6,
        max_size=60,
    ),
    st.sampled_from(["float32", "float64"]),
)
def test_any_two_numbers(numbers, kind):
    """The weights take a pixel as x and the next as y, so all pairs may come."""
    row = np.array(numbers, kind)
    pairs = [(np.ones(1), np.array([1.0, 0.0])), (np.ones(1), np.array([0.0, 1.0]))]
    _, direction = both(row[None, :, None], pairs, Reach(0, 0, 0, 1), kind, kind, "wrap")
    x, y = row.astype(np.float64) + 0.0, np.roll(row, -1).astype(np.float64) + 0.0
    bound = BOUNDS[kind]
    np.testing.assert_allclose(direction[0, :, 0], np.arctan2(y, x), rtol=1e-6, atol=bound)


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_the_eight_directions_and_none_are_exact(kind):
    pairs = [(np.ones(1), np.array([1.0, 0.0])), (np.ones(1), np.array([0.0, 1.0]))]
    for x in (-2.0, -0.0, 0.0, 2.0):
        for y in (-2.0, 0.0, 2.0):
            row = np.full((1, 60, 1), x, kind)
            row[0, 1::2] = y
            _, direction = both(row, pairs, Reach(0, 0, 0, 1), kind, kind)
            assert direction[0, 0, 0] == np.arctan2(y, x + 0.0).astype(kind)


def test_nan_spoils_the_directions_that_see_it_and_no_other():
    image = np.random.default_rng(0).random((20, 90, 1))
    image[7, 40] = np.nan
    magnitude, direction = both(image, SOBEL, Reach(1, 1, 1, 1), "float64", "float64")
    assert np.isnan(direction[6:9, 39:42]).all()
    assert np.isnan(direction).sum() == np.isnan(magnitude).sum() == 9


def test_threads_change_nothing(monkeypatch):
    image = np.random.default_rng(0).random((150, 1500, 1), np.float32)
    results = []
    for threads in ("1", "2"):
        monkeypatch.setenv("STRIATE_NUM_THREADS", threads)
        results.append(both(image, SOBEL, Reach(1, 1, 1, 1), "float32", "float32"))
    for one, other in zip(*results, strict=True):
        assert one.tobytes() == other.tobytes()
