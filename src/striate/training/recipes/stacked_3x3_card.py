"""The report card of `stacked_3x3`."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

from striate.network import Graph, inspect
from striate.training.recipes.plots import Panel, Series
from striate.training.recipes.report_card import Assumption, Figure, ReportCard, Table
from striate.training.recipes.spread import Spread
from striate.training.wording import count_text

__all__ = ["card_of"]

SOURCE = (
    "Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, "
    "arXiv:1409.1556, sections 2.3 and 4.1"
)
ASSUMPTIONS = (
    Assumption(
        "the data and the networks",
        "compares networks of 11 to 13 layers on ImageNet, after weeks on four GPUs",
        "networks of 4 or 6 layers, 16 channels wide, on images of 16x16: the ratio of weights and "
        "of multiply-adds is the paper's, the errors are not its to compare with",
    ),
    Assumption(
        "training",
        "uses momentum, and a rate that is divided by 10 when the validation error rests",
        "Adam, batches of 32, the rate falling from 0.003 to 0 along a cosine; for all alike",
    ),
)

Runs = Mapping[str, dict[str, Any]]
Times = Mapping[str, list[float]]


def card_of(graphs: Mapping[str, Graph], runs: Runs) -> ReportCard:
    """Return the card of all runs, given by their names."""
    found = {
        kind: [run["result"] for run in runs.values() if run["settings"].get("kind") == kind]
        for kind in graphs
    }
    times: Times = runs["times"]["result"]["step_seconds"]
    errors = {n: Spread(100 * result["test_error"] for result in rs) for n, rs in found.items()}
    return ReportCard(
        name="stacked-3x3",
        title="One 5x5 against two 3x3",
        source=SOURCE,
        shows="two 3x3 see what one 5x5 sees, with 18/25 of the weights",
        figures=_figures(graphs, times, errors),
        tables=(_table(graphs, times, errors),),
        panels=(_cost_panel(graphs, times), _error_panel(errors)),
        assumptions=ASSUMPTIONS,
        notes=(
            "Times are of a whole step of training (forward, backward, update) on 32 images, on "
            "one thread, the kinds in turn; the ratio is the median of those of the turns. Whether "
            "18/25 of the multiply-adds take 18/25 of the time depends on the machine: small "
            "kernels can be multiplied more cleverly (Winograd), but two layers have twice as many "
            "results to write.",
            *(_verdict(name, errors) for name in list(errors)[1:]),
        ),
    )


def _blocks(graph: Graph, what: str) -> int:
    """Return the weights or multiply-adds of the blocks' convolutions, without biases."""
    total = 0
    shapes = {parameter.name: parameter.shape for parameter in graph.parameters}
    for layer in inspect(graph).layers:
        if layer.name.startswith("block") and layer.macs:
            out, read, *kernel = shapes[f"{layer.name}.weight"]
            weights = out * read * kernel[0] * kernel[1]
            total += weights if what == "weights" else layer.macs
    return total


def _field(graph: Graph) -> int:
    """Return the receptive field, in pixels, of what the last pooling makes."""
    (layer,) = (layer for layer in inspect(graph).layers if layer.name == "block2.pool")
    return layer.field[0].size


def _ratio(kind: str, times: Times) -> float:
    """Return the median, over the turns, of this kind's step time to that of one 5x5."""
    first, own = times[next(iter(times))], times[kind]
    return float(median(b / a for a, b in zip(first, own, strict=True)))


def _figures(
    graphs: Mapping[str, Graph],
    times: Times,
    errors: Mapping[str, Spread],
) -> tuple[Figure, ...]:
    one, two = list(graphs)[:2]
    weights, macs = (
        _blocks(graphs[two], what) / _blocks(graphs[one], what) for what in ("weights", "macs")
    )
    worse = Spread(
        100 * (a / b - 1) for a, b in zip(errors[one].values, errors[two].values, strict=True) if b
    )
    fields = " and ".join(f"{_field(graphs[kind])}" for kind in (one, two))
    return (
        Figure("receptive field at the end, 5x5 and two 3x3", "the same", f"{fields} pixels"),
        Figure("weights, two 3x3 to one 5x5", "18/25 = 0.72", f"{weights:.2f}"),
        Figure("multiply-adds, two 3x3 to one 5x5", "18/25 = 0.72", f"{macs:.2f}"),
        Figure("time of a step, two 3x3 to one 5x5", "", measured=f"{_ratio(two, times):.2f}"),
        Figure("errors, one 5x5 more than two 3x3", "7 %", measured=worse.text(1, "%")),
    )


def _table(
    graphs: Mapping[str, Graph],
    times: Times,
    errors: Mapping[str, Spread],
) -> Table:
    rows = []
    for kind, graph in graphs.items():
        totals = inspect(graph).totals
        rows.append(
            (
                *(kind, f"{_blocks(graph, 'weights'):,}", f"{totals.parameters:,}"),
                *(f"{totals.macs:,}", f"{1e3 * median(times[kind]):.2f}", errors[kind].text(2)),
            )
        )
    return Table(
        "The three networks",
        ("block", "weights of the blocks", "parameters", "multiply-adds", "ms a step", "error, %"),
        tuple(rows),
        "Errors on the test images: mean ± standard deviation over the seeds (least to most).",
    )


def _verdict(kind: str, errors: Mapping[str, Spread]) -> str:
    """Return what the pairs of one seed say about a kind against one 5x5."""
    first = next(iter(errors))
    gaps = errors[first] - errors[kind]
    fewer = sum(gap > 0 for gap in gaps.values)
    return (
        f"{kind}, seed by seed: {gaps.text(2)} points of error fewer than {first}; fewer in "
        f"{fewer} of {count_text(len(gaps.values), 'seed')}."
    )


def _cost_panel(graphs: Mapping[str, Graph], times: Times) -> Panel:
    kinds = tuple(graphs)
    weights, macs = (
        tuple(_blocks(graphs[kind], what) / _blocks(graphs[kinds[0]], what) for kind in kinds)
        for what in ("weights", "macs")
    )
    ratios = tuple(_ratio(kind, times) for kind in kinds)
    return Panel(
        "Cost of a block, one 5x5 being 1",
        "to one 5x5",
        "",
        (
            Series("weights", kinds, weights),
            Series("multiply-adds", kinds, macs),
            Series("time of a training step", kinds, ratios),
        ),
        "bars",
        lines=(("18/25", 0.72),),
    )


def _error_panel(errors: Mapping[str, Spread]) -> Panel:
    series = Series.of("mean, and least to most", tuple(errors), errors.values())
    return Panel("Error", "test error, %", "", (series,), "bars")
