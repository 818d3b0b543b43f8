"""``striate run``: a network on image files."""

from __future__ import annotations

import json
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["run"]


def run(
    model: Annotated[str, typer.Argument(help="a network of the zoo, such as lenet-1989")],
    images: Annotated[list[Path], typer.Argument(help="image files")],
    weights: Annotated[
        Path | None, typer.Option("--weights", help="its weights, as striate train writes them")
    ] = None,
    top: Annotated[int, typer.Option(help="how many classes to show, 1 or more")] = 3,
    labels: Annotated[
        Path | None, typer.Option(help="a text file of class names, one on a line for each class")
    ] = None,
    low: Annotated[
        float | None, typer.Option(help="what black becomes; -1 for lenet, else 0")
    ] = None,
    high: Annotated[float, typer.Option(help="what white becomes")] = 1.0,
    invert: Annotated[
        bool, typer.Option("--invert", help="swap black and white first: ink on paper")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Run a network on images and print the classes it scores highest.

    Images are turned to grey or colour as the network wants, scaled to cover its input and cropped
    to the centre. A file that cannot be read is reported, and the others go on.
    """
    import striate
    from striate.cli._text import visible
    from striate.errors import ParameterError, StriateError
    from striate.filters import files
    from striate.training import load_weights

    _check(top, low, high)
    network = striate.load(model)
    if weights is not None:
        network = load_weights(network, weights)
    else:
        note = f"striate: {model} runs with random weights; give trained ones with --weights"
        typer.secho(note, err=True, fg="yellow")
        network = network.initialize(0)
    names = _labels(labels)
    darkest = low if low is not None else (-1.0 if model.startswith("lenet") else 0.0)
    program = striate.compile(network)
    results, failures = [], 0
    for path in images:
        try:
            image = files.read(path)
        except StriateError as error:
            failures += 1
            typer.secho(f"striate: {visible(str(error))}", err=True, fg="red")
            continue
        x = as_input(image, network.input_shape, darkest, high, invert=invert)
        scores = program(x).ravel()
        if names is not None and len(names) != len(scores):
            raise ParameterError(
                f"{labels}: {len(names)} names for the {len(scores)} classes of {model}; "
                "give one line for each class"
            )
        results.append({"image": str(path), "top": _top(scores, top, names)})
    if as_json:
        typer.echo(json.dumps({"network": model, "results": results}, indent=2))
    elif results:
        _print(results)
    if failures:
        raise typer.Exit(1)


def _check(top: int, low: float | None, high: float) -> None:
    from striate.errors import ParameterError

    if top < 1:
        raise ParameterError(f"--top {top} must be at least 1")
    for name, value in (("low", low), ("high", high)):
        if value is not None and not isfinite(value):
            raise ParameterError(f"--{name} {value} must be a finite number, such as 0 or 1")


def as_input(
    image: NDArray[Any],
    input_shape: Sequence[int | None],
    low: float,
    high: float,
    *,
    invert: bool = False,
) -> NDArray[np.float32]:
    """Return an image as a (1, C, H, W) input whose black is `low` and whose white is `high`.

    Alpha is dropped; grey becomes equal colours, colour becomes luma (ITU-R BT.601); the image is
    scaled to cover the input and cropped to its centre. Open sizes keep the image's.
    """
    import numpy as np
    from PIL import Image, ImageOps

    from striate.errors import ShapeError

    _, channels, *spatial = input_shape
    if channels not in (1, 3) or len(spatial) != 2:
        raise ShapeError(
            f"an input {tuple(input_shape)} takes no image: it must be (N, 1 or 3, height, width)"
        )
    span = np.iinfo(image.dtype).max if image.dtype.kind == "u" else 1
    planes = np.atleast_3d(image).transpose(2, 0, 1).astype(np.float32) / np.float32(span)
    planes = planes[:1] if len(planes) == 2 else planes[:3]  # without alpha
    if channels == 1 and len(planes) == 3:
        planes = np.tensordot(np.array([[0.299, 0.587, 0.114]], np.float32), planes, axes=1)
    planes = np.broadcast_to(planes, (channels, *planes.shape[1:]))
    if invert:
        planes = 1 - planes
    height, width = (size or own for size, own in zip(spatial, planes.shape[1:], strict=True))
    fitted = [
        np.asarray(ImageOps.fit(Image.fromarray(plane), (width, height), Image.Resampling.BILINEAR))
        for plane in planes
    ]
    return np.stack(fitted)[None] * np.float32(high - low) + np.float32(low)


def _labels(path: Path | None) -> list[str] | None:
    from striate.errors import FileError

    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path}: no readable text ({error}); give a text file of names") from None


def _top(
    scores: NDArray[np.float32], count: int, names: Sequence[str] | None
) -> list[dict[str, Any]]:
    best = scores.argsort()[::-1][:count]
    return [
        {
            "class": int(index),
            "label": str(index) if names is None else names[index],
            "score": float(scores[index]),
        }
        for index in best
    ]


def _print(results: Sequence[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from striate.cli._text import visible

    table = Table("image", "class", "score")
    for column in table.columns:
        column.overflow = "fold"  # rather than lose the end of a name
    for result in results:
        for place, entry in enumerate(result["top"]):
            image = result["image"] if place == 0 else ""
            cells = (image, entry["label"], f"{entry['score']:.4f}")
            table.add_row(*(Text(visible(cell)) for cell in cells))  # without Rich's markup
        table.add_section()
    Console().print(table)
