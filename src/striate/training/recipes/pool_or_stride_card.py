"""What the runs of `pool_or_stride` come to, as a report card."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from striate.filters.kernels import kv
from striate.network import inspect
from striate.training.recipes.plots import Panel, Series
from striate.training.recipes.pool_or_stride_networks import CHANNELS, PLACES, WAYS, network
from striate.training.recipes.pooling_spectra import Kept, Spectrum
from striate.training.recipes.report_card import Assumption, Figure, ReportCard, Table
from striate.training.recipes.spread import Spread

__all__ = ["Explanation", "card"]

PAPER = (
    "Boroumand, Chen, Fridrich, Deep Residual Network for Steganalysis of Digital Images, "
    "IEEE TIFS 14(5), 2019, section III; the lecture's page on pooling and strides"
)
SHOWS = "what pooling and strides, early and late, leave of a weak high-frequency signal"
REFERENCE = "average late"
Runs = Mapping[str, Mapping[str, Any]]

ASSUMPTIONS = (
    Assumption(
        "the networks",
        "compares its own of dozens of layers with others",
        "nine small ones, which differ only in what halves their maps and after which layers: a "
        f"fixed KV high-pass, cut off at +-3, and four 3x3 convolutions of {CHANNELS} maps",
    ),
    Assumption(
        "the first layer",
        "learns its filters",
        "the high-pass is fixed, so that minutes of training are enough",
    ),
    Assumption(
        "the signal",
        "hides messages by adaptive schemes, which prefer rough places, in pictures of 256x256",
        "LSB matching of random bits, in as many pixels as the table says, in pictures of 32x32",
    ),
    Assumption(
        "the pictures",
        "has the photographs of BOSSbase and BOWS2, shrunk",
        "CIFAR-10's in grey, which were shrunk and compressed by others before, and a few "
        "photographs, some of which were JPEG files: such covers are smoother than a camera's own",
    ),
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What was measured of the signal itself, without any network, at one rate."""

    rate: float
    kept: tuple[Kept, ...]
    measured: tuple[Spectrum, ...]
    computed: tuple[Spectrum, ...]


def card(
    names: tuple[str, ...],
    folds: tuple[tuple[str, ...], ...],
    explained: Callable[[], Explanation],
    runs: Runs,
) -> ReportCard:
    """Return the card of finished runs, by name of the trial."""
    found = explained()
    tables = [_pictures(names, runs)]
    panels = [_bars("Small pictures (CIFAR-10 in grey)", names, runs, "pictures")]
    notes = list(_findings(names, runs))
    if folds:
        tables.append(_photographs(folds, names, runs))
        panels.append(_bars("Squares of photographs", names, runs, "photographs"))
    else:
        notes.append(
            "No photographs were at hand (STRIATE_DATA names no folder that holds images/), so "
            "that part is left out."
        )
    tables.append(_explanation(found))
    return ReportCard(
        name="pool-or-stride",
        title="Pooling or strides, where the signal is weak",
        source=PAPER,
        shows=SHOWS,
        figures=_figures(names, runs, found),
        tables=tuple(tables),
        panels=(*panels, _spectra(found), _kept(found)),
        assumptions=ASSUMPTIONS,
        notes=tuple(notes),
    )


def _accuracies(runs: Runs, covers: str, rate: float, name: str) -> Spread:
    """Return the accuracy of each run in per cent, by rising seeds."""
    chosen = [
        run
        for run in runs.values()
        if (run["settings"]["covers"], run["settings"]["rate"]) == (covers, rate)
        and run["settings"]["network"] == name
    ]
    chosen.sort(key=lambda run: int(run["settings"]["seed"]))
    return Spread(100 * (1 - run["result"]["test_error"]) for run in chosen)


def _bits(rate: float) -> str:
    return f"{rate:g} bit{'' if rate == 1 else 's'} per pixel"


def _rates(runs: Runs, covers: str) -> list[float]:
    settings = [run["settings"] for run in runs.values()]
    return sorted({s["rate"] for s in settings if s["covers"] == covers}, reverse=True)


def _pictures(names: tuple[str, ...], runs: Runs) -> Table:
    rates = _rates(runs, "pictures")
    rows = []
    for name in names:
        totals = inspect(network(name, 0)).totals
        accuracies = [_accuracies(runs, "pictures", rate, name) for rate in rates]
        rows.append((name, f"{totals.macs / 1e6:.2f} M", *(a.text(1, "%") for a in accuracies)))
    first = next(iter(runs.values()))["result"]
    return Table(
        "Accuracy on small pictures",
        ("maps are halved by", "multiply-adds", *(_bits(rate) for rate in rates)),
        tuple(rows),
        f"Guessing gets 50 %. {first['examples']:,} examples to learn from, {first['tests']:,} to "
        "be tested on, half of each without a message; the spread is over seeds, of weights and "
        "messages alike.",
    )


