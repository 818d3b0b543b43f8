"""Lessons prepared while a GPU is at the ones before."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.training.loop import Lessons

__all__ = ["Ahead"]

Lesson = tuple[NDArray[np.float32], NDArray[np.int64]]


class Ahead(Lessons):
    """Lessons that a thread prepares one ahead, as long as they are asked for in order.

    What is taught is the same: it follows from seed and number alone.
    """

    def __init__(self, *parts: Any, **options: Any) -> None:
        super().__init__(*parts, **options)
        self._thread = ThreadPoolExecutor(1, "lessons")
        self._coming: tuple[slice, Future[Lesson]] | None = None

    def at(self, places: slice) -> Lesson:
        """Return images and labels at these places, and begin with as many that follow."""
        if self._coming is not None and self._coming[0] == places:
            lesson = self._coming[1].result()
        else:
            lesson = super().at(places)
        following = slice(places.stop, min(len(self), 2 * places.stop - places.start))
        if following.start < following.stop:
            self._coming = following, self._thread.submit(super().at, following)
        return lesson
