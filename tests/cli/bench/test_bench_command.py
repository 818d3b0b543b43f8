"""``striate bench``: what it prints, what it writes, what it refuses."""

import json
import subprocess
import sys

import pytest

from striate.cli.bench.machine import processors
from striate.errors import GeometryError, ParameterError, ShapeError, UnknownNameError
from striate.network import Builder, Network
from striate.network import operators as op

SHORT = ["--batch", "1", "--threads", "1", "--seconds", "0", "--rounds", "2"]
LAYER = ["layers", "--layer", "1x3x9x8 5 3x3 s2 p1", *SHORT]


def test_a_layer_beside_pytorch(done, tmp_path):
    out, picture = tmp_path / "l.json", tmp_path / "l.svg"
    text = done(*LAYER, "--peer", "pytorch", "--json", out, "--plot", picture)
    assert "1 thread; the machine: " in text
    assert "3x9x8 5 3x3 s2 p1" in text
    content = json.loads(out.read_text())
    assert list(content) == ["schema", "job", "machine", "limits", "absent", "rows", "summary"]
    assert (content["schema"], content["job"], content["absent"]) == (1, "layers", [])
    (limit,) = content["limits"]
    assert limit["threads"] == 1
    assert limit["gflops"] > 0.1
    assert limit["gigabytes_per_second"] > 0.1
    assert {"processor", "features", "llvm", "versions", "load", "python"} <= set(
        content["machine"]
    )
    (row,) = content["rows"]
    about = ("name", "kind", "shape", "threads", "macs", "oracle", "best_peer")
    assert [row[name] for name in about] == [
        *("3x9x8 5 3x3 s2 p1", "own", [1, 3, 9, 8], 1, 5 * 27 * 20, "PyTorch in float64"),
        "PyTorch",
    ]
    assert row["bytes"] == 4 * (3 * 72 + 5 * 27 + 5 + 100)
    assert list(row["engines"]) == ["striate", "PyTorch"]
    for engine in row["engines"].values():
        ms = engine["milliseconds"]
        assert 0 < ms["low"] <= ms["median"] <= ms["high"]
        assert engine["error"] < 1e-5
        assert engine["setting"]
    ratio = row["ratios"]["PyTorch"]
    assert row["ratio_to_best"] == ratio
    assert 0 < ratio["low"] <= ratio["median"] <= ratio["high"]
    assert row["share_of_limit"] > 0
    (summary,) = content["summary"]
    assert (summary["threads"], summary["kind"], summary["rows"]) == (1, "own", 1)
    assert summary["mean_to_best"] == pytest.approx(ratio["median"])
    assert picture.read_text().startswith("<svg")


def test_a_network_beside_all_that_is_there(done, tmp_path):
    out = tmp_path / "n.json"
    done("networks", "--network", "lenet-5", *SHORT, "--json", out)
    content = json.loads(out.read_text())
    (row,) = content["rows"]
    assert row["name"] == "lenet-5"
    assert all("error" in engine for engine in row["engines"].values()), row["engines"]
    assert len(row["engines"]) + len(content["absent"]) == 5


def test_a_file_beside_those_that_read_it(done, tmp_path):
    b = Builder("two", (None, 3, None, 9))
    x = b.conv(b.input, "conv", channels=4, kernel=3)
    file, out = tmp_path / "two.onnx", tmp_path / "f.json"
    Network(b.graph(x, b.add(op.HardSwish(), x, name="act"))).initialize(0).save(file)
    done("networks", f"{file}:1x3x8x9", *SHORT, "--json", out)
    content = json.loads(out.read_text())
    (row,) = content["rows"]
    about = ("name", "kind", "shape", "macs", "oracle")
    assert [row[name] for name in about] == [
        *("two", "file", [1, 3, 8, 9], 4 * 27 * 42, "striate in float64"),
    ]
    for name, engine in row["engines"].items():
        if name == "ncnn":
            assert "several inputs or outputs" in engine["refused"]
        else:
            assert engine["error"] < 1e-5, name


def test_files_that_leave_sizes_open_are_refused(run, tmp_path):
    b = Builder("open", (None, 3, None, 9))
    file = tmp_path / "open.onnx"
    Network(b.graph(b.conv(b.input, "conv", channels=4, kernel=3))).initialize(0).save(file)
    result = run("networks", file)
    assert isinstance(result.exception, ShapeError)
    assert str(result.exception) == (
        f"{file}: input 'input' (?x3x?x9) leaves sizes open: give them as in {file}:1x3x224x224"
    )


