"""``striate bench training``: what it prints, what it writes, what it refuses."""

import json

import numpy as np
import pytest

from striate.cli.bench.training import job
from striate.cli.bench.training.cases import TrainingCase
from striate.cli.bench.training.passes import Examples
from striate.errors import ParameterError, UnknownNameError

SHORT = ["--threads", "1", "--seconds", "0", "--rounds", "1"]
TINY = ["training", "--only", "lenet-5:2x32", *SHORT]


@pytest.fixture(autouse=True)
def few_digits(monkeypatch, quick):
    random = np.random.default_rng(1)
    images = random.uniform(-1, 1, (9, 1, 16, 16)).astype(np.float32)
    digits = Examples(images, random.integers(0, 10, 9), "noise")
    monkeypatch.setattr("striate.cli.bench.training.passes.PIECE", 4)
    monkeypatch.setattr(job, "examples", lambda: digits)


def test_steps_beside_pytorch(done, tmp_path):
    out, picture, tables = tmp_path / "t.json", tmp_path / "t.svg", tmp_path / "t.md"
    files = ["--json", out, "--plot", picture, "--markdown", tables]
    text = done(*TINY, "--part", "steps", *files)
    assert "2x1x32x32" in text
    assert "1 thread: 1 rows, mean " in text
    content = json.loads(out.read_text())
    assert list(content) == ["schema", "job", "machine", "steps", "summary", "memory", "lenet-1989"]
    assert (content["schema"], content["job"]) == (1, "training")
    assert (content["memory"], content["lenet-1989"]) == ([], None)
    (row,) = content["steps"]
    assert (row["name"], row["shape"], row["threads"]) == ("lenet-5", [2, 1, 32, 32], 1)
    assert row["oracle"] == "PyTorch in float64"
    assert row["macs"] > 3 * 2 * 300_000
    assert list(row["engines"]) == ["striate", "PyTorch"]
    assert row["engines"]["striate"]["setting"] == "compiled"
    assert row["engines"]["PyTorch"]["setting"].startswith(("NCHW, SGD", "channels last, SGD"))
    for engine in row["engines"].values():
        assert 0 < engine["error"] < 1e-3
        assert engine["milliseconds"]["median"] > 0
    (summary,) = content["summary"]
    assert summary["lowest"] == row["ratio"]["median"] == pytest.approx(summary["mean"])
    assert picture.read_text().startswith("<svg")
    head, _, line, *_ = tables.read_text().splitlines()
    assert (
        head
        == "| network | batch | striate, 1 thread, ms | PyTorch, 1 thread, ms | ratio, 1 thread |"
    )
    assert line.startswith("| lenet-5 | 2x1x32x32 | ")


def test_it_says_what_runs_and_about_how_long(run):
    said = run(*TINY, "--part", "steps", "--part", "lenet-1989").stderr.splitlines()
    assert said == [
        "lenet-5, 2x1x32x32: what is right, by PyTorch in float64: about 1 s if nothing else runs",
        "lenet-5, 2x1x32x32, 1 thread: checked, then timed for 0 s or 1 rounds",
        "lenet-1989: one example at a time",
    ]


@pytest.mark.slow
def test_memory_in_processes_of_its_own(done, tmp_path):
    out, tables = tmp_path / "m.json", tmp_path / "m.md"
    text = done(*TINY, "--part", "memory", "--json", out, "--markdown", tables)
    assert "Peak memory of a process that takes three steps, MB (imports alone)" in text
    (row,) = json.loads(out.read_text())["memory"]
    assert list(row["peaks"]) == list(row["imports"]) == ["striate", "PyTorch"]
    assert row["layout"] in ("NCHW", "channels last")
    if row["ratio"] is not None:
        for name, peak in row["peaks"].items():
            assert 20 < row["imports"][name] < peak < 2000
        assert row["ratio"] == pytest.approx(row["peaks"]["PyTorch"] / row["peaks"]["striate"])
    assert "imports alone, MB" in tables.read_text().splitlines()[0]


