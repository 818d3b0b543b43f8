"""Which method a convolution on blocks takes: by estimates, or measured where that is asked for."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import NamedTuple

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
    cost = winograd.cost(job.target, forms, source.layout, job.result.layout)
    axes = "x".join(str(form.m) for form in forms)
    return Choice(
        forms, f"winograd {axes}", f"{cost / direct:.2f} of the direct method's cost", cost
    )


def _forms(job: Convolving) -> tuple[winograd.Forms, ...]:
    """Return the formulas that compute this convolution by Winograd's method."""
    o = job.operator
    if job.to.exact or not isinstance(o, op.Conv) or job.per_unit() or o.groups > 1:
        return ()
    if any(stride > 1 for stride in o.window.strides):
        return ()
    return winograd.forms_of(o.window.kernel, o.window.dilations)


def _winograd(job: Convolving, source: Value, forms: winograd.Forms, sizes: Sizes) -> list[Task]:
    o, name = job.operator, job.node.inputs[1]
    assert isinstance(o, op.Conv)
    packed = job.weights.made(
        ("winograd", name, o, forms),
        lambda: winograd.pack(job.target, forms, o.dense(job.weights[name], job.x[1])),
    )
    names = f"{job.step.output} (tiles)", f"{job.step.output} (products)"
    both = winograd.arena(job.target, forms, source.layout, job.result.layout)
    sizes.update(zip(names, both, strict=True))
    return winograd.tasks(
        job.target,
        forms,
        source,
        job.result,
        packed,
        job.bias(),
        job.residual,
        job.step.low,
        job.step.high,
        padding_before=tuple(axis.before for axis in o.window.at(job.x[2:]).axes),
        buffers=names,
        threads=job.to.threads,
    )
