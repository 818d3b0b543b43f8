"""Data sets by name, or from a folder of images; how their pixels are prepared, and augmented.

============= ======= ======= ======= ================================================
name          train   test    images  what
============= ======= ======= ======= ================================================
digits         1,415     382  1x8x8   handwritten digits that scikit-learn carries
usps           7,291   2,007  1x16x16 digits cut from envelopes by the U.S. Postal Service
mnist         60,000  10,000  1x28x28 handwritten digits
fashion-mnist 60,000  10,000  1x28x28 clothes, shoes and bags
cifar-10      50,000  10,000  3x32x32 photographs in 10 classes
cifar-100     50,000  10,000  3x32x32 photographs in 100 classes
============= ======= ======= ======= ================================================
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from striate.errors import ParameterError, UnknownNameError
from striate.training.data.augmentation import (
    Augmentation,
    Augmentations,
    Flip,
    Shift,
    augmentation,
)
from striate.training.data.cifar import load_cifar10, load_cifar100
from striate.training.data.composed import Preparations
from striate.training.data.dataset import Dataset
from striate.training.data.digits import load_digits
from striate.training.data.folders import load_folder
from striate.training.data.mnist import load_fashion_mnist, load_mnist
from striate.training.data.preparation import (
    GlobalContrast,
    Preparation,
    Scale,
    Standardize,
)
from striate.training.data.preparing import preparation
from striate.training.data.resampling import resize
from striate.training.data.usps import load_usps
from striate.training.data.whitening import ZCA

__all__ = [
    "ZCA",
    "Augmentation",
    "Augmentations",
    "Dataset",
    "Flip",
    "GlobalContrast",
    "Preparation",
    "Preparations",
    "Scale",
    "Shift",
    "Standardize",
    "augmentation",
    "load",
    "names",
    "preparation",
    "resize",
]

_LOADERS: dict[str, Callable[[], Dataset]] = {
    "digits": load_digits,
    "usps": load_usps,
    "mnist": load_mnist,
    "fashion-mnist": load_fashion_mnist,
    "cifar-10": load_cifar10,
    "cifar-100": load_cifar100,
}


def names() -> tuple[str, ...]:
    """Return the names that `load` knows."""
    return tuple(_LOADERS)


def load(name: str | os.PathLike[str], size: int | None = None) -> Dataset:
    """Return a data set, prepared to lie in [-1, 1]; for digits -1 is paper and 1 is ink.

    Parameters
    ----------
    name : str or path
        One of `names`, or a folder whose subfolders are the classes, or that has subfolders train
        and test of such; a folder that has a data set's name is given as ``./name``.
    size : int, optional
        Resize the images to this height and width; by default they stay as they are, and those in
        a folder must be of one size.

    Raises
    ------
    ParameterError
        If `name` is no text or `size` no whole number of 1 to 4096.
    UnknownNameError
        With the nearest known names.
    MissingExtraError
        If the data need a package that is not installed.
    FileError
        If the data cannot be found, fetched or believed.

    Examples
    --------
    >>> load("digits", size=16)
    Dataset('digits', 1415 to train and 382 to test, (1, 16, 16), 10 classes)
    """
    if isinstance(name, os.PathLike) or (isinstance(name, str) and _is_folder(name)):
        return load_folder(name, size)
    if not isinstance(name, str):
        raise ParameterError(f"data set {name!r} is no name; name one of {', '.join(_LOADERS)}")
    if name not in _LOADERS:
        raise UnknownNameError.of("data set", name, _LOADERS)
    data = _LOADERS[name]()
    return data if size is None else data.resized(size)


def _is_folder(name: str) -> bool:
    """Whether a text that may name a data set names a folder instead."""
    if name in _LOADERS or not name:
        return False
    return os.sep in name or "/" in name or Path(name).is_dir()
