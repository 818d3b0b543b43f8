"""What a program will do for one input shape: how each part is done, and what bounds it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from math import prod

import numpy as np

from striate.geometry import flops
from striate.geometry.text import size_text
from striate.network import Graph, Shape, infer_kinds, infer_shapes
from striate.network.inspection.text import bytes_text, ruled, scaled, three_digits
from striate.ops.blocked.task import Task
from striate.runtime.execution import threads_of
from striate.runtime.limits import Limits, measured_limits
from striate.runtime.lowering import IN_PYTHON, Foreign, Lowered, Part, Settings, Weights
from striate.runtime.steps import dtype_of

__all__ = ["PlanReport", "PlanStep", "PlanTotals", "names_text", "report_lowered", "report_steps"]

HEADER = (
    *("part", "operator", "method", "tile", "blocks", "threads", "output"),
    *("MACs", "bytes", "bound by", "least us", "why"),
)
NUMBERS = {4, 5, 7, 8, 10}
FEW = 4  # tasks whose blocks are written out


@dataclass(frozen=True, slots=True)
class PlanStep:
    """A part of a program: some nodes, or a change of layout that one needs.

    Attributes
    ----------
    names : the nodes that it does; none for a change of layout
    operator, method, why : what it does, how, and what decided that
    tile : pixels by registers of channels that the microkernel keeps, where it has one
    blocks : into how many pieces of work each of its tasks falls; () in Python
    threads : how many threads share them; None without tasks: in Python, each operation decides
    output_shape : (N, C, *spatial)
    macs, flops : by the definition; methods such as Winograd's do fewer
    bytes : values read and written and weights, once each
    bound : "multiply-adds" or "memory", whichever takes longer at the machine's limit
    seconds : how long that takes; less is possible where a method multiplies less, or where
        values come from caches
    """

    names: tuple[str, ...]
    operator: str
    method: str
    why: str
    tile: str
    blocks: tuple[int, ...]
    threads: int | None
    output_shape: Shape
    macs: int
    flops: int
    bytes: int
    bound: str
    seconds: float

    @property
    def name(self) -> str:
        """The nodes in short."""
        return names_text(self.names)

    @property
    def in_python(self) -> bool:
        """Whether it is no machine code made for the network."""
        return self.method == IN_PYTHON


@dataclass(frozen=True, slots=True)
class PlanTotals:
    """Sums over the parts, and the memory that they need.

    `arena_bytes` are for the values of one call; `packed_bytes` for weights in the order of the
    kernels; `unpacked_bytes` for those that kernels read as the network has them;
    `weight_bytes` for the network's own, once batch norms are folded into convolutions.
    """

    parts: int
    tasks: int
    macs: int
    flops: int
    bytes: int
    seconds: float
    arena_bytes: int
    packed_bytes: int
    unpacked_bytes: int
    weight_bytes: int


@dataclass(frozen=True, slots=True)
class PlanReport:
    """What `Program.plan` returns; `str()` of it is a table.

    `input_shape` is that of the first input, `input_shapes` are those of all by name.
    """

    network: str
    input_shape: Shape
    input_shapes: dict[str, Shape]
    dtype: str
    instructions: str
    threads: int
    limits: Limits
    steps: tuple[PlanStep, ...]
    totals: PlanTotals

    @property
    def title(self) -> str:
        """The line above the table."""
        shape = ", ".join(size_text(s) or "()" for s in self.input_shapes.values())
        threads = f"{self.threads} thread{'s' * (self.threads > 1)}"
        return f"{self.network} on {shape}, {self.dtype}, {self.instructions}, {threads}"

    def to_json(self) -> str:
        """Return the plan as JSON: the same names, shapes as lists, sizes in bytes, seconds."""
        return json.dumps(asdict(self), indent=2)

    def rows(self) -> list[tuple[str, ...]]:
        """Return the table's cells as text: a header, then a row for each part."""
        return [HEADER, *(_row(step) for step in self.steps)]

    def summary(self) -> list[str]:
        """Return the lines below the table."""
        t = self.totals
        return [
            f"parts      {t.parts}, {f'of {t.tasks} tasks' if t.tasks else 'in Python'}",
            f"MACs       {t.macs:,} ({scaled(t.macs)}; {scaled(t.flops)}FLOP)",
            f"bytes      {bytes_text(t.bytes)} read and written if nothing stays in caches",
            f"least      {1e3 * t.seconds:.3f} ms: the sum of what bounds each part",
            f"limits     {limits_text(self.limits)}",
            f"memory     {bytes_text(t.arena_bytes)} for values; weights: "
            f"{bytes_text(t.packed_bytes)} packed, {bytes_text(t.unpacked_bytes)} read as they "
            f"are, {bytes_text(t.weight_bytes)} the network's own",
        ]

    def __str__(self) -> str:
        return ruled(self.title, self.rows(), NUMBERS, self.summary())


def limits_text(limits: Limits) -> str:
    """Return the machine's limits as text."""
    return (
        f"{limits.gflops:.0f} GFLOP/s in registers and {limits.gigabytes:.0f} GB/s of memory, "
        f"measured on {limits.threads} thread{'s' * (limits.threads > 1)}"
    )


