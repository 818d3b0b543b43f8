"""Random graphs of every kind of operator, small enough to be run for each of their elements."""

import pytest
from hypothesis import strategies as st

from striate.errors import GeometryError
from striate.geometry import TransposedWindow, Window
from striate.network import Builder, Initial
from striate.network.operators import (
    LRN,
    Add,
    AveragePool,
    Concat,
    CumSum,
    DepthToSpace,
    Flatten,
    Gemm,
    GlobalAveragePool,
    InstanceNormalization,
    LayerNormalization,
    MatMul,
    MaxPool,
    Mul,
    Pad,
    ReduceMean,
    Relu,
    Reshape,
    Resize,
    Slice,
    Softmax,
    SpaceToDepth,
    Tile,
    Transpose,
)

LARGEST = 14
ONE = Initial("constant", 1.0)


def pair(draw, low, high):
    return draw(st.integers(low, high)), draw(st.integers(low, high))


def fits(make, sizes):
    try:
        return max(make.output_shape(sizes)) <= LARGEST
    except GeometryError:
        return False


def conv(draw, b, x, name):
    channels = b.shape(x)[1]
    groups = draw(st.sampled_from([g for g in (1, 2, channels) if channels % g == 0]))
    numbers = {
        "kernel": pair(draw, 1, 3),
        "stride": pair(draw, 1, 2),
        "padding": (pair(draw, 0, 2), pair(draw, 0, 2)),
        "dilation": pair(draw, 1, 2),
    }
    if not fits(Window.parse(**numbers, rank=2), b.shape(x)[2:]):
        return None
    made = channels if groups == channels else draw(st.sampled_from([2, 4]))
    return b.conv(x, name, channels=made, groups=groups, bias=False, **numbers)


def conv_transpose(draw, b, x, name):
    numbers = {
        "kernel": pair(draw, 1, 3),
        "stride": pair(draw, 1, 2),
        "padding": pair(draw, 0, 1),
    }
    if not fits(TransposedWindow.parse(**numbers, rank=2), b.shape(x)[2:]):
        return None
    return b.conv_transpose(x, name, channels=2, bias=False, **numbers)


def pool(draw, b, x, name):
    sides = tuple((n, n) for n in pair(draw, 0, 1))
    window = Window.parse(
        pair(draw, 2, 3), pair(draw, 1, 2), sides, rank=2, ceil=draw(st.booleans())
    )
    if not fits(window, b.shape(x)[2:]):
        return None
    kind = draw(st.sampled_from([MaxPool, AveragePool]))
    return b.add(kind(window), x, name=name)


def pad(draw, b, x, name):
    mode = draw(st.sampled_from(["constant", "reflect", "edge", "wrap"]))
    low = -1 if mode == "constant" else 0
    before, after = pair(draw, low, 2), pair(draw, low, 2)
    if min(b.shape(x)[2:]) < 3 or max(b.shape(x)[2:]) > LARGEST - 4:
        return None
    return b.add(Pad(before, after, mode=mode), x, name=name)


def cut(draw, b, x, name):
    rows, columns = b.shape(x)[2:]
    step = draw(st.sampled_from([1, 2, -1, -2]))
    start = draw(st.integers(0, max(rows - 2, 0)))
    starts, ends = ((start, 0), (rows, columns)) if step > 0 else ((rows - 1, 0), (-9999, columns))
    operator = Slice(starts, ends, axes=(2, 3), steps=(step, 1))
    return b.add(operator, x, name=name)


def swap(draw, b, x, name):
    return b.add(Transpose((0, 1, 3, 2)), x, name=name)


def channels_last(draw, b, x, name):
    """Do something with the channels at the end, as TensorFlow's exporters do."""
    y = b.add(Transpose((0, 2, 3, 1)), x, name=f"{name}.last")
    what = draw(st.sampled_from(["norm", "softmax", "slice", "matmul", "linear"]))
    channels = b.shape(y)[3]
    if what == "norm":
        scale = b.parameter(f"{name}.scale", (channels,), ONE)
        y = b.add(LayerNormalization(), y, scale, name=f"{name}.{what}")
    elif what == "softmax":
        y = b.add(Softmax(axis=draw(st.sampled_from([-1, 1]))), y, name=f"{name}.{what}")
    elif what == "slice":
        y = b.add(Slice((1,), (99,), axes=(3,)), y, name=f"{name}.{what}") if channels > 1 else y
    elif what == "linear":
        weight = b.parameter(f"{name}.weight", (4, channels), ONE)
        y = b.add(Gemm(), y, weight, name=f"{name}.{what}")
    else:
        weight = b.parameter(f"{name}.weight", (channels, 4), ONE)
        y = b.add(MatMul(), y, weight, name=f"{name}.{what}")
    return b.add(Transpose((0, 3, 1, 2)), y, name=name)


def blocks(draw, b, x, name):
    _, channels, rows, columns = b.shape(x)
    if channels % 4 == 0 and max(rows, columns) <= LARGEST // 2:
        mode = draw(st.sampled_from(["DCR", "CRD"]))
        return b.add(DepthToSpace(2, mode), x, name=name)
    if rows % 2 == 0 and columns % 2 == 0:
        return b.add(SpaceToDepth(2), x, name=name)
    return None


