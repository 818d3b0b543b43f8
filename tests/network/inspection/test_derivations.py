"""What is said of the sizes of every operator, in its own numbers."""

import numpy as np
import pytest

from striate.geometry import Window
from striate.network import Constant, Graph, Initial, Input, Node, Parameter, explain, operators
from striate.network.operators import (
    LRN,
    ArgMax,
    Concat,
    ConstantOfShape,
    CumSum,
    DepthToSpace,
    Expand,
    Gather,
    GlobalAveragePool,
    GroupNormalization,
    InstanceNormalization,
    LayerNormalization,
    LpNormalization,
    LpPool,
    MatMul,
    MeanVarianceNormalization,
    Mul,
    OneHot,
    Pad,
    ReduceMean,
    Relu,
    Reshape,
    Resize,
    Shape,
    Slice,
    Softmax,
    SpaceToDepth,
    Split,
    Squeeze,
    Tile,
    TopK,
    Transpose,
    Unsqueeze,
    Where,
)

X = (2, 4, 6, 8)
ONE = Initial("constant", 1.0)


def rows(operator, *others, shape=X, outputs=1):
    """Return what is said between what the operator does and its parameters."""
    given = tuple(Constant.of(f"c{i}", array) for i, array in enumerate(others))
    names = ("y", *(f"y{i}" for i in range(1, outputs)))
    node = Node("node", operator, ("x", *(constant.name for constant in given)), names)
    graph = Graph("one", (Input("x", shape),), (), (node,), names, given)
    _, does, *rest = explain(graph, "node")
    assert does.startswith("         does  ")
    end = next(i for i, line in enumerate(rest) if line.startswith("   parameters"))
    return [line.strip() for line in rest[:end]]


@pytest.mark.parametrize(
    ("operator", "others", "said"),
    [
        (Relu(), (), ["elements  2 x 4 x 6 x 8 = 384"]),
        (
            Mul(),
            (np.ones((4, 1, 1)),),
            ["elements  2 x 4 x 6 x 8 = 384", "broadcast  4x1x1 to 2x4x6x8"],
        ),
        (
            Where(),
            (np.ones((8,)), np.ones(())),
            ["elements  2 x 4 x 6 x 8 = 384", "broadcast  8, 1 to 2x4x6x8"],
        ),
        (Concat(2), (np.ones((2, 4, 1, 8)),), ["axis 2  6 + 1 = 7"]),
        (Reshape((2, -1)), (), ["elements  2 x 4 x 6 x 8 = 384 = 2 x 192"]),
        (Squeeze(()), (), ["elements  2 x 4 x 6 x 8 = 384 = 2 x 4 x 6 x 8"]),
        (Unsqueeze((0,)), (), ["elements  2 x 4 x 6 x 8 = 384 = 1 x 2 x 4 x 6 x 8"]),
        (
            Transpose((0, 2, 3, 1)),
            (),
            ["axes  0 was 0 (2), 1 was 2 (6), 2 was 3 (8), 3 was 1 (4)"],
        ),
        (Expand((3, 2, 4, 6, 8)), (), ["broadcast  2x4x6x8 to 3x2x4x6x8"]),
        (Tile((1, 1, 2, 3)), (), ["axis 2  6 x 2 = 12", "axis 3  8 x 3 = 24"]),
        (
            Slice((1, 7), (6, 0), (2, 3), (2, -3)),
            (),
            [
                "axis 2  from 1 by 2: ceil((6 - 1) / 2) = 3",
                "axis 3  from 7 by -3: ceil((0 - 7) / -3) = 3",
            ],
        ),
        (Slice((0,), (9,), (2,)), (), ["axes  all of them whole"]),
        (Pad((1, 2), (3, -1)), (), ["axis 2  6 + 1 + 3 = 10", "axis 3  8 + 2 + -1 = 9"]),
        (
            Resize((1.5, 2.0), axes=(2, 3)),
            (),
            ["axis 2  floor(6 x 1.5) = 9", "axis 3  floor(8 x 2) = 16"],
        ),
        (Resize(sizes=(5, 8), axes=(2, 3)), (), ["axis 2  6 to 5, as told"]),
        (ReduceMean((2, 3)), (), ["each output  of 384 / 8 = 48 elements"]),
        (GlobalAveragePool(), (), ["each output  of 6 x 8 = 48 elements"]),
        (ArgMax(axis=1), (), ["axis 1  the best of 4"]),
        (Gather(3), (np.array([1, 5, 2]),), ["axis 3  8 elements, of which 3 are picked"]),
        (
            DepthToSpace(2),
            (),
            ["channels  4 / 2^2 = 1", "height, width  6 x 2 = 12, 8 x 2 = 16"],
        ),
        (
            SpaceToDepth(2),
            (),
            ["channels  4 x 2^2 = 16", "height, width  6 / 2 = 3, 8 / 2 = 4"],
        ),
        (LpNormalization(axis=3), (), ["statistics of  8 = 8 elements each"]),
        (MeanVarianceNormalization(), (), ["statistics of  2 x 6 x 8 = 96 elements each"]),
        (LRN(size=5), (), ["each output  of 5 of 4 channels"]),
        (Softmax(axis=1), (), ["each row  of 4 elements; 96 rows"]),
        (Softmax(axis=1, onwards=True), (), ["each row  of 192 elements; 2 rows"]),
        (MatMul(), (np.ones((8, 5)),), ["each output  the sum of 8 products"]),
        (CumSum(1), (), ["elements  2 x 4 x 6 x 8 = 384"]),
        (Shape(), (), ["elements  4 = 4"]),
    ],
)
def test_sizes(operator, others, said):
    assert rows(operator, *others) == said


