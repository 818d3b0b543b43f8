"""Examples to learn from, to choose by and to be tested on, taken as they are needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import ParameterError, ShapeError
from striate.network.images.preprocessing import Preprocessing
from striate.training import data as datasets
from striate.training.data.choosing import stratified
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
    preparation: str | None = None
    """What makes images ready for the network, in the words of its data set."""
    known: str | None = None
    """What a data set says of itself in place of a look at all examples."""
    preprocessing: Preprocessing | None = None
    """What makes an image file ready for the network, if that can be declared."""
    classes: tuple[str, ...] = ()

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
        The share of the training examples to hold out, of each class alike, drawn from `seed`
        alone; or others, their images like those of `data`.
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
    if isinstance(data, Dataset):
        if len(data.classes) < 2:
            raise ParameterError(
                f"{data.name} has one class, {data.classes[0]}; a network learns to tell at least "
                "2 apart: in a folder, put the images of each into a subfolder of its name"
            )
        name, prepare, known = data.name, data.prepared, data.fingerprint
        preparation: str | None = data.preparation.text
        train = Examples(data.train_images, _indices(data.train_labels), prepare)
        test = Examples(data.test_images, _indices(data.test_labels), prepare)
        how, classes = data.preprocessing, data.classes
    else:
        train = _given("data", data, "a data set's name, a Dataset or a tuple (images, labels)")
        name, prepare, known, preparation, test = "arrays", None, None, None, None
        how, classes = None, ()
    if isinstance(validation, int | float):
        train, held = _split(train, float(validation), seed)
    elif validation is None:
        held = None
    else:
        wanted = "a share of the examples or a tuple (images, labels)"
        held = _given("validation", validation, wanted, prepare)
        if held.images.shape[1:] != train.images.shape[1:]:
            raise ShapeError(
                f"validation: images {held.images.shape[1:]} must be of the shape of those to "
                f"learn from, {train.images.shape[1:]}"
            )
        known = None
    return Parts(name, train, held, test, preparation, known, how, classes)


def _given(what: str, given: Any, wanted: str, prepare: Prepare | None = None) -> Examples:
    if not (isinstance(given, tuple | list) and len(given) == 2):
        raise ParameterError(f"{what} is {type(given).__name__}, but must be {wanted}")
    images, labels = (np.asanyarray(part) for part in given)
    check_examples(what, images, labels, stored=prepare is not None)
    return Examples(images, _indices(labels), prepare)


def _indices(labels: NDArray[Any]) -> NDArray[np.int64]:
    return np.asarray(labels, np.int64)


def _split(train: Examples, share: float, seed: int) -> tuple[Examples, Examples]:
    """Return the examples without those held out, and these, each in their order."""
    count = len(train)
    held = round(share * count)
    if not 0 < held < count:
        raise ParameterError(
            f"validation {share} of {count} training examples holds out {held}, but must leave "
            f"some on both sides: {_share_for(count)}"
        )
    out = np.zeros(count, np.bool_)
    out[stratified(train.labels, held, seed)] = True
    parts = (np.flatnonzero(~out), np.flatnonzero(out))
    rest, chosen = (replace(train, chosen=places) for places in parts)
    return rest, chosen


def _share_for(count: int) -> str:
    """Return what share would do."""
    if count < 2:
        return "give others as (images, labels)"
    return f"try {max(0.2, 1 / count):.2g}, or give others as (images, labels)"
