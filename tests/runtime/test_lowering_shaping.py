"""What moves elements, against its definition: from blocks and in NumPy's order, by any numbers."""

from __future__ import annotations

import numpy as np
import pytest

import striate as st
from striate.geometry import Window
from striate.network import Graph, Initial, Input, Network, Node, Parameter
from striate.network import operators as op
from striate.runtime.lowering import IN_PYTHON

START = Initial("constant", 0.0)
X = (2, 19, 6, 8)


def whole(*shape):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape) % 8191


def compiled(shape, nodes, outputs, weights=None):
    weights = weights or {}
    parameters = tuple(Parameter(name, w.shape, START) for name, w in weights.items())
    graph = Graph("example", (Input("x", shape),), parameters, tuple(nodes), outputs)
    return st.compile(Network(graph, weights), threads=1)


def methods(run):
    return [step.method for step in run.plan.steps]


def pooled(name="x", to="in blocks", rank=2):
    """Return a node that puts a value into blocks, and leaves it as it is."""
    return Node(to, op.MaxPool(Window.parse(1, rank=rank)), (name,), (to,))


MOVES = [
    *(op.Transpose((0, 2, 3, 1)), op.Transpose((0, 3, 1, 2)), op.Transpose((3, 2, 1, 0))),
    *(op.Transpose(), op.Transpose((0, 1, 3, 2)), op.Reshape((2, -1, 4)), op.Flatten(2)),
    *(op.Unsqueeze((1, 3)), op.Slice((1,), (17,), (1,)), op.Slice((16,), (19,), (1,))),
    *(op.Slice((0, 0), (9, 9), (2, 3), (2, 2)), op.Slice((5, 7), (0, 1), (2, 3), (-2, -1))),
    *(op.Slice((1,), (2,), (0,)), op.Slice((0, 2), (16, 5), (1, 2)), op.SpaceToDepth(2)),
    *(
        op.Pad((1, 2), (0, 3)),
        op.Pad((8, 0, 1), (5, 2, 0), 7.0),
        op.Pad((0, 3, 0, 0), (0, 0, 0, 0)),
    ),
    *(op.Pad((16, 0, 0), (13, 0, 0), -1.0), op.Expand((3, 2, 19, 6, 8))),
    *(op.Resize(scales=(2.0, 2.0), axes=(2, 3), mode="nearest", coordinates="asymmetric"),),
    op.Resize(sizes=(2, 19, 3, 8), mode="nearest"),
]


@pytest.mark.parametrize("operator", MOVES, ids=str)
@pytest.mark.parametrize("blocks", [False, True])
def test_elements_are_moved(operator, blocks):
    x = whole(*X)
    nodes = [pooled()] if blocks else []
    nodes.append(Node("y", operator, (nodes[-1].outputs[0] if blocks else "x",), ("y",)))
    run = compiled(X, nodes, ("y",))
    assert IN_PYTHON not in methods(run)
    np.testing.assert_array_equal(run(x), operator.value(x))


@pytest.mark.parametrize("mode", ["reflect", "edge", "wrap"])
@pytest.mark.parametrize("shape", [X, (1, 5, 9), (1, 3, 4, 5, 6)], ids=str)
def test_pixels_continue_values(mode, shape):
    x, rank = whole(*shape), len(shape) - 2
    operator = op.Pad((3, 1, 2)[:rank], (2, 3, 0)[:rank], mode=mode)
    run = compiled(shape, [Node("y", operator, ("x",), ("y",))], ("y",))
    assert IN_PYTHON not in methods(run)
    np.testing.assert_array_equal(run(x), operator.value(x))


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
@pytest.mark.parametrize("blocks", [False, True])
def test_channels_become_space(mode, blocks):
    x, operator = whole(2, 36, 4, 5), op.DepthToSpace(3, mode)
    nodes = [pooled()] if blocks else []
    nodes.append(Node("y", operator, (nodes[-1].outputs[0] if blocks else "x",), ("y",)))
    run = compiled(x.shape, nodes, ("y",))
    assert IN_PYTHON not in methods(run)
    np.testing.assert_array_equal(run(x), operator.value(x))


@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("coordinates", ["half_pixel", "align_corners"])
def test_pixels_are_interpolated(mode, coordinates):
    x = np.random.default_rng(0).normal(size=(2, 5, 6, 7)).astype(np.float32)
    operator = op.Resize(sizes=(9, 4), axes=(2, 3), mode=mode, coordinates=coordinates)
    run = compiled(x.shape, [Node("y", operator, ("x",), ("y",))], ("y",))
    assert IN_PYTHON not in methods(run)
    np.testing.assert_allclose(run(x), operator.value(x), rtol=1e-5, atol=1e-6)


