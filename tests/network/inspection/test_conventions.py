"""How others count, against the numbers that their programs print.

torchinfo 1.8.0, fvcore 0.1.5.post20221221 and thop 0.1.1.post2209072238 were run on the PyTorch
modules named beside each case, in eval mode; the numbers are theirs.
"""

import pytest

from striate.errors import UnknownNameError
from striate.geometry import CONVENTION, Window
from striate.network import Builder, Initial, explain, inspect, zoo
from striate.network.inspection.conventions import CONVENTIONS, Applied
from striate.network.operators import (
    AveragePool,
    BatchNormalization,
    Gemm,
    GlobalAveragePool,
    GroupNormalization,
    InstanceNormalization,
    LayerNormalization,
    LeakyRelu,
    MatMul,
    PRelu,
    Relu,
    Reshape,
    Resize,
    Sigmoid,
    Softmax,
    Transpose,
)

ONE = Initial("constant", 1.0)
SHAPE = (2, 4, 8, 8)
LINEAR = Resize((2.0, 2.0), axes=(2, 3), mode="linear")
NEAREST = Resize((2.0, 2.0), axes=(2, 3))
WIDER = Resize((2.0,), axes=(2,), mode="linear")
LARGER = Resize((2.0,) * 3, axes=(2, 3, 4), mode="linear")
CUBIC = Resize((2.0, 2.0), axes=(2, 3), mode="cubic")


def affine(operator, names=("scale", "bias"), shape=(4,)):
    def make(b):
        return b.add(operator, b.input, *(b.parameter(n, shape, ONE) for n in names), name="layer")

    return make


def plain(operator):
    return lambda b: b.add(operator, b.input, name="layer")


CASES = [  # (PyTorch's module, ours, torchinfo, fvcore, thop)
    (
        "Conv2d(4, 6, 3, stride=2, padding=1)",
        lambda b: b.conv(b.input, "layer", channels=6, kernel=3, stride=2, padding=1),
        (7104, 6912, 6912),
    ),
    (
        "Conv2d(4, 8, 3, groups=2, bias=False)",
        lambda b: b.conv(b.input, "layer", channels=8, kernel=3, groups=2, bias=False),
        (10368, 10368, 10368),
    ),
    (
        "ConvTranspose2d(4, 6, 3, 2)",
        lambda b: b.conv_transpose(b.input, "layer", channels=6, kernel=3, stride=2),
        (128316, 27648, 124848),
    ),
    (
        "ConvTranspose2d(4, 6, 3, 2, groups=2)",
        lambda b: b.conv_transpose(b.input, "layer", channels=6, kernel=3, stride=2, groups=2),
        (65892, 13824, 62424),
    ),
    ("BatchNorm2d(4)", lambda b: b.batch_norm(b.input, "layer"), (16, 1024, 2048)),
    ("InstanceNorm2d(4, affine=True)", affine(InstanceNormalization()), (16, 2560, 2048)),
    ("GroupNorm(2, 4)", affine(GroupNormalization(2)), (16, 2560, 0)),
    ("LayerNorm(8)", affine(LayerNormalization(), shape=(8,)), (32, 2560, 2048)),
    ("ReLU()", plain(Relu()), (0, 0, 0)),
    ("LeakyReLU()", plain(LeakyRelu()), (0, 0, 0)),
    ("PReLU(4)", affine(PRelu(), ("slope",), (4, 1, 1)), (8, 0, 512)),
    ("Softmax(1)", plain(Softmax(1)), (0, 0, 1408)),
    ("Sigmoid()", plain(Sigmoid()), (0, 0, 0)),
    ("MaxPool2d(2)", lambda b: b.max_pool(b.input, "layer", kernel=2), (0, 0, 0)),
    ("AvgPool2d(2)", lambda b: b.average_pool(b.input, "layer", kernel=2), (0, 0, 128)),
    ("AdaptiveAvgPool2d(1)", plain(GlobalAveragePool()), (0, 512, 520)),
    ('Upsample(scale_factor=2, mode="nearest")', plain(NEAREST), (0, 2048, 2048)),
    ('Upsample(scale_factor=2, mode="bilinear")', plain(LINEAR), (0, 8192, 22528)),
    ('Upsample(scale_factor=2, mode="bicubic")', plain(CUBIC), (0, 0, 530432)),
]


@pytest.mark.parametrize(("make", "counts"), [pytest.param(*c[1:], id=c[0]) for c in CASES])
def test_what_the_tools_print(make, counts):
    b = Builder("net", SHAPE)
    graph = b.graph(make(b))
    for name, count in zip(("torchinfo", "fvcore", "thop"), counts, strict=True):
        report = inspect(graph, convention=name)
        assert report.totals.counted == report.layers[-1].counted == count, name
        assert report.convention == name


