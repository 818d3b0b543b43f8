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

    def __init__(self, plain: Mapping[str, Array]) -> None:
        self._plain = plain
        self._made: dict[Hashable, Any] = {}

    def __getitem__(self, name: str) -> Array:
        return self._plain[name]

    def __contains__(self, name: str) -> bool:
        return name in self._plain

    def made(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Return what was made for this key, which says all that it depends on."""
        with COMPILING:
            if key not in self._made:
                self._made[key] = make()
            found: Made = self._made[key]
            return found

    def fresh(self) -> Weights:
        """Return the same weights, with nothing made of them yet."""
        return Weights(self._plain)

    def padded(self, name: str | None, size: int) -> Array:
        """Return a vector with zeros up to `size`; zeros alone for None."""

        def make() -> Array:
            vector = np.zeros(size, np.float32)
            if name is not None:
                vector[: len(self[name])] = self[name]
            return vector

        return self.made(("padded", name, size), make)
