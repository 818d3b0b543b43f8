"""Convolutions in groups that fill no whole blocks of channels; depthwise ones among them."""

from __future__ import annotations

from typing import NamedTuple

from striate.network import Shape
from striate.network import operators as op
from striate.ops.blocked import depthwise, grouped
from striate.ops.blocked.layout import Value
from striate.ops.blocked.task import Task
from striate.runtime.lowering.convolutions import Convolving

__all__ = ["Grouped", "in_groups"]


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


def _narrow(operator: op.Conv, x: Shape, y: Shape, lanes: int) -> bool:
    each, maps = x[1] // operator.groups, y[1] // operator.groups
    return operator.groups > 1 and (each % lanes != 0 or maps % lanes != 0)
