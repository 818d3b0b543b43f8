"""Receptive fields and reach behind every way to move axes: cases worth naming, by hand."""

from itertools import product

import numpy as np
import pytest

from striate.network import (
    Builder,
    infer_fields,
    infer_shapes,
    inspect,
    reach,
    reached,
)
from striate.network.operators import (
    Add,
    Concat,
    DepthToSpace,
    Flatten,
    MatMul,
    Pad,
    ReduceMean,
    Reshape,
    Resize,
    Slice,
    Softmax,
    SpaceToDepth,
    Squeeze,
    Transpose,
)
from striate.network.seeing.resizing import resize
from striate.network.seeing.steps import Use


def told(b, value):
    """Return (size, stride, start) along each axis, and the axes of the value."""
    graph = b.graph(value)
    last = inspect(graph).layers[-1]
    assert last.field_note == ""
    return [(f.size, f.stride, f.start, f.along) for f in last.field]


def test_channels_last():
    """TensorFlow's exporters transpose an input (N, H, W, C) first."""
    b = Builder("nhwc", (None, 12, 10, 3))
    x = b.add(Transpose((0, 3, 1, 2)), b.input, name="first")
    x = b.conv(x, "conv", channels=4, kernel=(3, 5), stride=2, padding=(1, 2))
    report = inspect(b.graph(b.add(Transpose((0, 2, 3, 1)), x, name="last")))
    rows, columns = report.layers[-1].field
    assert (rows.axis, rows.along, rows.size, rows.stride, rows.start) == (1, (1,), 3, 2, -1)
    assert (columns.axis, columns.along, columns.size, columns.start) == (2, (2,), 5, -2)
    shapes = infer_shapes(b.graph("last"))
    assert reach(b.graph("last"), shapes, "last", (0, 1, 0, 0)) == ((1, 2, 3), (0, 1, 2))


def test_flattening_sees_no_more_and_what_reads_all_features_gathers():
    b = Builder("net", (None, 1, 8, 8))
    x = b.conv(b.input, "conv", channels=2, kernel=3)
    assert told(b, b.add(Flatten(), x, name="flat")) == [(3, 1, 0, (1,))] * 2
    assert told(b, b.linear("flat", "fc", features=5)) == [(8, 0, 0, ())] * 2


def test_attention_sees_everything():
    """Heads (N, heads, H W, C / heads), as vision transformers make them of patches."""
    b = Builder("vit", (None, 3, 8, 8))
    x = b.conv(b.input, "patches", channels=4, kernel=2, stride=2)
    x = b.add(Transpose((0, 2, 1)), b.add(Reshape((1, 4, 16)), x, name="flat"), name="tokens")
    assert told(b, x) == [(2, 2, 0, (1,))] * 2
    heads = b.add(Transpose((0, 2, 1, 3)), b.add(Reshape((1, 16, 2, 2)), x, name="split"), name="q")
    keys = b.add(Transpose((0, 1, 3, 2)), heads, name="k")
    scores = b.add(MatMul(), heads, keys, name="scores")
    graph = b.graph(scores)
    shapes, reasons = infer_shapes(graph), {}
    assert "scores" not in infer_fields(graph, shapes, reasons)
    assert reasons["scores"] == (
        "vit: scores (MatMul) of q and k: paths along axes 2 and 3 of the value meet: "
        "no single receptive field exists there"
    )
    assert reach(graph, shapes, scores, (0, 1, 5, 11)) == (
        (2, 3, 4, 5),
        (2, 3, 6, 7),
    )
    shares = b.add(Softmax(axis=-1), scores, name="shares")
    assert told(b, b.add(MatMul(), shares, heads, name="mixed")) == [(8, 0, 0, ())] * 2


def test_a_shortcut_of_identity_slices():
    """Option A of He et al., arXiv:1512.03385, section 3.3, as resnet20 has it on CIFAR."""
    b = Builder("option-a", (None, 4, 8, 8))
    x = b.conv(b.input, "conv1", channels=8, kernel=3, stride=2, padding=1)
    x = b.conv(x, "conv2", channels=8, kernel=3, padding=1)
    y = b.add(Slice((0, 0), (8, 8), (2, 3), (2, 2)), b.input, name="every second")
    y = b.add(Pad((0, 2, 0, 0), (0, 2, 0, 0)), y, name="zeros")
    assert told(b, b.add(Add(), x, y, name="sum")) == [(7, 2, -3, (2,)), (7, 2, -3, (3,))]
    assert all(field.aligned for field in inspect(b.graph("sum")).layers[-1].field)


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_sub_pixel_convolution_and_back(mode):
    """Shi et al., arXiv:1609.05158: what space gets from channels, and gives back."""
    b = Builder("pixels", (None, 1, 6, 6))
    x = b.conv(b.input, "conv", channels=4, kernel=3, padding=1)
    assert told(b, b.add(DepthToSpace(2, mode), x, name="up")) == [
        (3, "1/2", -1, (2,)),
        (3, "1/2", -1, (3,)),
    ]
    y = b.conv("up", "after", channels=1, kernel=3, padding=1)
    assert told(b, y) == [(4, "1/2", -2, (2,)), (4, "1/2", -2, (3,))]
    back = b.add(SpaceToDepth(2), "up", name="back")
    assert told(b, back) == [(3, 1, -1, (2,)), (3, 1, -1, (3,))]
    graph = b.graph("after")
    assert reach(graph, infer_shapes(graph), "after", (0, 5)) == ((0, 1), (1, 2, 3, 4))


