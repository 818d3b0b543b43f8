"""``striate run``: preparation of images, weights, tables and bad files."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import striate as st
from striate.cli import app
from striate.cli.run import as_input
from striate.errors import ParameterError, ShapeError
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


def run(*arguments, code=0):
    result = CliRunner().invoke(app, ["run", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def test_scores_are_the_programs(weights, digit):
    report = json.loads(
        run("lenet-1989", digit, "--weights", weights, "--top", 10, "--json").stdout
    )
    assert report["network"] == "lenet-1989"
    top = report["results"][0]["top"]
    x = as_input(files.read(digit), (None, 1, 16, 16), -1.0, 1.0)
    scores = st.compile(st.load("lenet-1989").initialize(4))(x)[0]
    assert [entry["class"] for entry in top] == scores.argsort()[::-1].tolist()
    np.testing.assert_allclose([entry["score"] for entry in top], np.sort(scores)[::-1])


def test_table_labels_and_bad_files(weights, digit, tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("\n".join(f"digit-{i}" for i in range(10)))
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    result = run("lenet-1989", broken, digit, "--weights", weights, "--labels", names, code=1)
    assert "digit-" in result.stdout
    assert "broken.png" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_names_are_shown_as_they_are(weights, digit, tmp_path):
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
def test_options_that_make_no_sense(weights, digit, arguments, message):
    with pytest.raises(ParameterError) as error:
        run("lenet-1989", digit, "--weights", weights, *arguments)
    assert str(error.value) == message


@pytest.mark.parametrize("count", [0, 1, 11])
def test_labels_are_as_many_as_classes(weights, digit, tmp_path, count):
    names = tmp_path / "names.txt"
    names.write_text("name\n" * count)
    with pytest.raises(ParameterError) as error:
        run("lenet-1989", digit, "--weights", weights, "--labels", names)
    assert str(error.value) == (
        f"{names}: {count} names for the 10 classes of lenet-1989; give one line for each class"
    )


def test_random_weights_are_announced(digit):
    result = run("lenet-1989", digit, "--json")
    assert result.stderr == (
        "striate: lenet-1989 runs with random weights; give trained ones with --weights\n"
    )
    assert json.loads(result.stdout)["results"]


def test_labels_that_are_no_text(digit, weights):
    from striate.errors import FileError

    with pytest.raises(FileError, match="give a text file of names"):
        run("lenet-1989", digit, "--weights", weights, "--labels", digit)


def test_images_become_inputs():
    grey = np.full((10, 20), 255, np.uint8)
    x = as_input(grey, (None, 3, 8, 8), -1.0, 1.0)
    assert (x.shape, x.dtype) == ((1, 3, 8, 8), np.float32)
    np.testing.assert_array_equal(x, 1)
    np.testing.assert_array_equal(as_input(grey, (None, 1, 8, 8), 0.0, 2.0, invert=True), 0)
    deep = np.full((8, 8), 65535, np.uint16)
    np.testing.assert_array_equal(as_input(deep, (None, 1, 8, 8), 0.0, 1.0), 1)
    colour = np.zeros((8, 8, 4), np.uint8)
    colour[..., 1] = 255
    np.testing.assert_allclose(as_input(colour, (None, 1, 8, 8), 0.0, 1.0), 0.587, rtol=1e-6)
    np.testing.assert_array_equal(as_input(colour, (None, 3, 8, 8), 0.0, 1.0)[0, 1], 1)
    assert as_input(grey, (None, 1, None, None), 0.0, 1.0).shape == (1, 1, 10, 20)


def test_the_centre_is_kept():
    wide = np.zeros((8, 24), np.uint8)
    wide[:, 8:16] = 255
    np.testing.assert_array_equal(as_input(wide, (None, 1, 8, 8), 0.0, 1.0), 1)


def test_networks_that_take_no_images():
    with pytest.raises(ShapeError) as error:
        as_input(np.zeros((4, 4), np.uint8), (None, 2, 8), 0.0, 1.0)
    assert str(error.value) == (
        "an input (None, 2, 8) takes no image: it must be (N, 1 or 3, height, width)"
    )