def test_peers_that_are_not_installed_are_listed(done, monkeypatch, tmp_path):
    monkeypatch.setattr("striate.cli.bench.peers.installed", lambda package: False)
    monkeypatch.setattr("striate.cli.bench.measure.installed", lambda package: False)
    out = tmp_path / "l.json"
    text = done(*LAYER, "--json", out, "--plot", tmp_path / "none.svg")
    assert "not installed: PyTorch, ONNX Runtime, OpenVINO, ncnn; " in text
    content = json.loads(out.read_text())
    assert content["absent"] == ["PyTorch", "ONNX Runtime", "OpenVINO", "ncnn"]
    (row,) = content["rows"]
    assert row["oracle"] == "striate in float64: PyTorch is not installed"
    assert (row["best_peer"], row["ratio_to_best"], content["summary"]) == (None, None, [])
    assert not (tmp_path / "none.svg").exists()


def test_our_wrong_result_is_not_timed_and_fails(run, monkeypatch):
    monkeypatch.setattr("striate.cli.bench.measure.TOLERANCE", -1.0)
    result = run(*LAYER, "--peer", "PyTorch")
    assert result.exit_code == 1
    assert "striate not timed on 3x9x8 5 3x3 s2 p1, batch 1, 1 thread: compiled: error" in (
        result.stdout
    )


def test_a_profile_of_a_network(done, tmp_path):
    out = tmp_path / "p.json"
    text = done("profile", "lenet-1989", "--batch", "3", "--threads", "1", "--json", out)
    assert "lenet-1989 on 3x1x16x16, float32, " in text
    assert ", 1 thread\n" in text
    assert "undivided  " in text
    content = json.loads(out.read_text())
    assert list(content) == [
        *("schema", "job", "machine", "plan"),
        *("steps", "passes", "seconds", "undivided", "call_seconds"),
    ]
    assert (content["schema"], content["job"]) == (1, "profile")
    assert content["plan"]["totals"]["macs"] == 3 * 63_660
    assert len(content["steps"]) == content["plan"]["totals"]["parts"]


def test_a_profile_of_a_file(done, tmp_path):
    b = Builder("open", (None, 3, None, 9))
    file = tmp_path / "open.onnx"
    Network(b.graph(b.conv(b.input, "conv", channels=4, kernel=3))).initialize(0).save(file)
    text = done("profile", f"{file}:2x3x8x9", "--threads", "1")
    assert "open on 2x3x8x9, float32, " in text


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (
            ["layers", "--kind", "3x4"],
            UnknownNameError,
            "no kind of layer is called '3x4'; did you mean 3x3?",
        ),
        (
            ["layers", "--layer", "64x56x56"],
            ParameterError,
            "layer '64x56x56' must read as in '1x64x56x56 96 3x3 s2 p1 d1 g1': input, maps, "
            "kernel, then stride, padding, dilation and groups where they matter, and t if "
            "transposed",
        ),
        (
            ["networks", "--network", "vgg61"],
            UnknownNameError,
            "no network is called 'vgg61'; did you mean vgg13 or vgg16 or vgg19?",
        ),
        (
            ["networks", "no.onnx:3x"],
            ParameterError,
            "'3x' must be a shape as in no.onnx:1x3x224x224",
        ),
        (["cold", "vgg61"], UnknownNameError, "no network is called 'vgg61'; did you mean "),
        (["profile", "vgg61"], UnknownNameError, "no network is called 'vgg61'; did you mean "),
        (
            ["profile", "lenet-1989", "--threads", "99999"],
            ParameterError,
            f"--threads must lie in 1 to {processors()}, the processors here, not 99999: more "
            "would take turns on one processor",
        ),
        (
            [*LAYER, "--peer", "pytoch"],
            UnknownNameError,
            "no peer is called 'pytoch'; did you mean PyTorch?",
        ),
        (
            [*LAYER, "--threads", "0"],
            ParameterError,
            f"--threads must lie in 1 to {processors()}, the processors here, not 1, 0: more "
            "would take turns on one processor",
        ),
        (
            [*LAYER, "--plot", "x.bmp"],
            ParameterError,
            "cannot draw 'x.bmp': the file's name must end in .svg, .png or .gif",
        ),
        (
            ["layers", "--layer", "1x3x5x5 4 7x7", *SHORT, "--peer", "PyTorch"],
            GeometryError,
            "layer '1x3x5x5 4 7x7': layer: y (Conv): kernel 7 is larger than the padded input ",
        ),
    ],
)
def test_refusals(run, arguments, kind, message):
    result = run(*arguments)
    assert type(result.exception) is kind
    assert str(result.exception).startswith(message)


def test_the_whole_command_says_it_in_one_line():
    code = "from striate.cli import main; main()"
    command = [sys.executable, "-c", code, "bench", "layers", "--kind", "3x4"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "striate: no kind of layer is called '3x4'; did you mean 3x3?\n"