WINDOW = Window.parse(4, 4, rank=2)
FUNCTION = "(a function counts nothing)"
APPLIED = [  # (PyTorch's module, ours, its inputs, its output, parameters, what the tools count)
    (
        "BatchNorm2d(4, affine=False)",
        BatchNormalization(),
        (SHAPE, *[(4,)] * 4),
        SHAPE,
        (),
        (0, 512, 1024),
    ),
    ("AdaptiveAvgPool1d(1)", GlobalAveragePool(), ((2, 4, 8),), (2, 4, 1), (), (0, 0, 72)),
    (
        "AdaptiveAvgPool3d(1)",
        GlobalAveragePool(),
        ((2, 4, 8, 8, 8),),
        (2, 4, 1, 1, 1),
        (),
        (0, 0, 4104),
    ),
    ("Upsample(linear)", WIDER, ((2, 4, 8),), (2, 4, 16), (), (0, 0, 640)),
    ("Upsample(1-D)", Resize((2.0,), axes=(2,)), ((2, 4, 8),), (2, 4, 16), (), (0, 0, 128)),
    ("Upsample(trilinear)", LARGER, ((2, 4, 3, 3, 3),), (2, 4, 6, 6, 6), (), (0, 0, 0)),
    ("Linear(6, 5)", Gemm(), ((2, 7, 6), (5, 6), (5,)), (2, 7, 5), ((5, 6), (5,)), (70, 420, 420)),
    ("PReLU(4)", PRelu(), (SHAPE, (4, 1, 1)), SHAPE, (), (8, 0, 512)),
    ("PReLU(4)'s weight", Reshape((4, 1, 1)), ((4,),), (4, 1, 1), ((4,),), (0, 0, 0)),
]


@pytest.mark.parametrize("case", [pytest.param(case[1:], id=case[0]) for case in APPLIED])
def test_single_applications(case):
    *given, counts = case
    use = Applied(*given)
    found = [CONVENTIONS[name].count(use)[0] for name in ("torchinfo", "fvcore", "thop")]
    assert tuple(found) == counts


@pytest.mark.parametrize(
    ("operator", "shape", "output", "name", "counted"),
    [
        (
            *(AveragePool(WINDOW), SHAPE, (2, 4, 2, 2), "fvcore"),
            (0, "nothing (if adaptive, 1 x 512 elements read)"),
        ),
        (
            *(AveragePool(WINDOW), SHAPE, (2, 4, 2, 2), "thop"),
            (32, "1 x 32 elements written (if adaptive, more; a function counts nothing)"),
        ),
        (
            *(AveragePool(Window.parse(3, 2, 1, rank=2)), SHAPE, (2, 4, 4, 4), "thop"),
            (128, f"1 x 128 elements written {FUNCTION}"),
        ),
        (Softmax(1), SHAPE, SHAPE, "thop", (1408, f"128 rows x (3 x 4 - 1) {FUNCTION}")),
        (
            LARGER,
            (1, 1, 2, 2, 2),
            (1, 1, 4, 4, 4),
            "thop",
            (0, "trilinear, which it does not know"),
        ),
    ],
)
def test_what_a_graph_cannot_tell_is_said(operator, shape, output, name, counted):
    assert CONVENTIONS[name].count(Applied(operator, [shape], output, [])) == counted


def test_linear_layers():
    """Linear(10, 7) on (2, 10): torchinfo adds the biases."""
    b = Builder("net", (2, 10))
    graph = b.graph(b.linear(b.input, "fc", features=7))
    counts = {name: inspect(graph, convention=name).totals.counted for name in CONVENTIONS}
    assert counts == {
        "macs": 140,
        "flops": 280,
        "flops-bias": 294,
        "torchinfo": 154,
        "fvcore": 140,
        "thop": 140,
    }


def test_products_of_computed_values():
    """x @ x.transpose(1, 2) of (2, 4, 8): fvcore 256; a function, so the others see nothing."""
    b = Builder("net", (2, 4, 8))
    turned = b.add(Transpose((0, 2, 1)), b.input, name="turned")
    graph = b.graph(b.add(MatMul(), b.input, turned, name="product"))
    counts = [inspect(graph, convention=name).totals.counted for name in CONVENTIONS]
    assert counts == [256, 512, 512, 0, 256, 0]
    assert inspect(graph, convention="thop").layers[-1].counted_as == "no module, so it is missed"


def test_resnet18_as_torchinfo_counts():
    """Its documentation prints 1.81 G for torchvision's; ours differs by biases and norms."""
    assert round(inspect("resnet18", convention="torchinfo").totals.counted / 1e9, 2) == 1.81


def test_macs_and_flops_do_not_change_with_the_convention():
    reports = [inspect("lenet-5", convention=name) for name in CONVENTIONS]
    assert len({(r.totals.macs, r.totals.flops) for r in reports}) == 1
    assert reports[0].counted_as == CONVENTION
    headings = [report.rows()[0][4] for report in reports]
    assert headings == ["MACs", "FLOPs", "FLOPs", "mult-adds", "fvcore flops", "thop MACs"]
    assert [line for line in reports[3].summary() if line.startswith("counted as")] == [
        f"counted as   {reports[3].totals.counted:,} (333.082 k), {reports[3].counted_as}"
    ]


def test_explained_where_they_differ():
    lines = explain(zoo.load("vgg16"), "conv1_1")
    assert "    torchinfo  1,792 parameters x 50,176 (examples x places of the output)" in lines[7]
    assert not any("fvcore" in line or "thop" in line for line in lines)


def test_unknown_conventions():
    with pytest.raises(UnknownNameError) as error:
        inspect("vgg16", convention="flop")
    assert str(error.value) == (
        "inspect: no convention is called 'flop'; did you mean flops or flops-bias?"
    )
