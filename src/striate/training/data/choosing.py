"""Examples chosen at random, of each class its share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import ParameterError

__all__ = ["stratified"]


def stratified(labels: NDArray[Any], count: int, seed: int) -> NDArray[np.int64]:
    """Return the places of `count` labels, ascending, of each class its share.

    A class of n among N examples gets count * n / N, rounded down; what is left goes to the
    classes that lost most by the rounding.

    Parameters
    ----------
    labels : integer array, shape (N,)
    count : int
        1 to N.
    seed : int

    Examples
    --------
    >>> labels = np.array([0, 0, 0, 0, 1, 1])
    >>> labels[stratified(labels, 3, seed=0)]
    array([0, 0, 1])
    """
    if not (isinstance(count, int | np.integer) and 1 <= count <= len(labels)):
        raise ParameterError(
            f"subset: count {count!r} must be a whole number, 1 to the {len(labels)} examples"
        )
    random = np.random.default_rng(seed)
    classes, members = np.unique(labels, return_counts=True)
    whole, lost = np.divmod(members * int(count), len(labels))
    whole[np.argsort(-lost, kind="stable")[: count - whole.sum()]] += 1
    chosen = [
        random.permutation(np.flatnonzero(labels == one))[:few]
        for one, few in zip(classes, whole, strict=True)
    ]
    return np.sort(np.concatenate(chosen))
