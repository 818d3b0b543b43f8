"""What the runs of `all_cnn` come to, as a report card."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from math import prod
from typing import Any

from striate.network import Network, inspect
from striate.network.zoo.all_cnn import VARIANTS, all_cnn
from striate.training.recipes.durations import duration_text
from striate.training.recipes.plots import Panel, Series
from striate.training.recipes.report_card import Assumption, Figure, ReportCard, Table
from striate.training.recipes.spread import Spread

__all__ = ["PUBLISHED", "PUBLISHED_AUGMENTED", "card"]

PAPER = (
    "Springenberg, Dosovitskiy, Brox, Riedmiller, Striving for Simplicity: The All Convolutional "
    "Net, arXiv:1412.6806, section 3, tables 1 to 3"
)
SHOWS = "pooling, strides, or convolutions in place of pooling, in three base networks on CIFAR-10"

PUBLISHED = {
    "a": (12.47, 13.46, 10.21, 10.30),
    "b": (10.20, 10.98, 9.33, 9.10),
    "c": (9.74, 10.19, 9.31, 9.08),
}
"""Error on CIFAR-10 in per cent without augmentation, in the order of `VARIANTS`: table 3."""

PUBLISHED_AUGMENTED = 7.25
"""Of All-CNN-C, with flips and shifts: table 3."""

PAPERS_ORDER = ("all-cnn", "convpool-cnn", "base", "strided-cnn")
"""From the best to the worst for bases B and C."""

PRINTED = {"a": "0.9 M", "b": "1 M", "c": "1.3 M"}
"""Parameters of the base networks, as section 3 prints them."""

Runs = Mapping[str, Mapping[str, Any]]


def card(about: Mapping[str, Any], runs: Runs) -> ReportCard:
    """Return the card of finished runs, by name of the trial."""
    budget = about["budget"]
    bases = [base for base in "abc" if base in budget["bases"]]
    chosen = {f"{v}-{b}": _chosen(runs, f"{v}-{b}", "none") for b in bases for v in VARIANTS}
    augmented = _chosen(runs, "all-cnn-c", "flip,shift:5") if budget["augmented"] else []
    return ReportCard(
        name="all-cnn",
        title="The all convolutional net, its bases and variants",
        source=PAPER,
        shows=SHOWS,
        figures=(*_sizes(), *_errors(bases, chosen, augmented)),
        tables=tuple(_table(base, budget, chosen) for base in reversed(bases)),
        panels=(_by_network(bases, chosen), *(_by_pass(base, chosen) for base in reversed(bases))),
        assumptions=_assumptions(budget),
        notes=(*(_verdict(base, chosen) for base in reversed(bases)), *_notes(about)),
        settings=about,
        machine=next(iter(runs.values()))["machine"],
        trials=tuple({"name": name, **run} for name, run in runs.items()),
    )


def _chosen(runs: Runs, network: str, augment: str) -> list[Mapping[str, Any]]:
    """Return a network's results by rising seeds, with the rate that did best when held out."""
    by_rate: dict[float, list[Mapping[str, Any]]] = {}
    for run in sorted(runs.values(), key=lambda run: int(run["settings"]["seed"])):
        of = run["settings"]
        if (of["network"], of["augment"]) == (network, augment):
            by_rate.setdefault(of["learning_rate"], []).append(run["result"])
    if len(by_rate) < 2:
        return next(iter(by_rate.values()), [])
    return min(by_rate.values(), key=lambda rs: sum(r["validation_error"] for r in rs) / len(rs))


def _sizes() -> tuple[Figure, ...]:
    """Return the parameters of all twelve networks at the paper's widths."""
    figures = []
    for base in "abc":
        few, many = (
            sum(prod(p.shape) for p in all_cnn(base, variant).parameters)
            for variant in ("base", "all-cnn")
        )
        letter = base.upper()
        figures += [
            Figure(f"parameters, base {letter} and strided", PRINTED[base], f"{few:,}"),
            Figure(f"parameters, ConvPool-{letter} and All-CNN-{letter}", "", f"{many:,}"),
        ]
    return tuple(figures)


def _errors(
    bases: list[str], chosen: Mapping[str, list[Mapping[str, Any]]], augmented: list[Any]
) -> list[Figure]:
    figures = []
    for base in bases:
        for variant, published in zip(VARIANTS, PUBLISHED[base], strict=True):
            name = f"{variant}-{base}"
            measured = _test(chosen[name]).text(2, "%") if chosen[name] else ""
            figures.append(Figure(f"test error, {name}", f"{published:.2f} %", measured=measured))
    if augmented:
        paper, text = f"{PUBLISHED_AUGMENTED:.2f} %", _test(augmented).text(2, "%")
        figures.append(Figure("test error, all-cnn-c, augmented", paper, measured=text))
    return figures


def _test(results: list[Mapping[str, Any]]) -> Spread:
    return Spread(100 * result["test_error"] for result in results)


def _learnt(results: list[Mapping[str, Any]]) -> Spread:
    return Spread(100 * result["train_errors_by_pass"][-1] for result in results)


