"""``striate train``: a network on a data set."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from striate.network import Network
    from striate.training import Dataset, Result

__all__ = ["train"]

MEANING = "train: each example just before the network learns from it; test: after the epoch"


def train(
    model: Annotated[str, typer.Argument(help="a network of the zoo, such as lenet-1989")],
    data: Annotated[str, typer.Option(help="digits or usps")],
    epochs: Annotated[int | None, typer.Option(help="passes through the data  [10]")] = None,
    batch_size: Annotated[int | None, typer.Option(help="examples a step  [32]")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="of each step  [0.05]")] = None,
    momentum: Annotated[float | None, typer.Option(help="0 to 1  [0.9]")] = None,
    weight_decay: Annotated[float, typer.Option(help="pull of the weights to 0")] = 0.0,
    loss: Annotated[str | None, typer.Option(help="squared or cross-entropy  [the latter]")] = None,
    shuffle: Annotated[
        bool | None, typer.Option("--shuffle/--in-order", help="a new order for each pass  [yes]")
    ] = None,
    seed: Annotated[int, typer.Option(help="of weights, order and dropout")] = 0,
    resize: Annotated[
        bool, typer.Option("--resize", help="resize the images to the network's input")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="folder for checkpoints and the trained weights")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on with the run in --out")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Train a network and print how it went.

    lenet-1989 is trained as its paper says unless told otherwise: 23 epochs, one example at a time
    in a constant order, squared error, a rate for each layer, images resized to 16x16.
    """
    import striate
    from striate.training import data as datasets

    network = striate.load(model)
    chosen: dict[str, Any] = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "momentum": momentum,
        "loss": loss,
        "shuffle": shuffle,
    }
    asked = {name: value for name, value in chosen.items() if value is not None}
    settings = {**_defaults(network), **asked, "weight_decay": weight_decay, "seed": seed}
    examples = datasets.load(data)
    if resize or model == "lenet-1989":
        examples = _resized(examples, network)
    try:
        result = striate.fit(network, examples, out=out, resume=resume, **settings)
    except KeyboardInterrupt as stopped:  # Typer would drop its text
        typer.secho(f"striate: {stopped or 'stopped before training began'}", err=True)
        raise typer.Exit(130) from None
    _show(result, examples, out, as_json=as_json)


def _defaults(network: Network) -> dict[str, Any]:
    """Return what is not asked for: the paper's way for the network of 1989."""
    if network.name == "lenet-1989":
        from striate.training.recipes import lenet_1989

        return lenet_1989.settings(network.graph)
    return {
        "epochs": 10,
        "batch_size": 32,
        "learning_rate": 0.05,
        "momentum": 0.9,
        "loss": "cross-entropy",
        "shuffle": True,
    }


def _resized(examples: Dataset, network: Network) -> Dataset:
    """Return the data at the network's size, if it has one and takes such channels."""
    _, channels, *spatial = network.input_shape
    size = spatial[0]
    if size is None or channels != examples.image_shape[0] or spatial != [size, size]:
        return examples  # training will say what does not fit
    return examples.resized(size)


def _show(result: Result, examples: Dataset, out: Path | None, *, as_json: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    from striate.cli._text import visible

    weights = None if out is None else out / f"weights-{len(result.history):04d}.safetensors"
    if as_json:
        report = {
            "network": result.network.name,
            "data": examples.name,
            "settings": asdict(result.settings),
            "history": [asdict(epoch) for epoch in result.history],
            "seconds": result.seconds,
            "weights": None if weights is None else str(weights),
        }
        typer.echo(json.dumps(report, indent=2))
        return
    table = Table("epoch", "train loss", "train error", "test error", "examples/s")
    for column in table.columns:
        column.justify = "right"
    for epoch in result.history:
        table.add_row(
            str(epoch.number),
            f"{epoch.train_loss:.4f}",
            f"{100 * epoch.train_error:.2f} %",
            "" if epoch.test_error is None else f"{100 * epoch.test_error:.2f} %",
            f"{epoch.examples_per_second:,.0f}",
        )
    console = Console()
    console.print(
        f"{result.network.name} on {examples.name} ({examples.source})",
        highlight=False,
        markup=False,
    )
    console.print(table)
    typer.echo(MEANING)
    typer.echo(f"trained in {result.seconds:.1f} s")
    if weights is not None:
        typer.echo(f"weights in {visible(str(weights))}")
