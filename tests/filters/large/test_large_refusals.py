import re

import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import given
from hypothesis import strategies as st

from striate import filters
from striate.errors import DTypeError, FileError, ParameterError
from striate.filters.large import Reach, filter_file, layout
from striate.filters.large.sizes import bytes_of, sized

NOISE = np.random.default_rng(0).integers(0, 256, (100, 130), dtype=np.uint8)


@pytest.mark.parametrize(
    ("function", "options", "kind", "message"),
    [
        (filters.box, {"size": 0}, ParameterError, "box: size is 0"),
        (filters.box, {"size": 3, "dtype": "int8"}, DTypeError, "box: dtype is 'int8'"),
        (
            filters.box,
            {"size": 3, "memory": 0},
            ParameterError,
            "memory is 0; it must be a whole number of bytes, at least 1",
        ),
        (
            filters.box,
            {"size": 3, "out": NOISE},
            ParameterError,
            "out is given, but the result is made in parts; leave it out",
        ),
        (
            filters.box,
            {"size": 3, "stack": True},
            ParameterError,
            "stack is True, but a file holds one image; leave it out",
        ),
        (
            np.negative,
            {},
            ParameterError,
            "negative is no filter of striate.filters; give its reach, "
            "as reach=Reach(before=(2, 2), after=(2, 2))",
        ),
        (
            filters.gradient,
            {},
            ParameterError,
            "gradient gives more than one image; keep one, as in "
            "lambda image: gradient(image)[0], and give its reach",
        ),
    ],
)
def test_what_cannot_be_asked(tmp_path, function, options, kind, message):
    tifffile.imwrite(tmp_path / "a.tif", NOISE, tile=(16, 16))
    with pytest.raises(kind) as error:
        filter_file(tmp_path / "a.tif", tmp_path / "b.tif", function, **options)
    assert str(error.value).startswith(message)
    assert not (tmp_path / "b.tif").exists()


def test_too_little_memory_names_what_is_needed(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", NOISE, tile=(64, 64))
    with pytest.raises(ParameterError) as error:
        filter_file(tmp_path / "a.tif", tmp_path / "b.tif", filters.box, size=3, memory=1000)
    needed = re.search("needs (.* kB) for", str(error.value))[1]
    assert str(error.value) == (
        f"memory is 1 kB; this filter needs {needed} for 64 x 64 pixels of this image: "
        f"raise memory, on the command line with --memory"
    )
    memory = bytes_of(needed)
    filter_file(tmp_path / "a.tif", tmp_path / "b.tif", filters.box, size=3, memory=memory)


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "1.5.0MB", "1 GiB", "0", "nan", "٣MB"])
def test_texts_that_are_no_sizes(text):
    with pytest.raises(ParameterError) as error:
        bytes_of(text)
    assert str(error.value) == f"memory is {text!r}; it must be a size such as 512MB or 1.5GB"


@given(st.integers(1, 10**15))
def test_sizes_written_are_enough_and_no_waste(count):
    assert count <= bytes_of(sized(count).removesuffix("ytes")) <= count * 1.01 + 1


def test_functions_of_your_own(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", NOISE, tile=(16, 16))

    def twice(image):
        return filters.box(filters.median(image, 3), 5)

    filter_file(
        tmp_path / "a.tif", tmp_path / "b.tif", twice, reach=Reach((3, 3), (3, 3)), memory=100_000
    )
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "b.tif"), twice(NOISE))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.png", "a.png: not streamed; files that are end in .tif, .tiff, .zarr"),
        ("none.tif", "none.tif: no such file; check the path"),
        ("none.zarr", "none.zarr: no such file; check the path"),
        ("folder.tif", "folder.tif: a folder, not a TIFF file; name a file in it"),
        (
            "text.tif",
            "text.tif: not a TIFF file, or a damaged one (not a TIFF file: header=b'not '",
        ),
        ("empty.zarr", "empty.zarr: no Zarr array ("),
    ],
)
def test_files_that_are_no_images(tmp_path, monkeypatch, name, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.tif").mkdir()
    (tmp_path / "empty.zarr").mkdir()
    (tmp_path / "text.tif").write_text("not an image")
    with pytest.raises(FileError) as error:
        filter_file(name, "b.tif", filters.box, size=3)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("image", "options", "message"),
    [
        (NOISE.astype(np.int32), {}, "numbers of dtype int32; filters take uint8, "),
        (NOISE, {"photometric": "miniswhite"}, "colours of kind MINISWHITE; convert it to grey "),
        (
            NOISE,
            {"photometric": "palette", "colormap": np.zeros((3, 256), "u2")},
            "colours of kind PALETTE; convert it to grey or RGB first",
        ),
        (NOISE, {"extratags": [(274, "H", 1, 6, True)]}, "turned (orientation 6); store it upri"),
        (
            NOISE > 9,
            {"photometric": "minisblack"},
            "1 bits a number, depth 1; filters take planes of 8, ",
        ),
    ],
)
def test_files_of_another_kind(tmp_path, image, options, message):
    tifffile.imwrite(tmp_path / "a.tif", image, **options)
    with pytest.raises(FileError) as error:
        filter_file(tmp_path / "a.tif", tmp_path / "b.tif", filters.box, size=3)
    assert str(error.value).startswith(f"{tmp_path / 'a.tif'}: {message}")


def test_groups_of_arrays_name_them(tmp_path):
    group = zarr.open_group(tmp_path / "a.zarr", mode="w")
    for name in ("1", "0"):
        group.create_array(name, shape=(4, 4), dtype="u1")
    with pytest.raises(FileError) as error:
        layout(tmp_path / "a.zarr")
    assert str(error.value) == (
        f"{tmp_path / 'a.zarr'}: a group of Zarr arrays (0, 1); name one of them"
    )
