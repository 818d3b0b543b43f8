"""A graph of striate while it is read from an ONNX model: values by name, nodes in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from math import inf, prod
from pathlib import Path
from typing import Any

import numpy as np

from striate.errors import GraphError, StriateError, one_line
from striate.interop.onnx.reading.shapes import Shapes
from striate.interop.onnx.reading.tensors import Array, array_of
from striate.network import Constant, Graph, Initial, Input, Network, Node, Operator, Parameter
from striate.network import operators as op
from striate.network.defined import Deferred, Defined
from striate.network.graph import FLOAT, needed_nodes

__all__ = ["Translation"]

SMALL = 4096  # elements: what stays a constant of the graph, and what is always computed at once
CLAIM = 2**30  # bytes of weights that a file may ask for without holding them
MOST_MACS = 2**22  # of what is computed at once
LAYERS = (
    *(op.Conv, op.ConvTranspose, op.MaxPool, op.AveragePool, op.LpPool, op.Resize, op.LRN),
    *(op.GlobalAveragePool, op.GlobalMaxPool, op.GlobalLpPool),
)
"""Operators that never make settings, and may be slow by their definition."""
VIEWS = (op.Identity, op.Squeeze, op.Transpose, op.Unsqueeze)  # these move nothing
ROOM = 2**26  # bytes that computing constants may take, besides as many as the file holds


class Translation:
    """The inputs, arrays and nodes read so far.

    What depends on no input of the network is computed while it is read, if it is not larger than
    what it is computed from; that is how settings that a model computes become known.

    Parameters
    ----------
    name : str
        The graph's.
    precision : str
        The dtype of the network's floating-point numbers in the file: their kind is "float".
    halves : bool
        Whether float16 is of that kind too.
    folder : Path, optional
        Where files of external data may lie.
    """

    def __init__(self, name: str, precision: str, *, halves: bool, folder: Path | None) -> None:
        self.name, self.precision, self.halves, self.folder = name, precision, halves, folder
        self.inputs: list[Input] = []
        self.nodes: list[Node] = []
        self.arrays: dict[str, Array] = {}
        self.kinds: dict[str, str] = {}
        self._kept: dict[str, tuple[Initial, bool]] = {}
        self._made: set[str] = set()
        self._fixed: set[str] = set()
        self._taken: set[str] = set()
        self._numbers: dict[str, int] = {}
        self._titles: dict[str, str] = {}
        self._titled: set[str] = set()
        self._origins: dict[str, str] = {}
        self._room: float = ROOM
        self._shapes = Shapes(self)

    def kind(self, dtype: np.dtype[Any]) -> str:
        """Return the kind of numbers that the file keeps in this dtype."""
        if dtype.name == self.precision or (self.halves and dtype == np.float16):
            return FLOAT
        return dtype.name

    # names

    def take(self, name: str) -> None:
        """Note that a name is in use."""
        if name in self._taken:
            raise GraphError(
                f"{self.name}: two values are called {name!r}: names must be unique, "
                "so the file is damaged"
            )
        self._taken.add(name)

    def free(self, wanted: str) -> str:
        """Return a name like this one that nothing else bears, and note it."""
        name, number = wanted, self._numbers.get(wanted, 1)
        while name in self._taken:
            number += 1
            name = f"{wanted}.{number}"
        self._numbers[wanted] = number
        self._taken.add(name)
        return name

    def entitle(self, value: str, title: str) -> None:
        """Let the node that makes a value be called so, if no other node is."""
        self._titles.setdefault(value, title)

    def title(self, value: str) -> str:
        """Return what the node that makes a value should be called: after itself or the value."""
        return self._titles.get(value, value)

    def _own_title(self, value: str) -> str:
        """Return what the node that makes a value is called: no two nodes are called the same."""
        title, number = self.title(value), 1
        while title in self._titled:
            title = value if number == 1 else f"{value}.{number}"
            number += 1
        self._titled.add(title)
        return title

    def derive(self, name: str, origin: str) -> None:
        """Note that an array is another in a form of ours: it may take that one's name."""
        self._origins[name] = self._origins.get(origin, origin)

    # values

    def tensor(self, tensor: Any, where: str) -> Array:
        """Return the array of an `onnx.TensorProto`."""
        array = array_of(tensor, self.folder, where)
        self._room += array.nbytes
        return array.astype(np.float32) if self.halves and array.dtype == np.float16 else array

    def feed(self, value: Input) -> None:
        """Add an input of the network."""
        self.inputs.append(value)
        self.kinds[value.name] = value.kind

    def know(
        self, name: str, array: Array, *, made: bool = False, fixed: bool = False, kind: str = ""
    ) -> None:
        """Note the array that a name stands for.

        A `made` one is of one number again and again. A `fixed` one stands among the nodes, not
        among the weights: it is learnt only where a layer reads it.
        """
        kind = kind or self.kind(array.dtype)
        self.arrays[name] = array.astype(self.precision, copy=False) if kind == FLOAT else array
        self.kinds[name] = kind
        if made:
            self._made.add(name)
        if made or fixed:
            self._fixed.add(name)

    def keep(self, name: str, initial: Initial, trainable: bool) -> None:
        """Keep floating-point numbers beside the graph, however few, because a layer reads them."""
        if name in self.arrays and self.arrays[name].dtype.kind == "f":
            self._kept.setdefault(name, (initial, trainable))

    def shape_of(self, name: str) -> tuple[int | None, ...] | None:
        """Return the shape of a value as far as the graph fixes it, None if not even its axes."""
        if name in self.arrays:
            return self.arrays[name].shape
        return self._shapes.of(name)

    def fixed_shape_of(self, name: str) -> tuple[int, ...] | None:
        """Return the shape of a value if the model fixes the sizes of all its inputs."""
        if name not in self.arrays and any(None in value.shape for value in self.inputs):
            return None
        shape = self.shape_of(name)
        return None if shape is None else tuple(size for size in shape if size is not None)

    def add(self, operator: Operator, inputs: Sequence[str], outputs: tuple[str, ...]) -> None:
        """Add a node, or compute it if all that it reads is known."""
        fewest, most = operator.arity
        if not fewest <= len(inputs) <= most:
            takes = f"{fewest}" if fewest == most else f"{fewest} to {most}"
            raise GraphError(f"reads {len(inputs)} values but takes {takes}")
        given = [self.kinds[name] for name in inputs]
        kinds = operator.kinds(given)
        if isinstance(operator, Deferred):  # a Split does not know yet how many parts it gives
            kinds = (*kinds, *given[:1] * (len(outputs) - len(kinds)))
        names = tuple(name or self.free(f"{outputs[0]}.unused") for name in outputs)
        self.kinds.update(zip(names, kinds, strict=False))
        if all(name in self.arrays for name in inputs) and self._computed(operator, inputs, names):
            return
        title = self._own_title(names[0])
        self.nodes.append(Node(title, operator, tuple(inputs), names))

    def _computed(
        self, operator: Operator, inputs: Sequence[str], outputs: tuple[str, ...]
    ) -> bool:
        if not isinstance(operator, Defined) or isinstance(operator, (Deferred, *LAYERS)):
            return False
        arrays = [self.arrays[name] for name in inputs]
        try:
            cost = self._cost(operator, arrays)
            if cost > self._room:
                return False
            with np.errstate(all="ignore"):
                found = operator.value(*arrays)
        except StriateError:  # some are ValueErrors too, but they say what is wrong
            raise
        except (ArithmeticError, IndexError, TypeError, ValueError) as error:
            raise GraphError(
                f"cannot be computed from its constants ({one_line(error)}): the model is damaged"
            ) from None
        self._room -= cost
        made, fixed = (all(n in names for n in inputs) for names in (self._made, self._fixed))
        values = found if isinstance(found, tuple) else (found,)
        for name, value in zip(outputs, values, strict=False):
            self.know(name, np.asarray(value), made=made, fixed=fixed, kind=self.kinds[name])
        return True

    def _cost(self, operator: Operator, arrays: Sequence[Array]) -> float:
        """Return the bytes that computing takes, infinite if it is not worth it."""
        given = [array.shape for array in arrays]
        shapes = operator.infer_all(given)
        read, written = sum(array.size for array in arrays), sum(map(prod, shapes))
        if operator.macs(given, shapes[0]) > MOST_MACS or written > max(SMALL, read):
            return inf
        return 0 if isinstance(operator, VIEWS) else 8 * (read + written)

    # the result

    def network(self, outputs: Sequence[str], preprocessing: Any = None) -> Network:
        """Return the network that gives these values; what they do not need is left out."""
        nodes = needed_nodes(self.nodes, outputs)
        needed = {*outputs, *(name for node in nodes for name in node.inputs)}
        used = [name for name in self.arrays if name in needed]
        settings = _settings(nodes)
        called = self._called(used, needed)
        parameters, constants, weights = [], [], {}
        self._check_claims([name for name in used if self._is_parameter(name, settings)])
        for name in used:
            if self._is_parameter(name, settings):
                parameters.append(self._parameter(name, called[name]))
                weights[called[name]] = self.arrays[name]
            else:
                constants.append(Constant.of(called[name], self.arrays[name], self.kinds[name]))
        nodes = tuple(
            replace(node, inputs=tuple(called.get(name, name) for name in node.inputs))
            for node in nodes
        )
        graph = Graph(
            self.name,
            tuple(self.inputs),
            tuple(parameters),
            nodes,
            tuple(outputs),
            tuple(constants),
        )
        return Network(graph, weights, preprocessing)

    def _is_parameter(self, name: str, settings: set[str]) -> bool:
        array = self.arrays[name]
        if name in self._kept or array.size > SMALL:
            return True
        return array.dtype.kind == "f" and array.size > 1 and name not in settings

    def _called(self, used: Sequence[str], needed: set[str]) -> dict[str, str]:
        """Return what arrays are called: as in the file, if one form of ours is all there is."""
        forms = Counter(self._origins[name] for name in used if name in self._origins)
        alone = {o for o, count in forms.items() if count == 1 and o not in needed}
        own = {name: self._origins.get(name, name) for name in used}
        return {name: o if o in alone else name for name, o in own.items()}

    def _parameter(self, name: str, called: str) -> Parameter:
        array, kind = self.arrays[name], self.kinds[name]
        learnt = array.dtype.kind == "f" and name not in self._fixed
        initial, trainable = self._kept.get(name, (Initial("normal", 0.02), learnt))
        return Parameter(called, array.shape, initial, trainable, kind)

    def _check_claims(self, weights: Sequence[str]) -> None:
        claimed = sum(self.arrays[name].nbytes for name in weights if name in self._made)
        if claimed > CLAIM:
            raise GraphError(
                f"{self.name}: weights that the model makes of a single number each would take "
                f"{claimed:,} bytes; at most {CLAIM:,} are made: store them as initializers"
            )


def _settings(nodes: Sequence[Node]) -> set[str]:
    """Return the values that settings of operators are computed from."""
    wanted: set[str] = set()
    for node in reversed(nodes):
        if isinstance(node.operator, Deferred):
            wanted.update(node.inputs[-len(node.operator.settings) :])
        if not wanted.isdisjoint(node.outputs):
            wanted.update(node.inputs)
    return wanted
