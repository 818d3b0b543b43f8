"""``striate run``: a network on image files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from striate.cli._models import load_model, sizes_of
from striate.cli._running import Answers, Scores, Settings

if TYPE_CHECKING:
    from striate.interop.pretrained import Record
    from striate.network import Network
    from striate.network.images.preprocessing import Preprocessing

__all__ = ["run"]

IMAGE = "Images to inputs"


def run(
    model: Annotated[
        str,
        typer.Argument(
            help="a network's name, as inspect --list prints, an .onnx file, or FILE.py:NAME"
        ),
    ],
    images: Annotated[
        list[str], typer.Argument(help="image files, folders of them, or patterns as 'a/*.png'")
    ],
    input_shape: Annotated[
        str | None,
        typer.Option(
            "--input",
            metavar="NxCxHxW",
            help="what a PyTorch module takes, or where a model leaves sizes open",
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option("--weights", help="its weights: .safetensors, or a PyTorch checkpoint"),
    ] = None,
    pretrained: Annotated[
        bool, typer.Option("--pretrained", help="the weights that come with striate, by name")
    ] = False,
    top: Annotated[int, typer.Option(help="how many classes to show, 1 or more")] = 3,
    labels: Annotated[
        Path | None, typer.Option(help="a text file of class names, one on a line for each class")
    ] = None,
    scores: Annotated[
        Scores,
        typer.Option(help="probabilities: through a softmax, where the network ends in none"),
    ] = Scores.probabilities,
    save: Annotated[
        Path | None,
        typer.Option(help="keep outputs: FILE.npz, or as pictures in FILE.png or a folder"),
    ] = None,
    colour: Annotated[
        bool, typer.Option("--colour", help="give saved grey pictures the image's own colours")
    ] = False,
    batch: Annotated[int, typer.Option(help="how many images run at once, 1 or more")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
    preprocessing: Annotated[
        Path | None,
        typer.Option(
            help="a JSON or TOML file that declares it; else the model's own, else a plain one",
            rich_help_panel=IMAGE,
        ),
    ] = None,
    resize: Annotated[
        str | None,
        typer.Option(help="the shorter side as 256, or height x width", rich_help_panel=IMAGE),
    ] = None,
    crop: Annotated[
        str | None,
        typer.Option(help="the centre that is kept, height x width", rich_help_panel=IMAGE),
    ] = None,
    interpolation: Annotated[
        str | None, typer.Option(help="bilinear, bicubic, ...", rich_help_panel=IMAGE)
    ] = None,
    low: Annotated[
        float | None, typer.Option(help="what black becomes", rich_help_panel=IMAGE)
    ] = None,
    high: Annotated[
        float | None, typer.Option(help="what white becomes", rich_help_panel=IMAGE)
    ] = None,
    mean: Annotated[
        str | None,
        typer.Option(help="subtracted then: one number, or 0.5,0.5,0.5", rich_help_panel=IMAGE),
    ] = None,
    std: Annotated[
        str | None, typer.Option(help="divided by then, likewise", rich_help_panel=IMAGE)
    ] = None,
    channels: Annotated[
        str | None, typer.Option(help="rgb, bgr or grey", rich_help_panel=IMAGE)
    ] = None,
    invert: Annotated[
        bool,
        typer.Option(
            "--invert", help="swap black and white first: ink on paper", rich_help_panel=IMAGE
        ),
    ] = False,
) -> None:
    """Run a network on images and print the classes it scores highest.

    Networks that do not classify get a line for each output; --save keeps them. A file that cannot
    be read is reported, and the others go on.

    Examples: striate run lenet-1989 digit.png --pretrained;
    striate run model.onnx photos/ --labels names.txt --top 5;
    striate run super_resolution.onnx photo.png --save larger.png
    """
    _check(top, batch, low, high)
    sizes = _input(input_shape)
    network = _network(model, weights, sizes, pretrained=pretrained)
    record = _record(model, preprocessing) if pretrained else None
    given: dict[str, Any] = {
        "resize": resize and _sizes("resize", resize),
        "crop": crop and _pair(_sizes("crop", crop)),
        "interpolation": interpolation,
        "mean": mean and _numbers("mean", mean),
        "std": std and _numbers("std", std),
        "channels": channels,
    }
    given = {name: value for name, value in given.items() if value is not None}
    how = _preprocessing(network, sizes, preprocessing, given, low, high, invert=invert)
    told = record.classes if record else _noted(weights)
    names = told if labels is None else _labels(labels)
    settings = Settings(model, top, labels, names, scores, batch, save, colour)
    answers = Answers(network, how, settings)
    answers.run(images)
    if as_json:
        typer.echo(json.dumps(answers.as_dict(), indent=2))
    else:
        answers.show()
    if answers.failed:
        raise typer.Exit(1)


def _check(top: int, batch: int, low: float | None, high: float | None) -> None:
    from striate.errors import ParameterError

    for name, count in (("top", top), ("batch", batch)):
        if count < 1:
            raise ParameterError(f"--{name} {count} must be at least 1")
    for name, value in (("low", low), ("high", high)):
        if value is not None and not isfinite(value):
            raise ParameterError(f"--{name} {value} must be a finite number, such as 0 or 1")


def _input(text: str | None) -> tuple[int, ...] | None:
    from striate.errors import ParameterError

    sizes = sizes_of([] if text is None else [text])
    if isinstance(sizes, Mapping):
        raise ParameterError(f"--input is {text!r}; a network of images has one: give its sizes")
    return None if sizes is None else tuple(sizes)


def _network(
    model: str, weights: Path | None, sizes: Sequence[int] | None, *, pretrained: bool
) -> Network:
    from striate.errors import ParameterError

    if pretrained and weights is not None:
        raise ParameterError("--pretrained cannot go with --weights; leave one of them out")
    network = load_model(model, sizes, pretrained=pretrained)
    if weights is not None:
        from striate.interop.weights import load_weights

        network = load_weights(network, weights)
    if network.has_weights:
        return network
    from striate.interop import pretrained as shelf

    ways = "--weights, or --pretrained" if model in shelf.names() else "--weights"
    note = f"striate: {model} runs with random weights; give trained ones with {ways}"
    typer.secho(note, err=True, fg="yellow")
    return network.initialize(0)


def _record(model: str, preprocessing: Path | None) -> Record:
    """Return how the weights came to be, if images can be made what they were trained on."""
    from striate.errors import ParameterError
    from striate.interop.pretrained import record

    found = record(model)
    if found.preprocessing is None and preprocessing is None:
        raise ParameterError(
            f"{model} was trained on images prepared by {found.data['preparation']}, which run "
            "does not do; prepare the images before, and declare with --preprocessing what is left"
        )
    return found


def _preprocessing(
    network: Network,
    sizes: Sequence[int] | None,
    path: Path | None,
    given: dict[str, Any],
    low: float | None,
    high: float | None,
    *,
    invert: bool,
) -> Preprocessing:
    """Return the declared preprocessing, or the network's own, with what options say instead."""
    from striate.errors import ParameterError
    from striate.network.images.preprocessing import Preprocessing

    images = [value for value in network.graph.inputs if len(value.shape) == 4]
    if len(network.graph.inputs) != 1 or not images:
        shapes = ", ".join(f"{value.name} {value.shape}" for value in network.graph.inputs)
        raise ParameterError(
            f"{network.name} takes no single image but {shapes}; run it in Python: "
            "striate.compile(network)(...)"
        )
    own = network.input_shape
    if sizes is not None and len(sizes) == len(own):  # where the network leaves a size open
        own = tuple(size or given for size, given in zip(own, sizes, strict=True))
    plain = Preprocessing.fitting(own)
    if images[0].kind == "uint8":
        plain = replace(plain, range=(0.0, 255.0))
    declared = network.preprocessing if path is None else Preprocessing.from_file(path)
    how = plain if declared is None else declared.completed(plain)
    how = Preprocessing.from_dict(how.to_dict() | given)
    black, white = how.range
    span = (black if low is None else low, white if high is None else high)
    return replace(how, range=span[::-1] if invert else span)


def _sizes(name: str, text: str) -> int | list[int]:
    from striate.errors import ParameterError

    parts = text.lower().replace("×", "x").split("x")
    if len(parts) > 2 or not all(part.isascii() and part.isdigit() for part in parts):
        raise ParameterError(f"--{name} is {text!r}; give 224, or height x width as 240x320")
    sizes = [int(part) for part in parts]
    return sizes[0] if len(sizes) == 1 else sizes


def _pair(sizes: int | list[int]) -> list[int]:
    return [sizes, sizes] if isinstance(sizes, int) else sizes


def _numbers(name: str, text: str) -> list[float]:
    from striate.errors import ParameterError

    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ParameterError(
            f"--{name} is {text!r}; give one number, or one for each channel as 0.5,0.5,0.5"
        ) from None


def _noted(weights: Path | None) -> Sequence[str] | None:
    """Return the names of classes that a file of weights tells."""
    from striate.interop.weights import noted_classes

    return (noted_classes(weights) or None) if weights is not None else None


def _labels(path: Path | None) -> Sequence[str] | None:
    from striate.errors import FileError

    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path}: no readable text ({error}); give a text file of names") from None
