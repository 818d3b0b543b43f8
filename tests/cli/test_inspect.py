"""``striate inspect``: its table, its JSON, its arithmetic."""

import json
import re
import subprocess
import sys

import pytest

from striate.network import explain, zoo
from striate.network import inspect as report_of

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def test_plain_text_where_nobody_looks(printed):
    assert printed("vgg16") == f"{report_of(zoo.load('vgg16'))}\n"


def test_input_of_another_shape(printed):
    report = report_of(zoo.load("all-cnn-c"), (8, 3, 64, 48))
    assert printed("all-cnn-c", "--input", "8x3x64x48") == f"{report}\n"
    assert printed("all-cnn-c", "--input", "8X3×64x48") == f"{report}\n"


def test_a_table_on_a_terminal(printed):
    text = printed("vgg11", FORCE_COLOR="1", TERM="xterm-256color", COLUMNS="240")
    lines = ESCAPES.sub("", text).splitlines()
    report = report_of(zoo.load("vgg11"))
    assert lines[0].strip() == "vgg11 on 1x3x224x224"
    cells = [re.split(r" {2,}", line.strip()) for line in lines[1 : len(report.layers) + 2]]
    assert cells == [list(row) for row in report.rows()]
    assert lines[-len(report.summary()) :] == report.summary()


def test_layers_without_parameters_are_dim(printed):
    text = printed("lenet-1989", FORCE_COLOR="1", TERM="xterm-256color", COLUMNS="140")
    dim = {name: f"\x1b[2m{name} " in text for name in ("H1", "H1.tanh", "H3.flatten", "output")}
    assert dim == {"H1": False, "H1.tanh": True, "H3.flatten": True, "output": False}


@pytest.fixture
def on_a_terminal(printed):
    """Return on_a_terminal(model, width): the lines of its report."""

    def lines(model, width):
        text = printed(model, FORCE_COLOR="1", TERM="xterm", COLUMNS=str(width))
        return [line.rstrip() for line in ESCAPES.sub("", text).splitlines()]

    return lines


@pytest.mark.parametrize("model", ["vgg16", "lenet-1989", "densenet121", "googlenet"])
@pytest.mark.parametrize("width", [80, 60])
def test_a_narrow_terminal_has_a_line_for_each_layer(model, width, on_a_terminal):
    lines = on_a_terminal(model, width)
    assert max(map(len, lines)) <= width
    layers = report_of(zoo.load(model)).layers
    assert [line.split()[0] for line in lines[2 : len(layers) + 2]] == [x.name for x in layers]


def test_a_narrow_terminal_shows_three_digits_and_says_what_it_leaves_out(on_a_terminal):
    lines = on_a_terminal("vgg16", 80)
    assert lines[1].split() == ["layer", "operator", "output", "params", "MACs", "memory", "field"]
    first = ["conv1_1", "Conv", "1x64x224x224", "1.79k", "86.7M", "12.2", "MiB"]
    assert lines[2].split() == [*first, "3/1", "from", "-1"]
    assert not any(line.startswith("left out") for line in lines)
    lines = on_a_terminal("vgg16", 60)
    assert lines[1].split() == ["layer", "output", "params", "MACs", "field"]
    assert lines[-2:] == [
        "left out     operator, memory: the terminal is too narrow, a",
        "             pipe is not",
    ]


def test_units_and_connections_are_lecuns(printed):
    """LeCun et al. 1989, section 3: H1 has 768 units, 19,968 connections, 1,068 parameters."""
    assert "1,256 with the input's; 64,660 connections" in printed("lenet-1989")
    text = printed("lenet-1989", "--explain", "H1")
    assert "units  12 x 8 x 8 = 768, with 19,200 + 768 biases = 19,968 connections\n" in text
    assert " = 1,068\n" in text


def test_json_and_nothing_else(printed):
    report = report_of(zoo.load("lenet-5"))
    assert printed("lenet-5", "--json") == f"{report.to_json()}\n"
    coloured = printed("lenet-5", "--json", FORCE_COLOR="1", TERM="xterm-256color")
    assert coloured == f"{report.to_json()}\n"


