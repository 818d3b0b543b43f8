"""Convolutions in groups that fill no whole blocks of channels; depthwise ones among them."""

from __future__ import annotations

from typing import NamedTuple

from striate.network import Shape
from striate.network import operators as op
from striate.ops.blocked import depthwise, depthwise_planes, grouped
from striate.ops.blocked.layout import Value
from striate.ops.blocked.task import Task
from striate.runtime.lowering.convolutions import Convolving
from striate.runtime.lowering.workspace import Workspace

__all__ = ["Grouped", "depthwise_between_planes", "in_groups"]


class Grouped(NamedTuple):
    """A task, and the name of its method."""

    method: str
    task: Task


def in_groups(job: Convolving, source: Value) -> Grouped | None:
    """Return what does a convolution whose groups are narrow; None if they fill whole blocks."""
    o = job.operator
    if not isinstance(o, op.Conv) or not _narrow(o, job.x, job.y, job.target.lanes):
        return None
    added = job.added()
    bounds = o.window, job.step.low, job.step.high
    name, *bias = job.node.inputs[1:]
    terms = job.weights[bias[0]] if bias and job.weights[bias[0]].ndim == 1 else None
    if job.x[1] == job.y[1] == o.groups and (added is None or isinstance(added, Value)):
        own = job.weights.made(
            ("depthwise", name, o), lambda: depthwise.pack(job.target, job.weights[name], terms)
        )
        task = depthwise.depthwise(job.target, source, job.result, own, *bounds, added)
        return Grouped("depthwise", task)
    packed = job.weights.made(
        ("grouped", name, o), lambda: grouped.pack(job.target, job.weights[name], terms, o.groups)
    )
    task = grouped.grouped(job.target, source, job.result, packed, *bounds, added)
    return Grouped("grouped", task)


def depthwise_between_planes(space: Workspace, job: Convolving) -> bool:
    """Lower a depthwise convolution from the caller to the caller, if planes suit it."""
    o, step = job.operator, job.step
    if not isinstance(o, op.Conv) or not job.x[1] == job.y[1] == o.groups > 1:
        return False
    window = o.window.at(job.x[2:])
    added = step.residual is not None or job.per_unit()
    if added or not depthwise_planes.suits_planes(job.target, job.y[2:], window):
        return False
    name, *bias = job.node.inputs[1:]
    packed = job.weights.made(
        ("depthwise planes", name, o),
        lambda: depthwise_planes.pack(job.weights[name], job.weights[bias[0]] if bias else None),
    )
    source, bounds = space.plain[job.node.inputs[0]], (step.low, step.high)
    result = space.new_plain(step.output)
    task = depthwise_planes.depthwise_planes(
        job.target, source, job.x, result, packed, window, *bounds
    )
    space.add(step, "depthwise, between planes", [task])
    return True


def _narrow(operator: op.Conv, x: Shape, y: Shape, lanes: int) -> bool:
    each, maps = x[1] // operator.groups, y[1] // operator.groups
    return operator.groups > 1 and (each % lanes != 0 or maps % lanes != 0)