def test_a_pass_of_one_example_at_a_time(done, tmp_path):
    out, picture, tables = tmp_path / "p.json", tmp_path / "p.svg", tmp_path / "p.md"
    files = ["--json", out, "--plot", picture, "--markdown", tables]
    text = done(*TINY, "--part", "lenet-1989", *files)
    assert "lenet-1989, one example a step, 9 digits of noise, 1 thread" in text
    found = json.loads(out.read_text())["lenet-1989"]
    assert (found["source"], found["steps"], found["passes"]) == ("noise", 9, 23)
    for name, engine in found["engines"].items():
        assert engine["error"] < 1e-5, name
        whole = engine["milliseconds"]["median"] * 1e-3 * 9 * 23
        assert found["seconds"][name] == pytest.approx(whole)
    assert found["ratio"]["median"] > 0
    assert picture.read_text().startswith("<svg")
    head = "| lenet-1989, 9 digits of noise | µs a step | s a pass | s for 23 passes | ratio |"
    assert tables.read_text().splitlines()[0] == head


def test_without_pytorch_numpy_says_what_is_right(done, monkeypatch, tmp_path):
    monkeypatch.setattr("striate.cli.bench.peers.installed", lambda package: False)
    monkeypatch.setattr("striate.cli.bench.training.checking.installed", lambda package: False)
    out, tables = tmp_path / "t.json", tmp_path / "t.md"
    parts = ["--part", "steps", "--part", "lenet-1989"]
    text = done(*TINY, *parts, "--json", out, "--markdown", tables, "--plot", tmp_path / "no.svg")
    assert "not installed: PyTorch; pip install 'striate[bench]'" in text
    content = json.loads(out.read_text())
    (row,) = content["steps"]
    assert (row["oracle"], row["ratio"], content["summary"]) == ("NumPy in float32", None, [])
    assert list(row["engines"]) == list(content["lenet-1989"]["engines"]) == ["striate"]
    assert " | - | - |" in tables.read_text()
    assert not (tmp_path / "no.svg").exists()


def test_a_wrong_answer_is_not_timed_and_fails(run, monkeypatch, tmp_path):
    true = job.Check.errors
    monkeypatch.setattr(job.Check, "errors", lambda self, answer: (true(self, answer)[0], 0.5))
    tables = tmp_path / "t.md"
    result = run(*TINY, "--part", "steps", "--markdown", tables)
    assert result.exit_code == 1
    line = "striate not timed on lenet-5, 2x1x32x32, 1 thread: gradients are off by 5.0e-01 of them"
    assert line in result.stdout
    assert "| wrong | - | - |" in tables.read_text()


def test_wrong_losses_of_a_pass_fail(run, monkeypatch, tmp_path):
    monkeypatch.setattr("striate.cli.bench.training.passes.TOLERANCE", -1.0)
    tables = tmp_path / "p.md"
    result = run(*TINY, "--part", "lenet-1989", "--markdown", tables)
    assert result.exit_code == 1
    assert "striate not timed on lenet-1989: losses are off by " in result.stdout
    assert "| striate | wrong |" in tables.read_text()


def test_a_profile_of_a_step(done, tmp_path):
    out = tmp_path / "f.json"
    text = done("training", "--profile", "lenet-5:2x32", "--threads", "1", "--json", out)
    assert "lenet-5, 2x1x32x32, threads 1: a step takes " in text
    (profile,) = json.loads(out.read_text())["profiles"]
    assert {task["what"] for task in profile["tasks"]} >= {"forward", "loss", "backward", "update"}
    assert profile["seconds"] == pytest.approx(sum(task["seconds"] for task in profile["tasks"]))
    assert all(task["seconds"] > 0 and task["kernel"] for task in profile["tasks"])


def test_what_is_not_compiled_has_no_profile(run, monkeypatch):
    learner = TrainingCase.learner
    monkeypatch.setattr(TrainingCase, "learner", lambda *which: learner(*which, method="plain"))
    result = run("training", "--profile", "lenet-5:2x32", "--threads", "1")
    assert type(result.exception) is ParameterError
    assert str(result.exception) == "nothing to profile: NumPy was asked for"


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (["--only", "vgg61"], UnknownNameError, "no network is called 'vgg61'; did you mean "),
        (
            ["--only", "vgg11"],
            ParameterError,
            "say the batch and the side of images, as in vgg11:16x112",
        ),
        (
            ["--only", "vgg11:0x32"],
            ParameterError,
            "'0x32' must be a batch and a side as in vgg11:16x112",
        ),
        (
            ["--part", "step"],
            UnknownNameError,
            "no part of training is called 'step'; did you mean steps?",
        ),
        (["--peer", "ncnn"], UnknownNameError, "no peer is called 'ncnn'"),
    ],
)
def test_refusals(run, arguments, kind, message):
    result = run("training", *arguments)
    assert type(result.exception) is kind
    assert str(result.exception).startswith(message)
