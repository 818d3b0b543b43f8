"""The shape doctor for PyTorch modules that fail.

The module runs on PyTorch's meta device, which computes shapes alone; a repaired one has run to its
end there before the repair is offered. It is also read as a graph, as if what does not fit did, and
the doctor for graphs finds there what else would help.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from math import prod

import torch
from torch import nn

from striate.geometry.text import size_text
from striate.interop.torch.attempts import run, without_numbers
from striate.interop.torch.reading.reader import read_as_if_it_fitted
from striate.network import Network
from striate.network.doctor.advice import Advice
from striate.network.doctor.diagnosis import Diagnosis, Failure, diagnose
from striate.network.doctor.repairs import RADIUS, Repair
from striate.network.doctor.text import trail_text
from striate.network.graph import Shape

__all__ = ["diagnose_module", "unused"]

STEPS = 12  # layers that one repair may change
ALONE = 256  # how far from the given length others are tried where there is but one axis
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


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
    empty = without_numbers(module)
    found = run(empty, input_shapes)
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
    own = not type(failed).__module__.startswith("torch.")
    if own and found.place:
        numbers.append(f"at {found.place}")
    failure = Failure(
        name or type(module).__name__, type(failed).__name__, found.problem, shapes, tuple(numbers)
    )
    repairs = list(_repairs(empty, input_shapes))
    read = _as_graph(module, input_shapes)
    if read is not None and read.failure is not None:
        failure = _told_by_both(failure, read.failure, own=own)
        repairs = _of_both(repairs, read.repairs)
    return Diagnosis(type(module).__name__, tuple(input_shapes[0]), failure, tuple(repairs), ())


def _as_graph(module: nn.Module, input_shapes: Sequence[Shape]) -> Diagnosis | None:
    """Return the diagnosis of the graph that a failing module is; None if it cannot be read."""
    like = next((p for p in module.parameters() if p.dtype.is_floating_point), torch.empty(0))
    inputs = tuple(
        torch.zeros(shape, dtype=like.dtype, device=like.device) for shape in input_shapes
    )
    try:
        network = read_as_if_it_fitted(module, inputs)
        shapes = [tuple(shape) for shape in input_shapes]
        names = [value.name for value in network.graph.inputs]
        return diagnose(network, dict(zip(names, shapes, strict=True)))
    except Exception:  # whatever PyTorch raises: what is known from running it has to do
        return None


def _told_by_both(failure: Failure, read: Failure, *, own: bool) -> Failure:
    """Return a failure with what the graph knows of it: numbers, and the call that fails."""
    if not own and not read.layer.startswith(failure.layer):
        return failure
    known = not own and len(failure.arithmetic) > 1
    numbers = failure.arithmetic if known else [*failure.arithmetic, *read.arithmetic[1:]]
    kind = read.operator if own else failure.operator
    return Failure(read.layer, kind, read.message, read.input_shapes or (), tuple(numbers))


def _of_both(ran: Sequence[Repair], read: Sequence[Repair]) -> list[Repair]:
    """Return repairs that PyTorch ran, and others of the graph, the likeliest first."""
    inputs = [r for r in ran if r.kind == "input"]
    weights = [r for r in ran if r.kind != "input"]
    known = {r.input_shape for r in inputs}
    first = [r for r in read if r.kind == "flatten"]
    others = [r for r in read if r.kind not in ("flatten", "input", "weights" if weights else "")]
    more = [r for r in read if r.kind == "input" and r.input_shape not in known]
    return [*first, *weights, *others, *inputs, *more]


def unused(module: nn.Module, network: Network) -> Advice | None:
    """Return which parameters of a module lead to no output, None if all do.

    Examples
    --------
    >>> from striate.interop.torch import from_torch
    >>> net = nn.Sequential(nn.Linear(2, 3))
    >>> net.register_parameter("idle", nn.Parameter(torch.zeros(4)))
    >>> unused(net, from_torch(net, (1, 2))).text
    '4 parameters of the module lead to no output'
    """
    used = {parameter.name for parameter in network.graph.parameters}
    used |= {constant.name for constant in network.graph.constants}
    left = {name: p.numel() for name, p in module.named_parameters() if name not in used}
    if not left:
        return None
    count = sum(left.values())
    are, lead = ("parameter", "leads") if count == 1 else ("parameters", "lead")
    return Advice("unused", tuple(left), f"{count:,} {are} of the module {lead} to no output")


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
    first, others = tuple(input_shapes[0]), list(input_shapes[1:])
    swapped = _swapped(module, first)
    if swapped is not None:
        turned = _layers_changed(module, [swapped, *others])
        if turned is not None:
            steps = (_other_text(swapped, first), *turned.steps)
            yield Repair("input", steps, swapped, turned.output_shapes, None)
    refitted = _layers_changed(module, input_shapes)
    if refitted is not None:
        yield refitted
    for shape in _other_inputs(module, first, others):
        if shape == swapped:  # offered already
            continue
        outputs = run(module, [shape, *others]).outputs
        yield Repair("input", (_other_text(shape, first),), shape, outputs, None)


def _other_text(shape: Shape, first: Shape) -> str:
    return f"input {size_text(shape)} instead of {size_text(first)}"


def _swapped(module: nn.Module, first: Shape) -> Shape | None:
    """Return the input with its last axis as channels, if the first convolution wants those."""
    layer = next((p for p in module.modules() if isinstance(p, CONVOLUTIONS)), None)
    if layer is None or len(first) != len(layer.kernel_size) + 2:
        return None
    meant = first[1] != layer.in_channels == first[-1]
    return (first[0], first[-1], *first[1:-1]) if meant else None


def _layers_changed(module: nn.Module, input_shapes: Sequence[Shape]) -> Repair | None:
    """Return the repair that fits each failing layer to what it gets, if that leads to the end."""
    changed = copy.deepcopy(module)
    steps: list[str] = []
    found = run(changed, input_shapes)
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
        found = run(changed, input_shapes)
    return Repair("weights", tuple(steps), tuple(input_shapes[0]), found.outputs, None)


def _other_inputs(module: nn.Module, first: Shape, others: Sequence[Shape]) -> Iterator[Shape]:
    """Yield the nearest inputs that run: of other axes or channels, smaller and larger sizes."""

    def runs(shape: Shape) -> bool:
        found = run(module, [shape, *others])
        return not found.problem and all(o[:1] == shape[:1] for o in found.outputs)

    layer = next((p for p in module.modules() if isinstance(p, CONVOLUTIONS)), None)
    shapes: list[Shape] = []
    if layer is not None and len(first) != len(layer.kernel_size) + 2:
        shapes = _of_rank(first, len(layer.kernel_size) + 2, layer.in_channels)
    elif layer is not None and first[1] != layer.in_channels:
        shapes = [(first[0], layer.in_channels, *first[2:])]
        swapped = _swapped(module, first)
        shapes += [swapped] if swapped is not None else []
    good = [shape for shape in dict.fromkeys(shapes) if prod(shape) and runs(shape)]
    yield from good
    if good:
        return
    start = next((shape for shape in reversed(shapes) if prod(shape)), first)
    yield from _other_sizes(start, runs)


def _of_rank(first: Shape, rank: int, channels: int) -> list[Shape]:
    """Return inputs with the axes of examples and channels that a convolution wants."""
    spatial = rank - 2
    shapes = [
        (1, *first[-1:], *first[:-1]),
        (1, channels, *first[-spatial:]),
        (1,) * (rank - len(first)) + first,
    ]
    return [shape for shape in shapes if len(shape) == rank and shape[1] == channels]


def _other_sizes(first: Shape, runs: Callable[[Shape], bool]) -> Iterator[Shape]:
    """Yield the nearest sizes that run, along each axis alone, then along all of them."""
    if len(first) < 3:
        return
    radius = RADIUS if len(first) > 3 else ALONE
    alone = [[axis] for axis in range(2, len(first))]
    for axes in alone if len(alone) == 1 else [*alone, list(range(2, len(first)))]:
        found = []
        for sign in (-1, 1):
            reach = min(min(first[a] for a in axes) // 2, radius) if sign < 0 else radius
            moved = (
                tuple(s + sign * d if a in axes else s for a, s in enumerate(first))
                for d in range(1, reach + 1)
            )
            found += [shape for shape in [next(filter(runs, moved), None)] if shape]
        yield from found
        if found and len(axes) > 1:
            return
