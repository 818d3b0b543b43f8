"""What the runs of `all_cnn` come to, as a report card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from striate.network import Network, inspect
from striate.network.zoo.all_cnn import VARIANTS, all_cnn
from striate.training.recipes.all_cnn_findings import (
    assumptions,
    gaps,
    notes,
    stalled,
    verdict,
)
from striate.training.recipes.all_cnn_results import (
    AUGMENTED,
    PAPERS_CHANNELS,
    PAPERS_ORDER,
    PRINTED,
    PUBLISHED,
    PUBLISHED_AUGMENTED,
    Chosen,
    Runs,
    chosen,
    learnt,
    tests,
)
from striate.training.recipes.plots import Panel, Series
from striate.training.recipes.report_card import Figure, ReportCard, Table
from striate.training.recipes.spread import Spread
from striate.training.recipes.wording import duration_text, passes_text

__all__ = ["card"]

PAPER = (
    "Springenberg, Dosovitskiy, Brox, Riedmiller, Striving for Simplicity: The All Convolutional "
    "Net, arXiv:1412.6806, section 3, tables 1 to 3"
)
SHOWS = "pooling, strides, or convolutions in place of pooling, in three base networks on CIFAR-10"


def card(budget: Mapping[str, Any], runs: Runs) -> ReportCard:
    """Return the card of finished runs, by name of the trial."""
    bases = [base for base in "abc" if base in budget["bases"]]
    by_passes: list[Chosen] = [
        {f"{v}-{b}": chosen(runs, f"{v}-{b}", passes) for b in bases for v in VARIANTS}
        for passes in budget["passes"]
    ]
    found = by_passes[-1]
    longest = budget["passes"][-1]
    augmented = chosen(runs, "all-cnn-c", longest, AUGMENTED) if budget["augmented"] else []
    return ReportCard(
        name="all-cnn",
        title="The all convolutional net, its bases and variants",
        source=PAPER,
        shows=SHOWS,
        figures=(*_sizes(budget["channels"]), *_errors(bases, found, augmented)),
        tables=tuple(_table(base, budget, found) for base in reversed(bases)),
        panels=(
            _by_network(bases, budget["passes"], by_passes),
            *(_by_pass(base, found) for base in reversed(bases)),
        ),
        assumptions=assumptions(budget),
        notes=(
            *(verdict(base, found) for base in reversed(bases)),
            *gaps(bases, budget["passes"], by_passes),
            *stalled(budget["passes"], by_passes),
            *notes(budget),
        ),
    )


def _sizes(channels: tuple[int, int]) -> tuple[Figure, ...]:
    """Return the parameters of the paper's networks, and of those trained here if others."""
    paper = [f for base in "abc" for f in _parameters(base, PAPERS_CHANNELS, PRINTED[base])]
    if channels == PAPERS_CHANNELS:
        return tuple(paper)
    return (*paper, *(f for base in "abc" for f in _parameters(base, channels)))


def _parameters(base: str, channels: tuple[int, int], printed: str = "") -> tuple[Figure, Figure]:
    """Return what a base's variants have: two are equally large, and the two others."""
    few, many = (
        inspect(all_cnn(base, variant, channels=channels)).totals.parameters
        for variant in ("base", "all-cnn")
    )
    maps = f"{channels[0]} and {channels[1]} maps"
    maps += " (the paper's)" if channels == PAPERS_CHANNELS else " (trained here)"
    letter = base.upper()
    return (
        Figure(f"parameters, base {letter} and strided, {maps}", printed, f"{few:,}"),
        Figure(f"parameters, ConvPool-{letter} and All-CNN-{letter}, {maps}", "", f"{many:,}"),
    )


def _errors(bases: list[str], found: Chosen, augmented: list[Any]) -> list[Figure]:
    figures = []
    for base in bases:
        for variant, published in zip(VARIANTS, PUBLISHED[base], strict=True):
            name = f"{variant}-{base}"
            measured = tests(found[name]).text(2, "%") if found[name] else ""
            figures.append(Figure(f"test error, {name}", f"{published:.2f} %", measured=measured))
    if augmented:
        paper, text = f"{PUBLISHED_AUGMENTED:.2f} %", tests(augmented).text(2, "%")
        figures.append(Figure("test error, all-cnn-c, augmented", paper, measured=text))
    return figures


def _table(base: str, budget: Mapping[str, Any], found: Chosen) -> Table:
    rows = []
    for variant in VARIANTS:
        results = found[f"{variant}-{base}"]
        graph = all_cnn(base, variant, channels=tuple(budget["channels"]))
        totals = inspect(Network(graph)).totals
        rows.append(
            (
                variant,
                f"{totals.parameters:,}",
                f"{totals.macs / 1e6:.1f} M",
                tests(results).text(2, "%"),
                learnt(results).text(2, "%"),
                duration_text(Spread(result["train_seconds"] for result in results).mean),
            )
        )
    header = ("network", "parameters", "multiply-adds", "test error", "training error", "a run")
    return Table(
        f"Base {base.upper()}, as trained here",
        header,
        tuple(rows),
        "The spread is over seeds. The training error is that of the last pass, each image judged "
        "just before the network learns from it, with dropout if there is any.",
    )


def _by_network(bases: list[str], passes: list[int], by_passes: list[Chosen]) -> Panel:
    names = tuple(f"{variant}-{base}" for base in reversed(bases) for variant in PAPERS_ORDER)
    published = {
        f"{variant}-{base}": error
        for base in bases
        for variant, error in zip(VARIANTS, PUBLISHED[base], strict=True)
    }
    measured = []
    for count, found in zip(passes, by_passes, strict=True):
        text = f"measured, {passes_text(count)}"
        measured.append(Series.of(text, names, (tests(found[name]) for name in names)))
    paper = Series("published, 350 passes", names, tuple(published[n] for n in names))
    return Panel("Test error", "% of the test images", "", (*measured, paper), "bars")


def _by_pass(base: str, found: Chosen) -> Panel:
    series = tuple(
        Series.by_pass(v, (r["train_losses_by_pass"] for r in found[f"{v}-{base}"]))
        for v in VARIANTS
    )
    title = f"Training loss while learning, base {base.upper()}"
    return Panel(title, "pass", "cross-entropy", series)
