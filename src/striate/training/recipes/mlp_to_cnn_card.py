"""The report card of `mlp_to_cnn`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from striate.network import inspect
from striate.training.recipes.mlp_to_cnn_networks import KINDS, network
from striate.training.recipes.plots import Panel, Series
from striate.training.recipes.report_card import Assumption, Figure, ReportCard, Table
from striate.training.recipes.spread import Spread

__all__ = ["card_of"]

SOURCE = (
    "LeCun, Generalization and Network Design Strategies, CRG-TR-89-4, University of Toronto, "
    "1989, section 5, table 1"
)
NAMES = {
    "dense": "dense",
    "local": "local, own weights",
    "shared": "local, shared weights (convolution)",
}
NETS = {"dense": ("Net-2", 13.0), "local": ("Net-3", 11.5), "shared": ("Net-5", 1.6)}
"""The paper's networks of each kind, and their errors in per cent, after 320 digits."""
NEAREST = 300  # digits: the part that is nearest to the paper's

ASSUMPTIONS = (
    Assumption(
        "the networks",
        "has networks of different depth and width, of 1,060 to 3,214 weights",
        "widths and depth are equal, so that only what a unit reads and shares differs: Net-2, "
        "Net-3 and Net-5 are the paper's nearest",
    ),
    Assumption(
        "the data",
        "has 120 digits drawn by one person with a mouse, each in four places side by side: 320 "
        "images to train on",
        "zip-code digits of many hands, all in the middle of a sheet of 25x25, so that weights "
        "shared between places have less to give than where digits move in training too",
    ),
    Assumption(
        "training",
        "uses a pseudo-Newton method and squared error",
        "Adam, cross-entropy, batches of 32 and as many steps for all networks and sizes",
    ),
)

Runs = Mapping[str, dict[str, Any]]
Pick = Callable[[dict[str, Any]], float]


def card_of(sizes: tuple[int, ...], runs: Runs) -> ReportCard:
    """Return the card of all runs, given by their names."""
    return ReportCard(
        name="mlp-to-cnn",
        title="From dense layers to convolution",
        source=SOURCE,
        shows="what locality and shared weights buy: dense, local and convolutional layers",
        figures=_figures(sizes, runs),
        tables=(_by_size(sizes, runs), _by_shift(sizes[-1], runs), _following(sizes[-1], runs)),
        panels=(
            _error_panel(sizes, runs),
            _shift_panel(sizes[-1], runs),
            *(_following_panel(name, sizes[-1], runs) for name in ("layer 1", "layer 2")),
        ),
        assumptions=ASSUMPTIONS,
        notes=(
            *(_bought(*pair, sizes[-1], runs) for pair in pairwise(KINDS)),
            "A layer that follows does not make scores that stay: above the maps, the output layer "
            "reads each place with weights of its own, whatever the layers below share.",
            "A seed decides the initial weights, the order, and which digits are in the smaller "
            "parts; these are the same for all three networks.",
            "The equivariance error is the distance between what a layer says of a shifted image "
            "and what it said of the image, shifted, over the units that both have, by the root "
            "mean square of the two: 1.41 for values that have nothing to do with each other. "
            "Shared weights give 0, but for rounding, where the shift is a multiple of the stride "
            "(2 pixels for layer 1, 4 for layer 2); between, values are interpolated, and what is "
            "left is aliasing. Units of a dense layer stand in no order, and are numbered as the "
            "others are.",
        ),
    )


def _figures(sizes: tuple[int, ...], runs: Runs) -> tuple[Figure, ...]:
    totals = {kind: inspect(network(kind).graph).totals for kind in KINDS}
    figures = [Figure(f"parameters, {kind}", "", f"{t.parameters:,}") for kind, t in totals.items()]
    figures += [Figure(f"multiply-adds, {kind}", "", f"{t.macs:,}") for kind, t in totals.items()]
    if NEAREST in sizes:
        for kind, (net, error) in NETS.items():
            found = _spread(runs, kind, NEAREST, _error_at(0))
            name = f"test error, {kind}, {NEAREST} digits"
            figures.append(Figure(name, f"{error:.1f} % ({net})", measured=found.text(2, "%")))
    return tuple(figures)


