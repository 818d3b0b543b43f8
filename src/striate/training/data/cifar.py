"""CIFAR-10 and CIFAR-100: 60,000 colour pictures of 32x32 each, in their binary versions.

A record is the label (for CIFAR-100 the superclass, then the class) and 1,024 bytes of red, of
green and of blue, row by row. The records come from the ``.bin`` files, from the archives that hold
these, which are read without being unpacked onto the disk, or, for CIFAR-10, from files of the
differences between pixels: see `restored`. Nothing here reads pickles.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import FileError, one_line
from striate.training.data.arrays import Allocate, kept_arrays
from striate.training.data.cifar_names import FINE, TEN
from striate.training.data.dataset import Dataset
from striate.training.data.differences import restored
from striate.training.data.downloads import sha256_of
from striate.training.data.sources import Published, obtained, place_of

__all__ = ["load_cifar10", "load_cifar100"]

SITE = "https://www.cs.toronto.edu/~kriz"
PIXELS = 3 * 32 * 32
PART = 1000
"""Records at a time."""

LARGEST_MEMBER = 2**28
"""Bytes that a file in an archive may have; the largest has 154 MB."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One ``.bin`` file: which array its records belong to, from which place, and its content."""

    file: str
    array: str
    first: int
    records: int
    sha256: str


@dataclass(frozen=True)
class Cifar:
    """One of the two data sets."""

    name: str
    folder: str
    labels: int
    classes: tuple[str, ...]
    archive: Published
    batches: tuple[Batch, ...]

    @property
    def folders(self) -> tuple[str, ...]:
        """Where its files may lie, in STRIATE_DATA; the first is also that of the cache."""
        bare = self.name.replace("-", "")
        inner = (f"{self.name}/{self.folder}", f"{bare}/{self.folder}", self.folder)
        return (self.name, bare, *inner, "")

    @cached_property
    def record(self) -> int:
        """The bytes of a record."""
        return self.labels + PIXELS


CIFAR10 = Cifar(
    "cifar-10",
    "cifar-10-batches-bin",
    1,
    TEN,
    Published(
        SITE,
        "cifar-10-binary.tar.gz",
        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        170_052_171,
    ),
    tuple(
        Batch(f"{name}.bin", array, first, 10_000, sha256)
        for name, array, first, sha256 in (
            (
                *("data_batch_1", "train", 0),
                "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
            ),
            (
                *("data_batch_2", "train", 10_000),
                "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
            ),
            (
                *("data_batch_3", "train", 20_000),
                "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
            ),
            (
                *("data_batch_4", "train", 30_000),
                "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
            ),
            (
                *("data_batch_5", "train", 40_000),
                "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
            ),
            (
                *("test_batch", "test", 0),
                "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
            ),
        )
    ),
)
CIFAR100 = Cifar(
    "cifar-100",
    "cifar-100-binary",
    2,
    FINE,
    Published(
        SITE,
        "cifar-100-binary.tar.gz",
        "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
        168_513_733,
    ),
    (
        Batch(
            *("train.bin", "train", 0, 50_000),
            "f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29",
        ),
        Batch(
            *("test.bin", "test", 0, 10_000),
            "d8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a",
        ),
    ),
)


def load_cifar10() -> Dataset:
    """Return CIFAR-10, uint8 (N, 3, 32, 32), red, green, blue: 50,000 to train on, 10,000 to test.

    Looked for in the folder ``cifar-10`` or ``cifar10`` of STRIATE_DATA, as ``data_batch_1.bin``
    and so on, as ``data_batch_1.grad.xz`` and so on, or as the archive; then in the user's cache
    folder; then fetched.

    Raises
    ------
    FileError
        If a file cannot be fetched, or is not the published one.
    MissingExtraError
        If the archive must be fetched and pooch is not installed.
    """
    return _load(CIFAR10)


def load_cifar100() -> Dataset:
    """Return CIFAR-100 in its 100 classes, as `load_cifar10`, in ``cifar-100`` or ``cifar100``."""
    return _load(CIFAR100)


