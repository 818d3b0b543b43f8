"""``striate tour``: every chapter, every file, published numbers, the user's own photograph."""

import re

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import striate as st
from striate.cli import app
from striate.cli.tour.page import Chapter, page, table
from striate.filters import files
from striate.training import load_weights


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
    assert names == sorted([*pictures, "index.html", "lenet-1989.safetensors"])
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


def test_the_weights_are_the_trained_ones(toured):
    out, _ = toured
    network = load_weights(st.load("lenet-1989"), out / "lenet-1989.safetensors")
    data = st.training.data.load("digits").resized(16)
    right = st.compile(network)(data.test_images).argmax(axis=1) == data.test_labels
    assert right.mean() > 0.8


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