def test_strided_slices_joined_are_not_aligned():
    """YOLOv5's Focus: four slices of every second pixel, as channels of half the size."""
    b = Builder("focus", (None, 3, 8, 8))
    parts = [
        b.add(Slice((i, j), (99, 99), (2, 3), (2, 2)), b.input, name=f"part{i}{j}")
        for i, j in product(range(2), repeat=2)
    ]
    b.add(Concat(), *parts, name="join")
    rows = inspect(b.graph("join")).layers[-1].field[0]
    assert (rows.size, rows.stride, rows.start, rows.aligned) == (2, 2, 0, False)
    assert told(b, b.conv("join", "conv", channels=2, kernel=3, padding=1))[0][:3] == (6, 2, -2)


def test_flips_step_backwards():
    b = Builder("flip", (None, 1, 8))
    x = b.conv(b.input, "conv", channels=1, kernel=3)
    assert told(b, b.add(Slice((-1,), (-99,), (2,), (-2,)), x, name="flip")) == [(3, -2, 5, (2,))]


@pytest.mark.parametrize(
    ("operator", "field"),
    [
        (Resize((2.0,), axes=(2,), coordinates="asymmetric", nearest="floor"), (1, "1/2", 0)),
        (Resize((2.0,), axes=(2,)), (1, "1/2", 0)),
        (Resize((2.0,), axes=(2,), mode="linear"), (2, "1/2", -1)),
        (Resize((0.5,), axes=(2,), mode="linear"), (2, 2, 0)),
        (Resize((1.5,), axes=(2,), mode="linear"), (2, "2/3", -1)),
        (Resize(sizes=(4,), axes=(2,), mode="linear", antialias=True), (4, 2, -1)),
        (Resize((3.0,), axes=(2,), mode="cubic"), (4, "1/3", -2)),
    ],
)
def test_resizing(operator, field):
    b = Builder("resized", (None, 1, 8))
    assert told(b, b.add(operator, b.input, name="resized")) == [(*field, (2,))]


def test_align_corners_has_no_even_steps():
    b = Builder("corners", (None, 1, 5))
    x = b.add(
        Resize(sizes=(7,), axes=(2,), mode="linear", coordinates="align_corners"),
        b.input,
        name="resized",
    )
    assert told(b, x) == [(2, "2/3", 0, (2,))]  # 6 steps of 4 / 6


COORDINATES = [
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
    "tf_half_pixel_for_nn",
    "tf_crop_and_resize",
]


@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("size", [1, 4, 5])
def test_resized_axes_read_what_has_weight(coordinates, mode, size):
    """The weights are those of the operator's definition, on one element at a time."""
    for scale in (0.4, 0.5, 0.75, 1.0, 1.25, 2.0, 3.0):
        for antialias in (False, True):
            if size * scale < 1 or (antialias and mode == "nearest"):
                continue
            operator = Resize(
                (scale,),
                axes=(0,),
                roi=(0.25, 1.1),
                mode=mode,
                coordinates=coordinates,
                antialias=antialias,
            )
            weights = np.abs(operator.value(np.eye(size))) > 1e-9
            (step,) = resize(Use(operator, [(size,)], 0, (len(weights),), 0, {}))
            along = step.links[0].along
            for output, row in enumerate(weights):
                inside = [output] if along is None else along.inside(output, size)
                assert sorted(set(inside)) == np.flatnonzero(row).tolist(), (scale, output)


def test_pieces_side_by_side_that_go_on_as_one_have_a_field():
    b = Builder("halves", (None, 1, 8))
    x = b.conv(b.input, "conv", channels=1, kernel=3)
    halves = [b.add(Slice((i,), (i + 3,), (2,)), x, name=f"half{i}") for i in (0, 3)]
    assert told(b, b.add(Concat(2), *halves, name="again")) == [(3, 1, 0, (2,))]
    b.add(Concat(2), *halves[::-1], name="swapped")
    graph = b.graph("swapped")
    reasons = {}
    infer_fields(graph, infer_shapes(graph), reasons)
    assert reasons == {
        "swapped": "halves: swapped (Concat) of half3 and half0: neighbouring outputs see by "
        "unequal steps: no single receptive field exists there"
    }
    after = b.add(ReduceMean((2,)), "swapped", name="mean")
    assert told(b, after) == [(8, 0, 0, ())]


def test_windows_cut_by_reshaping_and_convolved():
    """Padding inside of blocks is no neighbour's element: no field, and exact reach."""
    b = Builder("blocks", (None, 1, 8))
    x = b.add(Squeeze((1,)), b.input, name="row")
    x = b.add(Reshape((2, 1, 4)), x, name="blocks")
    assert told(b, x) == [(1, 1, 0, (0, 2))]
    graph = b.graph(b.conv(x, "conv", channels=1, kernel=3, padding=1))
    shapes, reasons = infer_shapes(graph), {}
    infer_fields(graph, shapes, reasons)
    assert reasons["conv"] == (
        "blocks: conv (Conv) of blocks: a window slides over one of 2 parts of an axis: "
        "no single receptive field exists there"
    )
    box = reached(graph, shapes, "conv", (1, 0, 0))
    assert box == ((frozenset({0}), frozenset({0}), frozenset({4, 5})),)
