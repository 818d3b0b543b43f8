"""The report: its totals, its JSON's schema, its text, what it refuses."""

import json
import os
from pathlib import Path

import pytest

from striate.errors import GeometryError, ParameterError, UnknownNameError
from striate.geometry import CONVENTION
from striate.network import Builder, Network, explain, inspect, zoo
from striate.network.inspection.views import collapsed, ordered
from striate.network.operators import Add, Relu

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.mark.parametrize("name", ["vgg16", "lenet-1989"])
def test_text(name):
    """Golden text; STRIATE_UPDATE_GOLDEN=1 writes it anew, to be read before it is committed."""
    path = GOLDEN / f"inspect-{name}.txt"
    text = f"{inspect(zoo.load(name))}\n"
    if os.environ.get("STRIATE_UPDATE_GOLDEN") == "1":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_json_schema():
    data = json.loads(inspect(zoo.load("vgg11-bn"), (2, 3, 224, 224)).to_json())
    assert list(data) == [
        "schema",
        "network",
        "input_shape",
        "inputs",
        "layers",
        "totals",
        "notes",
        "convention",
        "counted_as",
    ]
    assert data["schema"] == 1
    assert data["network"] == "vgg11-bn"
    assert data["input_shape"] == [2, 3, 224, 224]
    assert data["inputs"] == {"input": [2, 3, 224, 224]}
    assert (data["convention"], data["counted_as"]) == ("macs", CONVENTION)
    size = 2 * 64 * 224 * 224 * 4
    axis = {
        "size": 3,
        "stride": 1,
        "start": -1,
        "before": 1,
        "after": 1,
        "aligned": True,
        "input": "input",
    }
    assert data["layers"][1] == {
        "name": "bn1_1",
        "operator": "BatchNormalization",
        "input_shapes": [[2, 64, 224, 224]],
        "output_shape": [2, 64, 224, 224],
        "output_shapes": [[2, 64, 224, 224]],
        "kind": "float",
        "parameters": 128,
        "frozen": 0,
        "buffers": 128,
        "shared_with": [],
        "macs": 0,
        "flops": 0,
        "counted": 0,
        "counted_as": "",
        "units": 0,
        "connections": 0,
        "activation_bytes": size,
        "read_bytes": size + 4 * 64 * 4,
        "written_bytes": size,
        "intensity": 0.0,
        "alive_bytes": 2 * size,
        "field": [{**axis, "axis": 2, "along": [2]}, {**axis, "axis": 3, "along": [3]}],
        "field_note": "",
        "milliseconds": None,
        "timed_with": "",
    }
    assert all(list(layer) == list(data["layers"][0]) for layer in data["layers"])
    assert list(data["totals"]) == [
        "parameters",
        "frozen",
        "buffers",
        "parameter_bytes",
        "macs",
        "flops",
        "counted",
        "units",
        "connections",
        "read_bytes",
        "written_bytes",
        "intensity",
        "activation_bytes",
        "peak_activation_bytes",
        "peak_layer",
        "peak_alive",
        "training",
        "milliseconds",
    ]
    assert list(data["totals"]["training"]) == [
        "kept",
        "peak",
        "layer",
        "parameters",
        "gradients",
        "optimizer",
        "total",
    ]


