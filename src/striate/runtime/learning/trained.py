"""Weights that change with each step, in place of those that are packed once."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from striate.ops.blocked.gather import gather, places_of, turned
from striate.ops.blocked.winograd import Unpacked
from striate.runtime.learning.space import Space
from striate.runtime.lowering import Weights

__all__ = ["TrainedWeights", "turning"]

Made = TypeVar("Made")
Places = NDArray[np.int32]


class TrainedWeights(Weights):
    """The parameters of a layer as lowering asks for them: as places of elements.

    What packs an array in lowering packs the places of its elements here; a task then does the
    same with the elements themselves, in each step. `made` adds that task to the space and returns
    where its result will be; for Winograd's method it returns what the method's own tasks pack.

    Parameters
    ----------
    space : Space
    turn : function, optional
        What becomes of the places of a weight first, as the gradient of the data needs it.
    """

    def __init__(self, space: Space, turn: Callable[[Places], Places] | None = None) -> None:
        super().__init__(space.parameters.arrays)
        self._space, self._turn = space, turn

    def __getitem__(self, name: str) -> Places:
        places = places_of(self._space.parameters.shapes[name])
        return places if self._turn is None else self._turn(places)

    def made(self, key: Hashable, make: Callable[[], Made]) -> Any:
        """Return where what is made of a parameter, the second of the key, will be."""
        assert isinstance(key, tuple)
        kind, name = key[:2]
        if kind == "winograd":
            shape, turns = self._space.parameters.shapes[name], self._turn is not None
            return Unpacked(self._space.parameters.place(name), shape, turns)
        index = make()
        assert isinstance(index, np.ndarray)
        return self.gathered(name, index)

    def gathered(self, name: str, index: NDArray[Any]) -> Any:
        """Return where elements of a parameter will be, in the order of an index of its places."""
        space = self._space
        if not index.size:  # outputs between two steps of a stride, which no tap reaches
            return np.zeros(space.target.lanes, np.float32)
        result = space.buffer(f"{name} (packed)", index.size)
        flat = np.ascontiguousarray(index.reshape(-1), np.int32)
        space.run(gather(space.target, space.parameters.place(name), flat, result))
        return result

    def padded(self, name: str | None, size: int) -> Any:
        """Return where a vector lies; beyond its end, up to `size`, lies anything."""
        if name is None:
            return np.zeros(size, np.float32)
        return self._space.parameters.place(name)


def turning(groups: int) -> Callable[[Places], Places]:
    """Return what makes weights those of the convolution that gives the gradient of the data."""
    return lambda places: turned(places, groups)
