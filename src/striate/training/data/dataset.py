"""A data set: images with labels, to learn from and to be tested on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import DTypeError, ParameterError, ShapeError
from striate.training.data.resampling import resize

__all__ = ["Dataset", "check_examples"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels of a training and a test part, and where they come from.

    Parameters
    ----------
    name : str
    train_images, test_images : float32 arrays, shape (N, C, *spatial)
    train_labels, test_labels : int64 arrays, shape (N,)
        Indices into `classes`.
    classes : tuple of str
        What each label stands for.
    source : str
        Who made the data, where they are published, and how they are split.
    licence : str

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
    train_images: NDArray[np.float32]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.float32]
    test_labels: NDArray[np.int64]
    classes: tuple[str, ...]
    source: str = "unnamed"
    licence: str = "unstated"

    def __post_init__(self) -> None:
        check_examples(f"{self.name} (train)", self.train_images, self.train_labels)
        check_examples(f"{self.name} (test)", self.test_images, self.test_labels)
        if self.train_images.shape[1:] != self.test_images.shape[1:]:
            raise ShapeError(
                f"{self.name}: training images are {self.train_images.shape[1:]} but test images "
                f"are {self.test_images.shape[1:]}: they must have one shape (C, *spatial)"
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

    def resized(self, size: int) -> Dataset:
        """Return the same data with square images of `size`: see `resize`."""
        if self.image_shape[1:] == (size, size):
            return self
        train, test = resize(self.train_images, size), resize(self.test_images, size)
        return replace(self, train_images=train, test_images=test)

    def __repr__(self) -> str:
        train, test = len(self.train_labels), len(self.test_labels)
        return (
            f"Dataset({self.name!r}, {train} to train and {test} to test, "
            f"{self.image_shape}, {len(self.classes)} classes)"
        )


def check_examples(where: str, images: NDArray[Any], labels: NDArray[Any]) -> None:
    """Raise unless these are images of floats with a class number for each."""
    if images.ndim < 3 or images.size == 0:
        raise ShapeError(
            f"{where}: images of shape {images.shape} must be (N, C, *spatial), not empty"
        )
    if labels.shape != images.shape[:1]:
        raise ShapeError(
            f"{where}: labels of shape {labels.shape} do not go with {len(images)} images: "
            f"they must be {images.shape[:1]}"
        )
    if images.dtype != np.float32:
        raise DTypeError(
            f"{where}: images are {images.dtype}, not float32: scale and convert them with astype"
        )
    if labels.dtype.kind not in "iu":
        raise DTypeError(f"{where}: labels are {labels.dtype}: they must be integers, 0 upwards")
    if labels.min() < 0:
        raise ParameterError(f"{where}: label {labels.min()} is negative: labels start at 0")
    if not np.isfinite(images).all():
        count = int(np.count_nonzero(~np.isfinite(images)))
        raise ParameterError(
            f"{where}: {count} pixels are NaN or infinite: they must be finite, remove or mend them"
        )
