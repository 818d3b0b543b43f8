from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from striate.cli.draw import draw
from striate.drawing import convolution, figure, pooling, svg, transposed_convolution
from striate.errors import ParameterError, StriateError, UnknownNameError

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(draw)


def run(*arguments: str) -> str:
    """Run the command; its errors come out as exceptions."""
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_readmes_kind_of_figure(tmp_path: Path) -> None:
    path = tmp_path / "conv.svg"
    options = ["--input", "5", "--kernel", "3", "--stride", "2", "--padding", "1"]
    assert run("conv", *options, "-o", str(path)) == f"{path}\n"
    assert path.read_text(encoding="utf-8") == svg(figure("padding and strides"))


def test_animation_and_still(tmp_path: Path) -> None:
    run("conv", "--stride", "2", "--seconds", "0.3", "-o", str(tmp_path / "a.gif"))
    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.n_frames == 4  # type: ignore[attr-defined]
        assert gif.info["duration"] == 300
    run("conv", "--step", "1", "--scale", "1", "-o", str(tmp_path / "a.png"))
    with Image.open(tmp_path / "a.png") as png:
        assert png.width == 600


@pytest.mark.parametrize(
    ("text", "padding"),
    [
        ("1", 1),
        ("1x2", (1, 2)),
        ("0,1", ((0, 1), (0, 1))),
        ("0,1x1,2", ((0, 1), (1, 2))),
        ("same", "same"),
        ("full", "full"),
        ("valid", 0),
    ],
)
def test_paddings(tmp_path: Path, text: str, padding: int) -> None:
    path = tmp_path / "a.svg"
    run("conv", "--input", "5x6", "--padding", text, "--dilation", "2x1", "-o", str(path))
    expected = convolution((5, 6), 3, padding=padding, dilation=(2, 1))
    assert path.read_text(encoding="utf-8") == svg(expected)


def test_pool_has_the_kernel_for_its_stride(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    run("pool", "--input", "7x8", "--kernel", "2x3", "--ceil", "--pool", "average", "-o", str(path))
    expected = pooling((7, 8), (2, 3), kind="average", ceil=True)
    assert path.read_text(encoding="utf-8") == svg(expected)


def test_transposed(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    options = ["--input", "3", "--stride", "2", "--padding", "1", "--output-padding", "1x0"]
    run("transposed", *options, "-o", str(path))
    expected = transposed_convolution((3, 3), 3, stride=2, padding=1, output_padding=(1, 0))
    assert path.read_text(encoding="utf-8") == svg(expected)


def test_values_are_the_guides_where_the_sizes_are(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    run("conv", "--values", "-o", str(path))
    assert path.read_text(encoding="utf-8") == svg(figure("numerical"))
    run("pool", "--stride", "1", "--pool", "average", "--values", "-o", str(path))
    assert path.read_text(encoding="utf-8") == svg(figure("numerical average pooling"))


def test_values_are_drawn_by_seed(tmp_path: Path) -> None:
    texts = []
    for seed in ("1", "1", "2"):
        run("conv", "--values", "--seed", seed, "-o", str(tmp_path / "a.svg"))
        texts.append((tmp_path / "a.svg").read_text(encoding="utf-8"))
    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            ["cov", "-o", "a.svg"],
            UnknownNameError,
            "no figure is called 'cov'; did you mean conv?",
        ),
        (
            ["conv", "-o", "a.pdf"],
            ParameterError,
            "cannot draw 'a.pdf': the file's name must end in .svg, .png or .gif",
        ),
        (
            ["conv", "--input", "5x5x5", "-o", "a.svg"],
            ParameterError,
            "--input must be a whole number or two as 5x7, not '5x5x5'",
        ),
        (
            ["conv", "--stride", "2.5", "-o", "a.svg"],
            ParameterError,
            "--stride must be a whole number or two as 5x7, not '2.5'",
        ),
        (
            ["conv", "--padding", "big", "-o", "a.svg"],
            ParameterError,
            "--padding must be same, valid, full, or whole numbers as 1, 1x2 (rows x columns), "
            "0,1 (before,after) or 0,1x1,2, not 'big'",
        ),
        (
            ["conv", "--padding", "-1", "-o", "a.svg"],
            ParameterError,
            "--padding must be at least 0 on every side, not '-1'",
        ),
        (
            ["conv", "--input", "30", "-o", "a.svg"],
            ParameterError,
            "convolution: 784 outputs are more than the 400 frames of an animation: draw a "
            "smaller input, a larger stride, or one step alone",
        ),
        (
            ["foo", "-o", "a.svg"],
            UnknownNameError,
            "no figure is called 'foo'; known: conv, pool, transposed",
        ),
        (
            ["transposed", "--ceil", "-o", "a.svg"],
            ParameterError,
            "--ceil has no meaning for transposed: use --output-padding",
        ),
        (
            ["conv", "--output-padding", "1", "-o", "a.svg"],
            ParameterError,
            "--output-padding is for transposed, not for conv",
        ),
        (
            ["conv", "--pool", "max", "-o", "a.svg"],
            ParameterError,
            "--pool is for pool, not for conv",
        ),
        (
            ["conv", "--step", "9", "-o", "a.svg"],
            ParameterError,
            "convolution: step must lie in 0 to 8, not 9",
        ),
    ],
)
def test_errors(
    arguments: list[str], error: type[StriateError], message: str, monkeypatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error) as caught:
        run(*arguments)
    assert str(caught.value) == message
    assert list(tmp_path.iterdir()) == []


def test_help_names_the_options() -> None:
    text = re.sub(r"\x1b\[[0-9;]*m", "", run("--help"))
    for option in ("--input", "--kernel", "--stride", "--padding", "--dilation", "--values"):
        assert option in text


def test_drawing_needs_no_compiler() -> None:
    code = (
        "import sys, striate.drawing; print({'numba', 'torch', 'striate.ops'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
