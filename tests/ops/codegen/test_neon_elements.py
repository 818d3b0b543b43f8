"""Kernels of single elements, moves and norms for ARM, as LLVM compiles them anywhere; not run."""

from __future__ import annotations

import re
from collections.abc import Callable
from inspect import signature
from typing import Any

import numpy as np
import pytest

from striate.ops.blocked.channels_last import enter_last, leave_last
from striate.ops.blocked.functions import FUNCTIONS
from striate.ops.blocked.group_norm import channel_statistics, group_statistics
from striate.ops.blocked.layout import Place, Value, blocked
from striate.ops.blocked.mapping import Operand, map_plain
from striate.ops.blocked.moving import move
from striate.ops.blocked.normalizing import instance_norm, layer_norm, local_response
from striate.ops.blocked.products import products
from striate.ops.blocked.reducing import reduce_axis, reduce_rows
from striate.ops.blocked.resampling import resample
from striate.ops.blocked.softmax import softmax, softmax_of_channels
from striate.ops.codegen import Target

# A processor that no test runs on, so that nobody gets what is compiled here.
TARGET = Target.named("neon")._replace(cpu="cortex-a72")
ONES = np.ones(6, np.float32)


def value(buffer: str, *shape: int) -> Value:
    return Value(blocked(shape, TARGET.lanes), buffer)


def mapped(name: str) -> Any:
    others = len(signature(FUNCTIONS[name]).parameters) - 1
    numbers = [float(place + 1) for place in range(others)]
    operand = Operand(Place("x"), (1,))
    return map_plain(TARGET, (name, 0, *numbers), [operand], Place("y"), (50,))


X, Y = value("x", 1, 6, 9, 9), value("y", 1, 6, 9, 9)
STEPS: dict[str, Callable[[], Any]] = {
    **{name: lambda name=name: mapped(name) for name in FUNCTIONS},  # type: ignore[misc]
    "power": lambda: map_plain(
        TARGET, ("pow", 0, 0.75), [Operand(Place("x"), (1,))], Place("y"), (50,)
    ),
    "transpose": lambda: move(
        TARGET, (20, 30), Operand(Place("x"), (1, 20)), Operand(Place("y"), (30, 1))
    ),
    "to blocks": lambda: enter_last(TARGET, Place("x"), Y),
    "from blocks": lambda: leave_last(TARGET, X, Place("y")),
    "instance norm": lambda: instance_norm(TARGET, X, Y, ONES, ONES, 1e-5),
    "statistics of channels": lambda: channel_statistics.kernel(TARGET),
    "statistics of groups": lambda: group_statistics.kernel(TARGET),
    "products": lambda: products(TARGET, *map(Place, "xwy"), (9, 9, 9)),
    "turned products": lambda: products(TARGET, *map(Place, "xwy"), (9, 9, 9), turned=True),
    "layer norm": lambda: layer_norm(TARGET, Place("x"), (3, 6), Place("y"), ONES, None, 1e-5),
    "local response": lambda: local_response(TARGET, X, Y, 5, 1e-4, 0.75, 1.0),
    "any local response": lambda: local_response(TARGET, X, Y, 5, 1e-4, 0.6, 1.0),
    "sum": lambda: reduce_rows(TARGET, Place("x"), (3, 9), Place("y"), "sum"),
    "norm along an axis": lambda: reduce_axis(TARGET, Place("x"), (3, 9, 9), Place("y"), "norm"),
    "max of rows": lambda: reduce_rows(TARGET, Place("x"), (3, 9), Place("y"), "max"),
    "resample": lambda: resample(TARGET, X, Y, [np.eye(9), np.ones((9, 9))]),
    "short softmax": lambda: softmax(TARGET, Place("x"), (9, 2), Place("y")),
    "softmax of channels": lambda: softmax_of_channels(TARGET, X, Y),
}


@pytest.mark.parametrize("name", STEPS)
def test_steps_call_nothing_that_a_process_may_lack(compiled: dict[str, str], name: str) -> None:
    STEPS[name]()
    (assembly,) = compiled.values()
    assert ".4s" in assembly
    called = set(re.findall(r"^\tbl(?:r\tx\d+|\t(\w+))", assembly, re.MULTILINE))
    assert called <= {"memset"}
