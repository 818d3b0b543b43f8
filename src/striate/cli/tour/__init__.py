"""``striate tour``: from pixels to a trained network, on real data, in about a minute."""

from __future__ import annotations

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
    passes: Annotated[int, typer.Option(min=1, help="training passes; the paper has 23")] = 23,
    seed: Annotated[int, typer.Option(min=0, help="of the initial weights")] = 0,
) -> None:
    """Take the tour: filter, inspect, train, look inside; all on one page.

    Writes filters.png, errors.png, digits.png, lenet-1989.safetensors and index.html.
    """
    from rich.console import Console

    from striate.cli.tour.digits import looked_into, trained_lenet
    from striate.cli.tour.inspection import inspected_vgg
    from striate.cli.tour.page import made_with, page
    from striate.cli.tour.photograph import filtered_photograph
    from striate.errors import FileError
    from striate.files import write_whole
    from striate.training import save_weights

    console = Console()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            f"{out}: no folder can be made there ({error.strerror}); choose another with --out"
        ) from None

    console.rule("1  Image filters", align="left")
    chapters = [filtered_photograph(photo, out)]
    console.print(f"wrote {out / 'filters.png'}")

    console.rule("2  VGG-16, inspected", align="left")
    chapters.append(inspected_vgg(console))

    console.rule("3  LeCun's 1989 network, trained", align="left")
    chapter, network, digits = trained_lenet(console, out, data, passes, seed)
    chapters.append(chapter)
    save_weights(network, out / "lenet-1989.safetensors")

    console.rule("4  What the layers see", align="left")
    chapters.append(looked_into(network, digits, out))
    console.print(f"wrote {out / 'digits.png'}")

    index = write_whole(out / "index.html", page(chapters, made_with()))
    console.rule(align="left")
    console.print(f"The whole tour on one page: {index.resolve()}", soft_wrap=True)
