from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest

from striate.ops.blocked import winograd
from striate.ops.blocked.layout import Blocked, Place, Value, blocked
from striate.ops.blocked.task import Task
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
        tasks = winograd.tasks(
            target,
            forms,
            source,
            result,
            winograd.pack(target, forms, weight),
            bias,
            other,
            low,
            high,
            padding_before=tuple(p[0] for p in pad),
            buffers=("u", "q"),
            threads=threads,
        )
        run(tasks, buffers)
        assert (edge(result.layout, buffers["y"]) == 7).all()
        return get(result.layout, buffers["y"])

    return by_winograd
