"""Which elements of an input can change an element of a value: exact, edges included.

Elements are kept as boxes: a set of indices for each axis, whose products they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from math import prod

from striate.errors import ParameterError, UnknownNameError, explained
from striate.network.graph import Constant, Graph, Node, Shape
from striate.network.seeing.cutting import Factors, cut
from striate.network.seeing.fields import look, source_of
from striate.network.seeing.paths import taps_inside
from striate.network.seeing.steps import Move, Regroup, Slide, Step
from striate.network.seeing.table import READINGS, reading, use_of

__all__ = ["Box", "reach", "reached"]

Box = tuple[frozenset[int], ...]
"""Indices along each axis of a value: the elements are their product."""


def reach(
    graph: Graph,
    shapes: Mapping[str, Shape],
    value: str,
    index: Sequence[int],
    *,
    source: str | None = None,
) -> tuple[tuple[int, ...], ...]:
    """Return the input positions that can change an element of `value`: exact, edges included.

    Parameters
    ----------
    graph : Graph
        A settled one.
    shapes : mapping of name to Shape
        As `infer_shapes` returns them.
    value : str
    index : sequence of int
        The element's position along every axis, or along all but the first two, which then stands
        for all examples and channels: () for all features of a value (N, features).
    source : str, optional
        The input to look at; the first by default.

    Returns
    -------
    tuple of tuples of int
        For each spatial axis of the input, the sorted indices from which some path leads to the
        element. Padding, floor, dilation's holes and strides that skip are all respected.

    Raises
    ------
    UnknownNameError
        If the graph has no such value.
    ParameterError
        If the index lies outside the value, or an operator does not tell what it reads.

    Examples
    --------
    >>> from striate.network.builder import Builder
    >>> from striate.network.inference import infer_shapes
    >>> b = Builder("dilated", (1, 1, 9))
    >>> graph = b.graph(b.conv(b.input, "conv", channels=1, kernel=3, dilation=2, padding=2))
    >>> reach(graph, infer_shapes(graph), "conv", [1])
    ((1, 3),)
    """
    boxes = reached(graph, shapes, value, index, source=source)
    axes = look(graph, shapes, source).axes
    return tuple(tuple(sorted(set().union(*(box[axis] for box in boxes)))) for axis in axes)


def reached(
    graph: Graph,
    shapes: Mapping[str, Shape],
    value: str,
    index: Sequence[int],
    *,
    source: str | None = None,
) -> tuple[Box, ...]:
    """Return the elements of an input that can change an element of `value`, as boxes.

    As `reach`, which see, but along all axes of the input, examples and channels included.

    Examples
    --------
    A grouped convolution reads its own channels:

    >>> from striate.network.builder import Builder
    >>> from striate.network.inference import infer_shapes
    >>> b = Builder("grouped", (1, 4, 9))
    >>> graph = b.graph(b.conv(b.input, "conv", channels=2, kernel=2, groups=2))
    >>> reached(graph, infer_shapes(graph), "conv", [0, 1, 5])
    ((frozenset({0}), frozenset({2, 3}), frozenset({5, 6})),)
    """
    place = _checked(graph, shapes, value, index)
    start = source_of(graph, source)
    fed = _fed_by(graph, start)
    constants = {constant.name: constant for constant in graph.constants}
    asked: dict[str, list[Box]] = {value: [place]}
    for node in reversed(graph.nodes):
        for made, name in enumerate(node.outputs):
            for box in asked.pop(name, []) if name in fed else []:
                for input_name, found in _read(graph.name, node, made, box, shapes, constants, fed):
                    asked[input_name] = _with(asked.get(input_name, []), found)
    return tuple(asked.get(start, []))


def _checked(graph: Graph, shapes: Mapping[str, Shape], value: str, index: Sequence[int]) -> Box:
    """Return the box of an index, along all axes."""
    if value not in shapes:
        with explained(graph.name):
            raise UnknownNameError.of("value", value, shapes)
    shape = shapes[value]
    left_out = len(shape) - len(index)
    sizes = shape[left_out:]
    if left_out not in (0, min(2, len(shape))) or any(
        not 0 <= i < n for i, n in zip(index, sizes, strict=False)
    ):
        raise ParameterError(
            f"{graph.name}: index {tuple(index)} must lie within {value!r}, whose spatial axes "
            f"are {shape[2:]}"
        )
    return (*map(_all, shape[:left_out]), *(frozenset({i}) for i in index))


def _all(size: int) -> frozenset[int]:
    return frozenset(range(size))


def _fed_by(graph: Graph, value: str) -> set[str]:
    """Return the values that depend on this one, itself included."""
    fed = {value}
    for node in graph.nodes:
        if not fed.isdisjoint(node.inputs):
            fed.update(node.outputs)
    return fed


def _read(
    graph: str,
    node: Node,
    made: int,
    box: Box,
    shapes: Mapping[str, Shape],
    constants: Mapping[str, Constant],
    fed: set[str],
) -> Iterable[tuple[str, Box]]:
    """Yield the boxes that a node reads of each of its inputs, for a box of an output."""
    for place, name in enumerate(node.inputs):
        if name not in fed:
            continue
        if node.operator.onnx not in READINGS:
            raise ParameterError(
                f"{graph}: {node.name} ({node.operator.onnx}) does not tell what it reads: "
                "ask for a value before it"
            )
        with explained(f"{graph}: {node.name} ({node.operator.onnx})"):
            steps = reading(use_of(node, shapes, constants, place, made))
        if steps is None:
            continue
        for found in _back(box, steps, shapes[name]):
            if all(found):  # else it reads nothing but padding
                yield name, found


def _back(box: Box, steps: Sequence[Step], shape: Shape) -> list[Box]:
    """Return the boxes of a value of a shape that these steps make a box of."""
    before = [shape]
    for step in steps:
        before.append(_after(before[-1], step))
    boxes = [box]
    for step, inner, outer in zip(reversed(steps), before[-2::-1], before[:0:-1], strict=True):
        boxes = [one for other in boxes for one in _undone(other, step, inner, outer)]
    return boxes


def _after(shape: Shape, step: Step) -> Shape:
    return tuple(shape[axis] for axis in step.order) if isinstance(step, Move) else step.shape


def _undone(box: Box, step: Step, shape: Shape, after: Shape) -> list[Box]:
    if isinstance(step, Move):
        home = {old: axis for axis, old in enumerate(step.order)}
        return [tuple(box[home[axis]] for axis in range(len(shape)))]
    if isinstance(step, Regroup):
        return _regrouped(box, after, shape)
    return [_slid(box, step, shape)]


def _slid(box: Box, step: Slide, shape: Shape) -> Box:
    if any(not some for some in box):
        return tuple(frozenset() for _ in shape)
    found: list[frozenset[int]] = []
    for link, size in zip(step.links, shape, strict=True):
        if link.axis is None:
            found.append(_all(size))
        elif link.along is None:
            found.append(box[link.axis])
        else:
            taps = (taps_inside(link.along, output, size) for output in box[link.axis])
            found.append(frozenset().union(*taps))
    return tuple(found)


def _regrouped(box: Box, shape: Shape, other: Shape) -> list[Box]:
    """Return the boxes of the same elements in another shape."""
    if len(box) == 0 or all(len(some) == size for some, size in zip(box, shape, strict=True)):
        return [tuple(map(_all, other))]
    made = cut(tuple((size,) for size in other), (), shape, _bounds(other))
    factors, again = (made[0] if made else ()), _factored(other, _bounds(shape))
    flat = [size for sizes in factors for size in sizes if size > 1]
    if flat != [size for sizes in again for size in sizes if size > 1]:
        return _one_by_one(box, shape, other)
    parts = [_digits(some, sizes) for some, sizes in zip(box, factors, strict=True)]
    return [_assembled([one for way in ways for one in way], again) for ways in product(*parts)]


def _bounds(shape: Shape) -> list[int]:
    return [prod(shape[axis:]) for axis in range(len(shape))]


def _factored(shape: Shape, bounds: Sequence[int]) -> Factors:
    made = cut(tuple((size,) for size in shape), (), shape, bounds)
    return made[0] if made else ()


def _digits(some: frozenset[int], sizes: tuple[int, ...]) -> list[Box]:
    """Return the boxes of digits in factors of these sizes that make these indices."""
    sizes = tuple(size for size in sizes if size > 1)
    if len(some) == prod(sizes):
        return [tuple(map(_all, sizes))]
    if len(sizes) < 2:
        return [(some,) * len(sizes)]
    inner = prod(sizes[1:])
    rows: dict[int, set[int]] = {}
    for index in some:
        rows.setdefault(index // inner, set()).add(index % inner)
    alike: dict[frozenset[int], set[int]] = {}
    for digit, rest in rows.items():
        alike.setdefault(frozenset(rest), set()).add(digit)
    return [
        (frozenset(digits), *box)
        for rest, digits in alike.items()
        for box in _digits(rest, sizes[1:])
    ]


def _assembled(digits: Sequence[frozenset[int]], factors: Factors) -> Box:
    """Return the box of indices that digits make, in axes of these factors."""
    left, box = list(digits), []
    for sizes in factors:
        real = [size for size in sizes if size > 1]
        mine, left = left[: len(real)], left[len(real) :]
        if all(len(some) == size for some, size in zip(mine, real, strict=True)):
            box.append(_all(prod(real)))
            continue
        indices = [0]
        for some, size in zip(mine, real, strict=True):
            indices = [index * size + digit for index in indices for digit in some]
        box.append(frozenset(indices))
    return tuple(box)


def _one_by_one(box: Box, shape: Shape, other: Shape) -> list[Box]:
    """Return the boxes of the same elements where the two shapes share no cuts."""
    inner = [*_bounds(shape)[1:], 1]
    flat = [0]
    for some, step in zip(box, inner, strict=True):
        flat = [index + step * i for index in flat for i in some]
    real = [axis for axis, size in enumerate(other) if size > 1]
    boxes = []
    for digits in _digits(frozenset(flat), other):
        axes = dict(zip(real, digits, strict=True))
        boxes.append(tuple(axes.get(axis, _all(1)) for axis in range(len(other))))
    return boxes


def _with(boxes: Sequence[Box], box: Box) -> list[Box]:
    """Return few boxes that cover what these and one more cover.

    Two paths may read boxes whose union is none, so that one set for each axis would not be exact
    behind a window that then sees padding.
    """
    kept = []
    for other in boxes:
        differing = sum(one != two for one, two in zip(box, other, strict=True))
        if differing <= 1 or all(one <= two for one, two in zip(other, box, strict=True)):
            box = tuple(one | two for one, two in zip(box, other, strict=True))
        elif all(one <= two for one, two in zip(box, other, strict=True)):
            return list(boxes)
        else:
            kept.append(other)
    return [*kept, box]
