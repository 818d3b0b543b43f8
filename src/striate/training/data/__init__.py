"""Data sets by name.

======== ======= ====== ======== ==================================================
name     train   test   images   what
======== ======= ====== ======== ==================================================
digits    1,415    382  8x8      handwritten digits that scikit-learn carries
usps      7,291  2,007  16x16    digits cut from envelopes by the U.S. Postal Service
======== ======= ====== ======== ==================================================
"""

from __future__ import annotations

from collections.abc import Callable

from striate.errors import ParameterError, UnknownNameError
from striate.training.data.dataset import Dataset
from striate.training.data.digits import load_digits
from striate.training.data.resampling import resize
from striate.training.data.usps import load_usps

__all__ = ["Dataset", "load", "names", "resize"]

_LOADERS: dict[str, Callable[[], Dataset]] = {"digits": load_digits, "usps": load_usps}


def names() -> tuple[str, ...]:
    """Return the names that `load` knows."""
    return tuple(_LOADERS)


def load(name: str, size: int | None = None) -> Dataset:
    """Return a data set, its pixels in [-1, 1], white (-1) paper and black (1) ink.

    Parameters
    ----------
    name : str
        One of `names`.
    size : int, optional
        Resize the images to this height and width; by default they stay as they are.

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
    if not isinstance(name, str):
        raise ParameterError(
            f"data set {name!r} is no name; name one of {', '.join(sorted(_LOADERS))}"
        )
    if name not in _LOADERS:
        raise UnknownNameError.of("data set", name, _LOADERS)
    data = _LOADERS[name]()
    return data if size is None else data.resized(size)
