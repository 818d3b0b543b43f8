"""Where values lie: the padding that their readers want, and which are parts of a Concat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from striate.geometry import TransposedWindow, Window
from striate.network import Shape
from striate.network import operators as op
from striate.ops.blocked.convolution import Sweep, window_sweep
from striate.ops.blocked.layout import Blocked, Value
from striate.ops.blocked.phases import MOST, count_phases, phases
from striate.runtime.lowering.fusion import Fused
from striate.runtime.lowering.splitting import whole_channels

__all__ = ["Layouts", "planar", "sweeps_of"]

LAYERS = (
    *(op.Conv, op.ConvTranspose, op.MaxPool, op.AveragePool, op.GlobalAveragePool),
    *(op.GlobalMaxPool, op.BatchNormalization, op.InstanceNormalization, op.GroupNormalization),
    *(op.Resize, op.LRN),
)
"""Operators that read values in blocks."""

PLANES = 4  # channels of an input up to which its planes are read as they are

Sides = tuple[tuple[int, ...], tuple[int, ...]]


def sweeps_of(operator: op.Conv | op.ConvTranspose, x: Shape, y: Shape) -> list[Sweep]:
    """Return the sweeps of a convolution: one, or one for each phase of a transposed one."""
    window: Window | TransposedWindow = operator.window.at(x[2:])
    if isinstance(window, TransposedWindow):
        return [sweep for sweep, _ in phases(window, y[2:])]
    before = [axis.before for axis in window.axes]
    return [window_sweep(y[2:], window.strides, window.dilations, window.kernel, before)]


def reach(sweeps: Sequence[Sweep], size: Shape) -> Sides:
    """Return how many pixels before and after the input along each axis are read."""
    before, after = [0] * len(size), [0] * len(size)
    for sweep in sweeps:
        for tap in sweep.taps:
            for axis, offset in enumerate(tap):
                last = (sweep.counts[axis] - 1) * sweep.step[axis] + offset
                before[axis] = max(before[axis], -offset)
                after[axis] = max(after[axis], last - (size[axis] - 1))
    return tuple(before), tuple(after)


def planar(step: Fused, shapes: Mapping[str, Shape]) -> bool:
    """Tell whether a convolution reads an input in NumPy's order as planes."""
    operator, x = step.node.operator, shapes[step.node.inputs[0]]
    return isinstance(operator, op.Conv) and operator.groups == 1 and x[1] <= PLANES


class Layouts:
    """The layout of every value with spatial axes, once all readers are known."""

    def __init__(
        self,
        steps: Sequence[Fused],
        shapes: dict[str, Shape],
        lanes: int,
    ) -> None:
        self._shapes, self._lanes = shapes, lanes
        self._home: dict[str, tuple[str, int]] = {}  # value -> the buffer it is in, first block
        self._sides: dict[str, Sides] = {}  # by buffer
        self._blocks: dict[str, int] = {}  # by buffer
        self._wanted: set[str] = set()  # values that are best made in blocks
        self._strided: dict[str, bool] = {}  # values that are read, and whether any strides do
        for step in reversed(steps):
            shape = self._shapes[step.output]
            o = step.node.operator
            if isinstance(o, op.Concat) and len(shape) > 2 and o.axis in (1, 1 - len(shape)):
                self._share(step)
        for step in steps:
            self._part(step)
        for step in steps:
            self._want(step)

    def value(self, name: str) -> Value:
        """Return where a value lies."""
        buffer, first = self._home.get(name, (name, 0))
        batch, channels, *spatial = self._shapes[name]
        none = ((0,) * len(spatial),) * 2
        before, after = self._sides.get(buffer, none)
        own = -(-channels // self._lanes)
        blocks = self._blocks.get(buffer, own)
        at = (batch, channels, tuple(spatial), before, after, self._lanes, first, blocks)
        return Value(Blocked(*at), buffer)

    def _share(self, step: Fused) -> None:
        """Let the terms of a Concat be made where it wants them, if they fill whole blocks."""
        root, first = self._home.get(step.output, (step.output, 0))
        own = -(-self._shapes[step.output][1] // self._lanes)
        self._blocks.setdefault(root, own)
        channels = 0
        for name in step.node.inputs:
            if channels % self._lanes == 0 and name not in self._home:
                self._home[name] = root, first + channels // self._lanes
            channels += self._shapes[name][1]

    def _part(self, step: Fused) -> None:
        """Let some of a value's blocks be where that is."""
        if step.expression is not None or step.output in self._home:
            return
        name = step.node.inputs[0] if step.node.inputs else ""
        x = self._shapes.get(name, ())
        channels = whole_channels(step.node.operator, x, self._lanes)
        if channels is not None:
            root, first = self._home.get(name, (name, 0))
            self._blocks.setdefault(root, -(-x[1] // self._lanes))
            self._home[step.output] = root, first + channels.start // self._lanes

    def wants_blocks(self, name: str) -> bool:
        """Tell whether something reads a value in blocks, if it has channels to fill them."""
        return name in self._wanted and self._shapes[name][1] > PLANES

    def any_strides(self, name: str) -> bool:
        """Tell whether only convolutions read a value, as planes without padding.

        Then its elements may lie any steps apart.
        """
        return self._strided.get(name, False)

    def _want(self, step: Fused) -> None:
        """Note the padding that a convolution reads."""
        operator = step.node.operator
        for name in step.inputs:
            alone = name == step.node.inputs[0] != step.residual
            fits = alone and self._reads_inside(step)
            self._strided[name] = self._strided.get(name, True) and fits
        if step.expression is not None:
            self._wanted.update(step.operands)
        elif isinstance(operator, LAYERS) and not planar(step, self._shapes):
            self._wanted.add(step.node.inputs[0])
        if not isinstance(operator, op.Conv | op.ConvTranspose):
            return
        name = step.node.inputs[0]
        x, y = self._shapes[name], self._shapes[step.output]
        window = operator.window
        if isinstance(window, TransposedWindow) and count_phases(window, y[2:]) > MOST:
            return  # it runs in Python
        before, after = reach(sweeps_of(operator, x, y), x[2:])
        buffer = self._home.get(name, (name, 0))[0]
        old = self._sides.get(buffer, (before, after))
        self._sides[buffer] = (
            tuple(map(max, old[0], before)),
            tuple(map(max, old[1], after)),
        )

    def _reads_inside(self, step: Fused) -> bool:
        """Tell whether a step is a convolution of planes that reads no padding."""
        operator = step.node.operator
        if step.expression is not None or not isinstance(operator, op.Conv):
            return False
        x, y = self._shapes[step.node.inputs[0]], self._shapes[step.output]
        return planar(step, self._shapes) and not any(
            size for side in reach(sweeps_of(operator, x, y), x[2:]) for size in side
        )

    def size(self, buffer: str) -> int:
        """Return the elements of the buffer of a value."""
        return self.value(buffer).layout.size