def _spread(runs: Runs, kind: str, size: int, pick: Pick) -> Spread:
    prefix = f"{kind}-{size}-seed-"
    return Spread(pick(run["result"]) for name, run in runs.items() if name.startswith(prefix))


def _by_size(sizes: tuple[int, ...], runs: Runs) -> Table:
    rows = tuple(
        (
            f"{size:,}",
            *(_spread(runs, kind, size, _error_at(0)).text(2) for kind in KINDS),
        )
        for size in sizes
    )
    return Table(
        "Test error by the number of training digits, %",
        ("digits", *KINDS),
        rows,
        "Mean ± standard deviation over the seeds (least to most).",
    )


def _by_shift(size: int, runs: Runs) -> Table:
    count = len(next(iter(runs.values()))["result"]["errors"])
    rows = tuple(
        (
            str(far),
            *(_spread(runs, kind, size, _error_at(far)).text(2) for kind in KINDS),
        )
        for far in range(count)
    )
    return Table(
        f"Test error when the test digits move, trained on {size:,} that do not, %",
        ("pixels", *KINDS),
        rows,
        "The mean of moves up, down, left and right.",
    )


def _following(size: int, runs: Runs) -> Table:
    rows = []
    for layer, errors in next(iter(runs.values()))["result"]["equivariance"].items():
        for place in range(len(errors)):
            found = [
                _spread(runs, kind, size, _equivariance_of(layer, place)).mean for kind in KINDS
            ]
            rows.append((layer, str(place + 1), *(_small(error) for error in found)))
    return Table(
        "Equivariance error, layer by layer",
        ("layer", "pixels", *KINDS),
        tuple(rows),
        "Of the scores: how much they change, since they should stay and not follow.",
    )


def _bought(before: str, kind: str, size: int, runs: Runs) -> str:
    """Return what the step from one kind to the next does to errors and weights, seed by seed."""
    gaps = []
    for far in (0, 2):
        worse, better = (_spread(runs, name, size, _error_at(far)) for name in (before, kind))
        gaps.append((worse - better).text(2))
    counts = [inspect(network(name).graph).totals.parameters for name in (before, kind)]
    return (
        f"From {before} to {kind}, trained on all {size:,} digits: {counts[0] / counts[1]:.1f} "
        f"times fewer parameters and, seed by seed, {gaps[0]} points of error fewer; {gaps[1]} "
        "when the test digits move by 2 pixels."
    )


def _error_at(far: int) -> Pick:
    return lambda result: float(100 * result["errors"][far])


def _small(error: float) -> str:
    return f"{error:.3f}" if error >= 0.0005 or error == 0 else f"{error:.0e}"


def _equivariance_of(layer: str, place: int) -> Pick:
    def pick(result: dict[str, Any]) -> float:
        return float(result["equivariance"][layer][place])

    return pick


def _error_panel(sizes: tuple[int, ...], runs: Runs) -> Panel:
    xs = tuple(map(float, sizes))
    series = tuple(
        Series.of(NAMES[kind], xs, (_spread(runs, kind, size, _error_at(0)) for size in sizes))
        for kind in KINDS
    )
    return Panel(
        "Error by training digits",
        "training digits",
        "test error, %",
        series,
        log_x=True,
        log_y=True,
    )


def _shift_panel(size: int, runs: Runs) -> Panel:
    count = len(next(iter(runs.values()))["result"]["errors"])
    series = tuple(
        Series.of(
            NAMES[kind],
            tuple(map(float, range(count))),
            (_spread(runs, kind, size, _error_at(far)) for far in range(count)),
        )
        for kind in KINDS
    )
    return Panel("Error when test digits move", "pixels", "test error, %", series)


def _following_panel(layer: str, size: int, runs: Runs) -> Panel:
    count = len(next(iter(runs.values()))["result"]["equivariance"][layer])
    series = tuple(
        Series.of(
            NAMES[kind],
            tuple(map(float, range(1, count + 1))),
            (_spread(runs, kind, size, _equivariance_of(layer, place)) for place in range(count)),
        )
        for kind in KINDS
    )
    return Panel(f"Equivariance error, {layer}", "pixels", "relative error", series)
