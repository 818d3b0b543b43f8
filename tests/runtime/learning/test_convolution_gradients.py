"""Gradients of convolutions that learn in machine code: against PyTorch and differences.

The input's gradient is shown nowhere. A convolution before each shows it: its weights learn
from what comes back.
"""

from __future__ import annotations

import pytest

from striate.network import Builder, Network
from striate.network import operators as op

LOSSES = ("squared", "cross-entropy")


def headed(b, x):
    """Return the network with five scores."""
    x = b.add(op.GlobalAveragePool(), b.conv(x, "head", channels=5, kernel=1), name="means")
    return Network(b.graph(b.add(op.Flatten(), x, name="scores")))


def started(shape, channels=9):
    """Return a builder and a value that was learnt, of so many channels."""
    b = Builder("net", (None, *shape))
    return b, b.conv(b.input, "first", channels=channels, kernel=1)


def first(shape=(3, 9, 8), channels=11, **how):
    b = Builder("net", (None, *shape))
    return headed(b, b.conv(b.input, "conv", channels=channels, **how))


def inner(spatial=(9, 8), before=9, channels=11, **how):
    b, x = started((2, *spatial), before)
    return headed(b, b.conv(x, "conv", channels=channels, **how))


TABLE = tuple(tuple(sorted({n % 9, (n + 2) % 9, (3 * n + 5) % 9 or 4})) for n in range(11))
TABLE = tuple(seen if len(seen) == 3 else (0, 3, 7) for seen in TABLE)

CONVOLUTIONS = {
    "3x3": {"kernel": 3, "padding": 1},
    "3x3, no padding, no bias": {"kernel": 3, "bias": False},
    "1x1": {"kernel": 1},
    "strides": {"kernel": 3, "stride": (2, 1), "padding": (1, 0)},
    "strides beyond the kernel": {"kernel": 1, "stride": 2},
    "strides that leave some": {"kernel": 2, "stride": 3},
    "uneven sides": {"kernel": (4, 2), "padding": ((2, 0), (0, 1))},
    "more than full padding": {"kernel": 2, "padding": ((2, 3), (1, 2))},
    "full padding": {"kernel": 3, "padding": "full"},
    "dilation": {"kernel": 3, "dilation": 2, "padding": 2},
    "dilation and strides": {"kernel": 2, "dilation": (3, 2), "stride": 2, "padding": "same"},
    "a bias for each unit": {"kernel": 3, "stride": 2, "bias_per_unit": True},
    "5x5": {"kernel": 5, "padding": 2},
    "all of it": {"kernel": (9, 8)},
}


GROUPS = {
    "depthwise": inner(channels=9, groups=9, kernel=3, padding=1),
    "depthwise, strides": inner(channels=9, groups=9, kernel=3, stride=2, padding="same"),
    "depthwise, dilation": inner(
        channels=9, groups=9, kernel=(3, 2), dilation=2, padding=((2, 1), (0, 2)), bias=False
    ),
    "depthwise, first": first((5, 9, 8), channels=5, groups=5, kernel=3, stride=(1, 2)),
    "depthwise, one axis": inner((17,), channels=9, groups=9, kernel=5, stride=2, padding=2),
    "depthwise, three axes": inner((4, 5, 4), channels=9, groups=9, kernel=2, padding=1),
    "groups": inner(before=32, channels=64, groups=2, kernel=3, padding=1),
    "groups, strides": inner(before=48, channels=48, groups=3, kernel=3, stride=2),
    "table": inner(table=TABLE, kernel=3),
    "table, strides": inner(table=TABLE, kernel=5, stride=2, padding=2, bias_per_unit=True),
    "table, first": first((9, 7, 8), table=TABLE, kernel=3),
    "one axis": inner((19,), kernel=4, stride=2, padding="same"),
    "one axis, first": first((2, 19), kernel=5, dilation=2),
    "three axes": inner((4, 5, 6), kernel=(1, 3, 2), stride=(1, 2, 1), padding=(0, 1, 1)),
    "three axes, first": first((2, 4, 5, 6), kernel=3, padding=1),
}
ALL = {
    **{f"{name}, first": first(**how) for name, how in CONVOLUTIONS.items()},
    **{f"{name}, inner": inner(**how) for name, how in CONVOLUTIONS.items()},
    **GROUPS,
}


@pytest.mark.parametrize(
    ("name", "loss"), [(name, LOSSES[place % 2]) for place, name in enumerate(ALL)]
)
def test_gradients(name, loss, lively, examples, check_gradients):
    network = lively(ALL[name], 1)
    check_gradients(network, *examples(network, 3), loss)
