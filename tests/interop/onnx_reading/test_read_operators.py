"""Operators as ONNX's opsets have written them, through the years, are one and the same here."""

import numpy as np
import pytest

from striate.errors import GeometryError
from striate.geometry import TransposedWindow, Window
from striate.network import infer_shapes, settled
from striate.network import operators as op
from striate.network.defined import Deferred

F = np.float32
PADS = np.array([0, 0, 1, 2, 0, 0, 3, 4])


def whole(*numbers):
    return np.array(numbers, np.int64)


@pytest.mark.parametrize(
    ("opset", "body", "arrays", "expected"),
    [
        (9, "y = Slice <starts = [1], ends = [3], axes = [2]> (x)", {}, op.Slice((1,), (3,), (2,))),
        (
            10,
            "y = Slice (x, s, e, a, t)",
            {"s": whole(1), "e": whole(3), "a": whole(2), "t": whole(1)},
            op.Slice((1,), (3,), (2,), (1,)),
        ),
        (
            7,
            'y = Pad <pads = [0, 0, 1, 2, 0, 0, 3, 4], value = 1.5, mode = "constant"> (x)',
            {},
            op.Pad((0, 0, 1, 2), (0, 0, 3, 4), 1.5),
        ),
        (
            13,
            "y = Pad (x, p, v)",
            {"p": PADS, "v": F(1.5)},
            op.Pad((0, 0, 1, 2), (0, 0, 3, 4), 1.5),
        ),
        (
            18,
            'y = Pad <mode = "edge"> (x, p, , a)',
            {"p": whole(1, 2, 3, 4), "a": whole(2, -1)},
            op.Pad((1, 2), (3, 4), 0.0, "edge"),
        ),
        (7, "y = Clip <min = 0.0, max = 6.0> (x)", {}, op.Clip(0.0, 6.0)),
        (7, "y = Clip <max = 0.1> (x)", {}, op.Clip(-np.inf, 0.1)),
        (11, "y = Clip (x, , high)", {"high": F(6)}, op.Clip(-np.inf, 6.0)),
        (13, "y = Clip (x, low, high)", {"low": F(0), "high": F(6)}, op.Clip(0.0, 6.0)),
        (7, "y = Dropout <ratio = 0.25> (x)", {}, op.Dropout(0.25)),
        (13, "y = Dropout (x, r)", {"r": F(0.25)}, op.Dropout(0.25)),
        (11, "y = Softmax <axis = 2> (x)", {}, op.Softmax(2, onwards=True)),
        (11, "y = Softmax (x)", {}, op.Softmax(1, onwards=True)),
        (13, "y = Softmax (x)", {}, op.Softmax(-1, onwards=False)),
        (11, "y = Unsqueeze <axes = [0]> (x)", {}, op.Unsqueeze((0,))),
        (13, "y = Unsqueeze (x, a)", {"a": whole(0)}, op.Unsqueeze((0,))),
        (13, "y = Squeeze (x)", {}, op.Squeeze(None)),
        (11, "y = ReduceSum <axes = [1], keepdims = 0> (x)", {}, op.ReduceSum((1,), False)),
        (13, "y = ReduceSum <keepdims = 0> (x, a)", {"a": whole(1)}, op.ReduceSum((1,), False)),
        (13, "y = ReduceSum <noop_with_empty_axes = 1> (x)", {}, op.ReduceSum(())),
        (13, "y = ReduceSum (x, a)", {"a": whole()}, op.ReduceSum(None)),
        (13, "y = ReduceMean <axes = [2, 3]> (x)", {}, op.ReduceMean((2, 3))),
        (18, "y = ReduceMean (x, a)", {"a": whole(2, 3)}, op.ReduceMean((2, 3))),
        (9, "y, i = TopK <k = 2, axis = 1> (x)", {}, op.TopK(2, 1)),
        (11, "y, i = TopK <axis = 1> (x, k)", {"k": whole(2)}, op.TopK(2, 1)),
        (
            7,
            "y = Upsample <scales = [1.0, 1.0, 2.0, 2.0]> (x)",
            {},
            op.Resize((1.0, 1.0, 2.0, 2.0), coordinates="asymmetric", nearest="floor"),
        ),
        (
            10,
            'y = Resize <mode = "linear"> (x, s)',
            {"s": np.array([1, 1, 2, 2], F)},
            op.Resize((1, 1, 2, 2), mode="linear", coordinates="asymmetric", nearest="floor"),
        ),
        (
            11,
            "y = Resize (x, roi, s)",
            {"roi": np.array([], F), "s": np.array([1, 1, 2, 2], F)},
            op.Resize((1.0, 1.0, 2.0, 2.0)),
        ),
        (13, "y = Resize (x, , , z)", {"z": whole(1, 2, 4, 4)}, op.Resize(sizes=(1, 2, 4, 4))),
        (17, "y = Trilu <upper = 0> (x, k)", {"k": np.array(1)}, op.Trilu(False, 1)),
        (17, "y = CumSum (x, a)", {"a": whole(2)}, op.CumSum(2)),
        (17, "y = Cast <to = 7> (x)", {}, op.Cast("int64")),
        (17, "y = Cast <to = 1> (x)", {}, op.Cast("float")),
        (
            17,
            "y = LayerNormalization (x, s)",
            {"s": np.ones(8, F)},
            op.LayerNormalization(-1, 1e-5),
        ),
    ],
)
def test_one_operator_in_all_its_forms(operators, opset, body, arrays, expected):
    assert operators(body, opset=opset, **arrays) == [expected]


