"""``striate tour``: every chapter, every file, published numbers, the user's own photograph."""

import json
import re
import sys

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import striate as st
from striate.cli import app
from striate.cli.tour.digits import _caption, _first_shown
from striate.cli.tour.page import Chapter, page, table
from striate.cli.tour.photograph import load_photograph
from striate.errors import (
    DTypeError,
    FileError,
    MissingExtraError,
    ParameterError,
    UnknownNameError,
)
from striate.filters import files
from striate.training import Epoch, load_weights


@pytest.fixture(scope="module")
def toured(tmp_path_factory):
    out = tmp_path_factory.mktemp("tour") / "page"
    arguments = ["tour", "--out", str(out), "--data", "digits", "--passes", "2"]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return out, result.stdout


def test_files(toured):
    out, _ = toured
    names = sorted(path.name for path in out.iterdir())
    pictures = ["digits.png", "errors.png", "filters.png"]
    others = ["digit.png", "index.html", "lenet-1989.safetensors"]
    assert names == sorted([*pictures, *others])
    for name in pictures:
        with Image.open(out / name) as image:
            assert min(image.size) > 300


def test_numbers(toured):
    _, text = toured
    for number in (
        "138,357,544",
        "15,470,264,320",
        "212 / 32 from -90",
        "1,256",
        "64,660",
        "9,760",
    ):
        assert number in text


def test_the_page_needs_nothing_else(toured):
    out, _ = toured
    html = (out / "index.html").read_text(encoding="utf-8")
    assert not re.findall(r'(?:src|href)="(?!data:|#)', html)
    assert html.count("<section") == 4
    assert html.count("data:image/png;base64,") == 3


def test_the_page_says_what_it_counts(toured):
    out, _ = toured
    html = (out / "index.html").read_text(encoding="utf-8")
    for text in (
        "15,470,264,320 (15.470 G",
        "109.9 MiB of activations kept",
        "With the 13.55 M additions of their biases, the convolutions come to the published "
        "figure: 30.707.",
        "training error, once trained",
        "just before the network learns from it",
        "chosen on USPS by the errors on its last 1,500 training digits",
        "cannot pass 1.716",
    ):
        assert text in html
    assert "CONNECTIONS" not in html
    assert ") (" not in re.sub("<[^>]*>", "", html)


def test_the_digit_is_read_rightly(toured):
    out, _ = toured
    page = (out / "index.html").read_text(encoding="utf-8")
    (digit,) = re.findall("digit.png holds a ([0-9]) among them", page)
    weights = ["--weights", str(out / "lenet-1989.safetensors"), "--json"]
    arguments = ["run", "lenet-1989", str(out / "digit.png"), *weights]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert str(json.loads(result.stdout)["results"][0]["top"][0]["class"]) == digit


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (
            ("--data", "foo"),
            UnknownNameError,
            "no data set is called 'foo'; known: cifar-10, cifar-100, digits, fashion-mnist, "
            "mnist, usps",
        ),
        (("--photo", "missing.jpg"), FileError, "missing.jpg: no such file; check the path"),
        (("--passes", "0"), ParameterError, "--passes 0 must be at least 1"),
        (("--seed", "-1"), ParameterError, "--seed -1 must be at least 0"),
    ],
)
def test_nothing_is_left_of_a_tour_that_cannot_be(tmp_path, arguments, kind, message):
    out = tmp_path / "out"
    with pytest.raises(kind) as error:
        CliRunner().invoke(app, ["tour", "-o", str(out), *arguments], catch_exceptions=False)
    assert str(error.value) == message
    assert not out.exists()


@pytest.mark.parametrize(
    ("package", "message"),
    [
        ("safetensors", "the tour's weight file needs safetensors: pip install 'striate[train]'"),
        ("sklearn.datasets", "the tour's photograph needs scikit-learn: pip install "),
    ],
)
def test_without_an_extra_nothing_is_written(tmp_path, monkeypatch, package, message):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError) as error:
        CliRunner().invoke(app, ["tour", "-o", str(tmp_path / "out")], catch_exceptions=False)
    assert str(error.value).startswith(message)
    assert not (tmp_path / "out").exists()


def test_photographs_of_real_numbers_are_refused(tmp_path):
    photo = tmp_path / "real.tif"
    files.write(photo, np.zeros((8, 8), np.float32))
    with pytest.raises(DTypeError) as error:
        load_photograph(photo)
    assert str(error.value) == (
        f"{photo}: pixels are float32; the tour takes 8 or 16 bits: convert the file"
    )


def epoch(number, error):
    """Return a pass that ends with this test error, and half as much in training."""
    return Epoch(
        number=number,
        steps=1,
        rate=0.1,
        train_loss=1.0,
        train_error=error / 2,
        test_error=error,
        seconds=1.0,
        examples_per_second=1.0,
    )


@pytest.mark.parametrize(
    ("errors", "first"),
    [([0.9, 0.5, 0.1, 0.05], 2), ([0.3], 0), ([0.3, 0.2], 0), ([0.1, 0.9, 0.1], 2)],
)
def test_the_chart_shows_the_last_passes(errors, first):
    history = [epoch(number, error) for number, error in enumerate(errors, start=1)]
    assert _first_shown(history) == first
    caption = _caption(history)
    assert ("Not drawn" in caption) == (first > 0)
    if first == 2 and errors[0] == 0.9:
        assert caption.endswith("passes 1 to 2 are: 45 and 90 %, 25 and 50 %.")


def test_the_weights_are_the_trained_ones(toured):
    out, _ = toured
    network = load_weights(st.load("lenet-1989"), out / "lenet-1989.safetensors")
    data = st.training.data.load("digits").resized(16)
    right = st.compile(network)(data.test_images).argmax(axis=1) == data.test_labels
    assert right.mean() > 0.7
    html = (out / "index.html").read_text(encoding="utf-8")
    assert f"{right.sum()} of {len(right)} unseen digits are read right" in html


def test_a_photograph_of_the_users(tmp_path):
    photo = tmp_path / "mine.png"
    files.write(photo, np.random.default_rng(0).integers(0, 256, (60, 50, 4), np.uint8))
    out = tmp_path / "out"
    arguments = ["tour", "-o", str(out), "--photo", str(photo), "--data", "digits", "--passes", "1"]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "mine.png (50x60)" in (out / "index.html").read_text(encoding="utf-8")


def test_text_is_escaped():
    hostile = '<script>"&'
    html = page([Chapter(hostile, hostile, table([(hostile,), (hostile,)]))], hostile)
    assert "<script>" not in html
