"""One node of an ONNX graph, as the tables of operators read it: its attributes and inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np

from striate.errors import GraphError, ParameterError
from striate.interop.onnx.reading.tensors import Array
from striate.network import Initial, Operator
from striate.network import operators as op
from striate.network.defined import Deferred

if TYPE_CHECKING:
    from striate.interop.onnx.reading.translation import Translation

__all__ = ["Call", "Reader"]

TYPES = {
    1: "a number",
    2: "a whole number",
    3: "text",
    4: "a tensor",
    5: "a graph",
    6: "numbers",
    7: "whole numbers",
    8: "texts",
}
LONGEST = 4096  # elements of a setting
FIELDS = {1: "f", 2: "i", 3: "s", 4: "t", 5: "g", 6: "floats", 7: "ints", 8: "strings"}


@dataclass
class Call:
    """A node while it is read; whoever reads it names it in errors.

    Parameters
    ----------
    translation : Translation
        The graph that it becomes part of.
    kind : str
        The operator's type, as ONNX names it.
    opset : int
    inputs, outputs : sequences of str
        Values of the translation; those left out are "".
    attributes : mapping of name to onnx.AttributeProto
    """

    translation: Translation
    kind: str
    opset: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    read: set[str] = field(default_factory=set)

    # attributes

    def attribute(self, name: str, kind: int) -> Any:
        """Return the value of an attribute of this type, or None if it is left out."""
        self.read.add(name)
        found = self.attributes.get(name)
        if found is None:
            return None
        given = found.type or kind  # files of IR version 1 leave the type out
        if given != kind:
            raise self.error(
                f"attribute {name} is {TYPES.get(given, 'of another type')}; "
                f"it must be {TYPES[kind]}"
            )
        return getattr(found, FIELDS[kind])

    def has(self, name: str) -> bool:
        """Return whether an attribute is given."""
        return name in self.attributes

    def ignore(self, *names: str) -> None:
        """Accept attributes that change nothing when a network only runs."""
        self.read.update(names)

    def number(self, name: str, default: float) -> float:
        """Return a floating-point attribute, as the shortest decimal of its single precision."""
        value = self.attribute(name, 1)
        if value is None:
            return default
        if isnan(value):
            raise ParameterError(f"attribute {name} is nan; it must be a number")
        return _decimal(value)

    def numbers(self, name: str) -> tuple[float, ...] | None:
        """Return an attribute of several floating-point numbers, or None if it is left out."""
        value = self.attribute(name, 6)
        if value is None:
            return None
        if any(map(isnan, value)):
            raise ParameterError(f"attribute {name} holds nan; it must hold numbers")
        return tuple(map(_decimal, value))

    def integer(self, name: str, default: int) -> int:
        """Return a whole number."""
        value = self.attribute(name, 2)
        return default if value is None else int(value)

    def flag(self, name: str, default: bool = False) -> bool:
        """Return 0 or 1 as false or true."""
        value = self.integer(name, int(default))
        if value not in (0, 1):
            raise self.error(f"its {name} is {value}; it must be 0 or 1: the file is damaged")
        return bool(value)

    def integers(self, name: str) -> tuple[int, ...] | None:
        """Return several whole numbers, or None if they are left out."""
        value = self.attribute(name, 7)
        return None if value is None else tuple(map(int, value))

    def text(self, name: str, default: str, allowed: Sequence[str]) -> str:
        """Return a word out of those allowed."""
        value = self.attribute(name, 3)
        word = default if value is None else value.decode("utf-8", "replace")
        if word not in allowed:
            raise ParameterError(
                f"attribute {name} is {word!r}; it must be one of {', '.join(allowed)}"
            )
        return word

    # inputs

    def has_input(self, index: int) -> bool:
        """Return whether an input is given."""
        return index < len(self.inputs) and self.inputs[index] != ""

    def value(self, index: int, what: str = "") -> str:
        """Return the name of an input that must be given."""
        if not self.has_input(index):
            raise self.error(f"input {index}{what and f' ({what})'} is left out; it must be given")
        return self.inputs[index]

    def values(self) -> tuple[str, ...]:
        """Return all inputs, none of which may be left out in between."""
        return tuple(self.value(i) for i in range(len(self.inputs)))

    def known(self, index: int) -> Array | None:
        """Return the array of an input, if it is given and does not depend on the network's."""
        if not self.has_input(index):
            return None
        return self.translation.arrays.get(self.inputs[index])

    def weight(self, index: int, initial: Initial, trainable: bool = True) -> str:
        """Return an input that a layer keeps beside the graph, if it is known."""
        name = self.value(index)
        self.translation.keep(name, initial, trainable)
        return name

    def kind_of(self, index: int) -> str:
        """Return the kind of an input."""
        return self.translation.kinds[self.value(index)]

    def shape_of(self, index: int) -> tuple[int | None, ...] | None:
        """Return the shape of an input as far as the graph fixes it, or None."""
        return self.translation.shape_of(self.value(index))

    def rank_of(self, index: int, way_out: str) -> int:
        """Return the number of axes of an input."""
        shape = self.shape_of(index)
        if shape is None:
            raise self.error(f"the number of axes of {self.value(index)!r} is not known; {way_out}")
        return len(shape)

    def tensor(self, name: str) -> Array | None:
        """Return an attribute that is a tensor, or None if it is left out."""
        found = self.attribute(name, 4)
        if found is None:
            return None
        return self.translation.tensor(found, f"attribute {name}")

    # settings: attributes of striate's operators that ONNX gives as inputs

    def setting(self, index: int, what: str, *, single: bool = False) -> str:
        """Return the name of an input of whole numbers, made a single one if that is wanted."""
        name = self.value(index, what)
        kind = self.translation.kinds[name]
        if not kind.startswith(("int", "uint")):
            raise self.error(f"{what} are of kind {kind}; they must be whole numbers")
        return self.alone(name, what) if single else name

    def alone(self, name: str, what: str) -> str:
        """Return the name of the only element of a value, without axes."""
        array = self.translation.arrays.get(name)
        if array is None:
            return self.between(op.Reshape(()), name, suffix=what)
        if array.size != 1:
            raise self.error(f"{what} has {array.size} elements; it must have one")
        return name if array.ndim == 0 else self.constant(array.reshape(()), what)

    def settle(
        self,
        operator: type[Operator],
        data: Sequence[str],
        settings: Mapping[str, str],
        outputs: Sequence[str] | None = None,
        **attributes: Any,
    ) -> None:
        """Say which operator the node is; values name what gives its settings.

        Settings that are not known yet wait until the sizes of the network's inputs are.
        """
        waiting = {}
        for setting, name in settings.items():
            array = self.translation.arrays.get(name)
            if array is None:
                waiting[setting] = name
            else:
                attributes[setting] = self._plain(setting, array)
        if not waiting:
            self.give(operator(**attributes), *data, outputs=outputs)
            return
        deferred = Deferred(operator, tuple(attributes.items()), tuple(waiting))
        self.give(deferred, *data, *waiting.values(), outputs=outputs)

    def _plain(self, setting: str, array: Array) -> Any:
        if array.size > LONGEST:
            raise self.error(f"{setting} has {array.size:,} elements: the file is damaged")
        if array.dtype.kind == "f" and np.isnan(array).any():
            raise ParameterError(f"{setting} holds nan; it must hold numbers")
        return array.item() if array.ndim == 0 else tuple(array.ravel().tolist())

    # results

    def error(self, text: str) -> GraphError:
        """Return the error that says what is wrong with this node."""
        return GraphError(text)

    def gives(self, index: int) -> bool:
        """Return whether anything reads an output."""
        return index < len(self.outputs) and self.outputs[index] != ""

    def only(self, why: str) -> None:
        """Refuse a node of which more than the first output is read."""
        if any(self.outputs[1:]):
            raise self.error(f"its output {self.outputs[1:]} {why}")

    def give(self, operator: Operator, *inputs: str, outputs: Sequence[str] | None = None) -> None:
        """Say what the node is: an operator of striate that reads these values."""
        given = self.outputs[:1] if outputs is None else outputs
        self.translation.add(operator, inputs, tuple(given))

    def between(self, operator: Operator, *inputs: str, suffix: str) -> str:
        """Add an operator in between and return the name of its output."""
        output = self.outputs[0]
        name = self.translation.free(f"{output}.{suffix}")
        self.translation.entitle(name, f"{self.translation.title(output)}.{suffix}")
        self.translation.add(operator, inputs, (name,))
        return name

    def formed(self, operator: Operator, name: str, *others: str, suffix: str) -> str:
        """Return a value in a form of ours; a known one is still called after itself."""
        if name not in self.translation.arrays:
            return self.between(operator, name, *others, suffix=suffix)
        form = self.translation.free(f"{name}.{suffix}")
        self.translation.add(operator, (name, *others), (form,))
        self.translation.derive(form, name)
        return form

    def constant(self, array: Any, suffix: str) -> str:
        """Add an array under a free name and return that name."""
        name = self.translation.free(f"{self.outputs[0]}.{suffix}")
        self.translation.know(name, np.asarray(array))
        return name


Reader = Callable[[Call], None]
"""Adds what a node means to its translation."""


def _decimal(value: float) -> float:
    """Return the number that was meant by its nearest float32: 0.01, not 0.00999999977648."""
    return float(str(np.float32(value)))