@pytest.mark.parametrize(
    ("model", "layer"),
    [
        ("vgg16", "conv3_1"),
        ("vgg16", "pool5"),
        ("vgg16", "fc6"),
        ("vgg16", "relu1_1"),
        ("lenet-1989", "H2"),
    ],
)
def test_explain_prints_the_arithmetic(model, layer, printed):
    lines = explain(zoo.load(model), layer)
    assert printed(model, "--explain", layer) == "".join(f"{line}\n" for line in lines)


def test_explain_with_an_input(printed):
    text = printed("all-cnn-c", "--explain", "conv1_3", "--input", "1x3x99x64")
    assert "       height  floor((99 + 1 + 1 - 1 (3 - 1) - 1) / 2) + 1 = 50\n" in text
    assert "        width  floor((64 + 1 + 1 - 1 (3 - 1) - 1) / 2) + 1 = 32\n" in text


def test_columns_order_and_depth(printed):
    text = printed(
        "resnet18", "--columns", "layer, macs,padding", "--sort", "macs", "--depth", "1"
    ).splitlines()
    assert text[0] == "resnet18 on 1x3x224x224"
    assert text[1].split() == ["layer", "MACs", "padding"]
    assert [line.split()[0] for line in text[3:6]] == ["conv2_1", "conv2_2", "conv3_2"]
    assert text[3].split() == ["conv2_1", "231,211,008", "13", "+", "10"]
    narrow = printed(
        "vgg16", "--columns", "layer,units,field", FORCE_COLOR="1", TERM="xterm", COLUMNS="45"
    )
    lines = ESCAPES.sub("", narrow).splitlines()
    assert lines[1].split() == ["layer", "units", "field"]
    assert not any(line.startswith("left out") for line in lines)


def test_other_conventions(printed):
    text = printed("vgg11", "--convention", "torchinfo")
    assert "mult-adds" in text.splitlines()[1]
    assert "counted as   7,616,525,288 (7.617 G), torchinfo's mult-adds: each" in text


def test_times_of_layers(printed):
    data = json.loads(printed("resnet18", "--input", "1x3x32x32", "--time", "--json"))
    times = {layer["name"]: layer["milliseconds"] for layer in data["layers"]}
    within = {layer["name"]: layer["timed_with"] for layer in data["layers"]}
    measured = {name: time for name, time in times.items() if time is not None}
    assert data["totals"]["milliseconds"] == pytest.approx(sum(measured.values()))
    assert all(times[layer["name"]] > 0 for layer in data["layers"] if layer["macs"])
    assert within["conv1.norm"] == "conv1"
    assert not any(within[name] for name in measured)


def test_an_onnx_file(tmp_path, printed):
    path = zoo.load("mlp").initialize(0).save(tmp_path / "net.onnx")
    found, own = json.loads(printed(str(path), "--json")), json.loads(printed("mlp", "--json"))
    for name in ("parameters", "macs", "peak_activation_bytes"):
        assert found["totals"][name] == own["totals"][name]
    assert printed(str(path), "--explain", "fc1").startswith("fc1 (Gemm): 1x784 -> 1x")


def test_inputs_by_name(printed):
    text = printed("lenet-5", "--input", "input=2x1x32x32")
    assert text.startswith("lenet-5 on 2x1x32x32\n")


def test_list_names_the_zoo_with_its_costs(printed):
    header, *rows = [line.split() for line in printed("--list").splitlines()]
    assert header == ["network", "parameters", "GMACs"]
    assert [row[0] for row in rows] == list(zoo.names())
    found = {name: (parameters, gmacs) for name, parameters, gmacs in rows}
    assert found["vgg16"] == ("138,357,544", "15.470264")
    assert found["lenet-1989"] == ("9,760", "0.000064")


def test_list_as_json(printed):
    rows = json.loads(printed("--list", "--json"))
    assert [row["name"] for row in rows] == list(zoo.names())
    assert {"name": "vgg16", "parameters": 138_357_544, "macs": 15_470_264_320} in rows


def test_inspecting_loads_no_compiler():
    probe = (
        "import sys; from striate.cli.inspect import inspect; inspect('vgg16', layer='conv1_1'); "
        "sys.exit(','.join(sorted({'numba', 'torch', 'PIL'} & set(sys.modules))) or None)"
    )
    run = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("conv1_1 (Conv): 1x3x224x224 -> 1x64x224x224\n")