def test_several_outputs():
    assert rows(Split((2, 4), axis=2), outputs=2) == ["axis 2  6 = 2 + 4"]
    assert rows(TopK(3, axis=3), outputs=2) == ["axis 3  the 3 best of 8"]


def test_windows_that_norm():
    graph = Graph(
        "pool",
        (Input("x", X),),
        (),
        (Node("pool", LpPool(Window.parse(2, 2, rank=2)), ("x",), ("pool",)),),
        ("pool",),
    )
    assert explain(graph, "pool")[2:4] == (
        "       height  floor((6 + 0 + 0 - 1 (2 - 1) - 1) / 2) + 1 = 3",
        "        width  floor((8 + 0 + 0 - 1 (2 - 1) - 1) / 2) + 1 = 4",
    )


@pytest.mark.parametrize(
    ("operator", "shape", "said"),
    [
        (InstanceNormalization(), (4,), "statistics of  6 x 8 = 48 elements each"),
        (GroupNormalization(2), (4,), "statistics of  2 x 6 x 8 = 96 elements each"),
        (LayerNormalization(axis=-2), (6, 8), "statistics of  6 x 8 = 48 elements each"),
    ],
)
def test_norms(operator, shape, said):
    names = ("scale", "bias")
    node = Node("norm", operator, ("x", *names), ("norm",))
    own = tuple(Parameter(name, shape, ONE) for name in names)
    lines = explain(Graph("one", (Input("x", X),), own, (node,), ("norm",)), "norm")
    assert said in [line.strip() for line in lines]


def test_made_from_nothing():
    nodes = (
        Node("ones", ConstantOfShape((3, 2), 1.0, "float"), (), ("ones",)),
        Node("hot", OneHot(4), ("x", "values"), ("hot",)),
    )
    values = Constant.of("values", [0.0, 1.0])
    graph = Graph("made", (Input("x", (5,), "int64"),), (), nodes, ("ones", "hot"), (values,))
    assert explain(graph, "ones")[0] == "ones (ConstantOfShape): nothing -> 3x2"
    assert "     elements  5 x 4 = 20" in explain(graph, "hot")


def test_every_operator_says_what_it_does():
    for name in operators.__all__:
        kind = getattr(operators, name)
        assert (kind.__doc__ or "").strip(), name
