"""Packed weights, shared by the plans for all input shapes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from striate.ops.codegen import COMPILING

__all__ = ["Weights"]

Array = NDArray[np.float32]
Made = TypeVar("Made")


class Weights:
    """A network's weights, and what was made of them, each made once."""

    def __init__(
        self, plain: Mapping[str, Array], more: Mapping[str, NDArray[Any]] | None = None
    ) -> None:
        self._plain, self._more = plain, more or {}
        self._made: dict[Hashable, Any] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._more[name] if name in self._more else self._plain[name]

    def __contains__(self, name: str) -> bool:
        return name in self._more or name in self._plain

    def beside(self, more: Mapping[str, NDArray[Any]]) -> Weights:
        """Return the same weights and more.

        What was made of float32 is known by names, which may stand for other arrays elsewhere:
        where there is more of that, nothing has been made yet.
        """
        weights = Weights(self._plain, {**self._more, **more})
        if not any(array.dtype == np.float32 for array in more.values()):
            weights._made = self._made
        return weights

    def made(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Return what was made for this key, which says all that it depends on."""
        with COMPILING:
            if key not in self._made:
                self._made[key] = make()
            found: Made = self._made[key]
            return found

    def fresh(self) -> Weights:
        """Return the same weights, with nothing made of them yet."""
        return Weights(self._plain, self._more)

    def padded(self, name: str | None, size: int) -> Array:
        """Return a vector with zeros up to `size`; zeros alone for None."""

        def make() -> Array:
            vector = np.zeros(size, np.float32)
            if name is not None:
                vector[: len(self[name])] = self[name]
            return vector

        return self.made(("padded", name, size), make)
