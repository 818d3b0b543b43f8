"""Which method a convolution on blocks takes: by estimates, or measured where that is asked for."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate.network import operators as op
from striate.ops.blocked import winograd
from striate.ops.blocked.layout import Value
from striate.ops.blocked.task import Task
from striate.runtime.lowering.convolutions import Convolving
from striate.runtime.lowering.tuning import measured

__all__ = ["Choice", "choose", "estimate", "tasks_of"]

Sizes = dict[str, int]


class Choice(NamedTuple):
    """A method: Winograd's with a formula for each axis, or none for the direct one."""

    forms: winograd.Forms
    method: str
    why: str
    cost: float  # in multiply-adds of the microkernel


def choose(job: Convolving, source: Value) -> Choice:
    """Return the cheapest method, or the fastest where it shall be measured."""
    choices = _choices(job, source)
    if job.to.tune and len(choices) > 1:
        return _measured(job, source, choices)
    return _cheapest(choices)


def estimate(job: Convolving, source: Value) -> float:
    """Return what the cheapest method costs, in multiply-adds of the microkernel."""
    return _cheapest(_choices(job, source)).cost


def _choices(job: Convolving, source: Value) -> list[Choice]:
    """Return all methods, the direct one first."""
    direct = Choice((), "direct", "", job.direct_cost())
    return [direct, *(_with(job, source, forms, direct.cost) for forms in _forms(job))]


def _cheapest(choices: list[Choice]) -> Choice:
    """Return the cheapest method; the direct one says how the others compare."""
    direct, *others = choices
    if not others:
        return direct
    best = min(others, key=lambda choice: choice.cost)
    if best.cost < direct.cost:
        return best
    times = best.cost / direct.cost
    return direct._replace(why=f"{best.method} would cost {times:.2f} times as much")


def _measured(job: Convolving, source: Value, choices: list[Choice]) -> Choice:
    """Return the fastest method on this machine; weights packed for the others are let go."""
    trial = replace(job, weights=job.weights.fresh())

    def tasks(choice: Choice, sizes: Sizes) -> list[Task]:
        return tasks_of(trial, source, choice, sizes)

    found = measured(job, source, {choice.method: partial(tasks, choice) for choice in choices})
    fastest = next(choice for choice in choices if choice.method == found)
    return fastest._replace(why="the fastest when measured")


def tasks_of(job: Convolving, source: Value, choice: Choice, sizes: Sizes) -> list[Task]:
    """Return the tasks of a method; `sizes` gets those of the buffers that they need."""
    if choice.forms:
        return _winograd(job, source, choice.forms, sizes)
    return list(job.tasks(source))


def _with(job: Convolving, source: Value, forms: winograd.Forms, direct: float) -> Choice:
    """Return Winograd's method with these formulas."""
    groups = job.operator.groups
    layouts = _part(source, 0, groups).layout, _part(job.result, 0, groups).layout
    cost = groups * winograd.cost(job.target, forms, *layouts)
    axes = "x".join(str(form.m) for form in forms)
    why = f"{cost / direct:.2f} of the direct method's cost"
    return Choice(forms, f"winograd {axes}", why, cost)


def _forms(job: Convolving) -> tuple[winograd.Forms, ...]:
    """Return the formulas that compute this convolution by Winograd's method."""
    o = job.operator
    if job.to.exact or not isinstance(o, op.Conv) or job.per_unit():
        return ()
    whole = (
        job.x[1] % (o.groups * job.target.lanes) == job.y[1] % (o.groups * job.target.lanes) == 0
    )
    if any(stride > 1 for stride in o.window.strides) or (o.groups > 1 and not whole):
        return ()
    return winograd.forms_of(o.window.kernel, o.window.dilations)


def _winograd(job: Convolving, source: Value, forms: winograd.Forms, sizes: Sizes) -> list[Task]:
    """Return the tasks of all groups, one after another."""
    groups = job.operator.groups
    return [task for group in range(groups) for task in _of_group(job, source, forms, sizes, group)]


def _of_group(
    job: Convolving, source: Value, forms: winograd.Forms, sizes: Sizes, group: int
) -> list[Task]:
    o = job.operator
    assert isinstance(o, op.Conv)
    maps = job.y[1] // o.groups
    some = slice(group * maps, (group + 1) * maps)
    packed = _packed(job, forms, group, some)
    x, y = _part(source, group, o.groups), _part(job.result, group, o.groups)
    residual = None if job.residual is None else _part(job.residual, group, o.groups)
    out = job.step.output
    names = f"{out} (tiles)", f"{out} (products)", f"{out} (weights)"
    both = winograd.arena(job.target, forms, x.layout, y.layout)
    sizes.update(zip(names[:2], both, strict=True))
    if isinstance(packed, winograd.Unpacked):
        sizes[names[2]] = winograd.portion(job.target, forms, x.layout, y.layout)
    bias = job.bias()
    return winograd.tasks(
        job.target,
        forms,
        x,
        y,
        packed,
        bias if o.groups == 1 else bias[some],
        residual,
        job.step.low,
        job.step.high,
        padding_before=tuple(axis.before for axis in o.window.at(job.x[2:]).axes),
        buffers=names,
        threads=job.to.threads,
    )


def _packed(
    job: Convolving, forms: winograd.Forms, group: int, some: slice
) -> NDArray[np.float32] | winograd.Unpacked:
    """Return the packed weights of a group's maps, or where weights that change will be."""
    o, name = job.operator, job.node.inputs[1]
    assert isinstance(o, op.Conv)
    return job.weights.made(
        ("winograd", name, o, forms, group),
        lambda: winograd.pack(job.target, forms, o.dense(job.weights[name], job.x[1])[some]),
    )


def _part(value: Value, group: int, groups: int) -> Value:
    """Return the channels of one group, which fill whole blocks where there are several."""
    at = value.layout
    if groups == 1:
        return value
    each = at.channels // groups
    first = at.first_block + group * (each // at.lanes)
    return value._replace(layout=at._replace(channels=each, first_block=first))
