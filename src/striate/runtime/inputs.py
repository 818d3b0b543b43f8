"""The inputs of a call: in order or by name, of the kinds that the network takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from striate.errors import DTypeError, ParameterError, ShapeError, UnknownNameError
from striate.network import FLOAT, Graph
from striate.runtime.steps import Array, dtype_of

__all__ = ["Inputs"]


class Inputs:
    """What a network's inputs must be, for a program of a working precision."""

    def __init__(self, graph: Graph, dtype: np.dtype[Any]) -> None:
        self._graph, self._dtype = graph, dtype
        self._names = [value.name for value in graph.inputs]
        self._dtypes = [dtype_of(value.kind, dtype) for value in graph.inputs]
        self._only = self._dtypes[0] if len(self._dtypes) == 1 else None

    def taken(self, given: tuple[Any, ...]) -> tuple[Array, ...]:
        """Return the arrays in the order of the inputs, given in that order or by name.

        Raises
        ------
        ParameterError, UnknownNameError
            If there are too many or too few, or one of another name.
        DTypeError
            If one is no array of the input's kind.
        ShapeError
            If one is empty.
        """
        if self._only is not None and len(given) == 1:
            (x,) = given
            if type(x) is np.ndarray and x.dtype == self._only and 0 not in x.shape:
                return given
        return self._explained(given)

    def _explained(self, given: tuple[Any, ...]) -> tuple[Array, ...]:
        """Return the inputs given in another way, or say what is wrong with them."""
        if len(given) == 1 and isinstance(given[0], Mapping):
            given = self._by_name(given[0])
        if len(given) != len(self._names):
            names = ", ".join(self._names)
            raise ParameterError(
                f"{self._graph.name}: {len(given)} inputs were given, but it takes "
                f"{len(self._names)}: {f'run({names})' if names else 'run()'}"
            )
        return tuple(map(self._checked, range(len(given)), given))

    def _by_name(self, given: Mapping[str, Any]) -> tuple[Any, ...]:
        for name in given:
            if name not in self._names:
                raise UnknownNameError.of(f"input of {self._graph.name}", str(name), self._names)
        for name in self._names:
            if name not in given:
                raise ParameterError(
                    f"{self._graph.name}: input {name!r} is missing: "
                    f"it takes {', '.join(self._names)}"
                )
        return tuple(given[name] for name in self._names)

    def _checked(self, place: int, array: Any) -> Array:
        value, dtype = self._graph.inputs[place], self._dtypes[place]
        if isinstance(array, np.generic) and array.dtype == dtype:
            array = np.asarray(array)
        name = "x" if len(self._names) == 1 else value.name
        if not isinstance(array, np.ndarray) or array.dtype != dtype:
            found = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
            wanted = f"this program computes in {dtype}"
            if value.kind != FLOAT:
                wanted = f"that input is {dtype}"
            raise DTypeError(
                f"{self._graph.name}: {name} is {found} but {wanted}: "
                f"pass np.asarray({name}, np.{'bool_' if dtype.kind == 'b' else dtype.name})"
            )
        if 0 in array.shape and 0 not in value.shape:
            raise ShapeError(
                f"{self._graph.name}: {name} {array.shape} is empty: pass an example or more"
            )
        return array