def _table(
    base: str, budget: Mapping[str, Any], chosen: Mapping[str, list[Mapping[str, Any]]]
) -> Table:
    rows = []
    for variant in VARIANTS:
        results = chosen[f"{variant}-{base}"]
        graph = all_cnn(base, variant, channels=tuple(budget["channels"]))
        totals = inspect(Network(graph)).totals
        rows.append(
            (
                variant,
                f"{totals.parameters:,}",
                f"{totals.macs / 1e6:.1f} M",
                _test(results).text(2, "%"),
                _learnt(results).text(2, "%"),
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


def _by_network(bases: list[str], chosen: Mapping[str, list[Mapping[str, Any]]]) -> Panel:
    names = tuple(f"{variant}-{base}" for base in reversed(bases) for variant in PAPERS_ORDER)
    spreads = [_test(chosen[name]) for name in names]
    published = {
        f"{variant}-{base}": error
        for base in bases
        for variant, error in zip(VARIANTS, PUBLISHED[base], strict=True)
    }
    measured = Series(
        "measured here",
        names,
        tuple(s.mean for s in spreads),
        tuple(s.least for s in spreads),
        tuple(s.most for s in spreads),
    )
    paper = Series("published, by the full protocol", names, tuple(published[n] for n in names))
    return Panel("Test error", "% of the test images", "", (measured, paper), "bars")


def _by_pass(base: str, chosen: Mapping[str, list[Mapping[str, Any]]]) -> Panel:
    series = []
    for variant in VARIANTS:
        courses = [r["train_losses_by_pass"] for r in chosen[f"{variant}-{base}"]]
        steps = [Spread(at) for at in zip(*courses, strict=True)]
        series.append(
            Series(
                variant,
                tuple(float(i) for i in range(1, len(steps) + 1)),
                tuple(s.mean for s in steps),
                tuple(s.least for s in steps),
                tuple(s.most for s in steps),
            )
        )
    title = f"Training loss while learning, base {base.upper()}"
    return Panel(title, "pass", "cross-entropy", tuple(series))


def _verdict(base: str, chosen: Mapping[str, list[Mapping[str, Any]]]) -> str:
    """Say whether the paper's order came out, step by step, and what speaks for chance."""
    errors = {variant: _test(chosen[f"{variant}-{base}"]) for variant in VARIANTS}
    published = dict(zip(VARIANTS, PUBLISHED[base], strict=True))
    paper = sorted(VARIANTS, key=lambda variant: published[variant])
    here = sorted(VARIANTS, key=lambda variant: errors[variant].mean)
    steps = []
    for better, worse in pairwise(paper):
        pairs = zip(errors[worse].values, errors[better].values, strict=True)
        gaps = Spread(w - b for w, b in pairs)
        paper_gap = published[worse] - published[better]
        steps.append(f"{worse} less {better} {gaps.text(2)}, published {paper_gap:.2f}")
    came = "came out" if here == paper else f"did not come out: here it is {', '.join(here)}"
    learnt: dict[str, float] = {v: _learnt(chosen[f"{v}-{base}"]).mean for v in VARIANTS}
    return (
        f"Base {base.upper()}: the paper's order from the best to the worst, {', '.join(paper)}, "
        f"{came}. Steps in points of test error, seed by seed: {'; '.join(steps)}. "
        "In the last pass "
        + ", ".join(f"{v} got {learnt[v]:.1f} %" for v in VARIANTS)
        + f" of the training images wrong{'.' if here == paper else _reason(learnt)}"
    )


def _reason(learnt: Mapping[str, float]) -> str:
    """Say what the training errors suggest where the order is another."""
    if learnt["all-cnn"] > learnt["base"]:
        return (
            ": the network that must learn its reduction has not learnt its training images as "
            "well as the one that pools. At this budget they differ in how fast they learn, in the "
            "paper in how they end."
        )
    return ", which does not explain it."


def _notes(about: Mapping[str, Any]) -> tuple[str, ...]:
    if about["budget"]["passes"] >= 350:
        return ()
    return (
        "The errors of a small budget are not the paper's to compare with: only their order is.",
        "The paper's protocol is `striate reproduce all-cnn --budget full --device cuda`; its "
        "figures on a GPU are still to be measured.",
    )


def _assumptions(budget: Mapping[str, Any]) -> tuple[Assumption, ...]:
    several = len(budget["rates"]) > 1
    always = (
        Assumption(
            "the initial weights",
            "does not say how they are drawn; repetitions that drew them without care are known to "
            "stay at 90 % error",
            "normal, as He et al. 2015 (arXiv:1502.01852) have it for ReLU; biases begin at 0",
        ),
        Assumption(
            "the last 3x3 convolution",
            "averages over 6x6 in the end",
            "it is not padded, which makes 8x8 6x6",
        ),
        Assumption("the batch", "does not give its size", f"{budget['batch_size']} images"),
        Assumption(
            "the learning rate",
            "takes one of 0.25, 0.1, 0.05 and 0.01 for each network and does not say how it chose",
            "the one with the smallest error on a tenth of the training images, which are held out"
            if several
            else f"{budget['rates'][0]:g} for all",
        ),
    )
    if budget["passes"] >= 350:
        return always
    images, (first, second) = budget["images"], budget["channels"]
    return (
        *always,
        Assumption(
            "the budget",
            "learns from 50,000 images in 350 passes",
            f"from {images:,} of them in {budget['passes']}",
        ),
        Assumption("the width", "has 96 and 192 maps", f"{first} and {second}"),
        Assumption(
            "the schedule",
            "divides the rate by ten after 200, 250 and 300 passes",
            f"one rise and fall ({budget['schedule']}), and gradients are clipped to a norm of "
            f"{budget['clip_norm']:g}",
        ),
        Assumption(
            "regularisation",
            "drops 20 % of the input and 50 % after each reduction",
            f"{budget['dropout'][0]:.0%} and {budget['dropout'][1]:.0%}: so short a training does "
            "not fit its images too closely",
        ),
        Assumption(
            "preparation",
            "normalises contrast and whitens",
            f"{budget['preparation']}: contrast alone"
            if "zca" not in budget["preparation"]
            else budget["preparation"],
        ),
    )
