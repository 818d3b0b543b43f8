"""MNIST and Fashion-MNIST: the published figures, and files that are not what they should be."""

import gzip
import hashlib
import os
import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from striate.errors import FileError
from striate.training import data
from striate.training.data import mnist

FOLDER = os.environ.get("STRIATE_DATA", "")


def needs(name):
    return pytest.mark.skipif(
        not (Path(FOLDER) / name / "train-images-idx3-ubyte.gz").is_file(),
        reason=f"{name} is not in the folder that STRIATE_DATA names",
    )


@pytest.mark.data
@needs("mnist")
def test_mnist_has_its_published_digits():
    """Counts as torchvision's and Keras's copies have them; 0.1307 is the known mean."""
    digits = data.load("mnist")
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(digits.train_labels).tolist() == counts
    assert digits.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert digits.train_images.shape == (60_000, 1, 28, 28)
    assert digits.train_images.dtype == np.uint8
    assert isinstance(digits.train_images, np.memmap)
    assert round(digits.train_images.mean() / 255, 4) == 0.1307
    ready = digits.prepared(digits.train_images[:9])
    assert (ready.min(), ready.max(), ready.dtype) == (-1, 1, np.float32)


@pytest.mark.data
@needs("fashion-mnist")
def test_fashion_mnist_has_its_published_clothes():
    clothes = data.load("fashion-mnist")
    assert np.bincount(clothes.train_labels).tolist() == [6000] * 10
    assert np.bincount(clothes.test_labels).tolist() == [1000] * 10
    assert clothes.classes[clothes.train_labels[0]] == "Ankle boot"
    assert round(clothes.train_images.mean() / 255, 4) == 0.2860


def small(array, shape, file, seed):
    """A part of our own, and its unpacked content."""
    part = mnist.Part(array, shape, file, "", 0, "")
    numbers = np.random.default_rng(seed).integers(0, 10, shape, np.uint8)
    content = part.header + numbers.tobytes()
    packed = gzip.compress(content)
    known = {"packed": packed, "size": len(packed), "unpacked": content}
    sums = {name: hashlib.sha256(known[name]).hexdigest() for name in ("packed", "unpacked")}
    return replace(part, size=len(packed), **sums), content


@pytest.fixture
def parts(monkeypatch, cache):
    """Parts of few images instead of the published ones, with their contents."""
    made = [
        small("train_images", (6, 28, 28), "train-images-idx3-ubyte.gz", 0),
        small("train_labels", (6,), "train-labels-idx1-ubyte.gz", 1),
        small("test_images", (3, 28, 28), "t10k-images-idx3-ubyte.gz", 2),
        small("test_labels", (3,), "t10k-labels-idx1-ubyte.gz", 3),
    ]
    monkeypatch.setattr(mnist, "MNIST", tuple(part for part, _ in made))
    return made


def laid(parts, folder, spelled=gzip.compress, suffix=".gz"):
    folder.mkdir(parents=True, exist_ok=True)
    for part, content in parts:
        (folder / part.file.replace(".gz", suffix)).write_bytes(spelled(content))


def test_it_is_fetched_checked_and_kept(parts, site, cache, monkeypatch):
    monkeypatch.setattr(mnist, "MNIST_SITE", site.address)
    site.files = {part.file: gzip.compress(content) for part, content in parts}
    first = data.load("mnist")
    assert first.train_images.tobytes() == parts[0][1][16:]
    assert first.test_labels.tolist() == list(parts[3][1][8:])
    site.files = {}
    for file in (cache / "mnist").iterdir():
        file.unlink()
    again = data.load("mnist")  # from the arrays
    assert again.fingerprint == first.fingerprint


@pytest.mark.parametrize(
    ("spelled", "suffix"), [(lambda x: gzip.compress(x, 1), ".gz"), (bytes, "")]
)
def test_other_packings_of_the_same_bytes_will_do(parts, tmp_path, monkeypatch, spelled, suffix):
    laid(parts, tmp_path / "mine" / "mnist", spelled, suffix)
    monkeypatch.setenv("STRIATE_DATA", str(tmp_path / "mine"))
    assert data.load("mnist").train_labels.tolist() == list(parts[1][1][8:])


def test_a_damaged_array_is_made_anew(parts, tmp_path, cache, monkeypatch):
    laid(parts, tmp_path / "mnist")
    monkeypatch.setenv("STRIATE_DATA", str(tmp_path))
    first = data.load("mnist").train_images.copy()
    (array,) = (cache / "arrays").glob("mnist-*/train_images.npy")
    array.write_bytes(array.read_bytes()[:-1])
    again = data.load("mnist")
    np.testing.assert_array_equal(again.train_images, first)


HUGE = bytes((0, 0, 8, 3)) + b"\xff" * 12


@pytest.mark.parametrize(
    ("packed", "message"),
    [
        (b"", "holds 0 bytes, not 4720; delete it"),
        (b"PK\x03\x04", "cannot be read or unpacked (Not a gzipped file (b'PK'))"),
        (gzip.compress(b"x" * 4720)[:-12], "cannot be read or unpacked ("),
        (gzip.compress(b"x" * 4719), "holds 4719 bytes, not 4720; delete it"),
        (gzip.compress(b"x" * 10**7), "holds more than 4720 bytes, not 4720; delete it"),
        (
            gzip.compress(HUGE + b"x" * 4704),
            "begins with 00000803ffffffffffffffffffffffff, not with the IDX header "
            "00000803000000060000001c0000001c of uint8 (6, 28, 28); delete it",
        ),
        (
            gzip.compress(bytes.fromhex("00000803000000060000001c0000001c") + b"x" * 4704),
            "is not the train-images-idx3-ubyte.gz that https://",
        ),
    ],
    ids=range(7),
)
def test_hostile_files_are_named(parts, tmp_path, cache, monkeypatch, packed, message):
    laid(parts, tmp_path / "mnist")
    place = tmp_path / "mnist" / "train-images-idx3-ubyte.gz"
    place.write_bytes(packed)
    monkeypatch.setenv("STRIATE_DATA", str(tmp_path))
    with pytest.raises(FileError) as error:
        data.load("mnist")
    assert str(error.value).startswith(f"{place}: {message}")
    assert "\n" not in str(error.value)
    assert not list((cache / "arrays").iterdir())


def test_offline_it_says_what_to_put_where(parts, tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        site = f"http://127.0.0.1:{closed.getsockname()[1]}"
    monkeypatch.setattr(mnist, "MNIST_SITE", site)
    file = f"train-images-idx3-ubyte.gz (SHA-256 {parts[0][0].packed})"
    start = f"mnist: {site}/train-images-idx3-ubyte.gz could not be fetched (connection refused); "
    with pytest.raises(FileError) as error:
        data.load("mnist")
    assert str(error.value) == (
        f"{start}put {file} into a folder mnist, and set STRIATE_DATA to the folder that holds it"
    )
    monkeypatch.setenv("STRIATE_DATA", str(tmp_path))
    with pytest.raises(FileError) as error:
        data.load("mnist")
    assert str(error.value) == (
        f"{start}STRIATE_DATA is {tmp_path}, where mnist/train-images-idx3-ubyte.gz is missing: "
        f"put {file} there"
    )
