"""What operators refuse, and in which words; and the forms that computed settings come in."""

from __future__ import annotations

import numpy as np
import pytest

from striate.errors import ParameterError, ShapeError
from striate.network import Deferred
from striate.network import operators as op

X = (2, 6, 4, 5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: op.Reshape((-1, 2, -1)),
            "shape (-1, 2, -1) must be of sizes of at least 0 and no more than one -1",
        ),
        (
            lambda: op.Reshape((-2, 3)),
            "shape (-2, 3) must be of sizes of at least 0 and no more than one -1",
        ),
        (lambda: op.Tile((1, -1)), "repeats (1, -1) must be at least 0"),
        (lambda: op.DepthToSpace(0), "block must be at least 1, not 0"),
        (lambda: op.DepthToSpace(2, "RCD"), 'mode must be "DCR" or "CRD", not \'RCD\''),
        (
            lambda: op.Slice((0, 1), (2,)),
            "starts (0, 1), ends (2,), axes None and steps None must be equally many",
        ),
        (lambda: op.Slice((0,), (2,), (0,), (0,)), "steps (0,) must not be 0"),
        (
            lambda: op.Split(),
            "a split needs sizes, or at least 1 part, not sizes=None and parts=None",
        ),
        (lambda: op.Split((1, 2), parts=3), "sizes (1, 2) must be those of 3 parts"),
        (lambda: op.TopK(-1), "count must be at least 0, not -1"),
        (lambda: op.TopK((1, 2)), "count must be one number, not (1, 2)"),
        (
            lambda: op.ConstantOfShape((2, -1)),
            "shape (2, -1) must be of sizes of at least 0",
        ),
        (lambda: op.Range(1, 5, 0), "delta of a range from 1 to 5 must not be 0"),
        (lambda: op.Range(0, 1, 1e-320).infer([]), "a range from 0 to 1 by 1e-320 has no end"),
        (lambda: op.Gelu("erf"), 'approximate must be "none" or "tanh", not \'erf\''),
        (lambda: op.LpNormalization(p=3), "p must be 1 or 2, not 3"),
        (lambda: op.GlobalLpPool(0), "p must be at least 1, not 0"),
        (lambda: op.LRN(0), "size must be at least 1 channel, not 0"),
        (
            lambda: op.Pad((1, 1), (1,)),
            "padding before (1, 1) and after (1,) must be of as many axes",
        ),
        (
            lambda: op.Pad((1,), (1,), mode="mirror"),
            "mode must be one of constant, reflect, edge, wrap, not 'mirror'",
        ),
        (
            lambda: op.Resize(sizes=(2,), mode="area"),
            "mode must be one of nearest, linear, cubic, not 'area'",
        ),
        (
            lambda: op.Resize(),
            "resize takes either scales or sizes, not scales=None and sizes=None",
        ),
        (lambda: op.Resize((0.0,)), "scales must be above 0 and sizes at least 1, not (0.0,)"),
        (
            lambda: op.Resize((2.0,), coordinates="tf_crop_and_resize"),
            "tf_crop_and_resize needs roi, the region of interest",
        ),
        (
            lambda: op.Gather(1).value(np.ones((2, 3)), np.array([0, 3])),
            "index 3 is outside axis 1 of (2, 3): indices go from -3 to 2",
        ),
    ],
)
def test_settings_out_of_range(make, message):
    with pytest.raises(ParameterError) as error:
        make()
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("operator", "shapes", "message"),
    [
        (op.Softmax(4), [X], "axis 4 of shape (2, 6, 4, 5) does not exist: axes go from -4 to 3"),
        (op.Softmax(0), [()], "axis 0 of shape () does not exist: it has no axes"),
        (op.ReduceSum((0, -4)), [X], "axes (0, -4) of shape (2, 6, 4, 5) name an axis twice"),
        (
            op.PRelu(),
            [(6, 4), (2, 6, 4)],
            "slope (2, 6, 4) must broadcast to the shape of x, (6, 4)",
        ),
        (
            op.Reshape((7, -1)),
            [X],
            "(2, 6, 4, 5) has 240 elements, which do not fit the shape (7, -1)",
        ),
        (op.Reshape((0, 0, 0)), [(2, 6)], "shape (0, 0, 0) copies sizes that (2, 6) does not have"),
        (op.Squeeze((1,)), [X], "axis 1 of (2, 6, 4, 5) has 6 elements: only 1 can go"),
        (op.Tile((2,)), [X], "repeats (2,) must be one for each axis of (2, 6, 4, 5)"),
        (op.Transpose((0, 1)), [X], "perm (0, 1) must name each of 4 axes once"),
        (op.DepthToSpace(2), [(1, 4, 3)], "input (1, 4, 3) must be (N, C, H, W)"),
        (op.DepthToSpace(4), [X], "6 channels of (2, 6, 4, 5) do not divide into blocks of 4 x 4"),
        (op.SpaceToDepth(2), [X], "input (2, 6, 4, 5) does not divide into blocks of 2 x 2"),
        (
            op.MatMul(),
            [(2, 3), (4, 5)],
            "(2, 3) times (4, 5): the 3 columns of the first must be as many as the 4 rows of the "
            "second",
        ),
        (
            op.MatMul(),
            [(), (4,)],
            "() and (4,) must have at least one axis to be multiplied as matrices",
        ),
        (op.ArgMax(1), [(2, 0)], "axis 1 of (2, 0) has no elements: none of them is an extreme"),
        (op.TopK(7), [X], "axis 3 of (2, 6, 4, 5) does not have 7 elements to rank"),
        (op.Slice((0, 0), (1, 1)), [(4,)], "starts (0, 0) are more than the axes of (4,)"),
        (op.Split((1, 2), 1), [X], "sizes (1, 2) must sum to the 6 elements of axis 1"),
        (
            op.GatherElements(1),
            [(2, 3), (3, 3)],
            "indices (3, 3) must have the axes of x (2, 3), none but axis 1 longer",
        ),
        (op.OneHot(3), [(2,), (3,)], "values (3,) must be (2,): off and on"),
        (op.Trilu(), [(4,)], "input (4,) must be of matrices, (..., n, m)"),
        (op.Pad((1,) * 3, (1,) * 3), [(2, 4)], "padding of 3 axes does not fit an input of 2"),
        (
            op.Pad((1,), (1,), mode="edge"),
            [(0,)],
            "padding 1 and 1 of 0 elements leaves none to continue in the mode 'edge'",
        ),
        (
            op.Concat(2),
            [(2, 3, 4), (2, 3)],
            "(2, 3, 4), (2, 3) differ in more than axis 2",
        ),
        (
            op.Pad((-1,), (2,)),
            [(0,)],
            "padding -1 and 2 leaves nothing of 0 elements",
        ),
        (op.GlobalMaxPool(), [(4,)], "input (4,) must be (N, C, *spatial)"),
        (
            op.InstanceNormalization(),
            [X, (6,), (5,)],
            "scale and bias must be (6,) for an input (2, 6, 4, 5)",
        ),
        (op.InstanceNormalization(), [(6,), (6,), (6,)], "input (6,) must be (N, C, *spatial)"),
        (
            op.GroupNormalization(4),
            [X, (6,), (6,)],
            "6 channels of (2, 6, 4, 5) do not divide into 4 groups",
        ),
        (
            op.LayerNormalization(),
            [(2, 6), (2, 2, 6)],
            "scale or bias (2, 2, 6) must broadcast to the shape of x, (2, 6)",
        ),
        (
            op.Resize((2.0, 2.0)),
            [X],
            "(2.0, 2.0) must be one for each of the axes (0, 1, 2, 3) of (2, 6, 4, 5)",
        ),
        (
            op.Resize((0.1,), axes=(2,)),
            [X],
            "a scale of 0.1 leaves nothing of the 4 elements of axis 2 of (2, 6, 4, 5)",
        ),
        (
            op.Resize((1e38,), axes=(2,)),
            [X],
            "a scale of 1e+38 for axis 2 of (2, 6, 4, 5): an axis is resized by 65536 at most",
        ),
        (op.Resize(sizes=(2,)), [(0,)], "axes of (0,) elements cannot be resized: one is empty"),
        (
            op.Resize((2.0,), roi=(0, 1, 1), coordinates="tf_crop_and_resize"),
            [(4,)],
            "roi (0, 1, 1) must be starts, then ends, for each of the axes (0,)",
        ),
    ],
)
def test_shapes_that_do_not_fit(operator, shapes, message):
    with pytest.raises(ShapeError) as error:
        operator.infer(shapes)
    assert str(error.value) == message