@pytest.mark.parametrize(
    ("attributes", "size", "expected"),
    [
        ('auto_pad = "SAME_UPPER", strides = [2, 2]', "N", Window.parse(2, 2, "same", rank=2)),
        ('auto_pad = "VALID"', "N", Window.parse(2, rank=2)),
        ("pads = [0, 1, 1, 0]", "N", Window.parse(2, padding=((0, 1), (1, 0)), rank=2)),
        ('auto_pad = "SAME_LOWER"', "N", Window.parse(2, padding=((1, 0), (1, 0)), rank=2)),
        (
            'auto_pad = "SAME_LOWER", strides = [2, 2]',
            "5",
            Window.parse(2, 2, ((1, 0), (1, 0)), rank=2),
        ),
        (
            "ceil_mode = 1, dilations = [2, 1]",
            "5",
            Window.parse(2, 1, 0, (2, 1), rank=2, ceil=True),
        ),
    ],
)
def test_paddings_become_windows(operators, attributes, size, expected):
    body = f"y = MaxPool <kernel_shape = [2, 2], {attributes}> (x)"
    assert operators(body, f"float[N, 2, {size}, {size}] x") == [op.MaxPool(expected)]


def test_same_lower_of_open_sizes_asks_for_them(read):
    body = 'y = MaxPool <kernel_shape = [2], strides = [2], auto_pad = "SAME_LOWER"> (x)'
    with pytest.raises(GeometryError) as error:
        read(body, "float[N, 2, L] x")
    assert str(error.value) == (
        "g: node 'y' (MaxPool, opset 17): auto_pad SAME_LOWER with stride 2 depends on the input's "
        "size, which the model leaves open: give input_shape"
    )
    net = read(body, "float[N, 2, L] x", input_shape=(1, 2, 7))
    assert net.graph.nodes[0].operator.window.paddings == ((1, 0),)


def test_indices_of_the_largest_elements(operators):
    body = "y, i = MaxPool <kernel_shape = [2, 2], storage_order = 1> (x)"
    expected = op.MaxPool(Window.parse(2, rank=2), indices=True, column_major=True)
    assert operators(body, outputs="float[] y, int64[] i") == [expected]
    assert operators(body) == [op.MaxPool(Window.parse(2, rank=2))]


@pytest.mark.parametrize(
    ("attributes", "cut", "added"),
    [
        ("output_padding = [1]", (0, 0), 1),
        ('auto_pad = "SAME_UPPER"', (0, 1), 0),
        ('auto_pad = "SAME_LOWER"', (1, 0), 0),
        ("output_shape = [10]", (1, 0), 0),
        ('output_shape = [10], auto_pad = "SAME_UPPER"', (0, 1), 0),
        ("output_shape = [12]", (0, 0), 1),
        ("pads = [1, 2]", (1, 2), 0),
    ],
)
def test_transposed_paddings(operators, attributes, cut, added):
    body = f"y = ConvTranspose <strides = [2], {attributes}> (x, w)"
    window = TransposedWindow.parse(3, 2, (cut,), 1, added, rank=1)
    found = operators(body, "float[N, 2, 5] x", w=np.ones((2, 4, 3), F))
    assert found == [op.ConvTranspose(window)]


GEMMS = {
    "transB = 1": (5, 3),
    "transB = 0": (3, 5),
    "transA = 1": (3, 5),
    "alpha = 2.0, beta = 0.5": (3, 5),
}


