"""The receptive field of a layer, in numbers: Araujo et al., Distill 2019, equation 2."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from striate.geometry import Axis, Field, TransposedAxis
from striate.network.inspection.derivations import WINDOWS, Row, by, names_of
from striate.network.inspection.place import Place
from striate.network.seeing import Seen

__all__ = ["field_rows"]

FIELD = "r = r_prev + (K - 1) D jump"
TRANSPOSED_FIELD = "r = r_prev + (inputs written to one output, first to last, - 1) jump"


def field_rows(place: Place) -> Iterator[Row]:
    """Yield the receptive field along each axis of each input."""
    anatomy, output = place.anatomy, place.node.outputs[0]
    several = len(anatomy.seen) > 1
    for seen in anatomy.seen:
        of = f" of {seen.source}" if several else ""
        if output in seen.reasons:
            yield "field", f"none{of}: {seen.reasons[output]}"
        elif output in seen.sights and seen.axes:
            yield from _fields(place, seen, of)
    paddings = [f"{f.before} before, {f.after} after" for f in anatomy.fields(output)]
    if paddings:
        text = paddings[0] if len(set(paddings)) == 1 else " and ".join(paddings)
        yield "padding", f"{text} the input's ends"
    if any(not field.aligned for field in anatomy.fields(output)):
        yield "aligned", "no: paths of different centres meet here or before"


def _fields(place: Place, seen: Seen, of: str) -> Iterator[Row]:
    operator, output = place.node.operator, place.node.outputs[0]
    after = seen.sights[output].fields()
    before = seen.sights.get(place.node.inputs[0])
    plain = before is not None and place.node.inputs[0] not in seen.reasons
    if operator.onnx not in WINDOWS or not plain or before is None:
        sizes = {field.size for field in after}
        text = by(sorted(sizes) if len(sizes) == 1 else [field.size for field in after], " x ")
        yield "field", f"{text}{of}"
        return
    axes = operator.window.at(place.shapes[0][2:]).axes  # type: ignore[attr-defined]
    transposed = isinstance(axes[0], TransposedAxis)
    yield "field", f"{TRANSPOSED_FIELD if transposed else FIELD}{of}"
    steps = zip(names_of(len(axes)), axes, strict=True)
    ways = [_along(before.fields(), after, seen, place, 2 + i) for i in range(len(axes))]
    for (name, axis), way in zip(steps, ways, strict=True):
        if way is not None:
            yield name, _recurrence(way[0], axis, way[1])


def _along(
    before: Sequence[Field], after: Sequence[Field], seen: Seen, place: Place, axis: int
) -> tuple[Field, Field] | None:
    """Return the fields, before and after, that run along an axis of what a window reads."""
    sight = seen.sights[place.node.inputs[0]]
    for one, two, way in zip(before, after, sight.paths, strict=False):
        if any(digit.axis == axis for digit in way[0].place):
            return one, two
    return None


def _recurrence(before: Field, axis: Axis | TransposedAxis, after: Field) -> str:
    """Return r's recurrence in numbers; it holds wherever all outputs see equally much."""
    if isinstance(axis, TransposedAxis):
        spans = [seen[-1] - seen[0] for o in range(axis.stride) if (seen := axis.taps(o))]
        steps, text = max(spans), f"({max(spans) + 1} - 1) x {before.stride}"
    else:
        steps = axis.extent - 1
        text = f"({axis.kernel} - 1) x {axis.dilation} x {before.stride}"
    if before.size + steps * before.stride == after.size:
        return f"{before.size} + {text} = {after.size}"
    return f"{after.size}, the most that an output sees: they see unequally much"
