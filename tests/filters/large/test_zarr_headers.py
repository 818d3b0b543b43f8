import asyncio
import json
import subprocess
import sys

import numpy as np
import pytest
import zarr

from striate import filters
from striate.errors import FileError
from striate.filters.large import filter_file, layout

OLD = {
    "zarr_format": 2,
    "shape": [10, 10],
    "chunks": [5, 5],
    "dtype": "|u1",
    "compressor": None,
    "fill_value": 0,
    "order": "C",
    "filters": None,
}
NEW = {
    "zarr_format": 3,
    "node_type": "array",
    "shape": [10, 10],
    "data_type": "uint8",
    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [5, 5]}},
    "chunk_key_encoding": {"name": "default"},
    "fill_value": 0,
    "codecs": [{"name": "bytes"}],
}


def in_old(shape, chunk):
    return ".zarray", OLD | {"shape": shape, "chunks": chunk}


def in_new(shape, chunk):
    grid = {"name": "regular", "configuration": {"chunk_shape": chunk}}
    return "zarr.json", NEW | {"shape": shape, "chunk_grid": grid}


def in_shards(shape, chunk):
    codec = {"name": "sharding_indexed", "configuration": {"chunk_shape": chunk, "codecs": []}}
    return "zarr.json", NEW | {"shape": shape, "codecs": [codec]}


@pytest.fixture
def folder(tmp_path):
    """Write a header, and return the folder of its array."""

    def write(name, header):
        place = tmp_path / "a.zarr"
        place.mkdir()
        (place / name).write_text(header if isinstance(header, str) else json.dumps(header))
        return place

    return write


@pytest.mark.parametrize("form", [in_old, in_new])
def test_headers_of_these_forms_are_read(folder, form):
    assert layout(folder(*form([10, 12], [5, 5]))).shape == (10, 12)


@pytest.mark.parametrize("form", [in_old, in_new, in_shards])
@pytest.mark.parametrize(
    ("shape", "chunk", "message"),
    [
        ([10, 10], [0, 5], "chunks of 0 x 5; each side must be at least 1: write the array again"),
        ([10, 10], [-1, 5], "chunks of -1 x 5; each side must be at least 1: write the array "),
        ([10, 10], [2**40, 2**40], "chunks of 1099511627776 x 1099511627776, which is more than "),
    ],
)
def test_chunks_that_cannot_be(folder, form, shape, chunk, message):
    assert_refused(folder(*form(shape, chunk)), message)


@pytest.mark.parametrize("form", [in_old, in_new])
@pytest.mark.parametrize(
    ("shape", "chunk", "message"),
    [
        ([9**9, 9**9], [1, 1], "150094635296999121 chunks of 1 x 1; of this size there may be 65"),
        ([2**20, 2**20], [64, 128], "134217728 chunks of 64 x 128; of this size there may be 167"),
    ],
)
def test_chunks_that_are_too_many(folder, form, shape, chunk, message):
    assert_refused(folder(*form(shape, chunk)), message)


def assert_refused(place, message):
    with pytest.raises(FileError) as error:
        filter_file(place, place.with_name("b.zarr"), filters.box, size=3)
    assert str(error.value).startswith(f"{place}: {message}")
    assert [one.name for one in place.parent.iterdir()] == ["a.zarr"]


@pytest.mark.parametrize("name", [".zarray", "zarr.json"])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "no header of a Zarr array; get a whole copy"),
        ("{", "no header of a Zarr array ("),
        ("[" * 100_000, "no header of a Zarr array ("),
        (" " * (2**24 + 1), "more than 16.8 MB of header; check the file"),
    ],
)
def test_headers_that_are_none(folder, name, text, message):
    place = folder(name, text)
    with pytest.raises(FileError) as error:
        layout(place)
    assert str(error.value).startswith(f"{place / name}: {message}")


def test_a_damaged_chunk_of_many_prints_nothing(tmp_path):
    place = tmp_path / "slide.zarr"
    array = zarr.create_array(place, shape=(1000, 1300), chunks=(64, 64), dtype="u1")
    array[...] = np.tile(np.arange(1300) % 256, (1000, 1)).astype(np.uint8)
    (place / "c" / "3" / "3").write_bytes(b"damaged")
    code = """
import sys
from striate import filters
from striate.errors import FileError
from striate.filters.large import filter_file
try:
    filter_file(sys.argv[1], sys.argv[2], filters.box, size=3)
except FileError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, place, tmp_path / "out.zarr"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert done.stdout.startswith(f"{place}: a chunk in rows 0 to 999, columns 0 to 1299 is ")
    assert done.stdout.count("\n") == 1


def test_no_loop_of_the_caller_is_needed_or_in_the_way(tmp_path):
    zarr.save_array(tmp_path / "a.zarr", np.eye(9))

    async def inside():
        filter_file(tmp_path / "a.zarr", tmp_path / "b.zarr", filters.box, size=3)

    asyncio.run(inside())
    np.testing.assert_array_equal(
        zarr.open_array(tmp_path / "b.zarr")[:], filters.box(np.eye(9), 3)
    )
