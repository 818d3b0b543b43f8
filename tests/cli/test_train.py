"""``striate train``: settings, tables, JSON and refusals."""

import json
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

import striate
from striate import cli, training
from striate.cli import app
from striate.training.data.digits import load_digits


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
    expected = training.Settings(**{**recipe, "epochs": 2, "seed": 0})
    assert training.Settings.of(report["settings"]) == expected
    assert (report["network"], report["data"]) == ("lenet-1989", "digits")
    assert [epoch["number"] for epoch in report["history"]] == [1, 2]
    assert report["weights"] is None


def test_a_table_at_the_end_and_weights_to_run(tmp_path):
    output = run(
        *("mlp", "--data", "digits", "--resize", "--epochs", 2, "--batch-size", 8),
        *("--learning-rate", 0.01, "--out", tmp_path / "run"),
    )
    assert "mlp on digits" in output
    assert "examples" in output
    assert (
        "train: each example just before the network learns from it; the others: after the epoch"
        in output
    )
    weights = tmp_path / "run" / "last.safetensors"
    assert str(weights) in output.replace("\n", "")
    assert training.load_weights(striate.load("mlp"), weights).has_weights


def test_a_run_is_resumed(tmp_path):
    arguments = ("lenet-1989", "--data", "digits", "--json", "--out", tmp_path)
    run(*arguments, "--epochs", 1)
    resumed = json.loads(run(*arguments, "--epochs", 2, "--resume"))
    whole = json.loads(run("lenet-1989", "--data", "digits", "--json", "--epochs", 2))
    losses = [[e["train_loss"] for e in report["history"]] for report in (resumed, whole)]
    assert losses[0] == losses[1]


def test_every_option_reaches_the_settings(tmp_path):
    report = json.loads(
        run(
            *("mlp", "--data", "digits", "--resize", "--epochs", 3, "--batch-size", 12),
            *("--optimizer", "adamw", "--learning-rate", 0.002, "--weight-decay", 0.01),
            *("--schedule", "cosine:warmup=1", "--clip-norm", 2, "--validation", 0.2),
            *("--patience", 2, "--augment", "shift:1", "--seed", 3, "--precision", "exact"),
            *("--threads", 1, "--in-order", "--out", tmp_path, "--checkpoint-every", 5, "--json"),
            *("--prepare", "scale:0:1", "--resume-if-begun"),
        )
    )
    told = report["settings"]
    assert training.Settings.of(told) == training.Settings(
        epochs=3,
        learning_rate=0.002,
        batch_size=12,
        optimizer="adamw",
        weight_decay=0.01,
        schedule="cosine:warmup=1.0",
        clip_norm=2.0,
        augment="shift:1",
        validation=0.2,
        patience=2,
        seed=3,
        shuffle=False,
        precision="exact",
        threads=1,
    )
    assert report["best_epoch"] in (1, 2, 3)
    assert report["best_weights"] == str(tmp_path / "best.safetensors")
    data = json.loads((tmp_path / "settings.json").read_text())["data"]
    assert data["preparation"] == "scale:0:1"
    again = json.loads(run("lenet-1989", "--data", "digits", "--epochs", 1, "--json"))
    assert (again["best_epoch"], again["weights"]) == (None, None)


def test_the_best_epoch_is_told(tmp_path):
    output = run(
        *("mlp", "--data", "digits", "--resize", "--epochs", 2, "--validation", 0.2),
        *("--learning-rate", 0.01, "--nesterov"),
    )
    assert "valid." in output
    assert "is the best by validation" in output


def test_a_model_may_be_a_file(tmp_path):
    pytest.importorskip("onnx")
    network = striate.load("lenet-1989").initialize(seed=5)
    network.save(tmp_path / "mine.onnx")
    report = json.loads(
        run(
            *(tmp_path / "mine.onnx", "--data", "digits", "--resize", "--epochs", 1, "--json"),
            *("--learning-rate", 0.01),
        )
    )
    assert report["history"][0]["steps"] == 2  # 60 digits, 32 at a time
    assert report["settings"]["loss"] == "cross-entropy"


