import pickle
import subprocess
import sys

import dask
import dask.array as da
import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from striate import filters
from striate.errors import DTypeError, ParameterError, ShapeError
from striate.filters.large.lazy import Work


@pytest.fixture(autouse=True)
def _one_thread():
    with dask.config.set(scheduler="synchronous"):
        yield


def equal(lazy, expected):
    assert isinstance(lazy, da.Array)
    assert (lazy.shape, lazy.dtype) == (expected.shape, expected.dtype)
    result = lazy.compute()
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)


@settings(deadline=None, max_examples=80)
@given(data=st.data())
def test_chunks_do_not_matter(calls, pictures, data):
    function, parameters = data.draw(calls())
    image = data.draw(pictures(parameters))
    if data.draw(st.integers(0, 4)) == 0:
        image = np.stack([image, image[::-1], image])
        parameters = parameters | {"stack": True}
    chunks = tuple(data.draw(st.integers(max(1, size // 6), size)) for size in image.shape)
    equal(function(da.from_array(image, chunks), **parameters), function(image, **parameters))


def test_chunks_stay_where_the_filter_reaches_less():
    image = da.zeros((100, 90, 3), chunks=(20, 30, 1), dtype=np.uint8)
    assert filters.gaussian(image, 2).chunks == ((20,) * 5, (30,) * 3, (3,))
    assert filters.box(image, 61).chunks == ((40, 60), (30, 30, 30), (3,))


def test_nothing_is_computed_before_it_is_asked_for():
    def fail(block):
        raise AssertionError("computed")

    image = da.zeros((40, 40), chunks=10).map_blocks(fail, dtype=np.float64, meta=np.zeros((0, 0)))
    lazy = filters.median(image, 3)
    with pytest.raises(AssertionError, match="computed"):
        lazy.compute()


def test_gradients_give_two_arrays_of_one_computation(border):
    image = np.random.default_rng(0).random((30, 40, 3), dtype=np.float32)
    lazy = filters.gradient(da.from_array(image, (7, 9, 2)), "gaussian", sigma=1.2, border=border)
    for one, expected in zip(
        dask.compute(*lazy),
        filters.gradient(image, "gaussian", sigma=1.2, border=border),
        strict=True,
    ):
        np.testing.assert_array_equal(one, expected)


def test_banks_have_two_axes_more():
    image = np.random.default_rng(1).random((40, 50))
    lazy = filters.gabor_bank(da.from_array(image, (20, 50)), [3, 4], angles=3)
    equal(lazy, filters.gabor_bank(image, [3, 4], angles=3))


def test_alpha_and_light_go_along():
    image = np.random.default_rng(2).integers(0, 256, (30, 31, 4), dtype=np.uint8)
    options = {"alpha": True, "linear_light": True}
    equal(
        filters.gaussian(da.from_array(image, 10), 1.5, **options),
        filters.gaussian(image, 1.5, **options),
    )


def test_zarr_arrays_become_dask_arrays(tmp_path):
    image = np.random.default_rng(3).integers(0, 65536, (50, 60), dtype=np.uint16)
    array = zarr.create_array(tmp_path / "image.zarr", shape=(50, 60), chunks=(16, 16), dtype="u2")
    array[...] = image
    equal(filters.median(array, 5), filters.median(image, 5))


def test_work_can_be_sent_elsewhere():
    work = pickle.loads(pickle.dumps(Work(filters.gaussian, (2,), {"border": "wrap"})))
    image = np.random.default_rng(4).random((20, 20))
    np.testing.assert_array_equal(work(image), filters.gaussian(image, 2, border="wrap"))


def test_dask_is_not_imported_unasked():
    check = (
        "import sys, numpy as np; from striate import filters; filters.box(np.ones((3, 3)), 3); "
        "sys.exit(any(name in sys.modules for name in ('dask', 'zarr', 'tifffile')))"
    )
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


@pytest.mark.parametrize(
    ("image", "options", "kind", "message"),
    [
        (
            da.zeros((4, 4), dtype=np.int64),
            {},
            DTypeError,
            "image has dtype int64; filters take uint8, uint16, float32 or float64: "
            "convert it with image.astype(...)",
        ),
        (
            da.zeros((2, 4, 5, 3)),
            {},
            ShapeError,
            "image has shape (2, 4, 5, 3); it must be (H, W) or (H, W, C); "
            "for a stack, whose first axis counts images, add stack=True",
        ),
        (
            da.zeros((4, 4)),
            {"out": np.zeros((4, 4))},
            ParameterError,
            "out is given, but the result is made in parts; leave it out",
        ),
        (
            da.ones((9, 9))[da.ones((9, 9))[:, 0] > 0],
            {},
            ShapeError,
            "image has shape (nan, 9); its sizes must be known: call compute_chunk_sizes() first",
        ),
    ],
)
def test_what_cannot_be_filtered_is_said_at_once(image, options, kind, message):
    with pytest.raises(kind) as error:
        filters.gaussian(image, 1, **options)
    assert str(error.value) == f"gaussian: {message}"
    with pytest.raises(ParameterError, match="gaussian: sigma is -1"):
        filters.gaussian(da.zeros((4, 4)), -1)
