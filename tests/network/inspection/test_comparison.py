"""Two networks side by side: matching, differences, text and JSON."""

import json

import pytest

from striate.errors import ShapeError
from striate.network import Builder, compare, inspect
from striate.network.operators import Relu, Tanh


def small(name, *, channels=4, last=Relu, prefix="", extra=False):
    b = Builder(name, (None, 1, 8, 8))
    x = b.conv(b.input, f"{prefix}conv", channels=channels, kernel=3, padding=1)
    if extra:
        x = b.conv(x, f"{prefix}more", channels=channels, kernel=3, padding=1)
    x = b.add(last(), x, name=f"{prefix}act")
    return b.graph(b.linear(x, f"{prefix}fc", features=10))


def pairs(found):
    return [(m.a and m.a.name, m.b and m.b.name, m.by) for m in found.layers]


def test_a_network_and_itself():
    found = compare("lenet-5", "lenet-5")
    assert all(match.alike and match.by == "name" for match in found.layers)
    assert {d.change for d in found.totals} == {"same"}
    lines = str(found).splitlines()
    assert lines[0] == "lenet-5 on 1x1x32x32 against lenet-5 on 1x1x32x32"
    assert lines[-1].endswith("alike, 0 different, 0 only in a, 0 only in b")


def test_layers_by_name():
    found = compare(small("a"), small("b", channels=6, last=Tanh, extra=True))
    assert pairs(found) == [
        ("conv", "conv", "name"),
        (None, "more", "nothing"),
        ("act", "act", "name"),
        ("fc.flatten", "fc.flatten", "name"),
        ("fc", "fc", "name"),
    ]
    assert {d.name: (d.a, d.b) for d in found.layers[0].differences} == {
        "output_shape": ((1, 4, 8, 8), (1, 6, 8, 8)),
        "parameters": (40, 60),
        "macs": (2304, 3456),
        "activation_bytes": (1024, 1536),
    }
    assert found.layers[2].differences[0].b == "Tanh"
    totals = {d.name: d.change for d in found.totals}
    assert totals["parameters"] == "+1,630 (+62.5 %)"


def test_other_names_in_order():
    found = compare(small("a"), small("b", prefix="x.", extra=True))
    assert pairs(found) == [
        ("conv", "x.conv", "order"),
        (None, "x.more", "nothing"),
        ("act", "x.act", "order"),
        ("fc.flatten", "x.fc.flatten", "order"),
        ("fc", "x.fc", "order"),
    ]
    assert sum(m.by == "order" for m in found.layers) == 4


def test_every_layer_once():
    for one, two in (("resnet18", "resnet34"), ("vgg11", "vgg16-bn"), ("vgg16", "alexnet")):
        found = compare(one, two)
        names = [m.a.name for m in found.layers if m.a]
        assert names == [layer.name for layer in inspect(one).layers]
        others = [m.b.name for m in found.layers if m.b]
        assert sorted(others) == sorted(layer.name for layer in inspect(two).layers)


def test_text():
    lines = str(compare(small("one"), small("two", channels=5, extra=True))).splitlines()
    assert lines[0] == "one on 1x1x8x8 against two on 1x1x8x8"
    assert lines[1].split() == ["one", "two", "change"]
    start = lines.index("layers: 0 alike, 4 different, 0 only in one, 1 only in two")
    assert [" ".join(line.split()) for line in lines[start + 1 : start + 4]] == [
        "layer operator output parameters MACs field",
        "conv Conv 1x4x8x8 -> 1x5x8x8 40 -> 50 2,304 -> 2,880 3/1",
        "+ more Conv 1x5x8x8 230 14,400 5/1",
    ]


def test_as_json():
    found = json.loads(compare(small("one"), small("two", last=Tanh)).to_json())
    assert list(found) == ["schema", "a", "b", "totals", "layers"]
    assert found["schema"] == 1
    assert found["a"] == {"network": "one", "input_shape": [1, 1, 8, 8]}
    assert found["totals"]["parameters"] == {"a": 2610, "b": 2610}
    assert found["layers"][1] == {
        "a": "act",
        "b": "act",
        "matched_by": "name",
        "differences": {"operator": {"a": "Relu", "b": "Tanh"}},
    }


def test_the_input_is_that_of_both():
    found = compare("all-cnn-a", "all-cnn-c", (1, 3, 64, 64))
    assert (found.a.input_shape, found.b.input_shape) == ((1, 3, 64, 64), (1, 3, 64, 64))
    with pytest.raises(ShapeError):
        compare("lenet-5", "vgg16", (1, 3, 224, 224))


def test_unrelated_networks_are_not_matched():
    found = compare("lenet-5", small("small"))
    assert [m.by for m in found.layers if m.a is not None and m.b is not None] == []
    named = compare(small("a"), small("b", last=Relu, prefix=""))
    assert all(match.by == "name" for match in named.layers)


def test_totals_that_agree_stand_in_one_line():
    lines = str(compare("vgg16", "vgg16-bn")).splitlines()
    assert [line for line in lines if line.endswith("  same")] == []
    (same,) = [line for line in lines if line.startswith("same: ")]
    assert same.startswith("same: macs 15,470,264,320, flops 30,940,528,640, ")


def test_large_changes_are_told_as_multiples():
    found = compare("lenet-5", "vgg16")
    (parameters,) = [d for d in found.totals if d.name == "parameters"]
    assert parameters.change.endswith(f" ({parameters.b / parameters.a:,.0f} times)")
