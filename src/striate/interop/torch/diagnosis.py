"""The shape doctor for PyTorch modules that fail before they could be read as a graph.

The module runs on PyTorch's meta device, which computes shapes alone; a repaired one has run to its
end there before the repair is offered.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import torch
from torch import nn

from striate.errors import one_line
from striate.geometry.text import size_text
from striate.network.doctor.diagnosis import Diagnosis, Failure
from striate.network.doctor.repairs import RADIUS, Repair
from striate.network.doctor.text import trail_text
from striate.network.graph import Shape

__all__ = ["diagnose_module"]

STEPS = 12  # layers that one repair may change
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@dataclass
class Attempt:
    """One run on the meta device: the shapes on the way, and the module that failed, if any."""

    passed: list[tuple[str, Shape]] = field(default_factory=list)
    running: list[tuple[str, nn.Module, tuple[Shape, ...]]] = field(default_factory=list)
    outputs: tuple[Shape, ...] = ()
    problem: str = ""


def diagnose_module(module: nn.Module, input_shapes: Sequence[Shape]) -> Diagnosis | None:
    """Return why a module does not run on inputs of these shapes; None if it does.

    Parameters
    ----------
    module : torch.nn.Module
        It is copied without its numbers, and left as it is.
    input_shapes : sequence of shapes
        One for each argument of its forward.

    Examples
    --------
    >>> from torch import nn
    >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(100, 10))
    >>> print(diagnose_module(net, [(1, 3, 8, 8)]).repairs[0])
    Linear 2: in_features=288 instead of 100
    """
    empty = _without_numbers(module)
    found = _run(empty, input_shapes)
    if not found.problem:
        return None
    name, failed, shapes = found.running[-1] if found.running else ("", module, ())
    steps = [("input", tuple(input_shapes[0])), *found.passed]
    wrong = _refitted(failed, shapes[0]) if shapes else None
    numbers = [trail_text(steps)]
    if wrong is not None:
        attribute, old, new, _ = wrong
        what = "channels" if "channels" in attribute else "features"
        numbers.append(f"{new} {what} arrive, {name} takes {old}")
    failure = Failure(
        name or type(module).__name__, type(failed).__name__, found.problem, shapes, tuple(numbers)
    )
    repairs = tuple(_repairs(empty, input_shapes))
    return Diagnosis(type(module).__name__, tuple(input_shapes[0]), failure, repairs, ())


def _without_numbers(module: nn.Module) -> nn.Module:
    """Return a copy whose parameters and buffers have shapes alone."""
    kept: dict[int, Any] = {}
    for parameter in module.parameters():
        kept[id(parameter)] = nn.Parameter(parameter.detach().to("meta"), requires_grad=False)
    for buffer in module.buffers():
        kept[id(buffer)] = buffer.detach().to("meta")
    return copy.deepcopy(module, kept).eval()


def _run(module: nn.Module, input_shapes: Sequence[Shape]) -> Attempt:
    """Run a module on the meta device and note what happens on the way."""
    found = Attempt()
    hooks = []
    for name, part in module.named_modules():
        if part is not module:
            hooks.append(part.register_forward_pre_hook(_entering(found, name)))
            hooks.append(part.register_forward_hook(_leaving(found, name)))
    inputs = [torch.empty(shape, device="meta") for shape in input_shapes]
    try:
        with torch.no_grad():
            outputs = module(*inputs)
    except Exception as error:  # whatever PyTorch, or the module's own code, raises
        found.problem = one_line(error)
    else:
        several = outputs if isinstance(outputs, tuple | list) else (outputs,)
        found.outputs = tuple(tuple(o.shape) for o in several if isinstance(o, torch.Tensor))
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _entering(found: Attempt, name: str) -> Any:
    def note(part: nn.Module, inputs: tuple[Any, ...]) -> None:
        shapes = tuple(tuple(x.shape) for x in inputs if isinstance(x, torch.Tensor))
        found.running.append((name, part, shapes))

    return note


def _leaving(found: Attempt, name: str) -> Any:
    def note(part: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        found.running.pop()
        if isinstance(output, torch.Tensor) and not list(part.children()):
            found.passed.append((name, tuple(output.shape)))

    return note


def _refitted(part: nn.Module, x: Shape) -> tuple[str, int, int, nn.Module] | None:
    """Return (attribute, old, new, module) for a layer that takes what arrives, if that helps."""
    if isinstance(part, nn.Linear) and x and x[-1] != part.in_features:
        new: nn.Module = nn.Linear(
            x[-1], part.out_features, bias=part.bias is not None, device="meta"
        )
        return "in_features", part.in_features, x[-1], new
    if isinstance(part, CONVOLUTIONS) and len(x) == len(part.kernel_size) + 2:
        if x[1] == part.in_channels or x[1] % part.groups:
            return None
        made = copy.copy(part)
        made._parameters = dict(part._parameters)
        made.in_channels = x[1]
        shape = (part.out_channels, x[1] // part.groups, *part.kernel_size)
        made.weight = nn.Parameter(torch.empty(shape, device="meta"), requires_grad=False)
        return "in_channels", part.in_channels, x[1], made
    if isinstance(part, NORMS) and len(x) > 1 and x[1] != part.num_features:
        new = type(part)(
            x[1], affine=part.affine, track_running_stats=part.track_running_stats, device="meta"
        )
        return "num_features", part.num_features, x[1], new.eval()
    return None


def _repairs(module: nn.Module, input_shapes: Sequence[Shape]) -> Iterator[Repair]:
    refitted = _layers_changed(module, input_shapes)
    if refitted is not None:
        yield refitted
    first, others = tuple(input_shapes[0]), list(input_shapes[1:])
    for shape in _other_inputs(module, first, others):
        outputs = _run(module, [shape, *others]).outputs
        text = f"input {size_text(shape)} instead of {size_text(first)}"
        yield Repair("input", (text,), shape, outputs, None)


def _layers_changed(module: nn.Module, input_shapes: Sequence[Shape]) -> Repair | None:
    """Return the repair that fits each failing layer to what it gets, if that leads to the end."""
    changed = copy.deepcopy(module)
    steps: list[str] = []
    found = _run(changed, input_shapes)
    while found.problem:
        if not found.running or not found.running[-1][2] or len(steps) == STEPS:
            return None
        name, part, shapes = found.running[-1]
        fitting = _refitted(part, shapes[0])
        if fitting is None:
            return None
        attribute, old, new, made = fitting
        steps.append(f"{type(part).__name__} {name}: {attribute}={new} instead of {old}")
        parent, _, own = name.rpartition(".")
        setattr(changed.get_submodule(parent), own, made)
        found = _run(changed, input_shapes)
    return Repair("weights", tuple(steps), tuple(input_shapes[0]), found.outputs, None)


def _other_inputs(module: nn.Module, first: Shape, others: Sequence[Shape]) -> Iterator[Shape]:
    """Yield the nearest inputs that run: of other channels, or smaller and larger sizes."""

    def runs(shape: Shape) -> bool:
        found = _run(module, [shape, *others])
        return not found.problem and all(o[:1] == shape[:1] for o in found.outputs)

    wanted = next((p.in_channels for p in module.modules() if isinstance(p, CONVOLUTIONS)), None)
    if len(first) > 2 and wanted is not None and first[1] != wanted:
        shapes = [(first[0], wanted, *first[2:]), (first[0], first[-1], *first[1:-1])]
        yield from (shape for shape in dict.fromkeys(shapes) if prod(shape) and runs(shape))
        return
    for axes in (*([axis] for axis in range(2, len(first))), list(range(2, len(first)))):
        found = []
        for sign in (-1, 1):
            reach = min(min(first[a] for a in axes) // 2, RADIUS) if sign < 0 else RADIUS
            moved = (
                tuple(s + sign * d if a in axes else s for a, s in enumerate(first))
                for d in range(1, reach + 1)
            )
            found += [shape for shape in [next(filter(runs, moved), None)] if shape]
        yield from found
        if found and len(axes) > 1:
            return
