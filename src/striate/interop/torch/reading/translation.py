"""From PyTorch's exported program to a graph: values, names, constants, open sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch.export import ExportedProgram
from torch.fx import Node as FxNode

from striate.errors import GraphError, StriateError, explained
from striate.interop.torch.reading.naming import Emitted, base, finished, path_of
from striate.interop.torch.reading.places import place_of
from striate.interop.torch.reading.sizes import Size, expression_of, integer, same
from striate.interop.torch.reading.tensors import array_of, identity_of, initial_of, working_dtype
from striate.network import Constant, Graph, Input, Node, Operator, Parameter
from striate.network.defined import Deferred
from striate.network.operators import Add, Cast, Concat, Div, Expand, Floor, Mod, Mul, Shape

__all__ = ["Translation"]

LARGEST_CONSTANT = 4096
"""Elements of whole numbers that belong to the graph; larger arrays lie beside it."""

Arguments = tuple[Any, ...]


class Translation:
    """The graph as it grows, and what the values of the exported program have become.

    A value of the program is a name in the graph; a tensor, where it follows from constants alone;
    a tuple of these; or a plain Python value.

    Parameters
    ----------
    program : ExportedProgram
        Without in-place operators.
    name : str
        The graph's name.
    module : Module, optional
        Asked for what the program leaves out: the rates of dropouts.
    """

    def __init__(
        self, program: ExportedProgram, name: str, module: torch.nn.Module | None = None
    ) -> None:
        self.program, self.name, self.module = program, name, module
        self.dtype = working_dtype(program)
        self.current: FxNode | None = None
        self.values: dict[FxNode, Any] = {}
        self.weights: dict[str, np.ndarray[Any, Any]] = {}
        self._inputs: list[Input] = []
        self._parameters: dict[str, Parameter] = {}
        self._constants: dict[str, Constant] = {}
        self._numbers: dict[tuple[str, str], str] = {}
        self._symbols: dict[Any, tuple[str, int]] = {}
        self._sizes: dict[Any, str] = {}
        self._emitted: list[Emitted] = []
        self._made: dict[int, tuple[torch.Tensor, str]] = {}
        self._shared: dict[Any, str] = {}
        self._counts: dict[str, int] = {}
        self._names: dict[FxNode, list[FxNode]] = {}

    # Emitting nodes

    def emit(self, operator: Operator, *inputs: Any) -> str:
        """Add a node of one output and return the name of its value."""
        return self.emit_all(operator, *inputs, count=1)[0]

    def emit_all(self, operator: Operator, *inputs: Any, count: int) -> tuple[str, ...]:
        """Add a node of several outputs and return the names of its values."""
        names = tuple(self.value(value) for value in inputs)
        outputs = tuple(f"%{len(self._emitted)}.{place}" for place in range(count))
        node = Node(outputs[0], operator, names, outputs)
        self._emitted.append(Emitted(node, self.current))
        return outputs

    def value(self, value: Any, kind: str | None = None) -> str:
        """Return the name of a value: numbers and constant tensors become part of the graph."""
        if isinstance(value, FxNode):
            value = self.values[value]
        if isinstance(value, str):
            return value
        if isinstance(value, bool | int | float):
            return self.number(value, kind)
        if isinstance(value, torch.SymInt):
            return self.scalar(value)
        if isinstance(value, torch.Tensor):
            return self._tensor(value)
        raise GraphError(f"{value!r} is {type(value).__name__}, neither a tensor nor a number")

    def number(self, value: bool | int | float, kind: str | None = None) -> str:
        """Return the name of a single number, of the kind that it meets."""
        if kind is None:
            kind = {bool: "bool", int: "int64", float: "float"}[type(value)]
        key = (repr(value), kind)
        if key not in self._numbers:
            name = self._free("constant")
            self._constants[name] = Constant.of(name, np.asarray(value), kind)
            self._numbers[key] = name
        return self._numbers[key]

    def array(self, array: Any, kind: str | None = None) -> str:
        """Return the name of a small constant array."""
        name = self._free("constant")
        self._constants[name] = Constant.of(name, array, kind)
        return name

    def _tensor(self, tensor: torch.Tensor) -> str:
        """Return the name of a tensor that follows from constants alone."""
        if id(tensor) not in self._made:
            path = path_of(self.current) if self.current is not None else ""
            name = self._free(f"{path}.constant" if path else "constant")
            # the tensor is kept, lest another get its identity
            self._made[id(tensor)] = tensor, self.store(name, tensor, trainable=False)
        return self._made[id(tensor)][1]

    def _free(self, name: str) -> str:
        count, free = self._counts.get(name, 0), name
        while free in self._parameters or free in self._constants or (count and free == name):
            count += 1
            free = f"{name}_{count}"
        self._counts[name] = count
        return free

    def keep(self, name: str, tensor: torch.Tensor, *, trainable: bool) -> str:
        """Keep one of the module's tensors, and know it again by another name."""
        self._shared[identity_of(tensor)] = name
        return self.store(name, tensor, trainable=trainable)

    def shared(self, tensor: torch.Tensor) -> str | None:
        """Return the name under which this very tensor is kept already: a tied weight."""
        return self._shared.get(identity_of(tensor))

    def store(self, name: str, tensor: torch.Tensor, *, trainable: bool) -> str:
        """Keep a tensor as a constant or a parameter, and return its name."""
        kind, array = self.kind(tensor.dtype), array_of(tensor)
        small = array.size == 1 if kind == "float" else array.size <= LARGEST_CONSTANT
        if small and not trainable:
            self._constants[name] = Constant.of(name, array, kind)
            return name
        initial = initial_of(array, fixed=kind != "float" or not trainable)
        self._parameters[name] = Parameter(name, array.shape, initial, trainable, kind)
        self.weights[name] = array
        return name

    def input(self, name: str, tensor: torch.Tensor) -> str:
        """Add an input of the graph; its open sizes get a name for what depends on them."""
        shape = tuple(integer(size) for size in tensor.shape)
        for axis, size in enumerate(tensor.shape):
            if shape[axis] is None:
                self._symbols.setdefault(expression_of(size), (name, axis))
        self._inputs.append(Input(name, shape, self.kind(tensor.dtype)))
        return name

    # Shapes and kinds

    def kind(self, dtype: torch.dtype) -> str:
        """Return a dtype's kind: "float" for that of the module's weights."""
        if dtype in (self.dtype, torch.float16, torch.bfloat16):
            return "float"
        return str(dtype).removeprefix("torch.")

    def shape(self, node: Any) -> tuple[Size, ...]:
        """Return the shape of a value of the program."""
        return tuple(self.meta(node).shape)

    def meta(self, node: Any) -> torch.Tensor:
        """Return the shape and dtype of a value of the program, as a tensor without numbers."""
        if isinstance(node, FxNode):
            return cast("torch.Tensor", node.meta["val"])
        return torch.as_tensor(node)

    def static(self, sizes: Sequence[Any], what: str) -> tuple[int, ...]:
        """Return sizes that must not depend on an input's."""
        numbers = tuple(integer(self.plain(size)) for size in sizes)
        if any(number is None for number in numbers):
            raise GraphError(f"{what} depends on a size left open; fix that size in input_shape")
        return tuple(number for number in numbers if number is not None)

    def plain(self, value: Any) -> Any:
        """Return the Python value of an argument, sizes that inputs decide as SymInt."""
        if isinstance(value, FxNode):
            return value.meta["val"]
        return value

    def sizes(self, sizes: Sequence[Any]) -> str:
        """Return the name of an array of sizes, some of which inputs decide."""
        parts = [self.size(self.plain(size)) for size in sizes]
        return parts[0] if len(parts) == 1 else self.emit(Concat(0), *parts)

    def scalar(self, size: Any) -> str:
        """Return the name of a size as a single number."""
        from striate.network.operators import Squeeze

        return self.emit(Squeeze((0,)), self.size(size))

    def size(self, size: Any) -> str:
        """Return the name of a size as an array of one number."""
        number = integer(size)
        if number is not None:
            return self.array([number], "int64")
        return self._expression(size.node.expr)

    def _expression(self, expression: Any) -> str:
        if expression.is_number:
            return self.array([int(expression)], "int64")
        if expression not in self._sizes:
            self._sizes[expression] = self._computed(expression)
        return self._sizes[expression]

    def _computed(self, expression: Any) -> str:
        if expression in self._symbols:
            name, axis = self._symbols[expression]
            return self.emit(Shape(axis, axis + 1), name)
        kind = type(expression).__name__
        operators: dict[str, Callable[[], Operator]] = {
            "Add": Add,
            "Mul": Mul,
            "FloorDiv": Div,
            "CleanDiv": Div,
            "Mod": Mod,
            "PythonMod": Mod,
        }
        if kind not in operators:
            raise GraphError(
                f"a size of {expression} depends on a size left open; fix that size in input_shape"
            )
        result = self._expression(expression.args[0])
        for argument in expression.args[1:]:
            result = self.emit(operators[kind](), result, self._expression(argument))
        return result

    # Conversions that many operators share

    def cast(self, value: Any, dtype: torch.dtype) -> str:
        """Return the name of a value in this dtype."""
        kind = self.kind(dtype)
        plain = self.values[value] if isinstance(value, FxNode) else value
        if isinstance(plain, bool | int | float):
            number = float(plain) if dtype.is_floating_point else plain
            return self.number(bool(number) if kind == "bool" else number, kind)
        if isinstance(plain, torch.SymInt):
            name, found = self.scalar(plain), "int64"
        else:
            name, found = self.value(value), self.kind(self._dtype(value))
        return name if found == kind else self.emit(Cast(kind), name)

    def _dtype(self, value: Any) -> torch.dtype:
        return self.meta(value).dtype

    def expand(self, value: Any, before: Sequence[Size], after: Sequence[Size]) -> str:
        """Return a value repeated to a shape that it broadcasts to."""
        missing = len(after) - len(before)
        aligned = (1,) * missing + tuple(before)
        kept = [same(one, two) for one, two in zip(aligned, after, strict=True)]
        if missing == 0 and all(kept):
            return self.value(value)
        numbers = [1 if keep else integer(size) for keep, size in zip(kept, after, strict=True)]
        if None not in numbers:
            return self.emit(Expand(tuple(n for n in numbers if n is not None)), value)
        wanted = [1 if keep else size for keep, size in zip(kept, after, strict=True)]
        return self.emit(Deferred(Expand, (), ("shape",)), value, self.sizes(wanted))

    def floor(self, value: Any) -> str:
        """Return a value rounded down."""
        return self.emit(Floor(), value)

    # The whole program

    def translate(self, node: FxNode, function: Callable[..., Any]) -> None:
        """Note what a node of the program becomes."""
        self.current = node
        try:
            with explained(f"{self.name}: {path_of(node) or base(node)} ({node.target})"):
                self.values[node] = function(self, node, *node.args, **node.kwargs)
        except StriateError as error:
            raise type(error)(f"{error}{place_of(node)}") from None

    def share(self, node: FxNode) -> None:
        """Note that a node is another name of its operand."""
        operand = node.args[0]
        names = self._names.setdefault(operand, [operand])  # type: ignore[arg-type, list-item]
        self._names[node] = names
        names.append(node)

    def rewrite(self, node: FxNode) -> None:
        """Note that a node wrote into its operand: all its names now mean the new value."""
        self.values.update(dict.fromkeys(self._names[node], self.values[node]))

    def graph(self, outputs: Sequence[tuple[str, Any]]) -> Graph:
        """Return the finished graph; outputs are their given names, "" for none, and values."""
        self.current = None
        results = [(name, self.value(value)) for name, value in outputs]
        return finished(
            self.name, self._inputs, self._parameters, self._constants, self._emitted, results
        )
