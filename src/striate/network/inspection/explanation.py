"""The arithmetic of one layer, written out in its own numbers."""

from __future__ import annotations

import inspect as introspection
from collections.abc import Iterator, Sequence
from math import prod

from striate.errors import UnknownNameError, explained
from striate.network import zoo
from striate.network.graph import Graph, Parameter
from striate.network.inference import InputShape, infer_shapes
from striate.network.inspection.conventions import CONVENTIONS
from striate.network.inspection.derivations import WINDOWS, Row, by, sizes
from striate.network.inspection.layers import Anatomy
from striate.network.inspection.memory import (
    ITEM_BYTES,
    OPTIMIZERS,
    TRAINING_VIEWS,
    moved,
    needing_gradients,
)
from striate.network.inspection.place import Place
from striate.network.inspection.recurrence import field_rows
from striate.network.model import Network
from striate.network.settling import settled

__all__ = ["explain"]


def explain(
    network: Network | Graph | str, layer: str, input_shape: InputShape = None
) -> tuple[str, ...]:
    r"""Return the lines that derive a layer's sizes, parameters, costs, memory and field.

    Parameters
    ----------
    network : Network, Graph or str
        A text is a name that `striate.load` knows.
    layer : str
        A node's name.
    input_shape : sequence of int, or mapping of name to that, optional
        Of the first input, or of inputs by name; by default the network's own with a batch of 1.

    Raises
    ------
    UnknownNameError
        If the network has no such layer, or there is no such network.
    ParameterError
        If `network` is neither a network nor a name.
    ShapeError, GeometryError
        Naming the first layer that the input does not fit.

    Examples
    --------
    >>> import striate as st
    >>> print("\n".join(explain("all-cnn-c", "conv2_1")))
    conv2_1 (Conv): 1x96x16x16 -> 1x192x16x16
      output size  O = floor((I + before + after - D (K - 1) - 1) / S) + 1
           height  floor((16 + 1 + 1 - 1 (3 - 1) - 1) / 1) + 1 = 16
            width  floor((16 + 1 + 1 - 1 (3 - 1) - 1) / 1) + 1 = 16
       parameters  192 x 96 x 3 x 3 (weight) + 192 (bias) = 166,080
             MACs  weights x examples x places: 192 x 96 x 3 x 3 x 1 x 16 x 16 = 42,467,328
       flops-bias  2 x 42,467,328 + 49,152 biases added = 84,983,808
        torchinfo  166,080 parameters x 256 (examples x places of the output) = 42,516,480
            units  192 x 16 x 16 = 49,152, with 42,467,328 + 49,152 biases = 42,516,480 connections
             read  (1x96x16x16 + 192x96x3x3 + 192) x 4 B = 762,624 B
          written  1x192x16x16 x 4 B = 196,608 B
        intensity  84,934,656 FLOPs / 959,232 B = 88.54 FLOP/B
            alive  drop1 98,304 B + conv2_1 196,608 B = 294,912 B
         training  keeps 196,608 B for the way back, and a gradient of 196,608 B
         way back  2,088,960 B kept + 294,912 B gradients = 2,383,872 B
       optimisers  gradients of 166,080 parameters 664,320 B; momentum keeps 1 x, adam 2 x that
            field  r = r_prev + (K - 1) D jump
           height  7 + (3 - 1) x 1 x 2 = 11
            width  7 + (3 - 1) x 1 x 2 = 11
          padding  5 before, 4 after the input's ends
    """
    with explained("explain"):
        graph = zoo.graph_of(network)
    graph = settled(graph, input_shape)
    nodes = {node.name: node for node in graph.nodes}
    if layer not in nodes:
        raise UnknownNameError.of("layer", layer, nodes)
    place = Place(nodes[layer], Anatomy(graph, infer_shapes(graph, input_shape)))
    rows = [*_what(place), *sizes(place.node.operator, place.shapes, place.outputs)]
    rows += [*_parameters(place), *_macs(place), *_others(place), *_units(place)]
    rows += [*_moved(place), *_alive(place), *_training(place), *field_rows(place)]
    return (place.title, *(f"{name:>13}  {text}" for name, text in rows))


def _what(place: Place) -> list[Row]:
    """Say what the operator does, unless its formulas do."""
    if place.node.operator.onnx in WINDOWS:
        return []
    says = introspection.getdoc(place.node.operator) or ""
    text = says.partition("\n\n")[0].replace("\n", " ")
    return [("does", text.removesuffix("."))]


def _parameters(place: Place) -> list[Row]:
    statistics = place.anatomy.statistics(place.node)
    read = [p for p in place.anatomy.read(place.node) if p not in statistics]
    rows = []
    for title, some in (
        ("parameters", [p for p in read if p.trainable]),
        ("frozen", [p for p in read if not p.trainable]),
        ("statistics", list(statistics)),
    ):
        if some:
            terms = [f"{by(p.shape, ' x ')} ({p.name.rpartition('.')[2]})" for p in some]
            rows.append((title, f"{' + '.join(terms)} = {sum(prod(p.shape) for p in some):,}"))
    shared = [(p, place.anatomy.readers[p.name]) for p in read]
    for parameter, readers in shared:
        others = [name for name in readers if name != place.node.name]
        if others:
            rows.append(("shared", f"{parameter.name}, with {', '.join(others)}: counted once"))
    return rows or [("parameters", "none")]


