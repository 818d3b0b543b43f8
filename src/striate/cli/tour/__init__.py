"""``striate tour``: from pixels to a trained network, on real data, in about a minute."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["tour"]


def tour(
    out: Annotated[Path, typer.Option("--out", "-o", help="the folder to write to")] = Path(
        "striate-tour"
    ),
    photo: Annotated[
        Path | None, typer.Option(help="a photograph of yours; one of scikit-learn's if left out")
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="digits or usps; usps where STRIATE_DATA has it")
    ] = None,
    passes: Annotated[int, typer.Option(help="training passes; the paper has 23")] = 23,
    seed: Annotated[int, typer.Option(help="of the initial weights")] = 0,
) -> None:
    """Take the tour: filter, inspect, train, look inside; all on one page.

    Writes index.html and its pictures, the trained network as lenet-1989.safetensors, and
    digit.png for it to read. Nothing is written before all that is asked for is found.
    """
    from rich.console import Console

    from striate.cli._text import visible
    from striate.cli.tour.digits import load_digits, looked_into, trained_lenet
    from striate.cli.tour.inspection import inspected_vgg
    from striate.cli.tour.page import made_with, page
    from striate.cli.tour.photograph import filtered_photograph, load_photograph
    from striate.errors import ParameterError
    from striate.files import write_whole
    from striate.interop.weights import require_safetensors
    from striate.training import save_weights
    from striate.training.progress import waiting

    for name, value, least in (("passes", passes, 1), ("seed", seed, 0)):
        if value < least:
            raise ParameterError(f"--{name} {value} must be at least {least}")
    require_safetensors("the tour's weight file", "train")
    with waiting("loading the photograph and the digits"):
        photograph, digits = load_photograph(photo), load_digits(data)
    _make_folder(out)
    console = Console()

    def wrote(path: Path) -> None:
        typer.echo(f"wrote {visible(str(path))}")

    console.rule("1  Image filters", align="left")
    with waiting("filtering (kernels are compiled the first time)"):
        chapters = [filtered_photograph(*photograph, out)]
    wrote(out / "filters.png")

    console.rule("2  VGG-16, inspected", align="left")
    chapters.append(inspected_vgg(console))

    console.rule("3  LeCun's 1989 network, trained", align="left")
    chapter, network = trained_lenet(console, out, digits, passes, seed)
    chapters.append(chapter)
    weights = out / "lenet-1989.safetensors"
    save_weights(network, weights)
    wrote(weights)

    console.rule("4  What the layers see", align="left")
    chapters.append(looked_into(network, digits, out))
    wrote(out / "digits.png")
    wrote(out / "digit.png")
    command = ["striate", "run", "lenet-1989", str(out / "digit.png"), "--weights", str(weights)]
    typer.echo(f"now try: {visible(shlex.join(command))}")

    index = write_whole(out / "index.html", page(chapters, made_with()))
    console.rule(align="left")
    typer.echo(f"The whole tour on one page: {visible(str(index.resolve()))}")


def _make_folder(out: Path) -> None:
    from striate.errors import FileError

    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            f"{out}: no folder can be made there ({error.strerror}); choose another with --out"
        ) from None
