"""Kernels for ARM as LLVM compiles them on any machine that it can do so on. They are not run."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from striate.geometry import Window
from striate.ops.blocked import (
    conversion,
    depthwise,
    depthwise_planes,
    elementwise,
    grouped,
    pooling,
    winograd,
)
from striate.ops.blocked.driver import run_function, work_function
from striate.ops.blocked.global_pooling import global_average
from striate.ops.blocked.joining import copy_to_channels
from striate.ops.blocked.layout import Place, Value, blocked
from striate.ops.blocked.linear import linear
from striate.ops.blocked.planes import plane_tile
from striate.ops.blocked.softmax import softmax
from striate.ops.blocked.tile import tile
from striate.ops.blocked.winograd_product import product
from striate.ops.codegen import Target

# A processor that no test runs on, so that nobody gets what is compiled here.
TARGET = Target.named("neon")._replace(cpu="cortex-a72")
INFINITY = float("inf")
NEAREST = Window.parse(3, padding=1, rank=2)


def instructions(assembly: str) -> list[str]:
    return re.findall(r"^\t([a-z][\w.]*)", assembly, re.MULTILINE)


def calls(assembly: str) -> set[str]:
    """Return the names of what is called; "" stands for addresses that the code computes."""
    return set(re.findall(r"^\tbl(?:r\tx\d+|\t(\w+))", assembly, re.MULTILINE))


def inner_loop(assembly: str) -> str:
    """Return the stretch without labels that has the most multiply-adds."""
    stretches = re.split(r"^\.L\w+:", assembly, flags=re.MULTILINE)
    return max(stretches, key=lambda stretch: stretch.count("\tfmla\t"))


def value(buffer: str, *shape: int, padding: int = 0) -> Value:
    sides = (padding,) * (len(shape) - 2)
    return Value(blocked(shape, TARGET.lanes, sides, sides), buffer)


@pytest.mark.parametrize(
    ("make", "rows", "vectors"),
    [
        (lambda: tile(TARGET, rows=12, vectors=2, step=4), 12, 2),
        (lambda: tile(TARGET, rows=1, vectors=1, step=8, out=2), 1, 1),
        (lambda: tile(TARGET, rows=6, vectors=4, step=1, planar=True), 6, 4),
        (lambda: plane_tile(6, TARGET, registers=4, stride=1, out=1, past=False), 6, 4),
        (lambda: plane_tile(3, TARGET, registers=2, stride=2, out=2, past=False), 3, 2),
        (lambda: product(TARGET, 12, 2, 1), 12, 2),
    ],
    ids=["tile", "tile of one", "planar tile", "planes", "planes apart", "Winograd's product"],
)
def test_microkernels_multiply_and_add_in_registers(
    compiled: dict[str, str], make: Callable[[], int], rows: int, vectors: int
) -> None:
    make()
    (assembly,) = compiled.values()
    assert instructions(assembly).count("fmla") == rows * vectors
    assert "fmul" not in instructions(assembly)
    assert not calls(assembly)
    loop = inner_loop(assembly)
    assert instructions(loop).count("fmla") == rows * vectors
    assert not re.search(r"^\tst[rp]\tq.*\[sp", loop, re.MULTILINE)  # no sum goes to the stack


STEPS = {
    "enter": lambda: conversion.enter(TARGET, Place("x"), (1, 6, 9, 9), value("y", 1, 6, 9, 9)),
    "leave": lambda: conversion.leave(TARGET, value("x", 1, 6, 9, 9), Place("y")),
    "border": lambda: conversion.border(TARGET, value("x", 1, 6, 9, 9, padding=1)),
    "pad": lambda: conversion.pad_planes(
        TARGET, Place("x"), (1, 6, 9, 9), (1, 1), (1, 1), Place("y")
    ),
    "join": lambda: copy_to_channels(TARGET, value("x", 1, 6, 9, 9), value("y", 1, 9, 9, 9), 2),
    "add": lambda: elementwise.add(
        *(TARGET, value("a", 1, 6, 9, 9), value("b", 1, 6, 9, 9), value("y", 1, 6, 9, 9)),
        *(0.0, INFINITY),
    ),
    "tanh": lambda: elementwise.tanh(TARGET, value("x", 1, 6, 9, 9), value("y", 1, 6, 9, 9)),
    "sigmoid": lambda: elementwise.sigmoid(TARGET, value("x", 1, 6, 9, 9), value("y", 1, 6, 9, 9)),
    "max pool": lambda: pooling.max_pool(
        TARGET, value("x", 1, 6, 9, 9, padding=1), value("y", 1, 6, 9, 9), NEAREST
    ),
    "average pool": lambda: pooling.average_pool(
        TARGET, value("x", 1, 6, 9, 9, padding=1), value("y", 1, 6, 9, 9), NEAREST
    ),
    "global average": lambda: global_average(TARGET, value("x", 1, 6, 9, 9), value("y", 1, 6)),
    "linear": lambda: linear(
        *(TARGET, Place("x"), 3, np.ones((5, 40), np.float32), None, Place("y")),
        *(-INFINITY, INFINITY),
    ),
    "softmax": lambda: softmax(TARGET, Place("x"), (2, 10), Place("y")),
    "depthwise": lambda: depthwise.depthwise(
        *(TARGET, value("x", 1, 6, 9, 9, padding=1), value("y", 1, 6, 9, 9)),
        depthwise.pack(TARGET, np.ones((6, 1, 3, 3)), None),
        *(NEAREST, -INFINITY, INFINITY),
    ),
    "depthwise in planes": lambda: depthwise_planes.depthwise_planes(
        *(TARGET, Place("x"), (1, 6, 9, 9), Place("y")),
        depthwise_planes.pack(np.ones((6, 1, 3, 3)), None),
        *(NEAREST, -INFINITY, INFINITY),
    ),
    "narrow groups": lambda: grouped.grouped(
        *(TARGET, value("x", 1, 8, 9, 9, padding=1), value("y", 1, 8, 9, 9)),
        grouped.pack(TARGET, np.ones((8, 2, 3, 3)), None, 4),
        *(NEAREST, -INFINITY, INFINITY),
    ),
}


@pytest.mark.parametrize("name", STEPS)
def test_steps_call_nothing_that_a_process_may_lack(compiled: dict[str, str], name: str) -> None:
    """LLVM makes `memset` of a loop that writes zeros; mathematics has to be the kernel's own."""
    STEPS[name]()
    (assembly,) = compiled.values()
    assert ".4s" in assembly
    assert calls(assembly) <= {"memset"}


@pytest.mark.parametrize("m", [2, 4, 6])
@pytest.mark.parametrize("channels", [8, 512])
def test_stages_of_winograd_call_their_product_alone(
    compiled: dict[str, str], m: int, channels: int
) -> None:
    forms, shape = winograd.square(m, 3, 2), (1, channels, 28, 28)
    winograd.tasks(
        *(TARGET, forms, value("x", *shape, padding=4), value("y", *shape, padding=1)),
        winograd.pack(TARGET, forms, np.ones((channels, channels, 3, 3), np.float32)),
        padding_before=(1, 1),
        buffers=("u", "q", "w"),
    )
    stages = {name: text for name, text in compiled.items() if name.startswith("winograd")}
    assert stages
    for assembly in stages.values():
        assert calls(assembly) <= {""}


def test_the_driver_calls_steps_by_their_addresses(compiled: dict[str, str]) -> None:
    run_function(TARGET)
    work_function(TARGET)
    assert set(compiled) == {"run()", "work()"}
    for assembly in compiled.values():
        assert calls(assembly) == {""}
        assert "yield" in instructions(assembly)  # while it waits
