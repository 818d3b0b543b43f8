"""Advice on networks that fit: each kind on a network that has it, silence on those that do not."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.errors import GeometryError
from striate.geometry import Axis, Field, TransposedAxis, TransposedWindow, Window
from striate.network import Builder, Graph, Initial, Input, Parameter, diagnose, infer_shapes, zoo
from striate.network.doctor.advice import _coverage
from striate.network.doctor.advice_on_windows import Case, unread
from striate.network.operators import Add, Concat, GlobalAveragePool, MaxPool, Relu


def advice(graph, shape=None):
    """What is said of a graph: (topic, layers, text)."""
    found = diagnose(graph, shape)
    assert found.fits
    return [(a.topic, a.layers, a.text) for a in found.advice]


def test_pixels_that_floor_drops():
    b = Builder("floor", (None, 1, 10, 9))
    x = b.conv(b.input, "conv", channels=1, kernel=3, stride=2)
    assert advice(b.graph(x)) == [
        (
            "pixels dropped",
            ("conv",),
            "along height the last 1 of 10 are never read: floor((10 + 0 + 0 - 3) / 2) + 1 = 4 "
            "outputs",
        ),
        ("pixels dropped", (), "inputs of 1x1x9x9 or 1x1x11x9 lose nothing"),
    ]


def test_padding_that_floor_drops_is_nothing():
    b = Builder("floor", (None, 1, 224, 224))
    x = b.conv(b.input, "conv", channels=1, kernel=7, stride=2, padding=3)
    assert advice(b.graph(x)) == []


def test_what_one_branch_leaves_out_another_may_read():
    b = Builder("both", (None, 1, 8, 8))
    skipping = b.conv(b.input, "skipping", channels=1, kernel=1, stride=2)
    assert advice(b.graph(skipping)) == [
        (
            "pixels skipped",
            ("skipping",),
            "along height and width 4 of 8 are never read (kernel 1, stride 2)",
        )
    ]
    reading = b.conv(b.input, "reading", channels=1, kernel=3, stride=2, padding=1)
    assert advice(b.graph(b.add(Add(), skipping, reading, name="sum"))) == []


def test_dilation_with_a_stride_skips():
    b = Builder("holes", (None, 1, 9))
    x = b.conv(b.input, "conv", channels=1, kernel=3, stride=2, dilation=2)
    assert advice(b.graph(x)) == [
        (
            "pixels skipped",
            ("conv",),
            "along length 4 of 9 are never read (kernel 3, stride 2, dilation 2)",
        )
    ]


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_unread_positions_are_those_that_no_tap_reads(data):
    size = data.draw(st.integers(1, 40))
    readers, seen = [], set()
    for _ in range(data.draw(st.integers(1, 2))):
        kernel, stride, dilation = (data.draw(st.integers(1, 5)) for _ in range(3))
        padding = data.draw(st.sampled_from(["same", (0, 0), (1, 0), (2, 3), (-1, -2)]))
        window = Window.parse(kernel, stride, 0, dilation, rank=1)
        window = Window((replace(window.axes[0], padding=padding),))
        try:
            outputs = window.output_shape((size,))[0]
        except GeometryError:
            return
        readers.append(window)
        seen |= {t for o in range(outputs) for t in window.at((size,)).axes[0].taps(o)}
    b = Builder("windows", (None, 1, size))
    ends = [b.add(MaxPool(w), b.input, name=f"pool{i}") for i, w in enumerate(readers)]
    graph = b.graph(*ends)
    found = list(unread(Case(graph, infer_shapes(graph))))
    left = [i for i in range(size) if i not in seen]
    assert [positions for _, _, positions, _ in found] == ([left] if left else [])


def test_checkerboards():
    b = Builder("up", (None, 1, 4, 4))
    x = b.conv_transpose(b.input, "three", channels=1, kernel=3, stride=2)
    x = b.conv_transpose(x, "five", channels=1, kernel=5, stride=2)
    x = b.conv_transpose(x, "four", channels=1, kernel=4, stride=2)
    texts = [
        "kernel 3 with stride 2: outputs are sums of 1 to 2 taps in turn; kernel 2 or 4 makes all "
        "alike",
        "kernel 5 with stride 2: outputs are sums of 2 to 3 taps in turn; kernel 4 or 6 makes all "
        "alike",
    ]
    assert advice(b.graph(x)) == [
        ("checkerboard", ("three",), texts[0]),
        ("checkerboard", ("five",), texts[1]),
    ]


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 7), st.integers(1, 4), st.integers(1, 3))
def test_checkerboards_are_uneven_numbers_of_taps(kernel, stride, dilation):
    size = 8 * kernel * dilation
    b = Builder("up", (None, 1, size))
    numbers = {"kernel": kernel, "stride": stride, "dilation": dilation}
    graph = b.graph(b.conv_transpose(b.input, "up", channels=1, **numbers))
    axis = TransposedWindow.parse(**numbers, rank=1).axes[0]
    middle = axis.output_size(size) // 2
    taps = {len(axis.taps(middle + o)) for o in range(2 * stride)}
    assert [a[0] for a in advice(graph)] == ["checkerboard"] * (len(taps) > 1)


def test_fields_that_never_cover_the_input():
    b = Builder("local", (None, 3, 32, 32))
    x = b.conv(b.input, "conv", channels=4, kernel=5, padding=2)
    assert advice(b.graph(b.add(GlobalAveragePool(), x, name="average"))) == [
        (
            "receptive field",
            ("average",),
            "each of the 32x32 values that it gathers sees at most 5x5 of the input's 32x32",
        )
    ]


def test_fields_that_far_exceed_the_input():
    assert advice("densenet121") == [
        (
            "receptive field",
            ("average",),
            "each of the 7x7 values that it gathers has a receptive field of 2071x2071, 9.2 times "
            "the input's 224x224: most of it lies beyond the edges",
        )
    ]


def test_joins_of_paths_that_are_not_aligned():
    b = Builder("branches", (None, 1, 8, 8))
    left = b.conv(b.input, "left", channels=1, kernel=3, padding=1)
    right = b.conv(b.input, "right", channels=1, kernel=3, padding=((0, 2), (0, 2)))
    assert advice(b.graph(b.add(Concat(), left, right, name="join"))) == [
        (
            "misaligned",
            ("join",),
            "paths meet whose first outputs are centred elsewhere: left at 0, right at 1",
        )
    ]


def test_joins_of_paths_of_different_strides():
    b = Builder("strides", (None, 1, 9))
    slow = b.conv(b.input, "slow", channels=1, kernel=5)
    fast = b.conv(b.input, "fast", channels=1, kernel=1, stride=2, padding=0)
    graph = b.graph(b.add(Add(), slow, fast, name="join"))
    (found,) = [a for a in advice(graph) if a[0] == "misaligned"]
    assert found[1] == ("join",)
    assert "strides 1 and 2 meet" in found[2]


def test_padding_that_outweighs_data():
    b = Builder("small", (None, 1, 2, 2))
    x = b.conv(b.input, "conv", channels=1, kernel=7, padding=3)
    assert advice(b.graph(x)) == [
        (
            "padding",
            ("conv",),
            "kernel 7x7 on 2x2: 92 % of what it reads is padding, and 40 of its 49 taps never "
            "meet data",
        )
    ]


def test_even_kernels_shift_by_half_a_pixel():
    b = Builder("even", (None, 1, 8, 8))
    x = b.conv(b.input, "conv", channels=1, kernel=2, padding="same")
    assert advice(b.graph(x)) == [
        (
            "half-pixel shift",
            ("conv",),
            "even kernel 2 padded 0 + 1: output i is centred on input i + 0.5; an odd kernel is "
            "centred",
        )
    ]


def test_biases_before_a_normalisation():
    b = Builder("normed", (None, 1, 8, 8))
    x = b.input
    for i in range(2):
        x = b.batch_norm(b.conv(x, f"conv{i}", channels=1, kernel=1), f"norm{i}")
    x = b.batch_norm(b.conv(x, "plain", channels=1, kernel=1, bias=False), "norm")
    assert advice(b.graph(x)) == [
        (
            "bias before norm",
            ("conv0", "conv1"),
            "its bias changes nothing: BatchNormalization behind it subtracts the mean",
        )
    ]


def test_what_no_output_needs():
    b = Builder("idle", (None, 1, 8, 8))
    x = b.add(Relu(), b.input, name="relu")
    b.add(Relu(), b.conv(b.input, "conv", channels=1, kernel=1), name="dead")
    graph = b.graph(x)
    graph = Graph(
        graph.name,
        (*graph.inputs, Input("other", (None, 2))),
        (*graph.parameters, Parameter("spare", (3,), Initial("constant", 0.0))),
        graph.nodes,
        graph.outputs,
    )
    assert advice(graph) == [
        ("unused", ("dead", "conv"), "leads to no output"),
        ("unused", ("conv.weight", "conv.bias", "spare"), "parameter that no output depends on"),
        ("unused", ("other",), "input that no output depends on"),
    ]


def test_many_are_told_in_few_words():
    b = Builder("many", (None, 1, 99))
    x = b.input
    for i in range(8):
        x = b.conv(x, f"conv{i}", channels=1, kernel=2, padding="same")
    x = b.batch_norm(x, "norm")
    for i in range(7):
        x = b.conv(x, f"last{i}", channels=1, kernel=2 * i + 2, padding="same")
    lines = str(diagnose(b.graph(x))).splitlines()
    assert lines[1:4] == [
        "half-pixel shift:",
        "  conv0, conv1, conv2 and 6 more: even kernel 2 padded 0 + 1: output i is centred on "
        "input i + 0.5; an odd kernel is centred",
        "  last1: even kernel 4 padded 1 + 2: output i is centred on input i + 0.5; an odd kernel "
        "is centred",
    ]
    assert lines[6] == "  and 3 more such layers; JSON lists all"


ALL_CNN = {f"{kind}-{base}" for kind in ("base", "all-cnn") for base in "abc"}
SKIPPING = {"strided-cnn-a", "strided-cnn-b", "strided-cnn-c"}


def expected_topics(name):
    """What is known of the networks of the zoo; of all others nothing is to be said."""
    if name.endswith("-bn"):
        return {"bias before norm"}
    if name == "squeezenet":
        return {"pixels dropped", "receptive field"}
    if name == "strided-cnn-b":
        return {"pixels skipped", "receptive field"}
    deep = {"resnet34", "resnet101", "resnet152", "densenet121"}
    return {"receptive field"} if name in deep | ALL_CNN | SKIPPING else set()


@pytest.mark.parametrize("name", zoo.names())
def test_the_zoo_is_told_little(name):
    found = diagnose(name)
    assert {a.topic for a in found.advice} == expected_topics(name)
    assert len(str(found).splitlines()) <= 6


def test_networks_without_advice():
    assert str(diagnose("vgg16")) == (
        "vgg16 on 1x3x224x224: all shapes fit, and nothing looks doubtful"
    )


def test_axes_of_billions_take_no_time():
    b = Builder("long", (None, 1, 1 << 40))
    x = b.conv(b.input, "wide", channels=1, kernel=3, stride=5, padding=0)
    assert [a.topic for a in diagnose(b.graph(x)).advice] == []


@given(
    st.lists(
        st.tuples(st.integers(1, 5), st.integers(1, 3), st.booleans()), min_size=1, max_size=3
    ),
    st.integers(1, 30),
    st.integers(1, 40),
)
def test_coverage_is_that_of_looking_at_every_output(windows, count, size):
    field = Field.identity()
    for kernel, stride, transposed in windows:
        axis = (
            TransposedAxis(kernel, stride) if transposed else Axis(kernel, stride, padding=(1, 2))
        )
        field = field.through(axis)
    seen = filter(None, map(field.of, range(count)))
    most = max((min(last, size - 1) - max(first, 0) + 1 for first, last in seen), default=0)
    assert _coverage(field, count, size) == max(most, 0)
