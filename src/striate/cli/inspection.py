"""What else ``striate inspect`` does: the shape doctor, comparisons, budgets."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import typer

from striate.cli._models import load_model, source_of, spoken
from striate.cli._text import visible
from striate.geometry.text import size_text

if TYPE_CHECKING:
    from striate.network import InputShape, Network
    from striate.network.inspection.budget import Use

__all__ = ["ask", "pointing_to_the_doctor"]

SECONDS = 1.0  # of measuring
NEAREST = 3  # layers that keep a limit and are told
RUNS = 5  # at least, however long one takes


def ask(
    model: str,
    shape: InputShape,
    doctor: bool,
    against: str | None,
    budget: Path | None,
    *,
    as_json: bool,
) -> bool:
    """Answer what options ask for; tell whether any did."""
    if doctor:
        ask_doctor(model, shape, as_json=as_json)
    if against is not None:
        compare_with(load_model(model, shape), against, shape, as_json=as_json)
    if budget is not None:
        hold_to_budget(load_model(model, shape), budget, shape, as_json=as_json)
    return doctor or against is not None or budget is not None


def ask_doctor(model: str, shape: InputShape, *, as_json: bool) -> None:
    """Print the diagnosis; exit with 1 if the shapes do not fit."""
    import striate
    from striate.network import diagnose

    made = source_of(model)
    with spoken():
        found = diagnose(striate.load(made) if isinstance(made, str) else made, shape)
    _print(found.to_json() if as_json else str(found))
    if not found.fits:
        raise typer.Exit(1)


def compare_with(network: Network, other: str, shape: InputShape, *, as_json: bool) -> None:
    """Print how another network differs."""
    from striate.network import compare

    found = compare(network, load_model(other, shape), shape)
    _print(found.to_json() if as_json else str(found))


def hold_to_budget(network: Network, path: Path, shape: InputShape, *, as_json: bool) -> None:
    """Print how much of each limit is used; exit with 1 if one is not kept."""
    import striate
    from striate.errors import FileError, ParameterError
    from striate.network import Budget
    from striate.network.inspection.budget import uses

    try:
        budget = Budget.from_file(path)
    except FileError as error:  # the caller's mistake, not a limit that is not kept
        raise ParameterError(str(error)) from None
    spent = milliseconds(network, shape) if budget.needs_time else None
    found = uses(striate.inspect(network, shape), budget, spent)
    broken = sum(use.exceeded for use in found)
    if as_json:
        rows = [
            {
                "layer": use.layer,
                "name": use.name,
                "used": use.used,
                "most": use.most,
                "least": use.least,
                "share": use.share,
                "exceeded": use.exceeded,
            }
            for use in found
        ]
        whole = {"schema": 1, "network": network.name, "exceeded": broken, "limits": rows}
        _print(json.dumps(whole, indent=2))
    else:
        _show(found)
    if broken:
        are = "is" if broken == 1 else "are"
        typer.secho(f"striate: {broken} of {len(found)} limits {are} not kept", err=True, fg="red")
        raise typer.Exit(1)


def _show(found: Sequence[Use]) -> None:
    """Print limits and their use; of many layers that keep theirs, those nearest to the limit."""
    kept = [use for use in found if use.layer and not use.exceeded]
    nearest = sorted(kept, key=lambda use: -use.share)[:NEAREST]
    for use in found:
        if use not in kept or use in nearest:
            typer.secho(visible(str(use)), fg="red" if use.exceeded else None)
    if len(kept) > len(nearest):
        typer.echo(f"and {len(kept) - len(nearest)} limits of layers, kept with more to spare")


def milliseconds(network: Network, shape: InputShape) -> float:
    """Return the median time of one run, compiling and the first run left out."""
    import numpy as np

    import striate
    from striate.network import input_shapes

    ready = network if network.has_weights else network.initialize(0)
    program = striate.compile(ready)
    sizes = input_shapes(network.graph, shape)
    kinds = {value.name: value.kind for value in network.graph.inputs}
    random = np.random.default_rng(0)
    inputs: dict[str, Any] = {
        name: random.standard_normal(size, np.float32)
        if kinds[name] == "float"
        else np.zeros(size, kinds[name])
        for name, size in sizes.items()
    }
    program(inputs)
    times: list[float] = []
    begun = time.perf_counter()
    while len(times) < RUNS or time.perf_counter() - begun < SECONDS:
        start = time.perf_counter()
        program(inputs)
        times.append(time.perf_counter() - start)
    return median(times) * 1000


@contextmanager
def pointing_to_the_doctor(model: str, shape: InputShape = None) -> Iterator[None]:
    """Add to errors of shapes how to ask the doctor what would help."""
    from striate.errors import GeometryError, ShapeError

    try:
        yield
    except (ShapeError, GeometryError) as error:
        given = "".join(f" --input {text}" for text in _texts(shape))
        error.add_note(
            f"striate inspect {shlex.quote(model)}{given} --doctor tells what would help"
        )
        raise


def _texts(shape: InputShape) -> list[str]:
    """Return an input shape as --input takes it."""
    if isinstance(shape, Mapping):
        named = {name: size_text(sizes) for name, sizes in shape.items()}
        return [shlex.quote(f"{name}={sizes}") for name, sizes in named.items()]
    return [size_text(shape)] if shape else []


def _print(text: str) -> None:
    """Print lines, names that would disturb the terminal made visible."""
    for line in text.splitlines():
        typer.echo(visible(line))
