"""Batch normalization in training, and its gradients (Ioffe and Szegedy 2015).

Statistics take one pass through memory: of some pixels at a time, which stay in the cache, the mean
is taken and then the squares of what is left of it; both are joined with those before (Chan, Golub
and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979):

``squares = squares1 + squares2 + (mean2 - mean1)^2 n1 n2 / (n1 + n2)``

Gates of a clipping after the normalization are found from x again, by the same operations.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, prod
from typing import Any

from striate.ops.blocked.channel_sums import CHAINS, PARTS, TwoSum, channel_map, parts_of
from striate.ops.blocked.expression import Expression
from striate.ops.blocked.lanes import first_lanes, load_first, store_first
from striate.ops.blocked.layout import Place, Value
from striate.ops.blocked.rows import row_of, stride_names
from striate.ops.blocked.task import Task, Word, bits
from striate.ops.blocked.walk import counted, cut_task, row_template, walk
from striate.ops.codegen import Index, Pointer, Target, Vector, Writer
from striate.ops.codegen.values import FLOAT

__all__ = ["batch_norm", "batch_norm_gradient", "batch_statistics"]

CHUNK = 256
"""Pixels that are gone through twice: 16 KiB of the widest registers."""


def batch_statistics(
    target: Target,
    source: Value,
    mean: Place,
    inverse: Place,
    running_mean: Place,
    running_variance: Place,
    partial: str,
    epsilon: float,
    momentum: float,
) -> list[Task]:
    """Return what writes the mean of each channel and 1 / sqrt(variance + epsilon).

    Parameters
    ----------
    mean, inverse : plain arrays (C,) that are written
    running_mean, running_variance : plain arrays (C,) that become momentum times themselves plus
        1 - momentum times the batch's, as ONNX has it: the variance is that of all n pixels, where
        PyTorch keeps n / (n - 1) times as much
    partial : a buffer of `partial_size(source, 2)` elements
    """
    layout, lanes = source.layout, source.layout.lanes
    parts = parts_of([layout])
    words: dict[str, Word] = {**parts.words({"x": layout}), "x": source.origin}
    work = 8 * layout.batch * layout.blocks * prod(layout.spatial) * lanes
    words |= {"partial": Place(partial)}
    rows = parts.parts * layout.blocks
    own = cut_task(part_statistics.kernel(target), words, rows, work)
    all_rows = prod(parts.sizes[:3])
    words = {"partial": Place(partial), "mean": mean, "inverse": inverse}
    words |= {"x": source.origin, "x_plane": layout.plane}
    words |= {"running_mean": running_mean, "running_variance": running_variance}
    words |= {"parts": parts.parts, "blocks": layout.blocks, "channels": layout.channels}
    words |= {"part_pixels": parts.each * parts.sizes[3], "pixels": all_rows * parts.sizes[3]}
    words |= {"epsilon": bits(epsilon)}
    words |= {"keep": bits(momentum), "take": bits(1 - momentum)}
    work = 12 * parts.parts * layout.blocks * lanes
    return [own, cut_task(joined_statistics.kernel(target), words, layout.blocks, work)]


def batch_norm(
    target: Target,
    source: Value,
    result: Value,
    scale: Place,
    bias: Place,
    mean: Place,
    inverse: Place,
    low: float = -inf,
    high: float = inf,
) -> Task:
    """Return what writes (x - mean) inverse scale + bias, moved into [low, high].

    All numbers are plain arrays (C,), mean and inverse those that `batch_statistics` writes.
    """
    y: Expression = _normalized(0, 1)
    if (low, high) != (-inf, inf):
        y = ("clip", y, float(low), float(high))
    (task,) = channel_map(target, y, [source], [mean, inverse, scale, bias], result)
    return task


def batch_norm_gradient(
    target: Target,
    dy: Value,
    source: Value,
    dx: Value,
    scale: Place,
    bias: Place,
    mean: Place,
    inverse: Place,
    dscale: Place,
    dbias: Place,
    partial: str,
    low: float = -inf,
    high: float = inf,
    residual: Value | None = None,
) -> list[Task]:
    """Return what writes the gradients of `batch_norm` after `batch_statistics`.

    Parameters
    ----------
    dy : the gradient of the result, after its bounds
    source : x, as the forward pass had it; the result y is not needed
    dx : gets the gradient of x, plus the residual if there is one; it may be dy or the residual
    dscale, dbias : plain arrays (C,) that are written
    partial : a buffer of `partial_size(source, 2)` elements
    """
    numbers = [mean, inverse, scale, bias]
    bounds = float(low), float(high)
    dz, normal = _gated(2, bounds), _normal(1, 2)
    sums = [(dz, dbias), (("mul", dz, normal), dscale)]
    tasks = channel_map(target, None, [dy, source], numbers, None, sums, partial)
    values = [dy, source] if residual is None else [dy, source, residual]
    first = len(values)
    dz, normal = _gated(first, bounds), _normal(1, first)
    share = 1 / (source.layout.batch * prod(source.layout.spatial))
    left: Expression = ("sub", dz, ("mul", first + 4, share))
    left = ("sub", left, ("mul", normal, ("mul", first + 5, share)))
    found: Expression = ("mul", ("mul", first + 1, first + 2), left)
    if residual is not None:
        found = ("add", found, 2)
    return tasks + channel_map(target, found, values, [*numbers, dbias, dscale], dx)


def _normal(x: int, first: int) -> Expression:
    """Return x less its mean, in deviations; `first` is the operand that the mean is."""
    return ("mul", ("sub", x, first), first + 1)


def _normalized(x: int, first: int) -> Expression:
    """Return that scaled and shifted."""
    return ("multiply_add", ("sub", x, first), ("mul", first + 1, first + 2), first + 3)


def _gated(first: int, bounds: tuple[float, float]) -> Expression:
    """Return dy (operand 0) where the result from x (operand 1) lies within the bounds."""
    if bounds == (-inf, inf):
        return 0
    return ("gate", 0, _normalized(1, first), *bounds)


class _Joined:
    """The mean and the squares of pixels in the making."""

    def __init__(self, w: Writer) -> None:
        self.w = w
        self.count, self.mean, self.squares = (w.variable(w.constant(0.0)) for _ in range(3))

    def join(self, count: Vector, mean: Vector, squares: Vector) -> None:
        """Join those of other pixels."""
        before, own = self.count.get(), self.mean.get()
        whole = before + count
        share, off = count / whole, mean - own
        self.count.set(whole)
        self.mean.set(own + off * share)
        self.squares.set(self.squares.get() + squares + (off * off) * (before * share))


def _number(w: Writer, count: Index) -> Vector:
    """Return an integer as float32, in all lanes."""
    return w.spread(w.builder.sitofp(count.value, FLOAT))


def _total(
    w: Writer, row: Pointer, first: Index, stop: Index, taken: Callable[[Vector], Vector]
) -> Vector:
    """Return the sum over pixels of what is taken of each."""
    sums = [w.variable(w.constant(0.0)) for _ in range(CHAINS)]
    whole = first + (stop - first) // CHAINS * CHAINS
    with w.loop(first, whole, CHAINS) as pixel:
        for number, total in enumerate(sums):
            total.set(total.get() + taken(row.load((pixel + number) * w.lanes)))
    with w.loop(whole, stop) as pixel:
        sums[0].set(sums[0].get() + taken(row.load(pixel * w.lanes)))
    one, two, three, four = (total.get() for total in sums)
    both: Vector = (one + two) + (three + four)
    return both


@row_template(*PARTS, "x", *stride_names("x"), "partial")
def part_statistics(w: Writer, a: Any) -> None:
    """Write the sums of parts, and the squares of what is left of their means.

    All is less the first pixel, which is nearer to the mean than 0 where means are large.
    """
    with walk(w, a, (a.parts, a.blocks)) as (part, b):
        total, joined = TwoSum(w), _Joined(w)
        shift = (w.pointer(a.x) + b * a.x_plane).load()

        def near(x: Vector, shift: Vector = shift) -> Vector:
            return x - shift

        begin = part * a.each
        end = (begin + a.each).least(a.batch * a.slices * a.rows)
        with counted(w, begin, end, (a.batch, a.slices, a.rows)) as (n, d, h):
            row = row_of(w, a, "x", (n, b, d, h))
            with w.loop(0, a.width, CHUNK) as first:
                stop = (first + CHUNK).least(a.width)
                count = _number(w, stop - first)
                whole = _total(w, row, first, stop, near)
                mean = whole / count

                def square(x: Vector, shift: Vector = shift, mean: Vector = mean) -> Vector:
                    left = (x - shift) - mean
                    return left * left

                total.add(whole)
                joined.join(count, mean, _total(w, row, first, stop, square))
        at = (part * a.blocks + b) * w.lanes
        w.pointer(a.partial).store(total.result(), at)
        w.pointer(a.partial).store(joined.squares.get(), at + a.parts * a.blocks * w.lanes)


@row_template(
    *("x", "x_plane", "partial", "mean", "inverse", "running_mean", "running_variance"),
    *("parts", "blocks", "channels", "part_pixels", "pixels", "epsilon", "keep", "take"),
)
def joined_statistics(w: Writer, a: Any) -> None:
    """Write the statistics of blocks of channels."""
    with walk(w, a, (a.blocks,)) as (b,):
        mask = first_lanes(w, a.channels - b * w.lanes)
        sums = w.pointer(a.partial) + b * w.lanes
        squares = sums + a.parts * a.blocks * w.lanes
        total, joined = TwoSum(w), _Joined(w)
        with w.loop(0, a.parts) as part:
            at = part * a.blocks * w.lanes
            count = _number(w, (a.pixels - part * a.part_pixels).least(a.part_pixels))
            total.add(sums.load(at))
            joined.join(count, sums.load(at) / count, squares.load(at))
        shift = (w.pointer(a.x) + b * a.x_plane).load()
        mean = shift + total.result() / joined.count.get()
        variance = joined.squares.get() / joined.count.get()
        deviation = w.intrinsic("llvm.sqrt", variance + w.float_of(a.epsilon))
        found = {"mean": mean, "inverse": w.constant(1.0) / deviation}
        keep, take = w.float_of(a.keep), w.float_of(a.take)
        for name, new in (("mean", mean), ("variance", variance)):
            running = w.pointer(getattr(a, f"running_{name}")) + b * w.lanes
            old = load_first(w, running, mask)
            found[f"running_{name}"] = old * keep + new * take
        for name, vector in found.items():
            store_first(w, w.pointer(getattr(a, name)) + b * w.lanes, vector, mask)