def names_text(names: Sequence[str]) -> str:
    """Return names in short: what later ones share with the first is left out.

    Examples
    --------
    >>> names_text(["block1.2.conv", "block1.2.relu", "block1.sum", "block1"])
    'block1.2.conv + relu + sum + block1'
    """
    if not names:
        return "-"
    return " + ".join([names[0], *(_within(name, names[0]) for name in names[1:])])


def _within(name: str, first: str) -> str:
    """Return a name without the scopes that it shares with another."""
    scope = first.rpartition(".")[0]
    while scope and not name.startswith(f"{scope}."):
        scope = scope.rpartition(".")[0]
    return name.removeprefix(f"{scope}.")


def _row(step: PlanStep) -> tuple[str, ...]:
    return (
        step.name,
        step.operator,
        step.method,
        step.tile or "-",
        _blocks_text(step.blocks),
        "-" if step.threads is None else str(step.threads),
        size_text(step.output_shape),
        three_digits(step.macs),
        bytes_text(step.bytes),
        step.bound,
        f"{1e6 * step.seconds:.1f}",
        step.why,
    )


def _blocks_text(blocks: Sequence[int]) -> str:
    if not blocks:
        return "-"
    if len(blocks) <= FEW:
        return "+".join(map(str, blocks))
    return f"{sum(blocks)} in {len(blocks)} tasks"


def report_lowered(
    graph: Graph, shapes: dict[str, Shape], lowered: Lowered, weights: Weights, to: Settings
) -> PlanReport:
    """Return the report of machine code."""
    threads = threads_of(lowered, to)
    limits = measured_limits(threads, to.target)
    steps = tuple(_step_of(part, threads, limits) for part in lowered.parts)
    plain = [weights[parameter.name] for parameter in graph.parameters]
    as_they_are = {array.ctypes.data for array in plain}
    used = dict(_arrays(lowered.parts))
    packed = sum(size for address, size in used.items() if address not in as_they_are)
    own = sum(array.nbytes for array in plain)
    memory = 4 * lowered.arena, packed, sum(used.values()) - packed, own
    about = graph.name, *_inputs(shapes), "float32", to.target.level, threads, limits
    return PlanReport(*about, steps, _totals(steps, memory))


def report_steps(
    graph: Graph, input_shapes: dict[str, Shape], dtype: np.dtype[np.generic], threads: int
) -> PlanReport:
    """Return the report of steps in Python, one for each node of a settled graph."""
    limits = measured_limits(threads)
    if dtype == np.float64:  # a register holds half as many
        limits = Limits(threads, limits.gflops / 2, limits.gigabytes)
    shapes, kinds = infer_shapes(graph, input_shapes), infer_kinds(graph)
    sizes = {n: prod(s) * dtype_of(kinds[n], dtype).itemsize for n, s in shapes.items()}
    steps = []
    for node in graph.nodes:
        output = shapes[node.outputs[0]]
        macs = node.operator.macs([shapes[name] for name in node.inputs], output)
        size = sum(sizes[name] for name in (*node.inputs, *node.outputs))
        how = node.operator.onnx, IN_PYTHON, "", "", (), None
        work = macs, flops(macs), size, *limits.bound(macs, size)
        steps.append(PlanStep((node.name,), *how, output, *work))
    own = sum(sizes[parameter.name] for parameter in graph.parameters)
    about = graph.name, *_inputs(input_shapes), str(dtype), "in Python", threads, limits
    return PlanReport(*about, tuple(steps), _totals(steps, (0, 0, own, own)))


def _inputs(shapes: dict[str, Shape]) -> tuple[Shape, dict[str, Shape]]:
    """Return the shape of the first input, and those of all."""
    return next(iter(shapes.values()), ()), shapes


def _step_of(part: Part, threads: int, limits: Limits) -> PlanStep:
    tasks, size = part.tasks, part.bytes if part.work else 0
    shared = [min(threads, task.blocks) for task in tasks if task.shared]
    return PlanStep(
        part.names,
        part.operator,
        part.method,
        part.why,
        part.tile,
        tuple(task.blocks for task in tasks),
        max([1, *shared]) if tasks else None,
        part.output_shape,
        part.macs,
        flops(part.macs),
        size,
        *limits.bound(part.macs, size),
    )


def _totals(steps: Sequence[PlanStep], memory: tuple[int, int, int, int]) -> PlanTotals:
    return PlanTotals(
        len(steps),
        sum(len(step.blocks) for step in steps),
        sum(step.macs for step in steps),
        sum(step.flops for step in steps),
        sum(step.bytes for step in steps),
        sum(step.seconds for step in steps),
        *memory,
    )


def _arrays(parts: Sequence[Part]) -> Iterator[tuple[int, int]]:
    """Yield address and bytes of the arrays of float32 that parts read."""
    for part in parts:
        for array in _operands(part.work):
            if isinstance(array, np.ndarray) and array.dtype == np.float32:
                yield array.ctypes.data, array.nbytes


def _operands(work: tuple[Task, ...] | Foreign) -> Iterator[object]:
    if isinstance(work, Foreign):
        yield from work.inputs
        return
    for task in work:
        yield from task.words.values()
        yield from task.keep
