"""The graph of a network: immutable, without weights, in ONNX's terms.

A value (an input, a parameter, a constant, a node's output) is known by its name. Weights lie
beside the graph as name -> array, so a graph can be inspected and drawn without them; constants
are small and belong to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from striate.errors import GraphError, ShapeError
from striate.geometry import Field

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "FLOAT",
    "Constant",
    "Fields",
    "Graph",
    "Initial",
    "Input",
    "Node",
    "Operator",
    "Parameter",
    "Shape",
]

FLOAT = "float"
"""The kind of values in the working precision, which `striate.compile` chooses: float32 or float64.

All other kinds are names of NumPy's dtypes, such as "int64" and "bool".
"""

Shape = tuple[int, ...]
Fields = tuple[Field, ...]
"""One receptive field for each spatial axis of the graph's input."""


@dataclass(frozen=True, slots=True)
class Input:
    """An input of the graph; None in its shape stands for any size (the batch, say)."""

    name: str
    shape: tuple[int | None, ...]
    kind: str = FLOAT

    def __post_init__(self) -> None:
        if any(size is not None and size < 0 for size in self.shape):
            raise GraphError(
                f"input {self.name!r} of shape {self.shape} must have sizes of at least 0, "
                "or None for any"
            )


@dataclass(frozen=True, slots=True)
class Initial:
    """How a parameter starts: all `scale`, uniform in +-`scale`, or normal with that deviation."""

    kind: Literal["constant", "uniform", "normal"]
    scale: float


@dataclass(frozen=True, slots=True)
class Parameter:
    """A learnt array of the graph; not trainable ones are statistics that training gathers."""

    name: str
    shape: Shape
    initial: Initial
    trainable: bool = True
    kind: str = FLOAT


@dataclass(frozen=True, slots=True)
class Constant:
    """A small array that belongs to the graph: an index, a bound, a shape.

    `data` are its bytes in C order; numbers of the kind "float" are kept in float64.

    Examples
    --------
    >>> Constant.of("half", 0.5).array
    array(0.5)
    >>> Constant.of("axes", [0, 2]).kind
    'int64'
    """

    name: str
    kind: str
    shape: Shape
    data: bytes

    @classmethod
    def of(cls, name: str, array: ArrayLike, kind: str | None = None) -> Constant:
        """Return an array as a constant; floating numbers are of the working precision."""
        import numpy as np

        values = np.asarray(array)
        if kind is None:
            kind = FLOAT if values.dtype.kind == "f" else values.dtype.name
        data = values.astype(_dtype(kind)).tobytes()
        return cls(name, kind, values.shape, data)

    @property
    def array(self) -> NDArray[Any]:
        """The array; it cannot be written to."""
        import numpy as np

        return np.frombuffer(self.data, _dtype(self.kind)).reshape(self.shape)


def _dtype(kind: str) -> str:
    return "float64" if kind == FLOAT else kind


@dataclass(frozen=True)
class Operator:
    """What a node computes: a frozen dataclass of attributes, named as ONNX names it.

    What this class says holds for operators that work on each element by itself. `arity` is the
    fewest and the most inputs that the operator takes, parameters included.
    """

    onnx: ClassVar[str]
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return the shape of the first output, or raise ShapeError or GeometryError."""
        return broadcast_shapes(shapes)

    def infer_all(self, shapes: Sequence[Shape]) -> tuple[Shape, ...]:
        """Return the shapes of all outputs."""
        return (self.infer(shapes),)

    def kinds(self, kinds: Sequence[str]) -> tuple[str, ...]:
        """Return the kinds of the outputs, given those of the inputs."""
        return (kinds[0],)

    def macs(self, shapes: Sequence[Shape], output: Shape) -> int:
        """Return the multiply-adds, by the convention of `striate.geometry.cost`."""
        return 0


@dataclass(frozen=True, slots=True)
class Node:
    """One application of an operator."""

    name: str
    operator: Operator
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Graph:
    """A directed acyclic graph of nodes, in an order in which they can run.

    Raises
    ------
    GraphError
        If a name is used twice, a value is used before it exists, an output does not exist, or a
        node reads more or fewer values than its operator takes.
    """

    name: str
    inputs: tuple[Input, ...]
    parameters: tuple[Parameter, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    constants: tuple[Constant, ...] = ()

    def __post_init__(self) -> None:
        known: set[str] = set()
        given: list[Input | Parameter | Constant]
        given = [*self.inputs, *self.parameters, *self.constants]
        for value in given:
            self._define(known, value.name)
        for node in self.nodes:
            self._check_arity(node)
            for name in node.inputs:
                if name not in known:
                    raise GraphError(
                        f"{self.name}: node {node.name!r} reads {name!r} before it exists: "
                        "nodes must come after what they read, without cycles"
                    )
            for name in node.outputs:
                self._define(known, name)
        for name in self.outputs:
            if name not in known:
                raise GraphError(f"{self.name}: output {name!r} is computed by no node")

    def _check_arity(self, node: Node) -> None:
        fewest, most = node.operator.arity
        if not fewest <= len(node.inputs) <= most:
            takes = f"{fewest}" if fewest == most else f"{fewest} to {most}"
            raise GraphError(
                f"{self.name}: node {node.name!r} ({node.operator.onnx}) reads "
                f"{len(node.inputs)} values but takes {takes}"
            )

    def _define(self, known: set[str], name: str) -> None:
        if name in known:
            raise GraphError(f"{self.name}: two values are called {name!r}: names must be unique")
        known.add(name)

    def parameters_of(self, nodes: Iterable[Node]) -> tuple[Parameter, ...]:
        """Return the parameters that these nodes read, each once."""
        read = {name for node in nodes for name in node.inputs}
        return tuple(parameter for parameter in self.parameters if parameter.name in read)


def needed_nodes(nodes: Sequence[Node], values: Iterable[str]) -> tuple[Node, ...]:
    """Return the nodes that these values are computed by, in their order.

    >>> from striate.network.operators import Relu
    >>> one, two = (Node(name, Relu(), ("x",), (name,)) for name in ("one", "two"))
    >>> needed_nodes((one, two), ("two",)) == (two,)
    True
    """
    needed, kept = set(values), []
    for node in reversed(nodes):
        if not needed.isdisjoint(node.outputs):
            needed.update(node.inputs)
            kept.append(node)
    return tuple(kept[::-1])


def broadcast_shapes(shapes: Sequence[Shape]) -> Shape:
    """Return the shape that these broadcast to, by NumPy's rule, which is ONNX's.

    >>> broadcast_shapes([(2, 3, 8, 8), (3, 1, 1)])
    (2, 3, 8, 8)
    """
    rank = max(len(shape) for shape in shapes)
    aligned = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    result = []
    for sizes in zip(*aligned, strict=True):
        wide = {size for size in sizes if size != 1}
        if len(wide) > 1:
            raise ShapeError(
                f"shapes {' and '.join(map(str, shapes))} do not broadcast: "
                "aligned from the right, sizes must be equal or 1"
            )
        result.append(wide.pop() if wide else 1)
    return tuple(result)
