"""Inception v2, v3 and v4 as TF-Slim defines them, against published receptive fields and costs.

Szegedy et al., arXiv:1512.00567 (v2, v3) and arXiv:1602.07261 (v4); the numbers are those of
Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill
2019, and its table in google-research/receptive_field, for a 224 input. Their kernels of 1x7 and
7x1 make the axes differ within a branch, and every module joins paths of different sizes.
"""

import pytest

from striate.network import Builder, inspect
from striate.network.operators import Concat

# A network is a sequence of steps; a step is a convolution (channels, kernel[, stride]), a pooling
# ("max" | "mean", stride) of 3x3, or a list of branches, each a sequence, whose maps are joined.
# A stride of 0 means 1 without padding.


def module(one, three, double, pooled, pool="mean"):
    """Return v2's module: 1x1, 3x3, two 3x3 and pooling."""
    return [
        [(one, 1)],
        [(three[0], 1), (three[1], 3)],
        [(double[0], 1), (double[1], 3), (double[1], 3)],
        [(pool, 1), (pooled, 1)],
    ]


def reduction(three, double):
    """Return v2's module that halves."""
    return [
        [(three[0], 1), (three[1], 3, 2)],
        [(double[0], 1), (double[1], 3), (double[1], 3, 2)],
        [("max", 2)],
    ]


V2 = [
    *[("depthwise", 8, 7, 2), (64, 1), ("max", 2), (64, 1), (192, 3), ("max", 2)],
    module(64, (64, 64), (64, 96), 32),
    module(64, (64, 96), (64, 96), 64),
    reduction((128, 160), (64, 96)),
    module(224, (64, 96), (96, 128), 128),
    module(192, (96, 128), (96, 128), 128),
    module(160, (128, 160), (128, 160), 96),
    module(96, (128, 192), (160, 192), 96),
    reduction((128, 192), (192, 256)),
    module(352, (192, 320), (160, 224), 128),
    module(352, (192, 320), (192, 224), 128, pool="max"),
]


def sevens(one, inner, outer, pooled):
    """Return v3's and v4's module of 1x7 and 7x1; `inner`, `outer` are the channels of a path."""
    first, *paths = inner
    first_2, *paths_2 = outer
    sides = [(1, 7), (7, 1)]
    once = [(c, k) for c, k in zip(paths, sides, strict=True)]
    twice = [(c, k) for c, k in zip(paths_2, sides[::-1] * 2, strict=True)]
    return [[(one, 1)], [(first, 1), *once], [(first_2, 1), *twice], [("mean", 1), (pooled, 1)]]


def fork(channels):
    return [[(channels, (1, 3))], [(channels, (3, 1))]]


def fives(pooled):
    return [
        [(64, 1)],
        [(48, 1), (64, 5)],
        [(64, 1), (96, 3), (96, 3)],
        [("mean", 1), (pooled, 1)],
    ]


def threes_v3():
    return [
        [(320, 1)],
        [(384, 1), fork(384)],
        [(448, 1), (384, 3), fork(384)],
        [("mean", 1), (192, 1)],
    ]


V3 = [
    *[(32, 3, -2), (32, 3, 0), (64, 3), ("max", -2), (80, 1), (192, 3, 0), ("max", -2)],
    *[fives(32), fives(64), fives(64)],
    [[(384, 3, -2)], [(64, 1), (96, 3), (96, 3, -2)], [("max", -2)]],
    *[sevens(192, (c, c, 192), (c, c, c, c, 192), 192) for c in (128, 160, 160, 192)],
    [
        [(192, 1), (320, 3, -2)],
        [(192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3, -2)],
        [("max", -2)],
    ],
    *[threes_v3(), threes_v3()],
]


def threes_v4():
    return [
        [(256, 1)],
        [(384, 1), fork(256)],
        [(384, 1), (448, (3, 1)), (512, (1, 3)), fork(256)],
        [("mean", 1), (256, 1)],
    ]


V4 = [
    *[(32, 3, -2), (32, 3, 0), (64, 3), [[("max", -2)], [(96, 3, -2)]]],
    [[(64, 1), (96, 3, 0)], [(64, 1), (64, (1, 7)), (64, (7, 1)), (96, 3, 0)]],
    [[(192, 3, -2)], [("max", -2)]],
    *[module(96, (64, 96), (64, 96), 96)] * 4,
    [[(384, 3, -2)], [(192, 1), (224, 3), (256, 3, -2)], [("max", -2)]],
    *[sevens(384, (192, 224, 256), (192, 192, 224, 224, 256), 128)] * 7,
    [
        [(192, 1), (192, 3, -2)],
        [(256, 1), (256, (1, 7)), (320, (7, 1)), (320, 3, -2)],
        [("max", -2)],
    ],
    *[threes_v4()] * 3,
]


def grow(b, x, step, name):
    """Add a step; strides of 0 and below are not padded, others "same"."""
    if isinstance(step, list):
        ends = []
        for i, branch in enumerate(step):
            end = x
            for j, inner in enumerate(branch):
                end = grow(b, end, inner, f"{name}.{i}.{j}")
            ends.append(end)
        return b.add(Concat(), *ends, name=name)
    kind, *rest = step
    stride = rest[-1] if kind in ("max", "mean") or len(rest) > 1 else 1
    options = {"stride": abs(stride) or 1, "padding": "same" if stride > 0 else "valid"}
    if kind == "max":
        return b.max_pool(x, name, kernel=3, **options)
    if kind == "mean":
        return b.average_pool(x, name, kernel=3, **options)
    if kind == "depthwise":
        seen = b.shape(x)[1]
        options |= {"channels": rest[0] * seen, "groups": seen, "kernel": rest[1]}
        return b.conv(x, name, bias=False, **options)
    return b.conv(x, name, channels=kind, kernel=rest[0], bias=False, **options)


@pytest.mark.parametrize(
    ("steps", "channels", "size", "padding", "gflop"),
    [
        pytest.param(V2, 1024, 699, 318, 3.88, id="v2"),
        pytest.param(V3, 2048, 1311, 618, 5.69, id="v3"),
        pytest.param(V4, 1536, 2071, 998, 12.27, id="v4"),
    ],
)
def test_inception(steps, channels, size, padding, gflop, published_gflop):
    b = Builder("inception", (None, 3, 224, 224))
    x = b.input
    for i, step in enumerate(steps):
        x = grow(b, x, step, f"step{i}")
    graph = b.graph(x)
    last = inspect(graph).layers[-1]
    assert last.output_shape[1] == channels
    assert [(f.size, f.stride, -f.start, f.aligned) for f in last.field] == [
        (size, 32, padding, True)
    ] * 2
    assert published_gflop(graph, biases=True) == gflop
