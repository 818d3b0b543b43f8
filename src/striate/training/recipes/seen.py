"""Data as the networks of small recipes see them: all of it in memory, in float32."""

from __future__ import annotations

from dataclasses import replace

from striate.training import data as datasets
from striate.training.data.dataset import Dataset
from striate.training.data.preparation import Scale

__all__ = ["seen"]


def seen(data: str | Dataset, size: int) -> Dataset:
    """Return a data set with square images of `size`, its pixels prepared.

    Examples
    --------
    >>> seen("digits", 16).train_images.dtype
    dtype('float32')
    """
    chosen = (datasets.load(data) if isinstance(data, str) else data).resized(size)
    train, test = chosen.prepared(chosen.train_images), chosen.prepared(chosen.test_images)
    return replace(chosen, train_images=train, test_images=test, preparation=Scale())