def started(tmp_path, *arguments):
    """Return a process of its own that trains for long, when it has begun to."""
    command = [sys.executable, "-m", "striate", "train", "lenet-1989", "--data", "digits"]
    process = subprocess.Popen(
        [*command, "--epochs", "5000", "--out", str(tmp_path / "run"), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + 120
    while not (tmp_path / "run" / "log.csv").exists() and time.monotonic() < end:
        time.sleep(0.05)
    return process


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -15)])
def test_signals_save_the_run_and_pipes_see_no_progress(tmp_path, number, code):
    process = started(tmp_path)
    time.sleep(1.2)  # a terminal would show progress by now
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert out == ""
    told = json.loads((tmp_path / "run" / "last.json").read_text())
    epochs = len(told["history"])
    assert epochs >= 1
    if number == signal.SIGINT:
        assert err.startswith("striate: stopped ")
        assert err.count("\n") == 1
        assert f"saved in {tmp_path / 'run'}: resume (resume=True, --resume) goes on from it" in err
        resumed = training.fit(
            striate.load("lenet-1989"),
            load_digits().resized(16),  # `few_digits` does not reach the other process
            **training.recipes.lenet_1989.settings(striate.load("lenet-1989").graph)
            | {"epochs": epochs + 1},
            out=tmp_path / "run",
            resume=True,
        )
        assert len(resumed.history) == epochs + 1
    else:
        assert err.startswith("striate: stopped ")
        assert err.endswith(
            f" is saved in {tmp_path / 'run'}: resume (resume=True, --resume) goes on from it\n"
        )
        within = told["pass"]
        place = (
            f"epoch {epochs + 1} up to example {within['done']}" if within else f"epoch {epochs}"
        )
        assert f"; {place} is saved in " in err


MODULES = """
from torch import nn

import striate


def net(channels=1):
    return nn.Sequential(nn.Conv2d(channels, 4, 3), nn.Flatten(), nn.Linear(4 * 36, 10))


def colours():
    return net(3)


def ours():
    return striate.load(net(), input_shape=(1, 1, 8, 8))


def number():
    return 5
"""


@pytest.fixture
def modules(tmp_path):
    place = tmp_path / "modules.py"
    place.write_text(MODULES)
    return place


@pytest.mark.parametrize("name", ["net", "ours"])
def test_a_module_takes_its_input_from_the_data(modules, name):
    report = json.loads(run(f"{modules}:{name}", "--data", "digits", "--epochs", 1, "--json"))
    assert report["history"][0]["steps"] == 2


def test_modules_that_do_not_fit_the_data(monkeypatch, capsys, modules):
    line, code = refused(monkeypatch, capsys, f"{modules}:colours", "--data", "digits")
    assert line.startswith(f"striate: {modules}:colours with images (1, 8, 8) of digits: ")
    assert "--input" not in line
    assert line.endswith("; check the images of --data against what the module takes")
    assert code == 2
    line, code = refused(monkeypatch, capsys, f"{modules}:net", "--data", "digits", "--resize")
    assert line == (
        f"striate: --resize: {modules}:net does not tell its size; leave it out, or let "
        f"{modules}:net return striate.load(module, input_shape=(1, 3, 32, 32)), which does"
    )
    line, code = refused(monkeypatch, capsys, f"{modules}:number", "--data", "digits")
    assert line.startswith(f"striate: {modules}:number is int; name a torch.nn.Module, ")


def test_a_run_may_begin_with_the_weights_of_another(tmp_path):
    """At a rate too small to change a bit, they are what comes out."""
    first, second = tmp_path / "first", tmp_path / "second"
    usual = ("--data", "digits", "--resize", "--epochs", 1)
    run("lenet-5", *usual, "--out", first)
    rate = ("--learning-rate", 1e-30)
    run("lenet-5", *usual, *rate, "--weights", first / "last.safetensors", "--out", second)
    ours, theirs = (
        training.load_weights(striate.load("lenet-5"), folder / "last.safetensors").weights
        for folder in (first, second)
    )
    assert all((array == theirs[name]).all() for name, array in ours.items())
    about = json.loads((second / "settings.json").read_text())
    assert about["network"]["begins_with"] == "given weights"


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
            "no data set is called 'nosuch'; known: ",
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
            ("mlp", "--data", "digits", "--resize", "--schedule", "cosin"),
            "fit: no schedule is called 'cosin'; did you mean cosine?",
        ),
        (
            ("mlp", "--data", "digits", "--resize", "--optimizer", "adam", "--momentum", "0.5"),
            "fit: momentum 0.5 is for sgd: adam has betas instead",
        ),
        (
            ("mlp", "--data", "digits", "--resize", "--device", "tpu"),
            "fit: no device is called 'tpu': choose cpu, or torch, cuda (cuda:1, ...) or mps, "
            "which PyTorch trains on",
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
