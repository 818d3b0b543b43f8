"""Losses of rows of outputs: of each example, whether it is a hit, and the gradient of the mean.

Labels are int64 numbers in a buffer of their own: word n of it belongs to row n. As offsets count
float32 elements, row n begins at ``Place(buffer, 2 * n)``.
"""

from __future__ import annotations

from math import inf, nan
from typing import Any

from striate.ops.blocked.exponential import exponential
from striate.ops.blocked.lanes import (
    choose_lanes,
    first_lanes,
    load_first,
    maximum,
    maximum_of_lanes,
    store_first,
    sum_lanes,
)
from striate.ops.blocked.layout import Place
from striate.ops.blocked.logarithm import logarithm
from striate.ops.blocked.task import Task, Word, bits
from striate.ops.blocked.walk import cut_task, row_template, span, within
from striate.ops.codegen import Index, Pointer, Target, Vector, Writer
from striate.ops.codegen.values import FLOAT, I32, ir

__all__ = ["cross_entropy", "squared_error"]


def cross_entropy(
    target: Target,
    scores: Place,
    shape: tuple[int, int],
    labels: Place,
    losses: Place,
    hits: Place,
    gradient: Place,
) -> Task:
    """Return what writes log(sum of exp(x)) - x[label] of each row, and its gradient.

    Parameters
    ----------
    scores : rows (N, K)
    labels : N int64 numbers; a label that is none of 0 ... K - 1 makes its loss NaN
    losses : (N,), not finite where a score is not, unless that is -inf and not the label's
    hits : (N,), 1 where the label's score is the largest and the first of those equal, else 0
    gradient : (N, K), softmax less 1 at the label, over N; it may be `scores`
    """
    return _task(target, "cross-entropy", scores, shape, labels, (losses, hits, gradient))


def squared_error(
    target: Target,
    scores: Place,
    shape: tuple[int, int],
    labels: Place,
    losses: Place,
    hits: Place,
    gradient: Place,
) -> Task:
    """Return what writes half the sum of squares of x - t of each row, and its gradient.

    t is 1 for the label and -1 for others; see `cross_entropy` for the rest. The gradient is
    (x - t) / N, that of the mean of the batch.
    """
    return _task(target, "squared", scores, shape, labels, (losses, hits, gradient))


def _task(
    target: Target,
    kind: str,
    scores: Place,
    shape: tuple[int, int],
    labels: Place,
    results: tuple[Place, Place, Place],
) -> Task:
    rows, size = shape
    words: dict[str, Word] = {"x": scores, "labels": labels, "size": size}
    words |= dict(zip(("losses", "hits", "gradient"), results, strict=True))
    words |= {"scale": bits(1 / rows)}
    return cut_task(loss_rows.kernel(target, kind=kind), words, rows, 20 * rows * size)


@row_template("x", "labels", "size", "losses", "hits", "gradient", "scale")
def loss_rows(w: Writer, a: Any, kind: str) -> None:
    """Write the losses of rows."""
    scale = w.float_of(a.scale)
    labels = w.pointer(a.labels)
    begin, end = span(w, a)
    with w.loop(begin, end) as n:
        x, gradient = (w.pointer(each) + n * a.size for each in (a.x, a.gradient))
        given = w.word(labels, n)
        known = within(w, given, a.size)
        label = given * known
        own = x.broadcast(label)
        top = _largest(w, x, a.size)
        hit = _hit(w, x, label, own, top, known)
        if kind == "squared":
            loss = _squares(w, x, gradient, a.size, label, scale)
        else:
            total = _powers(w, x, gradient, a.size, top)
            loss = logarithm(total) + (top - own)
            _shares(w, gradient, a.size, label, scale / total, scale)
        numbers = w.builder.fcmp_ordered("ord", loss.value, loss.value)
        loss = choose_lanes(_all_lanes(w, known), loss, w.constant(nan))
        (w.pointer(a.losses) + n).put_scalar(loss.lane(0))
        hit = choose_lanes(numbers, hit, w.constant(0.0))
        (w.pointer(a.hits) + n).put_scalar(hit.lane(0))


