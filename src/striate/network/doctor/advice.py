"""What is doubtful about a network whose shapes fit, with the numbers that show it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from striate.geometry import Field
from striate.geometry.text import size_text
from striate.network.doctor.advice_on_windows import WINDOW_RULES, Case, Rules
from striate.network.graph import Graph, Node, Shape
from striate.network.operators import BatchNormalization, Conv, ConvTranspose, Gemm, Reshape

__all__ = ["Advice", "advise"]

FAR = 3  # a field so many times larger than its input
GLOBAL = {"GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool", "ReduceMean", "ReduceMax"}


@dataclass(frozen=True, slots=True)
class Advice:
    """One observation, and the layers of which it is true."""

    topic: str
    layers: tuple[str, ...]
    text: str


def advise(graph: Graph, shapes: Mapping[str, Shape], whole: Graph) -> list[Advice]:
    """Return what is doubtful, repeats grouped; `whole` is the graph before it was settled."""
    case = Case(graph, shapes)
    found: dict[tuple[str, str], list[str]] = {}
    for topic, rule in RULES.items():
        for layer, text in rule(case):
            found.setdefault((topic, text), []).append(layer)
    for layer, text in _idle(whole):
        found.setdefault(("unused", text), []).append(layer)
    return [Advice(topic, tuple(layers), text) for (topic, text), layers in found.items()]


def _fields(case: Case) -> Iterator[tuple[str, str]]:
    """Fields behind the last layer that still has a map: what its units see of the input."""
    sizes = case.shapes[case.graph.inputs[0].name][2:] if case.graph.inputs else ()
    ends = [n for n in case.graph.nodes if _gathers(case, n)][-1:]
    for node in ends:
        value, maps = node.inputs[0], case.shapes[node.inputs[0]][2:]
        fields = case.fields[value]
        if len(maps) != len(fields) or len(sizes) != len(fields):
            continue
        best = [_coverage(f, n, size) for f, n, size in zip(fields, maps, sizes, strict=True)]
        if node.operator.onnx in GLOBAL and any(b < s for b, s in zip(best, sizes, strict=True)):
            yield (
                node.name,
                f"each of the {size_text(maps)} values that it gathers sees at most "
                f"{size_text(best)} of the input's {size_text(sizes)}",
            )
        large = [f.size / s for f, s in zip(fields, sizes, strict=True)]
        if min(large) >= FAR:
            yield (
                node.name,
                f"each of the {size_text(maps)} values that it gathers has a receptive field of "
                f"{size_text([f.size for f in fields])}, "
                f"{min(large):.1f} times the input's {size_text(sizes)}: most of it lies beyond "
                "the edges",
            )


def _gathers(case: Case, node: Node) -> bool:
    """Tell whether a node makes a map into values that all see the same."""
    if not node.inputs or node.inputs[0] not in case.fields or node.outputs[0] not in case.fields:
        return False
    before, after = case.fields[node.inputs[0]], case.fields[node.outputs[0]]
    moving = (
        len(case.shapes[node.inputs[0]]) == len(before) + 2
        and prod(case.shapes[node.inputs[0]][2:]) > 1
    )
    return moving and any(f.step for f in before) and not any(f.step for f in after)


def _coverage(field: Field, count: int, size: int) -> int:
    """Return the most input positions, padding left out, that one of `count` outputs sees.

    Fields move right by equal steps, so within each kind of outputs what they see grows until the
    first begins inside the input, and shrinks from the last that ends inside: only there to look.
    """
    most = 0
    for phase, interval in enumerate(field.intervals[:count]):
        if interval is None:
            continue
        first, last = interval
        turns = (count - 1 - phase) // field.period
        edges: tuple[int, ...] = (0, turns)
        if field.step:
            inside = (-first // field.step, (size - 1 - last) // field.step)
            edges = (*edges, *(turn + more for turn in inside for more in (0, 1)))
        for turn in edges:
            shift = min(max(turn, 0), turns) * field.step
            most = max(most, min(last + shift, size - 1) - max(first + shift, 0) + 1)
    return most


def _misaligned(case: Case) -> Iterator[tuple[str, str]]:
    for node in case.graph.nodes:
        joined = [name for name in dict.fromkeys(node.inputs) if name in case.fields]
        after = case.fields.get(node.outputs[0], ())
        if len(joined) < 2 or all(f.aligned for f in after):
            continue
        if not all(f.aligned for name in joined for f in case.fields[name]):
            continue
        centres = {name: [_centre(f) for f in case.fields[name]] for name in joined}
        text = ", ".join(f"{name} at {_numbers(places)}" for name, places in centres.items())
        yield node.name, f"paths meet whose first outputs are centred elsewhere: {text}"
    for reason in dict.fromkeys(case.reasons.values()):
        place, _, why = reason.removeprefix(f"{case.graph.name}: ").partition(": ")
        yield place.partition(" (")[0], why


def _centre(field: Field) -> float:
    first = field.of(0)
    return sum(first) / 2 if first else 0.0


def _numbers(values: Sequence[float]) -> str:
    texts = [f"{value:g}" for value in values]
    return texts[0] if len(set(texts)) == 1 else " x ".join(texts)


def _biases(case: Case) -> Iterator[tuple[str, str]]:
    sizes = {parameter.name: prod(parameter.shape) for parameter in case.graph.parameters}
    for node in case.graph.nodes:
        if not isinstance(node.operator, Conv | ConvTranspose | Gemm) or len(node.inputs) < 3:
            continue
        readers = case.readers.get(node.outputs[0], [])
        normed = len(readers) == 1 and isinstance(readers[0].operator, BatchNormalization)
        if normed and node.inputs[2] in sizes and node.outputs[0] not in case.graph.outputs:
            yield (
                node.name,
                "its bias changes nothing: BatchNormalization behind it subtracts the mean",
            )


def _idle(graph: Graph) -> Iterator[tuple[str, str]]:
    """Yield nodes that lead to no output, and parameters and inputs that no other node reads."""
    needed = set(graph.outputs)
    for node in reversed(graph.nodes):
        if needed.isdisjoint(node.outputs):
            yield node.name, "leads to no output"
        else:
            needed.update(node.inputs)
    for parameter in graph.parameters:
        if parameter.name not in needed:
            yield parameter.name, "parameter that no output depends on"
    for value in graph.inputs:
        if value.name not in needed:
            yield value.name, "input that no output depends on"


def _rows(case: Case) -> Iterator[tuple[str, str]]:
    """Yield what makes other numbers of rows from the examples, if outputs still have them."""
    if not case.graph.inputs or not case.shapes[case.graph.inputs[0].name]:
        return
    count = case.shapes[case.graph.inputs[0].name][0]
    if all(case.shapes[name][:1] == (count,) for name in case.graph.outputs):
        return
    for node in case.graph.nodes:
        if not isinstance(node.operator, Reshape):
            continue
        x, y = case.shapes[node.inputs[0]], case.shapes[node.outputs[0]]
        if x[:1] == (count,) and len(x) > 1 and len(y) > 1 and y[0] != count:
            mixed = ", with numbers of several in one row" * bool(count and y[0] % count)
            yield (
                node.name,
                f"turns {count} examples ({size_text(x)}) into {y[0]} rows ({size_text(y)})"
                f"{mixed}: {size_text(x[1:], ' x ')} = {prod(x[1:])} numbers of each meet rows of "
                f"{prod(y[1:])}",
            )


RULES: Rules = WINDOW_RULES | {
    "examples mixed": _rows,
    "receptive field": _fields,
    "misaligned": _misaligned,
    "bias before norm": _biases,
}
