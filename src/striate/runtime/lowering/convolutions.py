"""Convolutions as tasks: which method, how it is cut, and what its tables hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from striate.network import Node, Shape
from striate.network import operators as op
from striate.ops.blocked import conversion
from striate.ops.blocked.convolution import Source, Sweep, direct
from striate.ops.blocked.layout import Blocked, Place, Value
from striate.ops.blocked.mapping import map_blocks
from striate.ops.blocked.phases import MOST, count_phases, phases
from striate.ops.blocked.task import Task
from striate.ops.blocked.tiling import choose_tiling
from striate.ops.codegen import Target
from striate.runtime.lowering.fusion import Fused
from striate.runtime.lowering.lowered import Settings
from striate.runtime.lowering.values import reach, sweeps_of
from striate.runtime.lowering.weights import Weights

__all__ = ["Convolving", "native_convolution"]


def native_convolution(
    operator: op.Conv | op.ConvTranspose, x: Shape, y: Shape, lanes: int
) -> bool:
    """Tell whether it runs as machine code.

    Transposed, only if groups fill whole blocks and few enough outputs lie between two steps.
    """
    if isinstance(operator, op.ConvTranspose) and count_phases(operator.window, y[2:]) > MOST:
        return False
    each, maps = x[1] // operator.groups, y[1] // operator.groups
    whole = each % lanes == 0 and maps % lanes == 0
    return isinstance(operator, op.Conv) or operator.groups == 1 or whole


@dataclass
class Convolving:
    """One convolution, between values whose places are known."""

    to: Settings
    step: Fused
    operator: op.Conv | op.ConvTranspose
    x: Shape
    y: Shape
    weights: Weights
    result: Value
    residual: Value | None

    @property
    def target(self) -> Target:
        """The processor."""
        return self.to.target

    @property
    def node(self) -> Node:
        """The convolution itself."""
        return self.step.node

    def tasks(self, source: Value) -> Iterator[Task]:
        """Yield the tasks of the direct method on a blocked value."""
        result, residual, flat = self.result, self.added(), self._flattened(source)
        if flat is not None:
            source, result = flat
            residual = _flat(residual) if isinstance(residual, Value) else residual
        for sweep, taps in self.sweeps(flat is not None):
            yield self._direct(Source.of(source), result, residual, sweep, taps)

    def direct_cost(self) -> float:
        """Return what the direct method costs, in multiply-adds of the microkernel."""
        return sum(self._cost(sweep, len(taps)) for sweep, taps in self.sweeps(flat=False))

    def _cost(self, sweep: Sweep, taps: int) -> float:
        groups = self.operator.groups
        sizes = self.y[1] // groups, self.x[1] // groups, groups, taps
        tiling = choose_tiling(self.target, sweep.counts[-1], *sizes)
        rows = self.y[0] * prod(sweep.counts[:-1])
        return rows * tiling.cycles(sweep.counts[-1], taps) * 2 * self.target.lanes

    def planes(self, temporary: str, sizes: dict[str, int], place: Place) -> Iterator[Task]:
        """Yield the tasks that read the planes of an input in NumPy's order."""
        sweep, taps = self.sweeps(False)[0]
        copied, source = self.padded([sweep], temporary, sizes, place)
        yield from copied
        yield self._direct(source, self.result, self.added(), sweep, taps)

    def channels_last(self, place: Place) -> Task:
        """Return the task that reads an input (N, *spatial, C), without padding."""
        sweep, taps = self.sweeps(False)[0]
        _, channels, *size = self.x
        strides = tuple(channels * prod(size[axis + 1 :]) for axis in range(len(size)))
        source = Source(place, channels * prod(size), strides, 1, planar=True)
        return self._direct(source, self.result, self.added(), sweep, taps)

    def padded(
        self,
        sweeps: Sequence[Sweep],
        temporary: str,
        sizes: dict[str, int],
        place: Place,
        beyond: int = 0,
    ) -> tuple[list[Task], Source]:
        """Return how to read an input in NumPy's order, and the task that pads it, if it must.

        `beyond` is how many elements more are read behind each row.
        """
        size = self.x[2:]
        if len(sweeps[0].counts) < len(size):
            size = (prod(size),)
        before, after = reach(sweeps, size)
        after = (*after[:-1], after[-1] + beyond)
        padded = tuple(b + n + a for b, n, a in zip(before, size, after, strict=True))
        copied = []
        if any(before) or any(after):
            copy = Place(temporary)
            sizes[temporary] = prod(self.x[:2]) * prod(padded)
            copied.append(conversion.pad_planes(self.target, place, self.x, before, after, copy))
            place = copy
        strides = tuple(prod(padded[axis + 1 :]) for axis in range(len(padded)))
        inset = sum(b * s for b, s in zip(before, strides, strict=True))
        plane = prod(padded)
        at = Place(place.buffer, place.offset + inset)
        return copied, Source(at, plane * self.x[1], strides, plane, planar=True)

    def _direct(
        self,
        source: Source,
        result: Value,
        residual: Value | NDArray[np.float32] | None,
        sweep: Sweep,
        taps: tuple[int, ...],
    ) -> Task:
        groups = self.operator.groups
        maps, channels = self.y[1] // groups, self.x[1] // groups
        cut = (self.target, sweep.counts[-1], maps, channels, groups, len(taps))
        tiling = choose_tiling(*cut)
        name = self.node.inputs[1]
        key = ("direct", name, self.operator, tiling.vectors, source.planar, taps)
        weights = self.weights.made(
            key, lambda: tiling.pack(self.matrix(taps), planar=source.planar)
        )
        return direct(
            self.target,
            source,
            result,
            sweep,
            tiling,
            weights,
            self.bias(),
            residual=residual,
            low=self.step.low,
            high=self.step.high,
            after=0 if self.step.after is None else self.step.after,
        )

    def applied(self) -> list[Task]:
        """Return what does with each element of the result what comes after, where it lies."""
        if self.step.after is None:
            return []
        return [map_blocks(self.target, self.step.after, [self.result], self.result)]

    def sweeps(self, flat: bool) -> list[tuple[Sweep, tuple[int, ...]]]:
        """Return the sweeps, and the taps that each takes; `flat` if pixels lie along one axis."""
        operator = self.operator
        if isinstance(operator, op.ConvTranspose):
            return phases(operator.window, self.y[2:])
        every = tuple(range(prod(operator.window.kernel)))
        if flat:
            count = (prod(self.y[2:]),)
            return [(Sweep(count, (1,), (0,), (1,), ((0,),)), every)]
        return [(sweeps_of(operator, self.x, self.y)[0], every)]

    def matrix(self, taps: tuple[int, ...]) -> NDArray[np.float32]:
        """Return the weights (maps, channels of a group, taps) of these taps."""
        operator = self.operator
        weight = self.weights[self.node.inputs[1]]
        if isinstance(operator, op.Conv):
            weight = operator.dense(weight, self.x[1])
            return weight.reshape(*weight.shape[:2], -1)
        g = operator.groups
        channels, maps, *kernel = weight.shape
        parts = weight.reshape(g, channels // g, maps, prod(kernel))[..., list(taps)]
        return parts.transpose(0, 2, 1, 3).reshape(g * maps, channels // g, len(taps))

    def per_unit(self) -> bool:
        """Tell whether every unit has a bias of its own."""
        return len(self.node.inputs) > 2 and self.weights[self.node.inputs[2]].ndim > 1

    def bias(self) -> NDArray[np.float32]:
        """Return one number for each lane of the result's blocks."""
        has = len(self.node.inputs) > 2 and not self.per_unit()
        at = self.result.layout
        # A group of registers may reach beyond the last block of a value, never beyond this.
        return self.weights.padded(self.node.inputs[2] if has else None, at.blocks * at.lanes)

    def added(self) -> Value | NDArray[np.float32] | None:
        """Return what is added to the sums: another value, or a bias for each unit."""
        if not self.per_unit():
            return self.residual
        name, at = self.node.inputs[2], self.result.layout

        def make() -> NDArray[np.float32]:
            units = self.weights[name]
            whole = np.zeros((at.blocks * at.lanes, *units.shape[1:]), units.dtype)
            whole[: len(units)] = units
            split = whole.reshape(at.blocks, at.lanes, *units.shape[1:])
            return np.ascontiguousarray(np.moveaxis(split, 1, -1))

        return self.weights.made(("units", name, at.lanes), make)

    def _flattened(self, source: Value) -> tuple[Value, Value] | None:
        """Return both values with all pixels along one axis, where a 1x1 convolution can do so."""
        operator = self.operator
        if not isinstance(operator, op.Conv) or self.per_unit():
            return None
        window = operator.window.at(self.x[2:])
        plain = all(v == (1,) * window.rank for v in (window.kernel, window.strides))
        values = [source, self.result, *([self.residual] if self.residual else [])]
        if not plain or self.x[2:] != self.y[2:] or not all(v.layout.unbroken for v in values):
            return None
        return _flat(source), _flat(self.result)


def _flat(value: Value) -> Value:
    """Return a value with its pixels along one axis."""
    at: Blocked = value.layout
    row = prod(at.spatial[1:])
    before, after = at.before[0] * row, at.after[0] * row
    flat = at._replace(spatial=(prod(at.spatial),), before=(before,), after=(after,))
    return value._replace(layout=flat)
