"""The fastest way to the gradients of a convolution's weights."""

from __future__ import annotations

from math import prod

from striate.ops.blocked import weight_gradient, winograd_gradient, winograd_gradient_plan
from striate.ops.blocked.layout import Place, Value
from striate.ops.blocked.task import Task
from striate.ops.blocked.weight_gradient import Convolved
from striate.ops.blocked.weight_gradient_cut import groups_of
from striate.ops.blocked.winograd_forms import Forms, forms_of
from striate.ops.codegen import Target

__all__ = ["arena", "choose", "cost", "tasks"]

# In cycles for 64 bytes, near in the caches and far from them.
READ = 5.0, 16.0  # transformed tiles, on their way from the image to a buffer
SUM, WEIGHT = (4.0, 14.0), (10.0, 30.0)  # sums, read where they are transformed, and gradients
FAR = 12 << 20  # bytes of images and buffers, of which few would be in the caches
START = 700.0  # a task


def choose(target: Target, of: Convolved, exact: bool = False) -> Forms | None:
    """Return the forms of Winograd's method of least cost, or nothing for the direct method.

    Parameters
    ----------
    target : processor
    of : what was convolved
    exact : whether sums must round as little as the direct method's
    """
    possible: list[Forms | None] = [None]
    if not exact and isinstance(of.x, Value) and of.groups == 1 and set(of.strides) == {1}:
        possible += forms_of(of.kernel, of.dilations)
    return min(possible, key=lambda forms: cost(target, of, forms))


def tasks(target: Target, of: Convolved, forms: Forms | None, to: Place, buffer: str) -> list[Task]:
    """Return the tasks that compute gradients (M, C / groups, *kernel) by what `choose` returned.

    Parameters
    ----------
    target : processor
    of : what was convolved
    forms : by which of Winograd's forms, or none
    to : where the gradients go, in NumPy's order
    buffer : name of a buffer of the size that `arena` returns
    """
    if forms is None:
        return weight_gradient.weight_gradient(target, of, to, buffer)
    return winograd_gradient.winograd_weight_gradient(target, forms, of, to, buffer)


def arena(target: Target, of: Convolved, forms: Forms | None) -> int:
    """Return the size of the buffer that `tasks` needs, in float32 elements."""
    if forms is None:
        return weight_gradient.arena(target, of)
    return winograd_gradient.arena(target, forms, of)


def cost(target: Target, of: Convolved, forms: Forms | None) -> float:
    """Return about what a gradient costs, in multiply-adds: 2 registers of them in a cycle."""
    if forms is None:
        return weight_gradient.cost(target, of)
    p, y = winograd_gradient_plan.plan(target, forms, of), of.dy.layout
    places, rounds, cycles = p.grid.places, len(p.rounds), 0.0
    size = 4 * (winograd_gradient_plan.layout_of(of).size + y.size + p.size)
    far, lines = min(1.0, size / FAR), y.lanes / 16
    read, add, weight = (near + far * (most - near) for near, most in (READ, SUM, WEIGHT))
    for part in p.parts:
        groups = groups_of(target, winograd_gradient_plan.inputs(p, of, part), y.blocks)
        inputs = groups.rows[-1]
        chunks = rounds * -(-p.rounds[0] // winograd_gradient_plan.chunk(groups, y.lanes))
        cycles += places * (p.tiles * groups.step + chunks * groups.call)
        again = rounds > 1 or part.start == 0
        blocks = len(p.pieces) * len(part) + (y.blocks if again else 0)
        cycles += p.tiles * places * blocks * read * lines
        cycles += inputs * y.blocks * (places * add + prod(of.kernel) * weight) * lines
        cycles += START * (3 * rounds + 1)
    return cycles * 2 * y.lanes