def keys(data):
    """Yield every key of nested dicts and lists."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield key
            yield from keys(value)
    elif isinstance(data, list):
        for value in data:
            yield from keys(value)


def test_every_key_is_documented():
    data = json.loads(inspect(zoo.load("lenet-1989")).to_json())
    data["inputs"] = {}
    text = (Path(__file__).parents[3] / "docs" / "inspect.md").read_text(encoding="utf-8")
    assert [key for key in dict.fromkeys(keys(data)) if f"`{key}`" not in text] == []


def test_json_of_the_same_network_is_the_same_text():
    assert inspect(zoo.load("lenet-5")).to_json() == inspect(zoo.load("lenet-5")).to_json()


def test_a_graph_and_its_network_give_one_report():
    net = zoo.load("lenet-1989")
    assert inspect(net) == inspect(net.graph) == inspect(net.initialize())


def test_fields_of_unlike_axes_and_behind_transposed_convolutions_as_text():
    b = Builder("text", (None, 1, 8, 8))
    x = b.conv(b.input, "conv", channels=1, kernel=(3, 1), padding=((2, 0), (0, 0)))
    x = b.conv_transpose(x, "up", channels=1, kernel=4, stride=2, padding=1)
    b.add(Add(), x, b.conv_transpose(b.input, "skip", channels=1, kernel=2, stride=2), name="sum")
    rows = inspect(b.graph("sum")).rows()
    assert [row[-1] for row in rows[1:]] == [
        "3 / 1 from -2 x 1 / 1 from 0",
        "4 / 1/2 from -3 x 2 / 1/2 from -1",
        "1 / 1/2 from 0",
        "4 / 1/2 from -3 (misaligned) x 2 / 1/2 from -1 (misaligned)",
    ]


def test_an_input_that_does_not_fit_names_the_layer():
    b = Builder("net", (None, 1, 8))
    net = Network(b.graph(b.max_pool(b.input, "pool", kernel=4)))
    with pytest.raises(GeometryError) as error:
        inspect(net, (1, 1, 3))
    assert str(error.value) == (
        "net: pool (MaxPool): kernel 4 is larger than the padded input 3 + 0 + 0: "
        "pad by 1 more or use a smaller kernel; net is made for 1x1x8"
    )


def test_a_field_that_does_not_exist_costs_no_report():
    """Paths of strides 2 and 1 meet after an up-sampling that forgot one of them."""
    b = Builder("uneven", (None, 1, 8))
    down = b.conv(b.input, "down", channels=1, kernel=2, stride=2)
    crop = b.conv(b.input, "crop", channels=1, kernel=5)
    x = b.add(Add(), down, crop, name="sum")
    report = inspect(b.graph(b.add(Relu(), x, name="relu")))
    assert [len(layer.field) for layer in report.layers] == [1, 1, 0, 0]
    assert report.notes == (
        "uneven: sum (Add) of down and crop: paths of strides 2 and 1 meet: "
        "no single receptive field exists there",
    )
    assert str(report).splitlines()[-1] == "note         " + report.notes[0]


def test_a_name_stands_for_its_network():
    assert inspect("lenet-5") == inspect(zoo.load("lenet-5"))
    assert explain("lenet-5", "C1") == explain(zoo.load("lenet-5"), "C1")


@pytest.mark.parametrize("call", [inspect, lambda network: explain(network, "conv1_1")])
def test_neither_a_network_nor_a_name(call):
    name = "inspect" if call is inspect else "explain"
    with pytest.raises(ParameterError) as error:
        call(None)
    assert str(error.value) == (
        f"{name}: network is None; give what striate.load returns, a Graph or a name as 'vgg16'"
    )
    with pytest.raises(UnknownNameError) as unknown:
        call("VGG16")
    assert str(unknown.value) == f"{name}: no network is called 'VGG16'; did you mean vgg16?"


def test_strides_are_whole_numbers_or_exact_fractions():
    b = Builder("text", (None, 1, 8))
    x = b.conv_transpose(b.input, "up", channels=1, kernel=4, stride=2, padding=1)
    graph = b.graph(b.conv(x, "down", channels=1, kernel=2, stride=2))
    assert [layer.field[0].stride for layer in inspect(graph).layers] == ["1/2", 1]
    assert [
        layer["field"][0]["stride"] for layer in json.loads(inspect(graph).to_json())["layers"]
    ] == ["1/2", 1]


def test_columns_are_chosen_by_name():
    report = inspect("lenet-1989")
    rows = report.rows(columns=["layer", "input", "kind", "moved", "intensity", "padding"])
    assert rows[0] == ("layer", "input", "kind", "moved", "FLOP/B", "padding")
    assert rows[2] == ("H1", "1x1x19x19", "float", "8.6 KiB", "4.37", "2 + 1")
    narrow = report.rows(20, columns=["layer", "parameters", "connections", "alive", "units"])
    assert narrow[0] == ("layer", "params", "connections", "alive", "units")
    assert narrow[2] == ("H1", "1.07k", "20.0k", "4.4 KiB", "768")
    with pytest.raises(UnknownNameError) as error:
        report.rows(columns=["layer", "mac"])
    assert str(error.value) == "no column is called 'mac'; did you mean macs?"


def test_layers_sorted_and_summed_up():
    report = inspect("resnet50")
    most = ordered(report, "macs")
    assert [layer.macs for layer in most.layers] == sorted(
        (layer.macs for layer in report.layers), reverse=True
    )
    assert ordered(report, "alive").layers[0].name == report.totals.peak_layer
    blocks = collapsed(report, 1)
    assert [layer.name for layer in blocks.layers][:4] == ["conv1", "pool1", "conv2_1", "conv2_2"]
    for name in ("macs", "parameters", "buffers", "activation_bytes", "read_bytes", "connections"):
        total = sum(getattr(layer, name) for layer in report.layers)
        assert sum(getattr(layer, name) for layer in blocks.layers) == total
    assert (blocks.layers[2].operator, blocks.layers[2].output_shape) == (
        "12 layers",
        (1, 256, 56, 56),
    )
    assert collapsed(report, 9) == report
    with pytest.raises(UnknownNameError) as error:
        ordered(report, "mac")
    assert str(error.value) == "no order is called 'mac'; did you mean macs?"
    with pytest.raises(ParameterError) as wrong:
        collapsed(report, 0)
    assert str(wrong.value) == "depth must be at least 1, not 0"


def test_measured_times_have_a_column():
    report = inspect("lenet-1989").timed({"H1": 1.5, "H2": 0.25}, {"H1.tanh": "H1"})
    assert report.totals.milliseconds == 1.75
    rows = report.rows()
    assert rows[0][6] == "ms"
    assert [row[6] for row in rows[1:6]] == ["", "1.500", "in H1", "", "0.250"]
    assert "time         1.750 ms, the sum of the layers' medians" in report.summary()
    assert ordered(report, "time").layers[0].name == "H1"
