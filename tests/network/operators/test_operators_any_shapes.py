"""Whatever shapes they are given, operators refuse them in words or do what they inferred."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.errors import StriateError
from striate.geometry import Window
from striate.network import Defined
from striate.network import operators as op

WINDOW = Window.parse(2, 2, 1, rank=2)
MADE = {
    "ArgMax": [op.ArgMax(1), op.ArgMax(-2, keepdims=False, last=True)],
    "ArgMin": [op.ArgMin(1)],
    "AveragePool": [op.AveragePool(WINDOW), op.AveragePool(WINDOW, count_include_pad=False)],
    "Cast": [op.Cast("int64")],
    "Concat": [op.Concat(0), op.Concat(), op.Concat(-1)],
    "ConstantOfShape": [op.ConstantOfShape((2, 0))],
    "Conv": [],
    "ConvTranspose": [],
    "CumSum": [op.CumSum(1)],
    "DepthToSpace": [op.DepthToSpace(2)],
    "Expand": [op.Expand((2, 1, 3))],
    "Flatten": [op.Flatten(), op.Flatten(-2)],
    "Gather": [op.Gather(0), op.Gather(-1)],
    "GatherElements": [op.GatherElements(0), op.GatherElements(-1)],
    "GroupNormalization": [op.GroupNormalization(2)],
    "LRN": [op.LRN(3)],
    "LayerNormalization": [op.LayerNormalization(1), op.LayerNormalization(statistics=True)],
    "LpPool": [op.LpPool(WINDOW)],
    "MaxPool": [op.MaxPool(WINDOW), op.MaxPool(WINDOW, indices=True, column_major=True)],
    "OneHot": [op.OneHot(3), op.OneHot(2, 0)],
    "Pad": [
        op.Pad((1, -1), (0, 2)),
        op.Pad((1,), (2,), mode="reflect"),
        op.Pad((1,) * 4, (0,) * 4),
    ],
    "RMSNormalization": [op.RMSNormalization(1)],
    "Range": [op.Range(1, 7, 2, "int64")],
    "Reshape": [op.Reshape((-1, 2)), op.Reshape((0, 0, -1)), op.Reshape((0, 3), allow_zero=True)],
    "Resize": [
        op.Resize((1.5, 0.5), mode="linear"),
        op.Resize(sizes=(3,), axes=(1,), mode="cubic", antialias=True),
        op.Resize(sizes=(3, 5), axes=(-2, -1), policy="not_larger"),
    ],
    "Slice": [op.Slice((1, -1), (9, -9), (0, 1), (1, -2)), op.Slice((0, 0, 1), (2, 1, 3))],
    "SpaceToDepth": [op.SpaceToDepth(2)],
    "Split": [op.Split((1, 2), 1), op.Split(parts=2)],
    "Squeeze": [op.Squeeze(), op.Squeeze((0, -1))],
    "Tile": [op.Tile((2, 1)), op.Tile((0, 1, 2))],
    "TopK": [op.TopK(2), op.TopK(1, 0, largest=False)],
    "Transpose": [op.Transpose(), op.Transpose((1, 0)), op.Transpose((0, -1, 1))],
    "Unsqueeze": [op.Unsqueeze((0, -1)), op.Unsqueeze((5,))],
}
SIZES = st.sampled_from([0, 1, 2, 2, 3, 4])
RANKS = st.lists(SIZES, max_size=5).map(tuple)


def instances(name):
    return MADE[name] if name in MADE else [getattr(op, name)()]


@st.composite
def shapes(draw, operator):
    """Shapes that often fit: the same, sizes of 1, the channels, the last axes."""
    fewest, most = operator.arity
    first = draw(RANKS)
    others = st.one_of(
        st.just(first),
        st.just(first[1:2]),
        st.just(first[-1:]),
        st.just((first[-1:] or (1,)) + (2,)),
        st.just((2,)),
        RANKS,
    )
    count = draw(st.integers(fewest, min(most, fewest + 2)))
    return [first, *(draw(others) for _ in range(count - 1))][:count]


@pytest.mark.parametrize("name", op.__all__)
@given(data=st.data())
@settings(deadline=None, max_examples=30)
def test_any_shapes(name, data):
    for operator in instances(name):
        given_shapes = data.draw(shapes(operator))
        try:
            inferred = operator.infer_all(given_shapes)
        except StriateError:
            continue
        assert inferred[0] == operator.infer(given_shapes)
        if not isinstance(operator, Defined):
            continue
        if name.startswith("Gather") and 0 in given_shapes[0]:
            continue  # any index is one too many
        found = operator.value(*arrays(name, given_shapes))
        found = found if isinstance(found, tuple) else (found,)
        assert tuple(y.shape for y in found) == inferred
        assert len(operator.kinds(["float32"] * len(given_shapes))) == len(found)


def arrays(name, given_shapes):
    """Ones of these shapes, of the kinds that the operator works with."""
    made = [np.ones(shape, np.float32) for shape in given_shapes]
    if name in {"Gather", "GatherElements"}:
        made[1] = np.zeros(given_shapes[1], np.int64)
    if name in {"And", "Or", "Xor", "Not", "Where"}:
        made[0] = made[0] > 0
    return made
