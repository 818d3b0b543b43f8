"""Data sets: the published counts, and files that are not what they should be."""

import gzip
import os
import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from striate.errors import (
    DTypeError,
    FileError,
    MissingExtraError,
    ParameterError,
    ShapeError,
    UnknownNameError,
)
from striate.training import data
from striate.training.data import usps

FOLDER = os.environ.get("STRIATE_DATA", "")
needs_usps = pytest.mark.skipif(
    not (Path(FOLDER) / "usps" / "zip.train.gz").is_file(),
    reason="the USPS digits are not in the folder that STRIATE_DATA names",
)


@pytest.mark.data
@needs_usps
def test_usps_has_the_books_counts():
    """Class counts as in Hastie et al., The Elements of Statistical Learning, zip.info."""
    digits = data.load("usps")
    train, test = np.bincount(digits.train_labels), np.bincount(digits.test_labels)
    assert train.tolist() == [1194, 1005, 731, 658, 652, 556, 664, 645, 542, 644]
    assert test.tolist() == [359, 264, 198, 166, 200, 160, 170, 147, 166, 177]
    assert digits.train_images.shape == (7291, 1, 16, 16)
    assert digits.train_images.dtype == np.float32
    assert (digits.train_images.min(), digits.train_images.max()) == (-1, 1)
    assert digits.train_labels[0] == 6


@pytest.mark.data
@needs_usps
def test_usps_is_known_by_its_numbers_not_its_spelling(tmp_path):
    with gzip.open(Path(FOLDER) / "usps" / "zip.test.gz") as file:
        text = file.read()
    table = np.loadtxt(text.decode().splitlines())
    place = tmp_path / "other.gz"
    lines = "\n".join(" ".join(f"{x:.4f}" for x in row) for row in table)
    packed = gzip.compress(lines.encode(), compresslevel=1)
    images, _ = usps._examples(place, packed, usps.TEST)
    assert images.shape == (2007, 1, 16, 16)
    packed = gzip.compress(lines.replace("0.9530", "0.9540", 1).encode(), 1)
    with pytest.raises(FileError) as error:
        usps._examples(place, packed, usps.TEST)
    assert str(error.value) == (
        f"{place}: 2007 digits that are not the 2007 of {usps.SITE}/zip.test.gz; "
        "delete the file to have it fetched again, or put the original in its place"
    )


def line(label="3", grey="-1", count=256):
    return " ".join([label, *[grey] * count])


@pytest.mark.parametrize(
    ("packed", "message"),
    [
        (b"", "no digits in it; each line must hold 257 numbers"),
        (gzip.compress(b"\n \n"), "no digits in it; each line must hold 257 numbers"),
        (gzip.compress(line(count=255).encode()), "256 numbers a line, not 257"),
        (gzip.compress(f"{line()}\n{line(count=9)}".encode()), "not a table of numbers ("),
        (gzip.compress(line(grey="#").encode()), "not a table of numbers ("),
        (gzip.compress(b"\xff\xfe\x00" * 99), "not a table of numbers ("),
        (gzip.compress(line(label="10").encode()), "labels must be 0 to 9 and greys must lie"),
        (gzip.compress(line(label="2.5").encode()), "labels must be 0 to 9 and greys must lie"),
        (gzip.compress(line(grey="nan").encode()), "labels must be 0 to 9 and greys must lie"),
        (gzip.compress(line(grey="1e9").encode()), "labels must be 0 to 9 and greys must lie"),
        (gzip.compress(line().encode()), "1 digits that are not the 7291 of https://"),
        (gzip.compress(line().encode())[:-9], "not a whole gzip file ("),
        (gzip.compress(line().encode())[:20], "not a whole gzip file ("),
        (b"PK\x03\x04 not gzip at all", "not a whole gzip file ("),
        (line().encode(), "not a whole gzip file ("),
    ],
    ids=range(15),
)
def test_hostile_files_are_named(tmp_path, monkeypatch, packed, message):
    folder = tmp_path / "usps"
    folder.mkdir()
    for part in (usps.TRAIN, usps.TEST):
        (folder / part.file).write_bytes(packed)
    monkeypatch.setenv("STRIATE_DATA", str(tmp_path))
    with pytest.raises(FileError) as error:
        data.load("usps")
    assert str(error.value).startswith(f"{folder / 'zip.train.gz'}: {message}")
    assert "\n" not in str(error.value)


def test_a_file_that_unpacks_to_too_much_is_not_read_whole(tmp_path, monkeypatch):
    (tmp_path / "usps").mkdir()
    place = tmp_path / "usps" / "zip.train.gz"
    place.write_bytes(gzip.compress(b" " * (2**20 + 1)))
    monkeypatch.setattr(usps, "MOST_BYTES", 2**20)
    monkeypatch.setenv("STRIATE_DATA", str(tmp_path))
    with pytest.raises(FileError) as error:
        data.load("usps")
    assert str(error.value) == f"{place}: unpacks to more than the 1048576 bytes that are allowed"


