from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from striate.ops.blocked import winograd
from striate.ops.blocked.convolution import Source
from striate.ops.blocked.layout import Blocked, Place, Value, blocked
from striate.ops.blocked.program import run_tasks
from striate.ops.blocked.task import Task
from striate.ops.blocked.weight_gradient import Convolved
from striate.ops.codegen import Target

LEVELS = ("sse", "avx2", "avx512")
ABOVE = () if Target.host().level == "neon" else LEVELS[LEVELS.index(Target.host().level) + 1 :]
STEP = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
Buffers = dict[str, Any]


@pytest.fixture(params=["neon"] if Target.host().level == "neon" else LEVELS)
def target(request: pytest.FixtureRequest) -> Target:
    """The processors that this machine can stand for."""
    if request.param in ABOVE:
        pytest.skip(f"this processor does not run {request.param}")
    return Target.named(request.param)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut small tasks as if they were worth several threads."""
    monkeypatch.setattr("striate.ops.blocked.walk.SHARE", 2000)


@pytest.fixture
def run() -> Callable[..., None]:
    """Return what runs tasks on buffers: parts of their blocks, the last ones first."""

    def address(word: Any, buffers: Buffers) -> int:
        if isinstance(word, Place):
            return int(buffers[word.buffer].ctypes.data + 4 * word.offset)
        return int(word) if isinstance(word, int) else int(word.ctypes.data)

    def run(tasks: Task | Iterable[Task], buffers: Buffers) -> None:
        for task in [tasks] if isinstance(tasks, Task) else tasks:
            given = task.kernel.words(**task.words)
            words = np.array([address(word, buffers) for word in given], np.int64)
            scratch = np.full(task.scratch + 16, np.nan, np.float32)
            cuts = sorted({0, task.blocks // 3, task.blocks // 2 + 1, task.blocks})
            for begin, end in reversed(list(itertools.pairwise(cuts))):
                if end <= task.blocks:
                    step = STEP(task.kernel.address)
                    step(words.ctypes.data, begin, end, scratch.ctypes.data)

    return run


def inside(layout: Blocked) -> tuple[Any, ...]:
    edges = zip(layout.before, layout.spatial, strict=True)
    return tuple(slice(b, b + s) for b, s in edges)


def view(layout: Blocked, buffer: Any) -> Any:
    """Return the value's blocks with their padding: (N, blocks, *padded, lanes)."""
    whole = buffer.reshape(layout.batch, layout.all_blocks, *layout.padded, layout.lanes)
    return whole[:, layout.first_block : layout.first_block + layout.blocks]


@pytest.fixture
def put() -> Callable[[Blocked, Any], Any]:
    """Return a maker of buffers that hold an array: zeros around it, NaN in all other places."""

    def put(layout: Blocked, array: Any) -> Any:
        buffer = np.full(layout.size, np.nan, np.float32)
        blocks = view(layout, buffer)
        blocks[...] = 0
        spare = layout.blocks * layout.lanes - layout.channels
        filled = np.pad(
            array.astype(np.float32),
            [(0, 0), (0, spare)] + [(0, 0)] * len(layout.spatial),
            constant_values=np.nan,
        )
        shape = (layout.batch, layout.blocks, layout.lanes, *layout.spatial)
        blocks[(slice(None), slice(None), *inside(layout))] = np.moveaxis(
            filled.reshape(shape), 2, -1
        )
        return buffer

    return put


@pytest.fixture
def get() -> Callable[[Blocked, Any], Any]:
    """Return what takes a value out of its buffer, in NumPy's order."""

    def get(layout: Blocked, buffer: Any) -> Any:
        pixels = view(layout, buffer)[(slice(None), slice(None), *inside(layout))]
        channels = np.moveaxis(pixels, -1, 2).reshape(layout.batch, -1, *layout.spatial)
        return channels[:, : layout.channels]

    return get


