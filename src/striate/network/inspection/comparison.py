"""Two networks side by side: totals, and layer by layer what differs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, Literal

from striate.geometry.text import size_text
from striate.network.inference import InputShape
from striate.network.inspection.report import Layer, Report, inspect

if TYPE_CHECKING:
    from striate.network.graph import Graph
    from striate.network.model import Network

__all__ = ["Comparison", "Difference", "Match", "compare"]

COMPARED = (
    "operator",
    "output_shape",
    "parameters",
    "buffers",
    "macs",
    "activation_bytes",
    "field",
)
COLUMNS = ("operator", "output_shape", "parameters", "macs", "field")
HEADINGS = ("operator", "output", "parameters", "MACs", "field")


TIMES = 10  # from which on a share is told as a multiple

SCHEMA = 1
"""Of the JSON: one more whenever a key changes its meaning or goes."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One number or property of both; they may agree."""

    name: str
    a: Any
    b: Any

    @property
    def change(self) -> str:
        """What b has more or less than a, also as a share: "+8,448 (+0.1 %)"."""
        if self.a == self.b:
            return "same"
        times = self.b / self.a if self.a else 0
        share = f" ({times - 1:+.1%})".replace("%", " %") if self.a else ""
        return f"{self.b - self.a:+,}" + (f" ({times:,.0f} times)" if times >= TIMES else share)


@dataclass(frozen=True, slots=True)
class Match:
    """A layer of each that belong together, by `name` or `order`; None where one has none."""

    a: Layer | None
    b: Layer | None
    by: Literal["name", "order", "nothing"]

    @property
    def differences(self) -> tuple[Difference, ...]:
        """What differs between the two layers."""
        if self.a is None or self.b is None:
            return ()
        pairs = [(n, getattr(self.a, n), getattr(self.b, n)) for n in COMPARED]
        return tuple(Difference(*pair) for pair in pairs if pair[1] != pair[2])

    @property
    def alike(self) -> bool:
        """Whether both layers exist and nothing but perhaps their names differs."""
        return self.a is not None and self.b is not None and not self.differences


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `compare` found; `str()` of it is a table of the totals and of what differs."""

    a: Report
    b: Report
    totals: tuple[Difference, ...]
    layers: tuple[Match, ...]

    def to_json(self) -> str:
        """Return the comparison as JSON; layers that are alike have no differences."""
        return json.dumps(
            {
                "schema": SCHEMA,
                "a": {"network": self.a.network, "input_shape": self.a.input_shape},
                "b": {"network": self.b.network, "input_shape": self.b.input_shape},
                "totals": {d.name: {"a": d.a, "b": d.b} for d in self.totals},
                "layers": [
                    {
                        "a": match.a and match.a.name,
                        "b": match.b and match.b.name,
                        "matched_by": match.by,
                        "differences": {
                            d.name: {"a": _plain(d.a), "b": _plain(d.b)} for d in match.differences
                        },
                    }
                    for match in self.layers
                ],
            },
            indent=2,
        )

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def compare(
    a: Network | Graph | str,
    b: Network | Graph | str,
    input_shape: InputShape = None,
) -> Comparison:
    """Return how two networks differ, in total and layer by layer.

    Layers are matched by name, if both or neither have parameters; those left over in order, by
    operator, shape and parameters. What is alike in neither way is in one network only.

    Parameters
    ----------
    a, b : Network, Graph or str
        Weights are not needed, nor looked at.
    input_shape : sequence of int, or mapping of name to that, optional
        Of both; by default each one's own.

    Raises
    ------
    ShapeError, GeometryError
        Naming the first layer that the input does not fit.

    Examples
    --------
    >>> found = compare("vgg16", "vgg16-bn")
    >>> {d.name: d.change for d in found.totals}["parameters"]
    '+8,448 (+0.0 %)'
    >>> sum(match.a is None for match in found.layers)
    13
    """
    one, two = inspect(a, input_shape), inspect(b, input_shape)
    totals = [
        Difference(field.name, getattr(one.totals, field.name), getattr(two.totals, field.name))
        for field in fields(one.totals)
    ]
    numbers = tuple(d for d in totals if isinstance(d.a, int) and isinstance(d.b, int))
    return Comparison(one, two, numbers, tuple(_matched(one.layers, two.layers)))


def _matched(a: Sequence[Layer], b: Sequence[Layer]) -> Iterator[Match]:
    """Yield the matches in the order of a, what only b has after what comes before it there."""
    partner = _partners(a, b)
    taken = set(partner.values())
    place = {layer.name: index for index, layer in enumerate(b)}
    told = 0
    for layer in a:
        found = partner.get(layer.name)
        if found is not None:
            until = place[found.name]
            yield from _only(b[told:until], taken)
            told = max(told, until + 1)
        by: Literal["name", "order", "nothing"] = (
            "nothing" if found is None else "name" if found.name == layer.name else "order"
        )
        yield Match(layer, found, by)
    yield from _only(b[told:], taken)


def _only(layers: Sequence[Layer], taken: set[Layer]) -> Iterator[Match]:
    return (Match(None, layer, "nothing") for layer in layers if layer not in taken)


def _partners(a: Sequence[Layer], b: Sequence[Layer]) -> dict[str, Layer]:
    named = {layer.name: layer for layer in b}
    found = {
        layer.name: named[layer.name]
        for layer in a
        if layer.name in named and bool(layer.parameters) == bool(named[layer.name].parameters)
    }
    taken = set(found.values())
    left_a = [layer for layer in a if layer.name not in found]
    left_b = [layer for layer in b if layer not in taken]
    kinds = list(map(_kind, left_a)), list(map(_kind, left_b))
    for block in SequenceMatcher(None, *kinds, autojunk=False).get_matching_blocks():
        for step in range(block.size):
            found[left_a[block.a + step].name] = left_b[block.b + step]
    return found


def _kind(layer: Layer) -> object:
    return layer.operator, layer.output_shape, layer.parameters


def _plain(value: Any) -> Any:
    """Return a layer's property as JSON has it."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return value


