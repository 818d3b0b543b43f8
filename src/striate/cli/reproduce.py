"""``striate reproduce``: the papers' experiments."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from striate.training.recipes import ReportCard

__all__ = ["reproduce"]


def reproduce(
    name: Annotated[str | None, typer.Argument(help="a recipe; all are listed if left out")] = None,
    seeds: Annotated[
        int | None, typer.Option(help="runs of each kind, from seeds 0 upwards  [the recipe's]")
    ] = None,
    budget: Annotated[str, typer.Option(help="small: minutes; full: as the paper did")] = "small",
    out: Annotated[
        Path | None, typer.Option(help="keeps runs, gets the card  [runs/reproduce/NAME-BUDGET]")
    ] = None,
    data: Annotated[str | None, typer.Option(help="another data set than the recipe's")] = None,
    device: Annotated[str, typer.Option(help="cpu, torch, cuda, cuda:1 or mps")] = "cpu",
    publish: Annotated[
        Path | None, typer.Option(help="folder for a copy of the card, and an index of all there")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Repeat a paper's experiment; print what is published, computed and measured.

    Says how long it will take before it starts. Finished runs are kept in --out, and are not done
    again: after Ctrl-C, the same command goes on. The card is written there as Markdown, JSON and
    a plot.
    """
    from striate.training import recipes

    if name is None:
        _list(as_json=as_json)
        return
    recipes.registry.find(name)
    folder = Path("runs", "reproduce", f"{name}-{budget}") if out is None else out
    try:
        card = recipes.reproduce(
            name, seeds=seeds, budget=budget, data=data, device=device, out=folder
        )
    except KeyboardInterrupt as stopped:  # Typer would drop its text
        typer.secho(f"striate: {stopped or 'stopped before the first run began'}", err=True)
        raise typer.Exit(130) from None
    written = [folder / f"{name}.{kind}" for kind in ("md", "json", "png")]
    if publish is not None:
        written += [*card.write(publish), recipes.write_index(publish)]
    _show(card, written, as_json=as_json)


def _list(*, as_json: bool) -> None:
    """Print all recipes: paper, what it shows, and about how long it takes."""
    import json

    from striate.training.recipes.registry import BUDGETS, RECIPES

    recipes = RECIPES.values()
    if as_json:
        known = [
            {
                "name": recipe.name,
                "paper": recipe.paper,
                "shows": recipe.shows,
                "times": dict(zip(BUDGETS, recipe.times, strict=True)),
            }
            for recipe in recipes
        ]
        typer.echo(json.dumps(known, indent=2))
        return
    for recipe in recipes:
        typer.echo(f"{recipe.name}: {recipe.shows}")
        typer.echo(f"    {recipe.paper}")
        typer.echo(f"    small: {recipe.times[0]}; full: {recipe.times[1]}")


def _show(card: ReportCard, written: list[Path], *, as_json: bool) -> None:
    from striate.cli._report_table import print_table
    from striate.cli._text import visible

    if as_json:
        typer.echo(card.to_json(), nl=False)
        return
    typer.echo(visible(card.title))
    typer.echo(visible(card.source))
    if card.figures:
        header, *rows = card.rows()
        print_table(list(header), rows)
    for table in card.tables:
        print_table(list(table.header), list(table.rows), title=table.title)
        if table.note:
            typer.echo(visible(table.note))
    for line in [*map(str, card.assumptions), *card.notes, *card.making()]:
        typer.echo(f"- {visible(line)}")
    for path in written:
        if path.is_file():
            typer.echo(f"wrote {visible(str(path))}")
