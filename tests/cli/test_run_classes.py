"""``striate run``: scores, labels and tables of a classifier."""

import json

import numpy as np
import pytest

import striate as st
from striate.errors import ParameterError
from striate.filters import files
from striate.training import save_weights


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "lenet.safetensors"
    save_weights(st.load("lenet-1989").initialize(4), path)
    return path


@pytest.fixture
def digit(tmp_path):
    image = np.zeros((40, 32, 3), np.uint8)
    image[8:32, 14:20] = 255
    path = tmp_path / "one.png"
    files.write(path, image)
    return path


def test_scores_are_the_programs(weights, digit, run):
    report = json.loads(
        run("lenet-1989", digit, "--weights", weights, "--top", 10, "--json").stdout
    )
    assert report["network"] == "lenet-1989"
    top = report["results"][0]["top"]
    x = st.load("lenet-1989").preprocessing.apply(files.read(digit))
    scores = st.compile(st.load("lenet-1989").initialize(4))(x)[0]
    assert [entry["class"] for entry in top] == scores.argsort()[::-1].tolist()
    np.testing.assert_allclose([entry["score"] for entry in top], np.sort(scores)[::-1])


def test_table_labels_and_bad_files(weights, digit, tmp_path, run):
    names = tmp_path / "names.txt"
    names.write_text("\n".join(f"digit-{i}" for i in range(10)))
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    result = run("lenet-1989", broken, digit, "--weights", weights, "--labels", names, code=1)
    assert "digit-" in result.stdout
    assert "broken.png" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_names_are_shown_as_they_are(weights, digit, tmp_path, run):
    folder = tmp_path / "[" / "b]"
    folder.mkdir(parents=True)
    hostile = [tmp_path / "[" / "b].png", folder / "[bold]x\x1b[31m.png"]
    for path in hostile:
        path.write_bytes(digit.read_bytes())
    names = tmp_path / "names.txt"
    names.write_text("\n".join(f"[/b] cat\a{i}" for i in range(10)))
    arguments = ("--weights", weights, "--labels", names)
    result = run("lenet-1989", *hostile, *arguments)
    shown = "".join(
        line.split("│")[1].strip() for line in result.stdout.splitlines() if "│" in line
    )
    assert "[/b].png" in shown
    assert "[bold]x\\x1b[31m.png" in shown
    assert "[/b] cat\\x07" in result.stdout
    result = run("lenet-1989", tmp_path / "no\x1b.png", *arguments, code=1)
    assert result.stderr == f"striate: {tmp_path}/no\\x1b.png: no such file; check the path\n"
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--top", 0), "--top 0 must be at least 1"),
        (("--low", "nan"), "--low nan must be a finite number, such as 0 or 1"),
        (("--high", "inf"), "--high inf must be a finite number, such as 0 or 1"),
    ],
)
def test_options_that_make_no_sense(weights, digit, arguments, message, run):
    with pytest.raises(ParameterError) as error:
        run("lenet-1989", digit, "--weights", weights, *arguments)
    assert str(error.value) == message


@pytest.mark.parametrize("count", [0, 1, 11])
def test_labels_are_as_many_as_classes(weights, digit, tmp_path, count, run):
    names = tmp_path / "names.txt"
    names.write_text("name\n" * count)
    with pytest.raises(ParameterError) as error:
        run("lenet-1989", digit, "--weights", weights, "--labels", names)
    assert str(error.value) == (
        f"{names}: {count} names for the 10 classes of lenet-1989; give one line for each class"
    )


def test_random_weights_are_announced(digit, run):
    result = run("lenet-1989", digit, "--json")
    assert result.stderr == (
        "striate: lenet-1989 runs with random weights; give trained ones with --weights, or "
        "--pretrained\n"
    )
    assert json.loads(result.stdout)["results"]


def test_labels_that_are_no_text(digit, weights, run):
    from striate.errors import FileError

    with pytest.raises(FileError, match="give a text file of names"):
        run("lenet-1989", digit, "--weights", weights, "--labels", digit)
