"""A data set: images with labels, to learn from and to be tested on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import DTypeError, ParameterError, ShapeError
from striate.network.images.preprocessing import Preprocessing
from striate.training.data.arrays import Allocate, digest, is_kept, kept_arrays
from striate.training.data.choosing import stratified
from striate.training.data.composed import Done
from striate.training.data.preparation import PART, Preparation, Scale, prepared_parts
from striate.training.data.preparing import preparation
from striate.training.data.resampling import resize

__all__ = ["Dataset", "check_examples"]

Examples = tuple[NDArray[Any], NDArray[np.int64]]


INK = ("digits", "mnist", "usps")
"""Data in which ink is bright; on paper it is dark."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels of a training and a test part, and where they come from.

    Parameters
    ----------
    name : str
    train_images, test_images : uint8 or float32 arrays, shape (N, C, *spatial)
        As they are stored: see `prepared`.
    train_labels, test_labels : int64 arrays, shape (N,)
        Indices into `classes`.
    classes : tuple of str
        What each label stands for.
    source : str
        Who made the data, where they are published, and how they are split.
    licence : str
    preparation : Preparation
        What makes the stored pixels the numbers that a network sees, fitted if it needs to be. By
        default uint8 pixels are spread over [-1, 1], and float32 pixels stay as they are.

    Raises
    ------
    ShapeError, DTypeError, ParameterError
        If images and labels do not fit each other or the classes.

    Examples
    --------
    >>> images, labels = np.zeros((4, 1, 2, 2), np.float32), np.array([0, 1, 0, 1])
    >>> data = Dataset("squares", images, labels, images[:2], labels[:2], ("dark", "light"))
    >>> data
    Dataset('squares', 4 to train and 2 to test, (1, 2, 2), 2 classes)
    """

    name: str
    train_images: NDArray[Any]
    train_labels: NDArray[np.int64]
    test_images: NDArray[Any]
    test_labels: NDArray[np.int64]
    classes: tuple[str, ...]
    source: str = "unnamed"
    licence: str = "unstated"
    preparation: Preparation = field(default_factory=Scale)

    def __post_init__(self) -> None:
        check_examples(f"{self.name} (train)", self.train_images, self.train_labels, stored=True)
        check_examples(f"{self.name} (test)", self.test_images, self.test_labels, stored=True)
        if self.train_images.shape[1:] != self.test_images.shape[1:]:
            raise ShapeError(
                f"{self.name}: training images are {self.train_images.shape[1:]} but test images "
                f"are {self.test_images.shape[1:]}: they must have one shape (C, *spatial)"
            )
        if self.train_images.dtype != self.test_images.dtype:
            raise DTypeError(
                f"{self.name}: training images are {self.train_images.dtype} but test images are "
                f"{self.test_images.dtype}: they must have one element type"
            )
        highest = max(int(self.train_labels.max()), int(self.test_labels.max()))
        if highest >= len(self.classes):
            raise ParameterError(
                f"{self.name}: label {highest} with {len(self.classes)} classes: "
                f"labels must be 0 to {len(self.classes) - 1}"
            )

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(C, *spatial) of one image."""
        return self.train_images.shape[1:]

    @property
    def preprocessing(self) -> Preprocessing | None:
        """How an image file becomes what a network sees; None if that cannot be declared.

        Examples
        --------
        >>> from striate.training import data
        >>> data.load("digits").preprocessing.range  # ink is 1, paper -1
        (1.0, -1.0)
        """
        shape, chosen = self.image_shape, self.preparation
        if not isinstance(chosen, Scale) or len(shape) != 3 or shape[0] not in (1, 3):
            return None
        span = (chosen.low, chosen.high)
        plain = Preprocessing.fitting((None, *shape))
        return replace(plain, range=span[::-1] if self.name in INK else span)

    @cached_property
    def fingerprint(self) -> str:
        """A digest of all images and labels and of their preparation, 16 hexadecimal digits."""
        parts = (self.train_images, self.train_labels, self.test_images, self.test_labels)
        text = json.dumps([*map(digest, parts), self.preparation.described()], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def prepared(self, images: NDArray[Any]) -> NDArray[np.float32]:
        """Return stored images, any number of them, as a network is to see them.

        Examples
        --------
        >>> pixels, labels = np.full((2, 1, 1, 1), 255, np.uint8), np.array([0, 0])
        >>> Dataset("white", pixels, labels, pixels, labels, ("w",)).prepared(pixels[:1])
        array([[[[1.]]]], dtype=float32)
        """
        return self.preparation.applied(images)

    def with_preparation(self, chosen: str | Preparation) -> Dataset:
        """Return the same data with another preparation, fitted to the training images.

        Parameters
        ----------
        chosen : str or Preparation
            Such as "gcn,zca": see `striate.training.data.preparation`.
        """
        fitted = preparation(chosen).fitted(self.train_images)
        return replace(self, preparation=fitted)

    def prepared_on_disk(self) -> Dataset:
        """Return the same data with all images prepared, as float32 in the cache folder.

        For preparations that take long, such as whitening: it is done once, and what is read from
        then on is mapped into memory. Prepared images of CIFAR-10 take 737 MB of the disk.

        Examples
        --------
        >>> pixels, labels = np.full((2, 1, 1, 1), 255, np.uint8), np.array([0, 0])
        >>> data = Dataset("white", pixels, labels, pixels, labels, ("w",)).prepared_on_disk()
        >>> data.train_images.dtype, data.preparation
        (dtype('float32'), Done(how=Scale(low=-1.0, high=1.0)))
        """

        def make(allocate: Allocate) -> None:
            for name, images in (("train", self.train_images), ("test", self.test_images)):
                array = allocate(name, images.shape, np.float32)
                for place, part in prepared_parts(images, self.preparation):
                    array[place] = part

        arrays = kept_arrays(f"{self.name}-prepared", f"prepared {self.fingerprint}", make)
        how = self.preparation
        done = how if isinstance(how, Done) else Done(how)
        train, test = arrays["train"], arrays["test"]
        return replace(self, train_images=train, test_images=test, preparation=done)

    def resized(self, size: int) -> Dataset:
        """Return the same data with square images of `size`: see `resize`.

        The preparation is fitted anew, to the resized images.
        """
        if self.image_shape[1:] == (size, size):
            return self
        if isinstance(self.preparation, Done):
            raise ParameterError("resized: the images are prepared already; resize them before")
        train, test = resize(self.train_images, size), resize(self.test_images, size)
        fitted = self.preparation.fitted(train)
        return replace(self, train_images=train, test_images=test, preparation=fitted)

    def subset(self, count: int, seed: int = 0) -> Dataset:
        """Return the data with only `count` training examples, chosen at random.

        Each class keeps its share, to the nearest whole number, and the examples keep their order.
        The test part and the preparation stay as they are.

        Examples
        --------
        >>> import striate as st
        >>> st.training.data.load("digits").subset(100)
        Dataset('digits', 100 to train and 382 to test, (1, 8, 8), 10 classes)
        """
        chosen = stratified(self.train_labels, count, seed)
        return self._with_training(chosen)

    def split(self, fraction: float, seed: int = 0) -> tuple[Dataset, Examples]:
        """Return the data without a share of the training examples, and that share.

        Parameters
        ----------
        fraction : float
            Above 0 and below 1: what is held out, of each class alike.
        seed : int

        Returns
        -------
        Dataset, (images, labels)
            The images as they are stored: `prepared` makes them what a network sees.

        Examples
        --------
        >>> import striate as st
        >>> rest, (images, labels) = st.training.data.load("digits").split(0.2)
        >>> len(rest.train_labels), images.shape
        (1132, (283, 1, 8, 8))
        """
        count = len(self.train_labels)
        held_out = round(fraction * count) if 0 < fraction < 1 else 0
        if not 0 < held_out < count:
            raise ParameterError(
                f"split: {fraction!r} of {count} training examples must leave some on both sides"
            )
        chosen = np.zeros(count, np.bool_)
        chosen[stratified(self.train_labels, held_out, seed)] = True
        held = self.train_images[chosen], self.train_labels[chosen]
        return self._with_training(np.flatnonzero(~chosen)), held

    def _with_training(self, chosen: NDArray[np.int64]) -> Dataset:
        images, labels = self.train_images[chosen], self.train_labels[chosen]
        return replace(self, train_images=images, train_labels=labels)

    def __repr__(self) -> str:
        train, test = len(self.train_labels), len(self.test_labels)
        return (
            f"Dataset({self.name!r}, {train} to train and {test} to test, "
            f"{self.image_shape}, {len(self.classes)} classes)"
        )


def check_examples(
    where: str, images: NDArray[Any], labels: NDArray[Any], *, stored: bool = False
) -> None:
    """Raise unless these are images of floats with a class number for each.

    Where they are `stored`, in a data set that prepares them, they may be uint8 too.
    """
    if images.ndim < 3 or images.size == 0:
        raise ShapeError(
            f"{where}: images of shape {images.shape} must be (N, C, *spatial), not empty"
        )
    if labels.shape != images.shape[:1]:
        raise ShapeError(
            f"{where}: labels of shape {labels.shape} do not go with {len(images)} images: "
            f"they must be {images.shape[:1]}"
        )
    if images.dtype != np.float32 and not (stored and images.dtype == np.uint8):
        raise DTypeError(
            f"{where}: images are {images.dtype}, not float32: scale and convert them with astype"
        )
    if labels.dtype.kind not in "iu":
        raise DTypeError(f"{where}: labels are {labels.dtype}: they must be integers, 0 upwards")
    if labels.min() < 0:
        raise ParameterError(f"{where}: label {labels.min()} is negative: labels start at 0")
    if images.dtype == np.float32 and not is_kept(images) and (count := _not_finite(images)):
        raise ParameterError(
            f"{where}: {count} pixels are NaN or infinite: they must be finite, remove or mend them"
        )


def _not_finite(images: NDArray[np.float32]) -> int:
    """Return how many pixels are NaN or infinite, looking at some hundred images at a time."""
    parts = (images[i : i + PART] for i in range(0, len(images), PART))
    return sum(part.size - int(np.count_nonzero(np.isfinite(part))) for part in parts)