def test_settings_may_come_bare_or_in_a_sequence_of_one():
    assert op.TopK((3,)) == op.TopK(3)
    assert op.OneHot((3,)) == op.OneHot(3)
    assert op.CumSum((1,)) == op.CumSum(1)
    assert op.Clip((0,), (6,)) == op.Clip(0, 6)
    assert op.Dropout((0.5,)) == op.Dropout(0.5)
    assert op.Range((0,), (5,), (2,)) == op.Range(0, 5, 2)
    assert op.Trilu(k=(1,)) == op.Trilu(k=1)
    assert op.ReduceSum(1) == op.ReduceSum((1,))
    assert op.Squeeze(0) == op.Squeeze((0,))
    assert op.Unsqueeze(0) == op.Unsqueeze((0,))
    assert op.Expand(3) == op.Expand((3,))
    assert op.Slice(0, 3, 1, 2) == op.Slice((0,), (3,), (1,), (2,))
    assert op.Pad(1, 2, (0.5,)) == op.Pad((1,), (2,), 0.5)


def test_sizes_computed_by_the_network_leave_the_number_of_parts_known():
    deferred = Deferred(op.Split, (("parts", 2),), ("sizes",))
    assert deferred.kinds(["float", "int64"]) == ("float", "float")
    assert deferred.settled([np.array([1, 2])]) == op.Split((1, 2), parts=2)


def test_operators_can_be_told_apart_and_hashed():
    for name in op.__all__:
        assert getattr(op, name).__hash__ is not None
    assert len({op.Relu(), op.Relu(), op.Resize((2.0,)), op.Resize((3.0,))}) == 3