def _macs(place: Place) -> list[Row]:
    name, inputs, output = place.node.operator.onnx, place.shapes, place.outputs[0]
    total = f"{place.anatomy.applied(place.node).macs:,}"
    if name == "Conv":
        terms = (*inputs[1], output[0], *output[2:])
        return [("MACs", f"weights x examples x places: {by(terms, ' x ')} = {total}")]
    if name == "ConvTranspose":
        terms = (*inputs[1], inputs[0][0], *inputs[0][2:])
        return [("MACs", f"weights x examples x inputs: {by(terms, ' x ')} = {total}")]
    if name == "Gemm":
        what = ("examples x ", "places x ")[: len(output) - 1]
        text = f"{''.join(what)}in x out: {by((*inputs[0], output[-1]), ' x ')}"
        return [("MACs", f"{text} = {total}")]
    if name == "MatMul":
        return [("MACs", f"outputs x between: {by((*output, inputs[0][-1]), ' x ')} = {total}")]
    return [("MACs", "0 (not counted)")]


def _others(place: Place) -> Iterator[Row]:
    """Yield what other conventions count, where it is another number than MACs or 2 for each."""
    applied = place.anatomy.applied(place.node)
    for name, way in CONVENTIONS.items():
        count, text = way.count(applied)
        if count != (2 if name.startswith("flops") else 1) * applied.macs:
            yield name, f"{text} = {count:,}" if count else f"0 ({text})"


def _units(place: Place) -> list[Row]:
    units, weighted, biases = place.anatomy.connections(place.node)
    output = place.outputs[0]
    if not units:
        return []
    made = f"{by(output[1:], ' x ')} = {units:,}" if len(output) > 2 else f"{units:,}"
    total = (
        f"{weighted:,} + {biases:,} biases = {weighted + biases:,}" if biases else f"{weighted:,}"
    )
    return [("units", f"{made}, with {total} connections")]


def _moved(place: Place) -> list[Row]:
    anatomy, node = place.anatomy, place.node
    into, out = moved(node, anatomy.sizes)
    if not into + out:
        return [("moved", "nothing: the output is the input, seen otherwise")]
    whole = into == sum(anatomy.sizes[name] for name in dict.fromkeys(node.inputs))
    terms = _bytes(anatomy, dict.fromkeys(node.inputs)) if whole else "what is picked"
    operations = 2 * anatomy.applied(node).macs
    rows = [
        ("read", f"{terms} = {into:,} B" if into else "nothing"),
        ("written", f"{_bytes(anatomy, node.outputs)} = {out:,} B"),
    ]
    if operations:
        text = f"{operations:,} FLOPs / {into + out:,} B = {operations / (into + out):.2f} FLOP/B"
        rows.append(("intensity", text))
    return rows


def _bytes(anatomy: Anatomy, names: Sequence[str] | dict[str, None]) -> str:
    """Return the sum of the values' bytes, those of one width together."""
    groups: dict[int, list[str]] = {}
    for name in names:
        width = ITEM_BYTES.get(anatomy.kinds[name], ITEM_BYTES["float"])
        groups.setdefault(width, []).append(by(anatomy.shapes[name]))
    terms = [
        f"{texts[0] if len(texts) == 1 else '(' + ' + '.join(texts) + ')'} x {width} B"
        for width, texts in groups.items()
    ]
    return " + ".join(terms)


def _alive(place: Place) -> list[Row]:
    moment = place.anatomy.moments[place.node.name]
    terms = [f"{name} {place.anatomy.sizes[name]:,} B" for name in moment.alive]
    shown = " + ".join(terms[:6]) + (f" + {len(terms) - 6} more" if len(terms) > 6 else "")
    peak = max(other.bytes for other in place.anatomy.moments.values())
    most = ", the most of all layers" if moment.bytes == peak else ""
    return [("alive", f"{shown} = {moment.bytes:,} B{most}")]


def _training(place: Place) -> list[Row]:
    node, anatomy = place.node, place.anatomy
    size = sum(anatomy.sizes[name] for name in node.outputs)
    needing = needing_gradients(anatomy.graph, anatomy.kinds)
    gradient = "no gradient: nothing up to here is trained"
    if not needing.isdisjoint(node.outputs):
        gradient = f"a gradient of {size:,} B"
    kept = "nothing more than its input" if node.operator.onnx in TRAINING_VIEWS else f"{size:,} B"
    rows = [("training", f"keeps {kept} for the way back, and {gradient}")]
    rows.append(("way back", _way_back(place)))
    trained = [p for p in anatomy.read(node) if p.trainable]
    if trained:
        rows.append(("optimisers", _state(trained, sum(anatomy.sizes[p.name] for p in trained))))
    return rows


def _way_back(place: Place) -> str:
    moments = place.anatomy.way_back
    here = moments[place.node.name]
    most = here.bytes == max(moment.bytes for moment in moments.values())
    text = f"{here.kept:,} B kept + {here.gradients:,} B gradients = {here.bytes:,} B"
    return f"{text}{', the most of all layers' if most else ''}"


def _state(trained: Sequence[Parameter], size: int) -> str:
    count = sum(prod(p.shape) for p in trained)
    keeps = ", ".join(f"{name} {times} x" for name, times in OPTIMIZERS.items() if times)
    text = keeps.replace("momentum", "momentum keeps", 1)
    return f"gradients of {count:,} parameters {size:,} B; {text} that"