def _cell(name: str, value: Any) -> str:
    if name == "output_shape":
        return size_text(value)
    if name == "field":
        texts = list(dict.fromkeys(f"{axis.size}/{axis.stride}" for axis in value))
        return " x ".join(texts)
    return f"{value:,}" if isinstance(value, int) else str(value)


def _lines(found: Comparison) -> Iterator[str]:
    one, two = found.a.network, found.b.network
    names = (one, two) if one != two else ("a", "b")
    yield f"{found.a.title} against {found.b.title}"
    rows = [("", *names, "change")]
    changed = [d for d in found.totals if d.a != d.b]
    rows += [(d.name.replace("_", " "), f"{d.a:,}", f"{d.b:,}", d.change) for d in changed]
    if changed:
        yield from _table(rows, right={1, 2})
    same = [d for d in found.totals if d.a == d.b and d.a]
    if same:
        yield "same: " + ", ".join(f"{d.name.replace('_', ' ')} {d.a:,}" for d in same)
    alike = sum(match.alike for match in found.layers)
    only = [sum(getattr(m, other) is None for m in found.layers) for other in ("b", "a")]
    differ = len(found.layers) - alike - sum(only)
    yield (
        f"layers: {alike} alike, {differ} different, {only[0]} only in {names[0]}, "
        f"{only[1]} only in {names[1]}"
    )
    told = [match for match in found.layers if not match.alike]
    if told:
        yield from _table([("layer", *HEADINGS), *(_row(match) for match in told)], right=set())


def _row(match: Match) -> tuple[str, ...]:
    """Return what a match is; "a -> b" where the two differ, - and + for one alone."""
    one, two = match.a, match.b
    if one is None or two is None:
        layer = one or two
        sign = "+" if one is None else "-"
        assert layer is not None, "a match has at least one layer"
        return (f"{sign} {layer.name}", *(_cell(n, getattr(layer, n)) for n in COLUMNS))
    name = one.name if one.name == two.name else f"{one.name} -> {two.name}"
    cells = [(_cell(n, getattr(one, n)), _cell(n, getattr(two, n))) for n in COLUMNS]
    return (f"  {name}", *(a if a == b else f"{a} -> {b}" for a, b in cells))


def _table(rows: Sequence[tuple[str, ...]], right: set[int]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
