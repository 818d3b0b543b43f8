"""Receptive fields of every value of a graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from striate.errors import GeometryError, UnknownNameError, explained
from striate.network.graph import Constant, Fields, Graph, Node, Shape
from striate.network.operators import Concat
from striate.network.seeing.sight import Sight
from striate.network.seeing.steps import Move, Regroup, Step
from striate.network.seeing.table import BY_ELEMENT, READINGS, reading, use_of
from striate.network.seeing.windows import LOOKING

__all__ = ["Seen", "infer_fields", "look", "source_of"]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the values of a graph see of one of its inputs.

    Parameters
    ----------
    source : str
        The input.
    axes : tuple of int
        Its spatial axes.
    sights : mapping of name to Sight
        Of all values that depend on it, one path or more for each of those axes.
    reasons : mapping of name to str
        Why a value has no single field: where it stopped having one.
    """

    source: str
    axes: tuple[int, ...]
    sights: Mapping[str, Sight]
    reasons: Mapping[str, str]


def look(graph: Graph, shapes: Mapping[str, Shape], source: str | None = None) -> Seen:
    """Return what every value of a settled graph sees of an input, the first by default.

    The spatial axes are those over which the first window slides, wherever they lie in the input:
    (N, C, *spatial) and (N, *spatial, C) behind a transposition are both understood.

    Raises
    ------
    UnknownNameError
        If there is no input of that name.

    Examples
    --------
    >>> from striate.network import infer_shapes
    >>> from striate.network.zoo import load
    >>> graph = load("lenet-5").graph
    >>> seen = look(graph, infer_shapes(graph))
    >>> seen.source, seen.axes
    ('input', (2, 3))
    """
    source = source_of(graph, source)
    axes = _spatial(graph, shapes, source)
    reasons: dict[str, str] = {}
    sights = {source: Sight.of_input(shapes[source]).only(axes)}
    constants = {constant.name: constant for constant in graph.constants}
    for node in graph.nodes:
        if any(name in sights for name in node.inputs):
            for made in range(len(node.outputs)):
                _see(graph.name, node, made, shapes, constants, sights, reasons)
    return Seen(source, axes, sights, reasons)


def _spatial(graph: Graph, shapes: Mapping[str, Shape], source: str) -> tuple[int, ...]:
    """Return the axes of an input over which the first window slides; else all but the first two.

    All axes are followed up to there.
    """
    constants = {constant.name: constant for constant in graph.constants}
    sights = {source: Sight.of_input(shapes[source])}
    for node in graph.nodes:
        if any(name in sights for name in node.inputs):
            if found := _slid_over(node, sights):
                return found
            for made in range(len(node.outputs)):
                _see(graph.name, node, made, shapes, constants, sights, {})
    return tuple(range(2, len(shapes[source])))


def source_of(graph: Graph, source: str | None) -> str:
    """Return the name of an input, the first for None."""
    names = [value.name for value in graph.inputs]
    if source is None and names:
        return names[0]
    if source not in names:
        with explained(graph.name):
            raise UnknownNameError.of("input", str(source), names)
    return str(source)


def _slid_over(node: Node, sights: Mapping[str, Sight]) -> tuple[int, ...]:
    """Return the axes of the input over which an operator slides a window, () if it does not.

    Where an axis of the value is made of several of the input, it is the outermost that counts, as
    in an axis of blocks that channels were laid out in.
    """
    if node.operator.onnx not in LOOKING or node.inputs[0] not in sights:
        return ()
    outermost: dict[int, tuple[int, bool, int]] = {}
    for axis, way in enumerate(sights[node.inputs[0]].paths):
        for path in way:
            for digit in path.place:
                key = (digit.factor, not path.stepped, axis)
                outermost[digit.axis] = min(outermost.get(digit.axis, key), key)
    return tuple(sorted({axis for slid, (*_, axis) in outermost.items() if slid > 1}))


