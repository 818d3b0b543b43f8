"""The whole command: exit codes, one line for each error, nothing half-written."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-c", "from striate.cli import main; main()"]


def striate(*arguments):
    return subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["inspect", "vgg61"],
            2,
            "no network is called 'vgg61'; did you mean vgg13 or vgg16 or vgg19?",
        ),
        (["inspect", "vgg16", "--input", "1x4x224x224"], 2, "has 4 channels, not 3"),
        (["inspect"], 2, "no model given; name one of striate inspect --list"),
        (["nonsense"], 2, "No such command 'nonsense'; see striate --help"),
        (["draw", "conv", "--kernel", "9", "-o", "x.svg"], 2, "is larger than the padded input"),
        (["draw", "conv", "--stride", "0", "-o", "x.svg"], 2, "stride must be at least 1, not 0"),
        (["draw", "conv", "-o", "x.bmp"], 2, "must end in .svg, .png or .gif"),
        (["draw", "conv", "-o", "/nowhere/x.svg"], 1, "its folder does not exist"),
        (["filter", "none.png", "out.png", "box", "--size", "3"], 1, "no such file"),
        (["filter", "none.png", "out.png", "bos"], 2, "did you mean box"),
        (["run", "lenet-1989", "x.png", "--weights", "none.safetensors"], 1, "none.safetensors"),
        (["run", "lenet-1989", "x.png", "--weights", "\x1b[2J"], 1, "\\x1b[2J: no such file"),
        (["train", "lenet-1989", "--data", "nothing"], 2, "no data set is called 'nothing'"),
        (["tour", "--passes", "0"], 2, "--passes 0 must be at least 1"),
        (["tour", "--out", "/proc/none"], 1, "choose another with --out"),
    ],
)
def test_every_error_is_one_line(arguments, code, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = striate(*arguments)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    error, *hints = done.stderr.splitlines()
    assert message in error
    assert error.startswith("striate: ")
    assert all(hint.endswith("--doctor tells what would help") for hint in hints[:1])
    assert len(hints) <= 1
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_version_and_help():
    from striate import __version__

    assert striate("--version").stdout == f"striate {__version__}\n"
    text = striate("--help").stdout
    for command in ("tour", "filter", "inspect", "run", "train", "draw"):
        assert command in text


@pytest.mark.parametrize("command", ["tour", "filter", "inspect", "run", "train", "draw"])
def test_help_breaks_its_lines_once(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    text = striate(command, "--help").stdout.partition("╭")[0]
    lines = [line.strip() for line in text.splitlines()]
    for line, after in pairwise(lines):
        if line and after:  # within a paragraph, the next word has no room
            assert len(f"{line} {after.split()[0]}") > 57


def test_a_reader_that_goes_away():
    shell = f"'{sys.executable}' -c 'from striate.cli import main; main()' inspect vgg19 | head -1"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True)
    assert done.stdout == "vgg19 on 1x3x224x224\n"
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["inspect", "mlp"]])
def test_output_that_is_full(arguments):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    assert done.stderr == (
        "striate: output cannot be written (No space left on device); make room or redirect it\n"
    )


def test_no_arguments_ask_for_help():
    done = striate()
    assert "tour" in done.stdout
    assert done.stderr == ""
    assert done.returncode == 2


def test_python_m():
    done = subprocess.run(
        [sys.executable, "-m", "striate", "--version"], capture_output=True, text=True
    )
    assert done.stdout.startswith("striate ")


def test_names_of_failed_files_cannot_disturb_a_terminal(tmp_path):
    hostile = tmp_path / "a\x1b[31m.png"
    hostile.write_bytes(b"no image")
    (tmp_path / "out").mkdir()
    done = striate(
        "filter", hostile, hostile.with_name("b.png"), tmp_path / "out", "box", "--size", 3
    )
    assert done.returncode == 1
    assert "\x1b" not in done.stderr
    assert r"a\x1b[31m.png" in done.stderr
