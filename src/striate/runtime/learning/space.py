"""Where the values of a network in training lie, their gradients, and the tasks that make them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from math import prod

from striate.network import Shape
from striate.ops.blocked import conversion
from striate.ops.blocked.convolution import Source
from striate.ops.blocked.layout import Place, Value, blocked
from striate.ops.blocked.mapping import Operand, map_blocks, map_rows
from striate.ops.blocked.task import Task
from striate.ops.codegen import Target
from striate.runtime.learning.layers import Layer
from striate.runtime.learning.parameters import Parameters
from striate.runtime.lowering import Settings

__all__ = ["GRADIENTS", "Labelled", "Sides", "Space"]

GRADIENTS = "(gradients)"

Sides = tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A task, and the node and the part of the step that it belongs to, for people."""

    node: str
    what: str
    task: Task


@dataclass
class Space:
    """The tasks of a training step so far, and where the values lie that they make.

    Values with spatial axes lie in blocks of channels, others in NumPy's order.

    Attributes
    ----------
    to : what the step is made for
    shapes : the shape of each value
    parameters : the network's
    forgotten : values that those who made them do not need for their gradients
    sides, gradient_sides : the padding around values and their gradients, by name
    flat : whether the gradients for all parameters lie in one vector
    seed : of dropout
    tasks : in the order in which they run
    sizes : elements of each buffer of the arena
    values, rows : where values are that lie in blocks, and in NumPy's order
    planes : how convolutions read the network's input as planes, by the values that they make
    bounds : those that convolutions moved values into
    gated : values whose gradients are those before their bounds already
    numbers : of the nodes that drop, in their order
    statistics : means and inverse deviations of batches, by the values normalized with them
    """

    to: Settings
    shapes: Mapping[str, Shape]
    parameters: Parameters
    forgotten: Collection[str]
    sides: Mapping[str, Sides]
    gradient_sides: Mapping[str, Sides]
    flat: bool
    seed: int
    tasks: list[Labelled] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    rows: dict[str, Place] = field(default_factory=dict)
    statistics: dict[str, tuple[Place, Place]] = field(default_factory=dict)
    planes: dict[str, Source] = field(default_factory=dict)
    bounds: dict[str, tuple[float, float]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    numbers: dict[str, int] = field(default_factory=dict)
    node: str = ""
    what: str = "forward"
    _gradients: dict[str, Value | Place] = field(default_factory=dict)
    _shared: set[str] = field(default_factory=set)
    _of_parameters: dict[str, Place] = field(default_factory=dict)

    @property
    def target(self) -> Target:
        """The processor."""
        return self.to.target

    def run(self, *tasks: Task | Iterable[Task]) -> None:
        """Add tasks to the step."""
        for some in tasks:
            for task in (some,) if isinstance(some, Task) else tuple(some):
                self.tasks.append(Labelled(self.node, self.what, task))

    def buffer(self, name: str, size: int) -> Place:
        """Return a new buffer in the arena."""
        name = self._fresh(name)
        self.sizes[name] = size
        return Place(name)

    def _fresh(self, name: str) -> str:
        number, free = 1, name
        while free in self.sizes:
            number += 1
            free = f"{name} ({number})"
        return free

    # values ------------------------------------------------------------------------------

    def spatial(self, name: str) -> bool:
        """Tell whether a value has spatial axes, and so lies in blocks."""
        return len(self.shapes[name]) > 2

    def new(self, name: str) -> Value:
        """Return a new value in blocks, whose padding is cleared."""
        value = self._volume(name, self.shapes[name], self.sides.get(name))
        self.values[name] = value
        return value

    def new_rows(self, name: str) -> Place:
        """Return a new value in NumPy's order."""
        self.rows[name] = self.buffer(name, prod(self.shapes[name]))
        return self.rows[name]

    def value(self, name: str) -> Value:
        """Return a value in blocks."""
        if name not in self.values:  # an input of the network
            value = self._volume(name, self.shapes[name], self.sides.get(name), clear=False)
            enter = conversion.enter(self.target, self.rows[name], self.shapes[name], value)
            self.run(enter)
            self.values[name] = value
        return self.values[name]

    def only_rows(self, name: str) -> bool:
        """Tell whether a value lies in NumPy's order, and in no blocks so far."""
        return name in self.rows and name not in self.values

    def _volume(self, name: str, shape: Shape, sides: Sides | None, *, clear: bool = True) -> Value:
        layout = blocked(shape, self.target.lanes, *(sides or (None, None)))
        value = Value(layout, self.buffer(name, layout.size).buffer)
        if clear and not layout.contiguous:
            self.run(conversion.border(self.target, value))
        return value

    def may_write_over(self, layer: Layer) -> bool:
        """Tell whether a layer may make its output where its first input lies.

        So it is where nothing else reads that, and who made it does not need it any more.
        """
        name = layer.node.inputs[0]
        return layer.last[0] and name in self.forgotten

    # gradients ---------------------------------------------------------------------------

    def gradient(self, name: str) -> Value:
        """Return the gradient for a value in blocks."""
        found = self._gradients[name]
        assert isinstance(found, Value)
        return found

    def gradient_rows(self, name: str) -> Place:
        """Return the gradient for a value in NumPy's order."""
        found = self._gradients[name]
        assert isinstance(found, Place)
        return found

    def has_gradient(self, name: str) -> bool:
        """Tell whether anything has come back to a value."""
        return name in self._gradients

    def known(self, name: str) -> Value | None:
        """Return what has come back so far to a value in blocks, to be added to; None at first."""
        found = self._gradients.get(name)
        assert not isinstance(found, Place)
        return found

    def new_gradient(self, name: str) -> Value:
        """Return a new buffer for the gradient for a value, in place of what came back so far."""
        sides = self.gradient_sides.get(name)
        value = self._volume(f"d {name}", self.shapes[name], sides)
        self.give(name, value)
        return value

    def new_gradient_rows(self, name: str) -> Place:
        """Return a new buffer for the gradient for a value in NumPy's order."""
        place = self.buffer(f"d {name}", prod(self.shapes[name]))
        self.give(name, place)
        return place

    def give(self, name: str, gradient: Value | Place, *, shared: bool = False) -> None:
        """Say where the gradient for a value lies; `shared` if others read it as theirs."""
        self._gradients[name] = gradient
        self._shared.discard(name)
        if shared:
            self._shared.add(name)

    def own(self, name: str) -> bool:
        """Tell whether the memory of a gradient may be written over by who reads it last."""
        return name not in self._shared

    def add_gradient(self, name: str, more: Value) -> None:
        """Add to the gradient for a value in blocks; `more` belongs to it from now on."""
        known = self.known(name)
        if known is not None:
            self.run(map_blocks(self.target, ("add", 0, 1), [known, more], more))
        self.give(name, more)

    def share_gradient(self, name: str, more: Value) -> None:
        """Add to the gradient for a value in blocks what others read too, and leave it as it is."""
        known = self.known(name)
        if known is None:
            self.give(name, more, shared=True)
            return
        both = self.new_gradient(name)
        self.run(map_blocks(self.target, ("add", 0, 1), [known, more], both))

    def add_gradient_rows(self, name: str, more: Place) -> None:
        """Add to the gradient for a value in NumPy's order."""
        known = self._gradients.get(name)
        if isinstance(known, Place):
            size = (prod(self.shapes[name]),)
            both = [Operand(place, (1,)) for place in (known, more)]
            self.run(map_rows(self.target, ("add", 0, 1), size, both[1], both))
        self.give(name, more)

    # parameters --------------------------------------------------------------------------

    def parameter_gradient(self, name: str) -> Place:
        """Return where the gradient for a parameter goes."""
        if self.flat:
            return Place(GRADIENTS, self.parameters.offsets[name])
        if name not in self._of_parameters:
            _, size = self.parameters.span(name)
            self._of_parameters[name] = self.buffer(f"d {name}", size)
        return self._of_parameters[name]