def _see(
    graph: str,
    node: Node,
    made: int,
    shapes: Mapping[str, Shape],
    constants: Mapping[str, Constant],
    sights: dict[str, Sight],
    reasons: dict[str, str],
) -> None:
    name = node.outputs[made]
    if node.operator.onnx in BY_ELEMENT and (alone := _alone(node, name, shapes, sights)):
        sights[name] = sights[alone]
        if alone in reasons:
            reasons[name] = reasons[alone]
        return
    found = []
    concat = isinstance(node.operator, Concat)
    for place, value in enumerate(node.inputs):
        if value not in sights:
            continue
        if node.operator.onnx not in READINGS:
            found.append(
                sights[value].unknown(
                    shapes[name], f"how {node.operator.onnx} reads its input is not known"
                )
            )
            continue
        if concat:
            found.append(sights[value])
            continue
        try:
            steps = reading(use_of(node, shapes, constants, place, made))
        except GeometryError as error:
            found.append(sights[value].unknown(shapes[name], str(error)))
            continue
        if steps is not None:
            found.append(followed(sights[value], steps))
    if not found:
        return
    sights[name] = sight = _beside(node, shapes, sights) if concat else Sight.joined(found)
    if not (reason := sight.reason()):
        return
    behind = [reasons[value] for value in node.inputs if value in reasons]
    where = f"{graph}: {node.name} ({node.operator.onnx})"
    names = " and ".join(value for value in node.inputs if value in sights)
    reasons[name] = behind[0] if behind else f"{where} of {names}: {reason}"


def _alone(
    node: Node, output: str, shapes: Mapping[str, Shape], sights: Mapping[str, Sight]
) -> str:
    """Return the only value that an operator on single elements sees, "" if there are more."""
    seen = [name for name in node.inputs if name in sights]
    return seen[0] if len(seen) == 1 and shapes[seen[0]] == shapes[output] else ""


def _beside(node: Node, shapes: Mapping[str, Shape], sights: Mapping[str, Sight]) -> Sight:
    """Return what a concatenation sees."""
    output = shapes[node.outputs[0]]
    axis = node.operator.axis % len(output)  # type: ignore[attr-defined]
    start, pieces = 0, []
    for name in node.inputs:
        if name in sights:
            pieces.append((sights[name], start))
        start += shapes[name][axis]
    return Sight.side_by_side(pieces, axis, output)


def followed(sight: Sight, steps: tuple[Step, ...]) -> Sight:
    """Return the sight behind these steps."""
    for step in steps:
        if isinstance(step, Move):
            sight = sight.moved(step.order)
        elif isinstance(step, Regroup):
            sight = sight.regrouped(step.shape)
        else:
            sight = sight.slid(step.links, step.shape)
    return sight


def infer_fields(
    graph: Graph,
    shapes: Mapping[str, Shape],
    reasons: dict[str, str] | None = None,
    *,
    source: str | None = None,
) -> dict[str, Fields]:
    """Return the receptive fields of every value that depends on an input, an axis each.

    Where paths of different strides meet there is no single field, nor behind it until something
    sees all of both; given a dict of `reasons`, those values are left out and it says why for each,
    by name.

    Parameters
    ----------
    graph : Graph
        A settled one.
    shapes : mapping of name to Shape
        As `infer_shapes` returns them.
    reasons : dict, optional
        Is filled.
    source : str, optional
        The input whose spatial axes the fields are told of; the first by default.

    Raises
    ------
    GeometryError
        If paths of different strides meet and no `reasons` are asked for, naming the node and what
        it joins.

    Examples
    --------
    >>> from striate.network import infer_shapes
    >>> from striate.network.zoo import load
    >>> graph = load("lenet-5").graph
    >>> [field.size for field in infer_fields(graph, infer_shapes(graph))["S2"]]
    [6, 6]
    """
    seen = look(graph, shapes, source)
    if reasons is None and seen.reasons:
        raise GeometryError(next(iter(seen.reasons.values())))
    if reasons is not None:
        reasons.update(seen.reasons)
    return {name: sight.fields() for name, sight in seen.sights.items() if name not in seen.reasons}