@pytest.mark.parametrize("attributes", GEMMS)
@pytest.mark.parametrize("bias", [None, (5,), (1, 5), (), (1,), (4, 5), (4, 1)])
def test_the_general_product(read, attributes, bias):
    random = np.random.default_rng(0)
    weight = random.integers(-4, 5, GEMMS[attributes]).astype(F)
    arrays = {"w": weight} | ({} if bias is None else {"b": random.integers(-4, 5, bias).astype(F)})
    x = random.integers(-4, 5, (3, 4) if "transA" in attributes else (4, 3)).astype(F)
    inputs = f"float[{x.shape[0]}, {x.shape[1]}] x"
    net = read(f"y = Gemm <{attributes}> (x, {', '.join(arrays)})", inputs, **arrays)
    values = {"x": x} | dict(net.weights) | {c.name: c.array for c in net.graph.constants}
    for node in net.graph.nodes:
        found = node.operator.value(*(values[name] for name in node.inputs))
        values[node.outputs[0]] = found
    a = x.T if "transA" in attributes else x
    product = a @ (weight.T if "transB = 1" in attributes else weight)
    factors = (2, 0.5) if "alpha" in attributes else (1, 1)
    np.testing.assert_array_equal(
        values["y"], factors[0] * product + factors[1] * arrays.get("b", 0)
    )
    by_row = bias is not None and len(bias) == 2 and bias[0] == 4
    kinds = [node.operator.onnx for node in net.graph.nodes if node.operator.onnx != "Transpose"]
    assert kinds == (["Gemm", "Add"] if by_row else ["Gemm"])


def test_group_normalization_by_group_before_opset_21(read):
    body = "y = GroupNormalization <num_groups = 2> (x, s, b)"
    halves = {"s": np.array([1, 2], F), "b": np.array([3, 4], F)}
    net = read(body, "float[N, 4, 8] x", opset=18, **halves)
    assert [array.tolist() for array in net.weights.values()] == [[1, 1, 2, 2], [3, 3, 4, 4]]
    assert all(parameter.trainable for parameter in net.graph.parameters)


def test_space_to_depth_by_columns(read):
    body = 'y = SpaceToDepth <blocksize = 2, mode = "CRD"> (x)'
    net = read(body, "float[N, 2, 2, 2] x", opset=28)
    values = {
        "x": np.arange(8.0).reshape(1, 2, 2, 2),
        **{c.name: c.array for c in net.graph.constants},
    }
    for node in net.graph.nodes:
        values[node.outputs[0]] = node.operator.value(*(values[name] for name in node.inputs))
    assert values["y"].ravel().tolist() == [0, 1, 2, 3, 4, 5, 6, 7]


def test_settings_that_the_network_computes_wait(read):
    body = "s = Shape (x) t = Slice (s, i0, i2) u = Concat <axis = 0> (t, m) y = Reshape (x, u)"
    arrays = {"i0": whole(0), "i2": whole(2), "m": whole(-1)}
    net = read(body, "float[N, C, 6, 8] x", **arrays)
    assert isinstance(net.graph.nodes[-1].operator, Deferred)
    graph = settled(net.graph, (3, 2, 6, 8))
    assert [node.operator for node in graph.nodes] == [op.Reshape((3, 2, -1))]
    assert infer_shapes(graph, (3, 2, 6, 8))["y"] == (3, 2, 48)


def test_settings_of_fixed_sizes_are_known(operators):
    body = "s = Shape (x) t = Slice (s, i0, i2) u = Concat <axis = 0> (t, m) y = Reshape (x, u)"
    arrays = {"i0": whole(0), "i2": whole(2), "m": whole(-1)}
    assert operators(body, "float[3, 2, 6, 8] x", **arrays) == [op.Reshape((3, 2, -1))]


def test_computed_pads_are_halved_and_computed_scalars_are_alone(read):
    body = """
        s = Shape (x) p = Mul (s, zeros) q = Concat <axis = 0> (p, p) y = Pad (x, q)
        k = Slice (s, one, two) z, i = TopK <axis = 1> (x, k)
    """
    arrays = {"zeros": whole(0, 0, 1), "one": whole(1), "two": whole(2)}
    net = read(body, "float[N, C, L] x", "float[] y, float[] z", **arrays)
    shapes = infer_shapes(settled(net.graph, (2, 3, 5)), (2, 3, 5))
    assert (shapes["y"], shapes["z"]) == ((2, 3, 15), (2, 3, 5))


def test_clip_by_computed_bounds_is_the_largest_and_the_smallest(operators):
    inputs = "float[N] x, float low, float high"
    assert operators("y = Clip (x, low, high)", inputs) == [op.Max(), op.Min()]
    assert operators("y = Clip (x, low)", inputs) == [op.Max()]
    assert operators("y = Clip (x, , high)", inputs) == [op.Min()]


def test_numbers_are_the_shortest_that_were_meant(operators):
    assert operators("y = LeakyRelu <alpha = 0.01> (x)") == [op.LeakyRelu(0.01)]
