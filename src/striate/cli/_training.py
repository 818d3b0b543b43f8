"""What a training run begins with, and how it is told: a table, or JSON."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from striate.cli._text import visible
from striate.errors import ParameterError
from striate.geometry.text import open_text

if TYPE_CHECKING:
    from striate.network import Network
    from striate.training import Dataset, Epoch, Result

__all__ = ["begun", "show"]

MEANING = "train: each example just before the network learns from it; the others: after the epoch"


@contextmanager
def _told() -> Iterator[None]:
    """Print warnings, such as those of files that cannot be used, each on a line of its own."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always", UserWarning)
        yield
    for warning in found if _leads() else ():
        typer.secho(f"striate: {visible(str(warning.message))}", err=True, fg="yellow")


def _leads() -> bool:
    """Return whether this process prints: all do but the others of several."""
    return os.environ.get("RANK", "0") == "0"


@_told()
def begun(
    model: str, data: str, *, weights: Path | None, pretrained: bool, resize: bool, seed: int
) -> tuple[Network, Dataset]:
    """Return the network and the data, which tell each other the size of the images.

    A PyTorch module takes that of the data; of all others the data may take theirs.
    """
    if pretrained and weights is not None:
        raise ParameterError("--pretrained cannot go with --weights; leave one of them out")
    from striate.cli._models import network_of, source_of
    from striate.errors import explained
    from striate.training import data as datasets

    made = source_of(model, seed=seed)  # so that the same command makes the same network
    torch = sys.modules.get("torch")
    if pretrained or torch is None or not isinstance(made, torch.nn.Module):
        network = network_of(made, pretrained=pretrained)
        examples = _examples(data, network, resize=resize)
    else:
        if resize:
            raise ParameterError(
                f"--resize: {model} does not tell its size; leave it out, or let {model} return "
                "striate.load(module, input_shape=(1, 3, 32, 32)), which does"
            )
        examples = datasets.load(data)
        with explained(f"{model} with images {examples.image_shape} of {examples.name}"):
            network = _traced(made, examples.image_shape)
    if weights is not None:
        from striate.interop.weights import load_weights

        network = load_weights(network, weights)
    return network, examples


def _traced(module: Any, image_shape: tuple[int, ...]) -> Network:
    """Return a PyTorch module as a network of images; errors speak of the data."""
    import striate
    from striate.errors import StriateError

    try:
        return striate.load(module, input_shape=(1, *image_shape))
    except StriateError as error:
        text = str(error).replace("check input_shape against", "check the images of --data against")
        raise type(error)(text) from None


def _examples(data: str, network: Network, *, resize: bool) -> Dataset:
    """Return the data, at the network's size if that is wanted."""
    from striate.training import data as datasets

    _, channels, *spatial = network.input_shape
    size = spatial[0] if resize and spatial == spatial[:1] * 2 else None
    if resize and size is None:
        raise ParameterError(
            f"--resize: {network.name} takes {open_text(network.input_shape)}, no one square size "
            "of channels first; leave it out, or give data of the right size"
        )
    if Path(data).is_dir() and data not in datasets.names():
        return datasets.load(data, size)  # whose images may be of many sizes
    examples = datasets.load(data)
    if size is not None and channels == examples.image_shape[0]:
        return examples.resized(size)
    return examples  # and training will say what does not fit


def show(result: Result, examples: Dataset, out: Path | None, *, as_json: bool) -> None:
    """Print what came of a run; in all processes but the first of several, nothing."""
    if not _leads():
        return
    from striate.training.checkpoints import LAST
    from striate.training.keeping import BEST

    last = None if out is None else out / LAST
    best = None if out is None or result.best is None else out / BEST
    if as_json:
        report = {
            "network": result.network.name,
            "data": examples.name,
            "settings": result.settings.as_json,
            "history": [asdict(epoch) for epoch in result.history],
            "best_epoch": result.best and result.best.epoch.number,
            "stopped_early": result.stopped_early,
            "seconds": result.seconds,
            "weights": None if last is None else str(last),
            "best_weights": None if best is None else str(best),
        }
        typer.echo(json.dumps(report, indent=2))
        return
    _print_table(result, f"{result.network.name} on {examples.name} ({examples.source})")
    typer.echo(MEANING)
    typer.echo(f"trained in {result.seconds:.1f} s{_ending(result)}")
    if last is not None:
        typer.echo(f"weights in {visible(str(last))}")
    if best is not None:
        typer.echo(f"those of the best epoch in {visible(str(best))}")


def _ending(result: Result) -> str:
    if result.best is None:
        return ""
    early = ", and stopped there early" if result.stopped_early else ""
    return f"; epoch {result.best.epoch.number} is the best by validation{early}"


def _print_table(result: Result, title: str) -> None:
    """Print a row for each epoch; losses of validation and test are in the folder and in JSON."""
    from rich.console import Console
    from rich.table import Table

    parts = [
        part
        for part in ("validation", "test")
        if getattr(result.history[0], f"{part}_error") is not None
    ]
    short = {"validation": "valid."}
    errors = [f"{short.get(part, part)} error" for part in ("train", *parts)]
    table = Table("epoch", "rate", "train loss", *errors, "examples /s")
    for column in table.columns:
        column.justify = "right"
    best = result.best.epoch.number if result.best else None
    for epoch in result.history:
        table.add_row(
            *_cells(epoch, ("train", *parts)), style="bold" if epoch.number == best else None
        )
    console = Console()
    console.print(title, highlight=False, markup=False)
    console.print(table)


def _cells(epoch: Epoch, parts: tuple[str, ...]) -> list[str]:
    errors = [100 * getattr(epoch, f"{part}_error") for part in parts]
    return [
        str(epoch.number),
        f"{epoch.rate:.3g}",
        f"{epoch.train_loss:.4f}",
        *(f"{error:.2f} %" for error in errors),
        f"{epoch.examples_per_second:,.0f}",
    ]
