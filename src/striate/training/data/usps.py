"""USPS zip-code digits: the data of LeCun et al. 1989, as *The Elements of Statistical Learning*
publishes them.

The files hold one digit a line, as text: the label, then 256 greys in [-1, 1], row by row. They
circulate in several packings and spellings (0.1 or 0.1000), so what is checked is the numbers.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from striate.errors import FileError
from striate.training.data.arrays import cache_folder
from striate.training.data.dataset import Dataset
from striate.training.data.downloads import download
from striate.training.data.sources import data_folder, place_of

__all__ = ["load_usps"]

SITE = "https://hastie.su.domains/ElemStatLearn/datasets"
COLUMNS = 1 + 16 * 16
MOST_BYTES = 64 * 2**20  # unpacked; the larger file has 14 MB


@dataclass(frozen=True, slots=True)
class Part:
    """One of the two files: how many digits, and the SHA-256 of its numbers (see `_digest`)."""

    file: str
    digits: int
    digest: str


TRAIN = Part(
    "zip.train.gz", 7291, "5064da9c16b8c7840936e7d69f60e3175e733290efe8b1172c8bf39ba2011e66"
)
TEST = Part("zip.test.gz", 2007, "ac89e85421025fc3818e18d98d28fcf53345017bcaadc162276b89ae7e8d4673")


def load_usps() -> Dataset:
    """Return the USPS digits, (N, 1, 16, 16) in [-1, 1]: 7,291 to train on, 2,007 to test.

    Looked for in the folder ``usps`` of the folder that the environment variable STRIATE_DATA
    names, then in the user's cache folder; then fetched from the authors' site.

    Raises
    ------
    FileError
        If a file cannot be fetched, or does not hold the published numbers.
    MissingExtraError
        If the files must be fetched and pooch is not installed.
    """
    train, test = (_examples(*_found(part), part) for part in (TRAIN, TEST))
    return Dataset(
        name="usps",
        train_images=train[0],
        train_labels=train[1],
        test_images=test[0],
        test_labels=test[1],
        classes=tuple("0123456789"),
        source=(
            "Y. LeCun et al., Handwritten Digit Recognition with a Back-Propagation Network, NIPS "
            "1990, digits from envelopes of the U.S. Postal Service; T. Hastie, R. Tibshirani, J. "
            f"Friedman, The Elements of Statistical Learning, {SITE}"
        ),
        licence='none stated; "made available by the neural network group at AT&T research labs"',
    )


def _found(part: Part) -> tuple[Path, bytes]:
    """Return a file's place and content, fetching it if it lies nowhere."""
    if place := place_of(part.file, ["usps"]):
        return place, _read(place)
    url, place = f"{SITE}/{part.file}", cache_folder() / "usps" / part.file
    try:
        download(url, place, None, MOST_BYTES)
        content = _read(place)
        try:
            _examples(place, content, part)
        except FileError:
            place.unlink()
            raise
    except FileError as error:
        both = f"{TRAIN.file} and {TEST.file}"
        named = data_folder()
        advice = (
            f"STRIATE_DATA is {named}, where usps/{part.file} is missing: "
            f"put {both} there, or point it at the folder that holds usps"
            if named
            else f"put {both} into a folder usps, and set STRIATE_DATA to the folder that holds it"
        )
        raise FileError(f"usps: {url} could not be fetched ({error}); {advice}") from None
    return place, content


def _read(place: Path) -> bytes:
    try:
        with place.open("rb") as file:
            return file.read(MOST_BYTES)
    except OSError as error:
        raise FileError(f"{place}: cannot be read ({error.strerror}); check its rights") from None


def _examples(
    place: Path, packed: bytes, part: Part
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return images and labels of a file, if its numbers are the published ones."""
    table = _parse(place, _unpack(place, packed))
    if len(table) != part.digits or _digest(table) != part.digest:
        raise FileError(
            f"{place}: {len(table)} digits that are not the {part.digits} of {SITE}/{part.file}; "
            "delete the file to have it fetched again, or put the original in its place"
        )
    images = np.ascontiguousarray(table[:, 1:]).reshape(-1, 1, 16, 16)
    return images, table[:, 0].astype(np.int64)


def _unpack(place: Path, packed: bytes) -> bytes:
    """Return the text of a gzip file of bounded size."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
            text = file.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise FileError(
            f"{place}: not a whole gzip file ({error}); delete it to have it fetched again"
        ) from None
    if len(text) > MOST_BYTES:
        raise FileError(f"{place}: unpacks to more than the {MOST_BYTES} bytes that are allowed")
    return text


def _parse(place: Path, text: bytes) -> NDArray[np.float32]:
    """Return the numbers, shape (digits, 257), if they can be digits."""
    if not text.strip():
        raise FileError(f"{place}: no digits in it; each line must hold {COLUMNS} numbers")
    try:
        table = np.loadtxt(io.BytesIO(text), dtype=np.float32, comments=None, ndmin=2)
    except ValueError as error:
        raise FileError(f"{place}: not a table of numbers ({error})") from None
    if table.shape[1] != COLUMNS:
        raise FileError(
            f"{place}: {table.shape[1]} numbers a line, not {COLUMNS}: a label and 16x16 greys"
        )
    labels, greys = table[:, 0], table[:, 1:]
    if not (np.isin(labels, np.arange(10)).all() and (np.abs(greys) <= 1).all()):
        raise FileError(
            f"{place}: labels must be 0 to 9 and greys must lie in [-1, 1], without NaN"
        )
    return np.asarray(table, dtype=np.float32)


def _digest(table: NDArray[np.float32]) -> str:
    """Return the SHA-256 of the numbers as little-endian float32, without negative zeros."""
    return hashlib.sha256((table + np.float32(0)).astype("<f4").tobytes()).hexdigest()
