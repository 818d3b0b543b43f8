"""Convolutions from planes to planes: from the caller to the caller, without blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from math import prod

import numpy as np
from numpy.typing import NDArray

from striate.network import Shape
from striate.network import operators as op
from striate.ops.blocked.conversion import STREAMED
from striate.ops.blocked.convolution import direct
from striate.ops.blocked.layout import Place
from striate.ops.blocked.planes import PlaneTiling, choose_plane_tiling, plane_value
from striate.ops.blocked.task import Task
from striate.runtime.lowering.convolutions import Convolving
from striate.runtime.lowering.fusion import Fused
from striate.runtime.lowering.groups import depthwise_between_planes
from striate.runtime.lowering.methods import estimate
from striate.runtime.lowering.values import planar
from striate.runtime.lowering.workspace import Workspace

__all__ = ["between_planes"]

# Multiply-adds of the microkernel that moving an element into blocks or back takes, in values
# that fit into the second-level cache, the third, or neither.
CHANGES = ((1 << 18, 12), (1 << 20, 24), (1 << 62, 40))
DEEP = 64  # products in a sum from which groups by themselves are worth while
FAR = 6 << 20  # elements of a result whose planes are too far apart to be written all at once


def between_planes(space: Workspace, step: Fused, operator: op.Conv | op.ConvTranspose) -> bool:
    """Lower a convolution from the caller to the caller, if that is faster than by blocks."""
    name = step.node.inputs[0]
    if step.after is not None or step.output != space.output or not space.only_plain(name):
        return False
    values = space.value(name), space.value(step.output)
    shapes = space.shapes[name], space.shapes[step.output]
    job = Convolving(space.to, step, operator, *shapes, space.weights, values[1], None)
    if depthwise_between_planes(space, job):
        return True
    tiling = _tiling(job) if prod(shapes[1]) <= FAR else None
    if tiling is None:
        return False
    if planar(step, space.shapes):
        blocks = job.direct_cost() + _changing(shapes[1])
    else:
        blocks = estimate(job, values[0]) + _changing(shapes[0]) + _changing(shapes[1])
    planes = _cost(job, tiling)
    if planes >= blocks:
        return False
    ends = space.plain[name], space.new_plain(step.output)
    tasks = _tasks(job, tiling, f"{step.output} (planes)", space.sizes, ends)
    why = f"{planes / blocks:.2f} of the cost with blocks of channels"
    space.add(step, "direct, between planes", list(tasks), why)
    return True


def _changing(shape: Shape) -> float:
    """Return what it costs to move a value into blocks or back."""
    size = prod(shape)
    return size * next(each for most, each in CHANGES if size <= most)


def _tiling(job: Convolving) -> PlaneTiling | None:
    """Return the cut for planes as inputs and results; None where that cannot be done."""
    o, groups = job.operator, job.operator.groups
    transposed = isinstance(o, op.ConvTranspose)
    stride = 1 if transposed else o.window.strides[-1]
    if job.per_unit() or stride > 2 or job.step.residual is not None:
        return None
    sweeps = job.sweeps(_one_row(job))
    width = min(sweep.counts[-1] for sweep, _ in sweeps)
    taps = max(len(taps) for _, taps in sweeps)
    maps, channels = job.y[1] // groups, job.x[1] // groups
    if groups > 1 and channels * taps < DEEP:
        return None
    cut = maps, channels, taps, stride, groups, sweeps[0][0].out[-1]
    tiling = choose_plane_tiling(job.target, width, *cut)
    # The caller's output begins where a register does in memory; so do rows of whole registers.
    whole = width % job.target.lanes == 0 and len(sweeps) == 1
    if tiling is not None and whole and prod(job.y) >= STREAMED:
        return replace(tiling, past=True)
    return tiling


def _cost(job: Convolving, tiling: PlaneTiling) -> float:
    """Return what it costs from planes to planes, in multiply-adds of the microkernel."""
    cycles = 0.0
    for sweep, taps in job.sweeps(_one_row(job)):
        rows = job.y[0] * prod(sweep.counts[:-1])
        cycles += rows * tiling.cycles(sweep.counts[-1], len(taps))
    return cycles * 2 * job.target.lanes


def _tasks(
    job: Convolving,
    tiling: PlaneTiling,
    temporary: str,
    sizes: dict[str, int],
    ends: tuple[Place, Place],
) -> Iterator[Task]:
    """Yield the tasks from planes to planes."""
    sweeps = job.sweeps(_one_row(job))
    spatial = (prod(job.y[2:]),) if _one_row(job) else job.y[2:]
    only = [sweep for sweep, _ in sweeps]
    copied, source = job.padded(only, temporary, sizes, ends[0], tiling.stride - 1)
    yield from copied
    name, *bias = job.node.inputs[1:]
    terms = job.weights.padded(bias[0] if bias else None, job.y[1])
    result = plane_value((*job.y[:2], *spatial), ends[1].buffer)
    for sweep, taps in sweeps:
        key = ("planes", name, job.operator, tiling.vectors, taps)
        weights = job.weights.made(key, partial(_packed, job, tiling, taps))
        ends_of = job.target, source, result, sweep, tiling, weights, terms
        yield direct(*ends_of, low=job.step.low, high=job.step.high)


def _packed(job: Convolving, tiling: PlaneTiling, taps: tuple[int, ...]) -> NDArray[np.float32]:
    return tiling.pack(job.matrix(taps))


def _one_row(job: Convolving) -> bool:
    """Tell whether it is a 1x1 convolution, for which all pixels may be one row."""
    if isinstance(job.operator, op.ConvTranspose):
        return False
    window = job.operator.window
    return set(window.kernel) == {1} and set(window.strides) == {1} and job.x[2:] == job.y[2:]