def test_volumes_are_resized_and_padded():
    x = whole(1, 3, 2, 3, 4)
    larger = op.Resize(scales=(2.0, 3.0, 1.0), axes=(2, 3, 4), mode="nearest")
    padded = op.Pad((1, 0, 2), (0, 1, 1))
    nodes = [Node("a", larger, ("x",), ("a",)), Node("y", padded, ("a",), ("y",))]
    run = compiled(x.shape, nodes, ("y",))
    assert IN_PYTHON not in methods(run)
    np.testing.assert_array_equal(run(x), padded.value(larger.value(x)))


def test_what_machine_code_does_not_move_is_left_to_python():
    x = whole(2, 3, 6, 8)
    for operator in (op.Pad((1, 1, 1), (1, 1, 1), mode="reflect"), op.Pad((-1, 0), (0, 1))):
        run = compiled(x.shape, [Node("y", operator, ("x",), ("y",))], ("y",))
        assert IN_PYTHON in methods(run)
        np.testing.assert_array_equal(run(x), operator.value(x))


@pytest.mark.parametrize(
    "split", [op.Split((16, 3), 1), op.Split((5, 14), 1), op.Split(None, 3, 4), op.Split((1, 1), 0)]
)
@pytest.mark.parametrize("blocks", [False, True])
def test_parts_are_split_off(split, blocks):
    x, names = whole(*X), tuple(f"part {i}" for i in range(split.count))
    nodes = [pooled()] if blocks else []
    nodes.append(Node("split", split, (nodes[-1].outputs[0] if blocks else "x",), names))
    run = compiled(X, nodes, names)
    assert IN_PYTHON not in methods(run)
    for got, expected in zip(run(x), split.value(x), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_whole_blocks_are_split_without_copies():
    lanes = st.ops.codegen.Target.host().lanes
    x = np.random.default_rng(0).normal(size=(2, 2 * lanes, 6, 5)).astype(np.float32)
    nodes = [
        pooled(),
        Node("split", op.Split((lanes, lanes), 1), ("in blocks",), ("a", "b")),
        Node("pool", op.MaxPool(Window.parse(3, padding=1, rank=2)), ("b",), ("c",)),
        Node("conv", op.Conv(Window.parse(3, padding=1, rank=2)), ("a", "w"), ("d",)),
        Node("join", op.Concat(1), ("d", "c", "a"), ("y",)),
    ]
    w = np.random.default_rng(1).normal(size=(lanes, lanes, 3, 3)).astype(np.float32)
    run = compiled(x.shape, nodes, ("y",), {"w": w})
    assert methods(run).count("some of the blocks") == 1  # the other is joined
    a, b = x[:, :lanes], x[:, lanes:]
    y = [st.conv2d(a, w, padding=1), st.max_pool2d(b, kernel=3, stride=1, padding=1), a]
    np.testing.assert_allclose(run(x), np.concatenate(y, 1), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("axis", [0, 1, 2, 3, -1])
@pytest.mark.parametrize("blocks", [False, True])
def test_values_are_joined_along_any_axis(axis, blocks):
    x = whole(1, 19, 6, 8)
    nodes = [pooled()] if blocks else []
    source = "in blocks" if blocks else "x"
    nodes += [
        Node("half", op.Slice((0,), (2,), (axis,)), (source,), ("half",)),
        Node("neg", op.Neg(), (source,), ("neg",)),
        Node("y", op.Concat(axis), ("half", "neg", "w", "neg"), ("y",)),
    ]
    w = whole(1, 19, 6, 8)[::-1].copy()
    run = compiled(x.shape, nodes, ("y",), {"w": w})
    assert IN_PYTHON not in methods(run)
    half = np.take(x, range(min(2, x.shape[axis])), axis)
    np.testing.assert_array_equal(run(x), np.concatenate([half, -x, w, -x], axis))


def test_heads_are_made_where_they_are_joined():
    """Two maps of pixels become rows of one table, as detectors have it."""
    x = np.random.default_rng(0).normal(size=(1, 3, 8, 8)).astype(np.float32)
    weights = {f"w{i}": np.ones((4, 3, 1, 1), np.float32) * (i + 1) for i in range(2)}
    nodes = []
    for i, stride in enumerate((1, 2)):
        conv = op.Conv(Window.parse(1, stride=stride, rank=2))
        nodes += [
            Node(f"c{i}", conv, ("x", f"w{i}"), (f"c{i}",)),
            Node(f"t{i}", op.Transpose((0, 2, 3, 1)), (f"c{i}",), (f"t{i}",)),
            Node(f"r{i}", op.Reshape((1, -1, 2)), (f"t{i}",), (f"r{i}",)),
        ]
    nodes.append(Node("all", op.Concat(1), ("r0", "r1"), ("all",)))
    nodes.append(Node("y", op.Softmax(-1), ("all",), ("y",)))
    run = compiled(x.shape, nodes, ("y", "all"), weights)
    assert "made in place" in methods(run)
    rows = []
    for i, stride in enumerate((1, 2)):
        sums = x[:, :, ::stride, ::stride].sum(axis=1) * (i + 1)
        rows.append(np.repeat(sums.reshape(1, -1, 1), 4, 2).reshape(1, -1, 2))
    y, table = run(x)
    np.testing.assert_allclose(table, np.concatenate(rows, 1), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(y, 0.5, rtol=1e-5)


def test_the_same_value_may_be_joined_twice():
    x = whole(1, 4, 6)
    nodes = [
        Node("a", op.Neg(), ("x",), ("a",)),
        Node("y", op.Concat(0), ("a", "x", "a"), ("y",)),
        Node("z", op.Concat(0), ("a", "y"), ("z",)),
    ]
    run = compiled(x.shape, nodes, ("z", "y"))
    z, y = run(x)
    np.testing.assert_array_equal(y, np.concatenate([-x, x, -x]))
    np.testing.assert_array_equal(z, np.concatenate([-x, y]))


def test_views_may_be_outputs():
    x = whole(2, 3, 4)
    nodes = [
        Node("a", op.Neg(), ("x",), ("a",)),
        Node("y", op.Reshape((6, 4)), ("a",), ("y",)),
        Node("z", op.Squeeze(), ("y",), ("z",)),
        Node("t", op.Reshape((24,)), ("x",), ("t",)),
    ]
    run = compiled(x.shape, nodes, ("y", "z", "t", "a"))
    y, z, t, a = run(x)
    np.testing.assert_array_equal(y, -x.reshape(6, 4))
    np.testing.assert_array_equal(z, y)
    np.testing.assert_array_equal(t, x.ravel())
    np.testing.assert_array_equal(a, -x)


def test_channels_that_come_last_are_read_where_they_lie():
    rng = np.random.default_rng(0)
    for channels in (3, 20):
        x = rng.normal(size=(2, 9, 8, channels)).astype(np.float32)
        w = rng.normal(size=(5, channels, 3, 3)).astype(np.float32)
        nodes = [
            Node("t", op.Transpose((0, 3, 1, 2)), ("x",), ("t",)),
            Node("c", op.Conv(Window.parse(3, padding=1, rank=2)), ("t", "w"), ("c",)),
            Node("y", op.Transpose((0, 2, 3, 1)), ("c",), ("y",)),
        ]
        run = compiled(x.shape, nodes, ("y",), {"w": w})
        assert IN_PYTHON not in methods(run)
        expected = st.conv2d(np.ascontiguousarray(x.transpose(0, 3, 1, 2)), w, padding=1)
        np.testing.assert_allclose(run(x), expected.transpose(0, 2, 3, 1), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("others", [False, True])
def test_few_channels_that_come_last_need_no_transpose(padding, others):
    x = whole(2, 9, 11, 3) % 7
    w = (whole(5, 3, 3, 3) % 5) - 2
    conv = op.Conv(Window.parse(3, stride=(1, 2), padding=padding, rank=2))
    nodes = [
        Node("t", op.Transpose((0, 3, 1, 2)), ("x",), ("t",)),
        Node("c", conv, ("t", "w"), ("c",)),
        Node("neg", op.Neg(), ("t",), ("neg",)),
    ]
    run = compiled(x.shape, nodes if others else nodes[:2], ("c", "neg")[: 1 + others], {"w": w})
    as_it_lies = "direct, from channels that come last" in methods(run)
    assert as_it_lies == (not padding and not others)
    planes = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    got = run(x)
    convolved = got[0] if others else got
    expected = st.conv2d(planes, w, stride=(1, 2), padding=padding)
    np.testing.assert_array_equal(convolved, expected)
    if others:
        np.testing.assert_array_equal(got[1], -planes)


def test_channels_are_shuffled():
    x = whole(2, 12, 4, 5)
    nodes = [
        pooled(),
        Node("r", op.Reshape((0, 3, 4, 4, 5)), ("in blocks",), ("r",)),
        Node("t", op.Transpose((0, 2, 1, 3, 4)), ("r",), ("t",)),
        Node("s", op.Reshape((0, 12, 4, 5)), ("t",), ("s",)),
        pooled("s", "y"),
    ]
    run = compiled(x.shape, nodes, ("y",))
    assert IN_PYTHON not in methods(run)
    expected = x.reshape(2, 3, 4, 4, 5).transpose(0, 2, 1, 3, 4).reshape(x.shape)
    np.testing.assert_array_equal(run(x), expected)
