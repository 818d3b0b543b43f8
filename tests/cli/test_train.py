"""``striate train``: settings, tables, JSON and refusals."""

import json
import sys

import pytest
from typer.testing import CliRunner

import striate
from striate import cli, training
from striate.cli import app


def run(*arguments, code=0):
    result = CliRunner().invoke(app, ["train", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output


def refused(monkeypatch, capsys, *arguments):
    """Return the one line on stderr and the exit code of the whole command."""
    monkeypatch.setattr(sys, "argv", ["striate", "train", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    return line, stop.value.code


@pytest.fixture(autouse=True)
def few_digits(monkeypatch):
    """Every data set is 60 digits to train on and 20 to test."""
    from dataclasses import replace

    load = training.data.load

    def few(name, size=None):
        d = load(name, size)
        return replace(
            d,
            train_images=d.train_images[:60],
            train_labels=d.train_labels[:60],
            test_images=d.test_images[:20],
            test_labels=d.test_labels[:20],
        )

    monkeypatch.setattr(training.data, "load", few)


def test_the_network_of_1989_is_trained_its_papers_way(tmp_path):
    report = json.loads(run("lenet-1989", "--data", "digits", "--epochs", 2, "--json"))
    recipe = training.recipes.lenet_1989.settings(striate.load("lenet-1989").graph)
    assert report["settings"] == {
        **recipe,
        "epochs": 2,
        "momentum": 0.0,
        "weight_decay": 0.0,
        "seed": 0,
    }
    assert (report["network"], report["data"]) == ("lenet-1989", "digits")
    assert [epoch["number"] for epoch in report["history"]] == [1, 2]
    assert report["weights"] is None


def test_a_table_at_the_end_and_weights_to_run(tmp_path):
    output = run(
        *("mlp", "--data", "digits", "--resize", "--epochs", 2, "--batch-size", 8),
        *("--learning-rate", 0.01, "--out", tmp_path / "run"),
    )
    assert "mlp on digits" in output
    assert "examples/s" in output
    assert (
        "train: each example just before the network learns from it; test: after the epoch"
        in output
    )
    weights = tmp_path / "run" / "weights-0002.safetensors"
    assert str(weights) in output.replace("\n", "")
    assert training.load_weights(striate.load("mlp"), weights).has_weights


def test_a_run_is_resumed(tmp_path):
    arguments = ("lenet-1989", "--data", "digits", "--json", "--out", tmp_path)
    run(*arguments, "--epochs", 1)
    resumed = json.loads(run(*arguments, "--epochs", 2, "--resume"))
    whole = json.loads(run("lenet-1989", "--data", "digits", "--json", "--epochs", 2))
    losses = [[e["train_loss"] for e in report["history"]] for report in (resumed, whole)]
    assert losses[0] == losses[1]


def test_ctrl_c_says_what_is_saved(monkeypatch, capsys):
    def stop(*arguments, **options):
        raise KeyboardInterrupt("stopped after epoch 1; epoch 1 is saved in here")

    monkeypatch.setattr(striate, "fit", stop, raising=False)
    line, code = refused(monkeypatch, capsys, "lenet-1989", "--data", "digits")
    assert line == "striate: stopped after epoch 1; epoch 1 is saved in here"
    assert code == 130


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("nosuch", "--data", "digits"),
            "no network is called 'nosuch'; known: ",
        ),
        (
            ("lenet-1989", "--data", "nosuch"),
            "no data set is called 'nosuch'; known: digits, usps",
        ),
        (
            ("mlp", "--data", "digits"),
            "fit: data: images (1, 8, 8) do not fit mlp, which takes (1, 28, 28): "
            "resize them (data.load(name, size=...), --resize) or choose another network (",
        ),
        (
            ("vgg16", "--data", "digits", "--resize"),
            "fit: data: images (1, 8, 8) do not fit vgg16, which takes (3, 224, 224): ",
        ),
        (
            ("lenet-1989", "--data", "digits", "--loss", "hinge"),
            "fit: no loss is called 'hinge'; known: cross-entropy, squared",
        ),
        (
            ("lenet-1989", "--data", "digits", "--momentum", "1"),
            "fit: momentum 1.0 must be at least 0 and less than 1: try 0.9",
        ),
        (
            ("lenet-1989", "--data", "digits", "--resume"),
            "fit: resume needs the folder of the run: give it as out (--out)",
        ),
    ],
)
def test_refusals_are_one_line(monkeypatch, capsys, arguments, message):
    line, code = refused(monkeypatch, capsys, *arguments)
    assert line.startswith(f"striate: {message}")
    assert code == 2


def test_a_run_is_not_overwritten(monkeypatch, capsys, tmp_path):
    arguments = ("lenet-1989", "--data", "digits", "--epochs", 1, "--out", tmp_path)
    run(*arguments)
    line, code = refused(monkeypatch, capsys, *arguments)
    assert line == (
        f"striate: fit: {tmp_path}: holds a run already; "
        "resume it (resume=True, --resume) or name another folder"
    )
    assert code == 1