def tokens(draw, b, x, name):
    """Work on (N, C, H W), and return to (N, C, H, W) or to other rows and columns."""
    n, channels, rows, columns = b.shape(x)
    y = b.add(Reshape((n, channels, -1)), x, name=f"{name}.flat")
    if draw(st.booleans()):
        y = b.add(Softmax(axis=1), y, name=f"{name}.softmax")
    back = draw(st.sampled_from([(rows, columns), (columns, rows), (rows * columns, 1)]))
    if max(back) > LARGEST:
        return None
    return b.add(Reshape((n, -1, *back)), y, name=name)


def panes(draw, b, x, name):
    """Cut into windows of 2 x 2, as Swin does, work in them, and put them back."""
    n, channels, rows, columns = b.shape(x)
    if rows % 2 or columns % 2:
        return None
    y = b.add(Reshape((n, channels, rows // 2, 2, columns // 2, 2)), x, name=f"{name}.cut")
    y = b.add(Transpose((0, 2, 4, 1, 3, 5)), y, name=f"{name}.order")
    y = b.add(Reshape((-1, channels, 2, 2)), y, name=f"{name}.panes")
    if draw(st.booleans()):
        axes = draw(st.sampled_from([(2,), (3,), (2, 3)]))
        mean = b.add(ReduceMean(axes), y, name=f"{name}.mean")
        y = b.add(Add(), y, mean, name=f"{name}.sum")
    y = b.add(Reshape((n, rows // 2, columns // 2, channels, 2, 2)), y, name=f"{name}.split")
    y = b.add(Transpose((0, 3, 1, 4, 2, 5)), y, name=f"{name}.back")
    return b.add(Reshape((n, channels, rows, columns)), y, name=name)


def resize(draw, b, x, name):
    if max(b.shape(x)[2:]) > LARGEST // 2 or min(b.shape(x)[2:]) < 2:
        return None
    scales = tuple(draw(st.sampled_from([0.5, 1.0, 1.5, 2.0])) for _ in range(2))
    mode = draw(st.sampled_from(["nearest", "linear"]))
    coordinates = draw(st.sampled_from(["half_pixel", "asymmetric", "align_corners"]))
    rounding = draw(st.sampled_from(["floor", "round_prefer_floor"]))
    operator = Resize(scales, axes=(2, 3), mode=mode, coordinates=coordinates, nearest=rounding)
    return b.add(operator, x, name=name)


def join(draw, b, x, name):
    """Add, multiply or concatenate with an earlier value of the same sizes."""
    alike = [v for v in b.values if b.shape(v)[2:] == b.shape(x)[2:]]
    other = draw(st.sampled_from(alike))
    if b.shape(other)[1] == b.shape(x)[1] and draw(st.booleans()):
        return b.add(draw(st.sampled_from([Add(), Mul()])), x, other, name=name)
    return b.add(Concat(), x, other, name=name)


def beside(draw, b, x, name):
    """Concatenate along the rows or the columns."""
    axis = draw(st.sampled_from([2, 3]))
    rest = [1, 2, 3]
    rest.remove(axis)
    alike = [v for v in b.values if all(b.shape(v)[a] == b.shape(x)[a] for a in rest)]
    other = draw(st.sampled_from(alike))
    if b.shape(x)[axis] + b.shape(other)[axis] > LARGEST:
        return None
    return b.add(Concat(axis), x, other, name=name)


def gate(draw, b, x, name):
    source = draw(st.sampled_from([v for v in b.values if b.shape(v)[1] == b.shape(x)[1]]))
    axes = draw(st.sampled_from([(2,), (2, 3), None]))
    if axes is None:
        mean = b.add(GlobalAveragePool(), source, name=f"{name}.mean")
    else:
        mean = b.add(ReduceMean(axes), source, name=f"{name}.mean")
    sizes = zip(b.shape(x)[2:], b.shape(mean)[2:], strict=True)
    return b.add(Mul(), x, mean, name=name) if all(m in (1, n) for n, m in sizes) else None


def element(draw, b, x, name):
    channels = b.shape(x)[1]
    if draw(st.booleans()):
        return b.add(
            draw(st.sampled_from([Relu(), LRN(size=3), CumSum(2), Tile((1, 1, 1, 1))])),
            x,
            name=name,
        )
    scale, bias = (b.parameter(f"{name}.{p}", (channels,), ONE) for p in ("scale", "bias"))
    return b.add(InstanceNormalization(), x, scale, bias, name=name)


MAKERS = [
    *[conv, conv, conv_transpose, pool, pad, cut, swap, channels_last, blocks, tokens, panes],
    *[resize, join, beside, gate, element],
]


@st.composite
def drawn(draw):
    b = Builder("random", (1, draw(st.sampled_from([1, 2, 4])), *pair(draw, 3, 6)))
    b.values = [b.input]
    for i in range(draw(st.integers(1, 5))):
        make = draw(st.sampled_from(MAKERS))
        name = make(draw, b, draw(st.sampled_from(b.values[-2:])), f"{make.__name__}{i}")
        b.values += [name] if name else []
    last = b.values[-1]
    end = draw(st.sampled_from(["map", "map", "features", "mean", "linear"]))
    if end in ("features", "linear"):
        last = b.add(Flatten(), last, name="flat")
    if end == "linear":
        last = b.linear(last, "end", features=2)
    if end == "mean":
        last = b.add(ReduceMean((-2, -1), keepdims=False), last, name="mean")
    return b.graph(last)


@pytest.fixture(scope="session")
def mixed_graphs():
    """Return a strategy of graphs."""
    return drawn()