def _photographs(folds: tuple[tuple[str, ...], ...], names: tuple[str, ...], runs: Runs) -> Table:
    (rate,) = _rates(runs, "photographs")
    base = _accuracies(runs, "photographs", rate, REFERENCE if REFERENCE in names else names[0])
    rows = []
    for name in names:
        own = _accuracies(runs, "photographs", rate, name)
        rows.append((name, own.text(1, "%"), (own - base).text(1, "points")))
    photographs = sorted(name for fold in folds for name in fold)
    return Table(
        "Accuracy on squares of photographs",
        ("maps are halved by", _bits(rate), f"less {REFERENCE}, fold by fold"),
        tuple(rows),
        f"There are only {len(photographs)} photographs ({', '.join(photographs)}), so they are "
        f"dealt into {len(folds)} folds: each network is tested on the photographs of one and has "
        "learnt from those of the others, never from squares of the same. The spread is over "
        "folds, so mostly over photographs; the last column compares within folds.",
    )


def _explanation(found: Explanation) -> Table:
    rows = tuple(
        (k.name, f"{100 * k.signal:.1f} %", f"{100 * k.picture:.1f} %", f"{k.ratio:+.1f} dB", rest)
        for k, rest in zip(found.kept, ("all", *["a quarter"] * 3), strict=True)
    )
    return Table(
        "What is left of the signal, measured without a network",
        ("halved by", "signal's variance", "picture's variance", "signal to picture", "values"),
        rows,
        f"Of the KV residual, at {_bits(found.rate)}, over the pictures that are tested "
        "on. A stride keeps the ratio and drops values; the average lowers the ratio itself, since "
        "the signal lies at high frequencies even more than what the high-pass leaves of the "
        "picture.",
    )


def _figures(names: tuple[str, ...], runs: Runs, found: Explanation) -> tuple[Figure, ...]:
    gain = float((kv() ** 2).sum())
    left = _power(found.computed[1]) / _power(found.computed[0])
    counts = {sum(prod(p.shape) for p in network(n, 0).graph.parameters) for n in names}
    texts = ", ".join(f"{count:,}" for count in sorted(counts))
    rate = found.rate
    best = {name: _accuracies(runs, "pictures", rate, name).text(1, "%") for name in names}
    return (
        Figure("parameters of each network", "", texts),
        Figure(
            "variance of the signal's residual",
            "",
            f"{rate / 2 * gain:.2f}",
            f"{_power(found.measured[0]):.2f}",
        ),
        Figure(
            "share of it left by the average of 2x2",
            "",
            f"{100 * left:.1f} %",
            f"{100 * found.kept[1].signal:.1f} %",
        ),
        *(Figure(f"accuracy, {name}", "", "", text) for name, text in best.items()),
    )


def _power(spectrum: Spectrum) -> float:
    """Return the mean power over all frequencies: each ring counts by how many lie in it."""
    return sum(p * n for p, n in zip(spectrum.power, spectrum.counts, strict=True)) / sum(
        spectrum.counts
    )


def _findings(names: tuple[str, ...], runs: Runs) -> list[str]:
    """Say what the figures say, in words that follow from them."""
    rate = _rates(runs, "pictures")[0]
    accuracies = {name: _accuracies(runs, "pictures", rate, name) for name in names}
    means = {name: found.mean for name, found in accuracies.items()}
    order = sorted(names, key=lambda name: -means[name])
    ranked = ", ".join(f"{name} {means[name]:.1f} %" for name in order)
    notes = [f"In order, at {_bits(rate)} on small pictures: {ranked}."]
    base = accuracies.get(REFERENCE)
    for place in PLACES:
        here = [f"{way} {place}" for way in WAYS if f"{way} {place}" in means]
        if base is None or place == "late" or not here:
            continue
        costs = ", ".join(
            f"{name.partition(' ')[0]} {(base - accuracies[name]).text(1)}" for name in here
        )
        notes.append(f"What halving {place} costs in points against {REFERENCE}: {costs}.")
    notes.append(
        "On the residual itself, averages take the signal away, as the spectra have it. After a "
        "convolution and a ReLU a map is no longer a zero-mean residual but a strength, and the "
        "strength of noise is a mean, which averages keep: how early pooling may come depends on "
        "whether anything nonlinear stands before it."
    )
    return notes


def _bars(title: str, names: tuple[str, ...], runs: Runs, covers: str) -> Panel:
    series = tuple(
        Series.of(_bits(rate), names, (_accuracies(runs, covers, rate, name) for name in names))
        for rate in _rates(runs, covers)
    )
    return Panel(title, "accuracy, %", "", series, "bars", lines=(("guessing", 50.0),))


def _spectra(found: Explanation) -> Panel:
    measured = [Series(f"{s.name}, measured", s.frequencies, s.power) for s in found.measured]
    computed = [Series(f"{s.name}, computed", s.frequencies, s.power) for s in found.computed]
    return Panel(
        "The hidden signal, by frequency",
        "cycles per pixel",
        "power per value",
        (*measured, *computed),
        log_y=True,
    )


def _kept(found: Explanation) -> Panel:
    names = tuple(k.name for k in found.kept)
    return Panel(
        "Variance left when maps are halved",
        "% of what the high-pass gives",
        "",
        (
            Series("the signal's", names, tuple(100 * k.signal for k in found.kept)),
            Series("the picture's", names, tuple(100 * k.picture for k in found.kept)),
        ),
        "bars",
    )
