"""MNIST and Fashion-MNIST: 70,000 grey pictures of 28x28 each, in the IDX format.

IDX is a big-endian header (0, 0, the element type, the number of axes, then their lengths) and the
numbers; the files are published packed by gzip. Packed anew they are believed too: what is checked
is what is in them.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from striate.errors import FileError
from striate.training.data.arrays import Allocate, kept_arrays
from striate.training.data.dataset import Dataset
from striate.training.data.sources import Published, obtained, place_of

__all__ = ["load_fashion_mnist", "load_mnist"]

MNIST_SITE = "https://ossci-datasets.s3.amazonaws.com/mnist"
FASHION_SITE = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"


@dataclass(frozen=True, slots=True)
class Part:
    """One file: the array it holds, how it is published, and what is in it when unpacked."""

    array: str
    shape: tuple[int, ...]
    file: str
    packed: str
    size: int
    unpacked: str

    @property
    def header(self) -> bytes:
        """The header of unsigned bytes of this shape."""
        axes = b"".join(length.to_bytes(4, "big") for length in self.shape)
        return bytes((0, 0, 8, len(self.shape))) + axes


MNIST = (
    Part(
        "train_images",
        (60_000, 28, 28),
        "train-images-idx3-ubyte.gz",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        9_912_422,
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    Part(
        "train_labels",
        (60_000,),
        "train-labels-idx1-ubyte.gz",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        28_881,
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    Part(
        "test_images",
        (10_000, 28, 28),
        "t10k-images-idx3-ubyte.gz",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        1_648_877,
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    Part(
        "test_labels",
        (10_000,),
        "t10k-labels-idx1-ubyte.gz",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        4_542,
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)
FASHION = (
    Part(
        "train_images",
        (60_000, 28, 28),
        "train-images-idx3-ubyte.gz",
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        26_421_880,
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
    Part(
        "train_labels",
        (60_000,),
        "train-labels-idx1-ubyte.gz",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        29_515,
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    Part(
        "test_images",
        (10_000, 28, 28),
        "t10k-images-idx3-ubyte.gz",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        4_422_102,
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
    Part(
        "test_labels",
        (10_000,),
        "t10k-labels-idx1-ubyte.gz",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        5_148,
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
)
CLOTHES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)


def load_mnist() -> Dataset:
    """Return MNIST, uint8 (N, 1, 28, 28), 0 paper and 255 ink: 60,000 to train on, 10,000 to test.

    Looked for in the folder ``mnist`` of STRIATE_DATA and of the user's cache folder, then fetched.

    Raises
    ------
    FileError
        If a file cannot be fetched, or is not the published one.
    MissingExtraError
        If files must be fetched and pooch is not installed.
    """
    return _load(
        "mnist",
        MNIST_SITE,
        MNIST,
        tuple("0123456789"),
        "Y. LeCun, C. Cortes, C. Burges, The MNIST Database of Handwritten Digits, "
        "http://yann.lecun.com/exdb/mnist/",
        "CC BY-SA 3.0, as commonly stated",
    )


def load_fashion_mnist() -> Dataset:
    """Return Fashion-MNIST, uint8 (N, 1, 28, 28): 60,000 to train on, 10,000 to test.

    As `load_mnist`, in the folder ``fashion-mnist``.
    """
    return _load(
        "fashion-mnist",
        FASHION_SITE,
        FASHION,
        CLOTHES,
        "H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST: a Novel Image Dataset for Benchmarking "
        "Machine Learning Algorithms, arXiv:1708.07747, "
        "https://github.com/zalandoresearch/fashion-mnist",
        "MIT, (c) 2017 Zalando SE",
    )


def _load(
    name: str,
    site: str,
    parts: tuple[Part, ...],
    classes: tuple[str, ...],
    source: str,
    licence: str,
) -> Dataset:
    def make(allocate: Allocate) -> None:
        for part in parts:
            numbers = _numbers(name, site, part)
            if numbers.ndim == 3:
                allocate(part.array, (len(numbers), 1, 28, 28), np.uint8)[:, 0] = numbers
            else:
                allocate(part.array, numbers.shape, np.int64)[:] = numbers

    key = f"{name} {' '.join(part.unpacked for part in parts)}"
    arrays = kept_arrays(name, key, make)
    return Dataset(
        name=name,
        train_images=arrays["train_images"],
        train_labels=arrays["train_labels"],
        test_images=arrays["test_images"],
        test_labels=arrays["test_labels"],
        classes=classes,
        source=source,
        licence=licence,
    )


def _numbers(name: str, site: str, part: Part) -> NDArray[np.uint8]:
    """Return the array of a file, packed or not."""
    bare = part.file.removesuffix(".gz")
    place = place_of(bare, [name])
    if place is None:
        place = obtained(name, Published(site, part.file, part.packed, part.size), [name])
    content = _unpacked(place, len(part.header) + int(np.prod(part.shape)))
    if content[: len(part.header)] != part.header:
        raise FileError(
            f"{place}: begins with {content[: len(part.header)].hex()}, not with the IDX header "
            f"{part.header.hex()} of uint8 {part.shape}; delete it, or put the original there"
        )
    if hashlib.sha256(content).hexdigest() != part.unpacked:
        raise FileError(
            f"{place}: is not the {part.file} that {site} publishes, though as long; delete it, or "
            "put the original there"
        )
    return np.frombuffer(content, np.uint8, offset=len(part.header)).reshape(part.shape)


def _unpacked(place: Path, size: int) -> bytes:
    """Return a file's content, which must have `size` bytes when unpacked."""
    try:
        with gzip.open(place) if place.suffix == ".gz" else place.open("rb") as file:
            content = file.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise FileError(
            f"{place}: cannot be read or unpacked ({error}); delete it to have it fetched again"
        ) from None
    if len(content) != size:
        least = f"{len(content)}" if len(content) < size else f"more than {size}"
        raise FileError(
            f"{place}: holds {least} bytes, not {size}; delete it, or put the original there"
        )
    return content