@pytest.fixture
def edge() -> Callable[[Blocked, Any], Any]:
    """Return what takes the padding of a value out of its buffer."""

    def edge(layout: Blocked, buffer: Any) -> Any:
        blocks = view(layout, buffer)
        pad = np.ones(blocks.shape, bool)
        pad[(slice(None), slice(None), *inside(layout))] = False
        return blocks[pad]

    return edge


@pytest.fixture
def value() -> Callable[..., Value]:
    """Return a maker of values; `among` other blocks before and after its own."""

    def value(
        buffer: str,
        target: Target,
        shape: tuple[int, ...],
        before: int = 0,
        after: int = 0,
        among: tuple[int, int] = (0, 0),
    ) -> Value:
        rank = len(shape) - 2
        layout = blocked(shape, target.lanes, (before,) * rank, (after,) * rank)
        layout = layout._replace(first_block=among[0], all_blocks=sum(among) + layout.blocks)
        return Value(layout, buffer)

    return value


@pytest.fixture
def by_winograd(
    run: Callable[..., None],
    put: Callable[..., Any],
    get: Callable[..., Any],
    edge: Callable[..., Any],
) -> Callable[..., Any]:
    """Return Winograd's convolution of plain arrays, as large as x; lanes beyond C hold NaN."""

    def by_winograd(
        target: Target,
        forms: winograd.Forms,
        x: Any,
        weight: Any,
        bias: Any | None = None,
        residual: Any | None = None,
        low: float = -np.inf,
        high: float = np.inf,
        threads: int = 1,
        *,
        at_run_time: bool = False,
    ) -> Any:
        lanes, rank = target.lanes, x.ndim - 2
        reach = [(form.kernel - 1) * form.dilation for form in forms]
        pad = [(whole // 2, whole - whole // 2) for whole in reach]
        before, after = [p[0] + 2 for p in pad], [p[1] + 1 for p in pad]
        at = blocked(x.shape, lanes, tuple(before), tuple(after))
        source = Value(at._replace(first_block=1, all_blocks=at.blocks + 2), "x")
        at = blocked((len(x), len(weight), *x.shape[2:]), lanes, (1,) * rank, (1,) * rank)
        result = Value(at._replace(all_blocks=at.blocks + 2), "y")
        buffers = {"x": put(source.layout, x), "y": np.full(result.layout.size, 7, np.float32)}
        # What lies beyond the convolution's padding must not matter.
        outer = np.pad(np.zeros(np.add(x.shape[2:], reach)), [(2, 1)] * rank, constant_values=1)
        planes = buffers["x"].reshape(len(x), -1, *source.layout.padded, lanes)
        planes[:, :, outer == 1] = np.nan
        other = None
        if residual is not None:
            other = Value(blocked(residual.shape, lanes, (0,) * rank, (1,) * rank), "r")
            buffers["r"] = put(other.layout, residual)
        sizes = winograd.arena(target, forms, source.layout, result.layout)
        for name, size in zip("uq", sizes, strict=True):
            buffers[name] = np.full(size, np.nan, np.float32)
        if bias is not None:
            bias = np.pad(bias, (0, -len(bias) % lanes), constant_values=np.nan)
        packed: Any = winograd.pack(target, forms, weight)
        if at_run_time:
            packed = winograd.Unpacked(Place("weight"), weight.shape)
            buffers["weight"] = weight.astype(np.float32).ravel()
            size = winograd.portion(target, forms, source.layout, result.layout)
            buffers["w"] = np.full(size, np.nan, np.float32)
        tasks = winograd.tasks(
            target,
            forms,
            source,
            result,
            packed,
            bias,
            other,
            low,
            high,
            padding_before=tuple(p[0] for p in pad),
            buffers=("u", "q", "w"),
            threads=threads,
        )
        run(tasks, buffers)
        assert (edge(result.layout, buffers["y"]) == 7).all()
        return get(result.layout, buffers["y"])

    return by_winograd


@pytest.fixture
def weight_definition() -> Callable[..., Any]:
    """Return the definition of a convolution's gradient of weights, in float64."""

    def definition(
        x: Any, dy: Any, kernel: Any, strides: Any, dilations: Any, before: Any, groups: int = 1
    ) -> Any:
        """Return the gradient in float64; `x` gets as many zeros after it as are read."""
        reach = zip(dy.shape[2:], strides, kernel, dilations, before, x.shape[2:], strict=True)
        after = [max((o - 1) * s + (k - 1) * d + 1 - b - size, 0) for o, s, k, d, b, size in reach]
        wide = np.pad(x.astype(np.float64), [(0, 0), (0, 0), *zip(before, after, strict=True)])
        wide = wide.reshape(len(x), groups, -1, *wide.shape[2:])
        gradient = dy.astype(np.float64).reshape(len(dy), groups, -1, *dy.shape[2:])
        result = np.zeros((groups, gradient.shape[2], wide.shape[2], *kernel))
        for tap in itertools.product(*map(range, kernel)):
            cut = [
                slice(t * d, t * d + (o - 1) * s + 1, s)
                for t, d, o, s in zip(tap, dilations, dy.shape[2:], strides, strict=True)
            ]
            read = wide[(slice(None), slice(None), slice(None), *cut)]
            result[(..., *tap)] = np.einsum(
                "ngcp,ngmp->gmc",
                read.reshape(*read.shape[:3], -1),
                gradient.reshape(*gradient.shape[:3], -1),
                optimize=True,
            )
        return result.reshape(-1, *result.shape[2:])

    return definition


@pytest.fixture
def weights_by(put: Callable[..., Any], run: Callable[..., None]) -> Callable[..., Any]:
    """Return a method's gradient of weights; NaN lies in lanes and padding that do not count."""

    def weights_by(
        method: Callable[..., tuple[int, list[Task]]],
        target: Target,
        x: Any,
        dy: Any,
        kernel: Any,
        strides: Any,
        dilations: Any,
        before: Any,
        groups: int = 1,
        planar: bool = False,
        threads: int = 0,
    ) -> Any:
        lanes, rank = target.lanes, x.ndim - 2
        reach = zip(dy.shape[2:], strides, kernel, dilations, before, x.shape[2:], strict=True)
        after = tuple(max((o - 1) * s + (k - 1) * d + 1 - b - n, 0) for o, s, k, d, b, n in reach)
        buffers, source = {}, None
        if planar:
            wide = np.pad(x, [(0, 0), (0, 0), *zip(before, after, strict=True)])
            steps = [step // 4 for step in wide.strides]
            inset = sum(b * s for b, s in zip(before, steps[2:], strict=True))
            at = Place("x", inset)
            source = Source(at, steps[0], tuple(steps[2:]), steps[1], planar=True)
            buffers["x"] = wide.reshape(-1)
        else:
            layout = blocked(x.shape, lanes, tuple(before), after)
            source = Value(layout._replace(first_block=1, all_blocks=layout.blocks + 1), "x")
            buffers["x"] = put(source.layout, x)
        layout = blocked(dy.shape, lanes, (1,) * rank, (2,) * rank)
        result = Value(layout._replace(first_block=1, all_blocks=layout.blocks + 2), "dy")
        buffers["dy"] = put(result.layout, dy)
        pixels = buffers["dy"].reshape(len(dy), -1, *result.layout.padded, lanes)
        padding = np.ones(result.layout.padded, bool)
        padding[tuple(slice(1, -2) for _ in range(rank))] = False
        pixels[:, :, padding] = np.nan
        of = Convolved(source, x.shape[1], result, kernel, strides, dilations, before, groups)
        shape = (dy.shape[1], x.shape[1] // groups, *kernel)
        buffers["dw"] = np.full(np.prod(shape) + 5, 7, np.float32)
        size, tasks = method(target, of, Place("dw", 2), "sums")
        buffers["sums"] = np.full(size, np.nan, np.float32)
        if threads:
            run_tasks(tasks, buffers, threads, target)
        else:
            run(tasks, buffers)
        assert_array_equal(buffers["dw"][[0, 1, -1, -2, -3]], 7)
        return buffers["dw"][2:-3].reshape(shape)

    return weights_by