def _all_lanes(w: Writer, flag: Index) -> Any:
    """Return the mask of all lanes or of none."""
    return first_lanes(w, flag * w.lanes)


def _lane_of(w: Writer, place: Index) -> Any:
    """Return the mask of the lane at a place, if there is one; numbers of 31 bits."""
    kind = ir.VectorType(I32, w.lanes)
    number = w.builder.trunc(place.value, I32)
    spread = w.spread(w.builder.bitcast(number, FLOAT))
    lanes = ir.Constant(kind, list(range(w.lanes)))
    return w.builder.icmp_signed("==", w.builder.bitcast(spread.value, kind), lanes)


def _largest(w: Writer, x: Pointer, size: Index) -> Vector:
    """Return the largest of some elements, in all lanes, leaving NaN out."""
    whole = size // w.lanes * w.lanes
    rest = load_first(w, x + whole, first_lanes(w, size - whole), -inf)
    largest = w.variable(maximum(rest, w.constant(-inf)))
    with w.loop(0, whole, w.lanes) as i:
        largest.set(maximum(x.load(i), largest.get()))
    return maximum_of_lanes(largest.get())


def _hit(w: Writer, x: Pointer, label: Index, own: Vector, top: Vector, known: Index) -> Vector:
    """Return 1 if the label's element is the largest, and larger than those before it."""
    before = _largest(w, x, label)
    earlier = w.builder.fcmp_ordered("<", before.value, own.value)
    first = w.builder.or_(earlier, _all_lanes(w, w.choose(label.equals(0), 1, 0)))
    equal = w.builder.fcmp_ordered("==", own.value, top.value)
    found = w.builder.and_(w.builder.and_(first, equal), _all_lanes(w, known))
    return choose_lanes(found, w.constant(1.0), w.constant(0.0))


def _powers(w: Writer, x: Pointer, y: Pointer, size: Index, top: Vector) -> Vector:
    """Write exp(x - top), and return their sum."""
    whole = size // w.lanes * w.lanes
    mask = first_lanes(w, size - whole)
    rest = exponential(load_first(w, x + whole, mask) - top)
    total = w.variable(choose_lanes(mask, rest, w.constant(0.0)))
    store_first(w, y + whole, rest, mask)
    with w.loop(0, whole, w.lanes) as i:
        power = exponential(x.load(i) - top)
        y.store(power, i)
        total.set(total.get() + power)
    return sum_lanes(total.get())


def _shares(w: Writer, y: Pointer, size: Index, label: Index, share: Vector, scale: Vector) -> None:
    """Multiply what is written by a share, and take the scale from the label's."""
    whole = size // w.lanes * w.lanes
    nothing = w.constant(0.0)

    def left(vector: Vector, first: Index) -> Vector:
        return vector * share - choose_lanes(_lane_of(w, label - first), scale, nothing)

    with w.loop(0, whole, w.lanes) as i:
        y.store(left(y.load(i), i), i)
    mask = first_lanes(w, size - whole)
    store_first(w, y + whole, left(load_first(w, y + whole, mask), whole), mask)


def _squares(w: Writer, x: Pointer, y: Pointer, size: Index, label: Index, scale: Vector) -> Vector:
    """Write what is left of the targets times the scale, and return half the sum of squares."""
    one, off = w.constant(1.0), w.constant(-1.0)
    whole = size // w.lanes * w.lanes

    def left(vector: Vector, first: Index) -> Vector:
        return vector - choose_lanes(_lane_of(w, label - first), one, off)

    mask = first_lanes(w, size - whole)
    rest = choose_lanes(mask, left(load_first(w, x + whole, mask), whole), w.constant(0.0))
    total = w.variable(rest * rest)
    store_first(w, y + whole, rest * scale, mask)
    with w.loop(0, whole, w.lanes) as i:
        each = left(x.load(i), i)
        y.store(each * scale, i)
        total.set(each.multiply_add(each, total.get()))
    return sum_lanes(total.get()) * 0.5
