"""Examples to learn from, to choose by and to be tested on, taken as they are needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import ParameterError, ShapeError
from striate.training import data as datasets
from striate.training.data.dataset import Dataset, check_examples

__all__ = ["Data", "Examples", "Parts", "Validation", "parts_of"]

Given = tuple[NDArray[np.float32], NDArray[Any]]
Data = str | Dataset | Given
Validation = float | Given | None
Prepare = Callable[[NDArray[Any]], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Examples:
    """Images as they are kept, their labels, and what makes the former ready for a network.

    `chosen` are the indices of those that belong to it; None for all.
    """

    images: NDArray[Any]
    labels: NDArray[np.int64]
    prepare: Prepare | None = None
    chosen: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.labels if self.chosen is None else self.chosen)

    def take(self, which: slice | NDArray[np.int64]) -> Given:
        """Return some images, ready for a network, and their labels."""
        here = which if self.chosen is None else self.chosen[which]
        images = self.images[here]
        ready = images if self.prepare is None else self.prepare(images)
        return np.ascontiguousarray(ready, np.float32), self.labels[here]

    def all_labels(self) -> NDArray[np.int64]:
        """Return the labels of all that belong to it."""
        return self.labels if self.chosen is None else self.labels[self.chosen]


@dataclass(frozen=True, eq=False)
class Parts:
    """The examples of a run; those to choose by and to be tested on may be missing."""

    name: str
    train: Examples
    validation: Examples | None
    test: Examples | None

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(C, *spatial) of one image."""
        return self.train.images.shape[1:]


def parts_of(data: Data, validation: Validation, seed: int) -> Parts:
    """Return the examples of a run.

    Parameters
    ----------
    data : str, Dataset or (images, labels)
    validation : float or (images, labels), optional
        The share of the training examples to hold out, drawn from `seed` alone; or others.
    seed : int

    Raises
    ------
    ShapeError, DTypeError, ParameterError, UnknownNameError
        If data are none, do not fit each other, or leave nothing to learn from.

    Examples
    --------
    >>> images, labels = np.zeros((8, 1, 2, 2), np.float32), np.arange(8) % 2
    >>> parts = parts_of((images, labels), 0.25, seed=0)
    >>> len(parts.train), len(parts.validation), parts.test
    (6, 2, None)
    """
    if isinstance(data, str):
        data = datasets.load(data)
    name, test = "arrays", None
    prepare: Prepare | None = None
    if isinstance(data, Dataset):
        name, prepare = data.name, getattr(data, "prepared", None)
        train = Examples(data.train_images, _indices(data.train_labels), prepare)
        test = Examples(data.test_images, _indices(data.test_labels), prepare)
    else:
        train = _given("data", data, "a data set's name, a Dataset or a tuple (images, labels)")
    if isinstance(validation, int | float):
        train, held = _split(train, float(validation), seed)
        return Parts(name, train, held, test)
    if validation is None:
        return Parts(name, train, None, test)
    held = _given("validation", validation, "a share of the examples or a tuple (images, labels)")
    if held.images.shape[1:] != train.images.shape[1:]:
        raise ShapeError(
            f"validation: images {held.images.shape[1:]} must be of the shape of those to learn "
            f"from, {train.images.shape[1:]}"
        )
    return Parts(name, train, Examples(held.images, held.labels, prepare), test)


def _given(what: str, given: Any, wanted: str) -> Examples:
    if not (isinstance(given, tuple | list) and len(given) == 2):
        raise ParameterError(f"{what} is {type(given).__name__}, but must be {wanted}")
    images, labels = (np.asarray(part) for part in given)
    check_examples(what, images, labels)
    return Examples(images, _indices(labels))


def _indices(labels: NDArray[Any]) -> NDArray[np.int64]:
    return np.asarray(labels, np.int64)


def _split(train: Examples, share: float, seed: int) -> tuple[Examples, Examples]:
    """Return the examples without those held out, and these, each in their order."""
    count = len(train)
    held = min(max(1, round(share * count)), count - 1)
    if held < 1:
        raise ParameterError(
            f"validation {share}: {count} training example cannot be divided: give more"
        )
    random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0, 2)))
    order = random.permutation(count)
    images, labels, prepare = train.images, train.labels, train.prepare
    parts = (np.sort(order[held:]), np.sort(order[:held]))
    rest, out = (Examples(images, labels, prepare, chosen) for chosen in parts)
    return rest, out