@pytest.mark.parametrize("named", [False, True])
def test_offline_it_says_where_to_put_the_files(tmp_path, cache, monkeypatch, named):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        monkeypatch.setattr(usps, "SITE", f"http://127.0.0.1:{closed.getsockname()[1]}")
    advice = (
        "put zip.train.gz and zip.test.gz into a folder usps, and set STRIATE_DATA to the folder "
        "that holds it"
    )
    if named:
        monkeypatch.setenv("STRIATE_DATA", str(tmp_path))
        advice = (
            f"STRIATE_DATA is {tmp_path}, where usps/zip.train.gz is missing: put zip.train.gz "
            "and zip.test.gz there, or point it at the folder that holds usps"
        )
    with pytest.raises(FileError) as error:
        data.load("usps")
    assert str(error.value) == (
        f"usps: {usps.SITE}/zip.train.gz could not be fetched (connection refused); {advice}"
    )


@pytest.mark.data
@needs_usps
def test_usps_is_fetched_once(site, cache, monkeypatch):
    folder = Path(FOLDER) / "usps"
    monkeypatch.setattr(usps, "SITE", site.address)
    site.files = {part.file: (folder / part.file).read_bytes() for part in (usps.TRAIN, usps.TEST)}
    first = data.load("usps")
    site.files = {}
    again = data.load("usps")
    np.testing.assert_array_equal(first.test_images, again.test_images)
    cached = sorted(path.name for path in (cache / "usps").iterdir())
    assert cached == ["zip.test.gz", "zip.train.gz"]


@pytest.mark.parametrize("page", [None, b"<html>Please log in</html>"])
def test_a_site_that_gives_something_else_leaves_no_file_behind(site, cache, monkeypatch, page):
    monkeypatch.setattr(usps, "SITE", site.address)
    if page:
        site.files["zip.train.gz"] = page
    with pytest.raises(FileError) as error:
        data.load("usps")
    assert str(error.value).startswith(f"usps: {usps.SITE}/zip.train.gz could not be fetched (")
    assert ("Not a gzipped file" if page else "404") in str(error.value)
    assert "\n" not in str(error.value)
    assert not (cache / "usps" / "zip.train.gz").exists()


@pytest.mark.parametrize(
    ("module", "name", "message"),
    [
        ("sklearn", "digits", "the digits data set needs scikit-learn"),
        ("pooch", "usps", "fetching zip.train.gz needs pooch"),
    ],
)
def test_missing_extras_are_named(cache, monkeypatch, module, name, message):
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(MissingExtraError) as error:
        data.load(name)
    assert str(error.value) == f"{message}: pip install 'striate[train]'"


def test_digits_are_split_between_writers():
    digits = data.load("digits")
    assert repr(digits) == "Dataset('digits', 1415 to train and 382 to test, (1, 8, 8), 10 classes)"
    start = [*range(10), *range(10), *range(10)]  # every writer's form begins so
    assert digits.test_labels[:30].tolist() == start
    assert digits.train_labels[:30].tolist() == start
    assert (digits.train_images.min(), digits.train_images.max()) == (-1, 1)
    assert data.load("digits", size=16).train_images.shape == (1415, 1, 16, 16)


def test_unknown_names_suggest_the_nearest():
    with pytest.raises(UnknownNameError) as error:
        data.load("upsp")
    assert str(error.value) == "no data set is called 'upsp'; did you mean usps?"
    assert data.names() == ("digits", "usps", "mnist", "fashion-mnist", "cifar-10", "cifar-100")


def test_data_sets_are_checked():
    images, labels = np.zeros((2, 1, 4, 4), np.float32), np.array([0, 1])
    whole = data.Dataset("two", images, labels, images, labels, ("a", "b"))
    for changes, kind, message in [
        (
            {"test_images": images[:, :, :2]},
            ShapeError,
            "two: training images are (1, 4, 4) but test images are (1, 2, 4): "
            "they must have one shape (C, *spatial)",
        ),
        (
            {"classes": ("a",)},
            ParameterError,
            "two: label 1 with 1 classes: labels must be 0 to 0",
        ),
        (
            {"train_labels": labels.astype(float)},
            DTypeError,
            "two (train): labels are float64: they must be integers, 0 upwards",
        ),
    ]:
        with pytest.raises(kind) as error:
            replace(whole, **changes)
        assert str(error.value) == message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (None,),
            "data set None is no name; name one of digits, usps, mnist, fashion-mnist, cifar-10, "
            "cifar-100",
        ),
        (("digits", "a"), "resize: size 'a' must be a whole number, 1 to 4096 pixels"),
        (("digits", 16.5), "resize: size 16.5 must be a whole number, 1 to 4096 pixels"),
    ],
)
def test_what_cannot_be_loaded(arguments, message):
    with pytest.raises(ParameterError) as error:
        data.load(*arguments)
    assert str(error.value) == message