def _load(cifar: Cifar) -> Dataset:
    def make(allocate: Allocate) -> None:
        arrays = {}
        for part in ("train", "test"):
            count = sum(batch.records for batch in cifar.batches if batch.array == part)
            images = allocate(f"{part}_images", (count, 3, 32, 32), np.uint8)
            arrays[part] = images, allocate(f"{part}_labels", (count,), np.int64)
        for batch, place, file in _files(cifar):
            with file:
                _fill(cifar, batch, place, file, *arrays[batch.array])

    key = f"{cifar.name} {' '.join(batch.sha256 for batch in cifar.batches)}"
    arrays = kept_arrays(cifar.name, key, make)
    return Dataset(
        name=cifar.name,
        classes=cifar.classes,
        source=(
            "A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009, "
            f"{SITE}/cifar.html"
        ),
        licence="none stated; the authors ask to cite the report",
        train_images=arrays["train_images"],
        train_labels=arrays["train_labels"],
        test_images=arrays["test_images"],
        test_labels=arrays["test_labels"],
    )


def _files(cifar: Cifar) -> Iterator[tuple[Batch, str, IO[bytes]]]:
    """Yield each batch with the place and the content of its file."""
    missing = {}
    for batch in cifar.batches:
        differences = Path(batch.file).with_suffix(".grad.xz").name
        if place := place_of(batch.file, cifar.folders):
            yield batch, str(place), _opened(place)
        elif cifar.labels == 1 and (place := place_of(differences, cifar.folders)):
            yield batch, str(place), io.BytesIO(restored(place, batch.records))
        else:
            missing[f"{cifar.folder}/{batch.file}"] = batch
    if missing:
        place = obtained(cifar.name, cifar.archive, cifar.folders)
        _require(place, cifar.archive)
        yield from _members(place, missing, cifar.record)


def _opened(place: Path) -> IO[bytes]:
    try:
        return place.open("rb")
    except OSError as error:
        raise FileError(f"{place}: cannot be read ({error.strerror}); check its rights") from None


def _require(place: Path, published: Published) -> None:
    """Raise unless a file is the published one."""
    with _opened(place) as file:
        size = place.stat().st_size
        found = sha256_of(file) if size == published.size else None
    if found != published.sha256:
        what = f"{size} bytes, not {published.size}" if found is None else f"the SHA-256 {found}"
        raise FileError(
            f"{place}: is not what {published.url} gives, but has {what}; delete it to have it "
            "fetched again, or put the original in its place"
        )


def _members(
    place: Path, missing: dict[str, Batch], record: int
) -> Iterator[tuple[Batch, str, IO[bytes]]]:
    """Yield the batches that are missing, from an archive that is read from front to back.

    Nothing is written, whatever the names in it; links and folders are passed over.
    """
    left = dict(missing)
    with _readable(place), closing(tarfile.open(place, "r|gz")) as archive:
        for member in archive:
            if member.size > LARGEST_MEMBER:
                raise FileError(
                    f"{place}: {member.name!r} in it has {member.size} bytes, more than "
                    f"{LARGEST_MEMBER}; put the original in its place"
                )
            batch = left.get(member.name) if member.isreg() else None
            if batch is None or member.size != batch.records * record:
                continue
            file = archive.extractfile(member)
            if file is not None:
                del left[member.name]
                yield batch, f"{place}: {member.name}", file
    for name, batch in left.items():
        raise FileError(
            f"{place}: holds no file {name} of {batch.records * record} bytes; put the original "
            "in its place"
        )


@contextmanager
def _readable(place: str | Path) -> Iterator[None]:
    """Turn what reading a file or an archive may raise into one FileError that names it."""
    try:
        yield
    except FileError:
        raise
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise FileError(
            f"{place}: cannot be read ({one_line(error)}); delete it to have it fetched again"
        ) from None


def _fill(
    cifar: Cifar,
    batch: Batch,
    place: str,
    file: IO[bytes],
    images: NDArray[Any],
    labels: NDArray[Any],
) -> None:
    """Read a batch's records into their places, and check them."""
    found, size = hashlib.sha256(), 0
    for i in range(0, batch.records, PART):
        count = min(PART, batch.records - i)
        with _readable(place):
            content = file.read(count * cifar.record)
        found.update(content)
        size += len(content)
        if len(content) < count * cifar.record:
            break
        records = np.frombuffer(content, np.uint8).reshape(count, cifar.record)
        here = slice(batch.first + i, batch.first + i + count)
        labels[here] = records[:, cifar.labels - 1]
        images[here] = records[:, cifar.labels :].reshape(-1, 3, 32, 32)
    size += len(file.read(1))
    if size != batch.records * cifar.record or found.hexdigest() != batch.sha256:
        whole = f"the {batch.records * cifar.record} bytes of {batch.file} in {cifar.archive.url}"
        raise FileError(f"{place}: is not {whole}; delete it, or put the original in its place")
