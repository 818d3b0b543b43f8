"""What the runs of `vgg_depth` come to, as a report card."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Any

from striate.network import Network, inspect
from striate.training.recipes.plots import Panel, Series
from striate.training.recipes.report_card import Assumption, Figure, ReportCard, Table
from striate.training.recipes.spread import Spread
from striate.training.recipes.vgg_depth_networks import vgg_like
from striate.training.recipes.wording import passes_text

__all__ = ["PUBLISHED", "card"]

PAPER = (
    "Simonyan, Zisserman, Very Deep Convolutional Networks, arXiv:1409.1556, sections 2 and 3, "
    "table 3; Ioffe, Szegedy, Batch Normalization, arXiv:1502.03167, section 3"
)
SHOWS = "what depth does to error, loss and gradient, with and without batch norm"

PUBLISHED = {11: 29.6, 13: 28.7, 16: 27.0, 19: 27.3}
"""Top-1 error on ImageNet in per cent by the number of layers with weights: configurations A, B, D
and E, one scale of 256: table 3."""

VGG_DEVIATION = 0.1
FIRST_FAN_IN = 27
"""3 colours times 3x3."""

VANISHED = 0.1
"""The share of a gradient from which on it is called so."""

KINDS = {False: "plain", True: "batch norm"}
Runs = Mapping[str, Mapping[str, Any]]
Found = dict[tuple[int, bool], list[Mapping[str, Any]]]


def card(budget: Mapping[str, Any], runs: Runs) -> ReportCard:
    """Return the card of finished runs, by name of the trial."""
    found: Found = {}
    for run in sorted(runs.values(), key=lambda run: int(run["settings"]["seed"])):
        key = run["settings"]["depth"], run["settings"]["batch_norm"]
        found.setdefault(key, []).append(run["result"])
    depths = sorted(budget["depths"])
    return ReportCard(
        name="vgg-depth",
        title="How deep a plain network can be trained, and with batch norm",
        source=PAPER,
        shows=SHOWS,
        figures=_figures(depths, found),
        tables=(_table(depths, budget, found), _gradients(depths, found)),
        panels=(
            _by_depth("Test error", "% of the test images", depths, found, "test_error", 100),
            _gradient_panel(depths, found),
            *(_losses(batch_norm, depths, found) for batch_norm in KINDS),
        ),
        assumptions=_assumptions(budget),
        notes=_notes(depths, found),
    )


def _spread(found: Found, key: tuple[int, bool], value: str, factor: float = 1) -> Spread:
    return Spread(factor * _last(result[value]) for result in found[key])


def _last(value: Any) -> float:
    return float(value[-1] if isinstance(value, list) else value)


def _figures(depths: list[int], found: Found) -> tuple[Figure, ...]:
    imagenet = [
        Figure(f"top-1 error on ImageNet, {layers} layers", f"{error:.1f} %")
        for layers, error in PUBLISHED.items()
    ]
    here = [
        Figure(
            f"test error here, {depth} convolutions, {KINDS[batch_norm]}",
            "",
            measured=_spread(found, (depth, batch_norm), "test_error", 100).text(1, "%"),
        )
        for batch_norm in KINDS
        for depth in depths
    ]
    computed = sqrt(2 / FIRST_FAN_IN) / VGG_DEVIATION
    ratios = Spread(
        result["first_gradients"]["VGG"] / result["first_gradients"]["He et al."]
        for depth in depths
        for result in found[depth, True]
    )
    scale = Figure(
        "first gradient with batch norm, VGG's weights to He's",
        "",
        f"{computed:.2f}",
        ratios.text(2),
    )
    return (*imagenet, *here, scale)


def _table(depths: list[int], budget: Mapping[str, Any], found: Found) -> Table:
    rows = []
    for batch_norm in KINDS:
        for depth in depths:
            graph = vgg_like(depth, tuple(budget["widths"]), batch_norm=batch_norm)
            totals = inspect(Network(graph)).totals
            key = depth, batch_norm
            rows.append(
                (
                    f"{depth}, {KINDS[batch_norm]}",
                    f"{totals.parameters:,}",
                    f"{totals.macs / 1e6:.1f} M",
                    _spread(found, key, "test_error", 100).text(1, "%"),
                    _spread(found, key, "train_errors_by_pass", 100).text(1, "%"),
                    _spread(found, key, "train_losses_by_pass").text(2),
                )
            )
    return Table(
        "Depth, as trained here",
        (
            *("convolutions", "parameters", "multiply-adds"),
            *("test error", "training error", "training loss"),
        ),
        tuple(rows),
        "The spread is over seeds. Training error and loss are those of the last pass, each image "
        "judged just before the network learns from it.",
    )


def _gradient(found: Found, key: tuple[int, bool], initial: str) -> Spread:
    return Spread(result["first_gradients"][initial] for result in found[key])


def _gradients(depths: list[int], found: Found) -> Table:
    initials = list(next(iter(found.values()))[0]["first_gradients"])
    rows = tuple(
        (
            f"{depth}, {KINDS[batch_norm]}",
            *(_gradient(found, (depth, batch_norm), name).text(4) for name in initials),
        )
        for batch_norm in KINDS
        for depth in depths
    )
    return Table(
        "Gradient of the first layer's weights before training, its norm",
        ("convolutions", *(f"weights as {name}" for name in initials)),
        rows,
        "He et al.: normal, variance 2 / fan-in. VGG: normal, variance 0.01. With batch norm the "
        "outputs do not depend on the scale of a layer's weights, so the gradient of these is "
        "inverse to it; without, a factor for each layer multiplies up.",
    )


def _by_depth(
    title: str, y_label: str, depths: list[int], found: Found, value: str, factor: float
) -> Panel:
    series = tuple(
        Series.of(
            name,
            tuple(map(float, depths)),
            (_spread(found, (depth, batch_norm), value, factor) for depth in depths),
        )
        for batch_norm, name in KINDS.items()
    )
    return Panel(title, "convolutions", y_label, series)


def _gradient_panel(depths: list[int], found: Found) -> Panel:
    initials = list(next(iter(found.values()))[0]["first_gradients"])
    series = tuple(
        Series.of(
            f"{kind}, weights as {name}",
            tuple(map(float, depths)),
            (_gradient(found, (depth, batch_norm), name) for depth in depths),
        )
        for batch_norm, kind in KINDS.items()
        for name in initials
    )
    title = "First layer's gradient before training"
    return Panel(title, "convolutions", "norm", series, log_y=True)


def _losses(batch_norm: bool, depths: list[int], found: Found) -> Panel:
    series = tuple(
        Series.by_pass(
            f"{depth} convolutions", (r["train_losses_by_pass"] for r in found[depth, batch_norm])
        )
        for depth in depths
    )
    return Panel(
        f"Training loss while learning, {KINDS[batch_norm]}", "pass", "cross-entropy", series
    )


def _notes(depths: list[int], found: Found) -> tuple[str, ...]:
    notes = []
    for batch_norm, kind in KINDS.items():
        means = {d: _spread(found, (d, batch_norm), "test_error", 100).mean for d in depths}
        best = min(means, key=lambda depth: means[depth])
        deepest = depths[-1]
        text = f"{kind.capitalize()}: best with {best} convolutions, {means[best]:.1f} %"
        if best != deepest:
            text += f"; {deepest} get {means[deepest]:.1f} %"
        notes.append(f"{text}.")
    notes.append(_growth(depths, found))
    gains = {
        depth: plain - normed
        for depth in depths
        for plain, normed in [[_spread(found, (depth, bn), "test_error", 100) for bn in KINDS]]
    }
    texts = "; ".join(f"{depth} convolutions {gain.text(1)}" for depth, gain in gains.items())
    notes.append(f"Points of test error that batch norm takes away, seed by seed: {texts}.")
    return tuple(notes)


def _growth(depths: list[int], found: Found) -> str:
    """Say how the first layer's gradient goes with depth, and whether that can explain errors."""
    first, deepest = depths[0], depths[-1]
    plain, normed = (
        _gradient(found, (deepest, batch_norm), "He et al.").mean
        / _gradient(found, (first, batch_norm), "He et al.").mean
        for batch_norm in KINDS
    )
    text = (
        f"Before training, with weights as He et al., the first layer's gradient is {plain:.2f} "
        f"times as large with {deepest} convolutions as with {first} without batch norm, and "
        f"{normed:.2f} times with it"
    )
    if plain > VANISHED:
        return (
            f"{text}: gradients that vanish at the start are not what holds deep plain networks "
            "back here."
        )
    return f"{text}: it vanishes with depth."


def _assumptions(budget: Mapping[str, Any]) -> tuple[Assumption, ...]:
    images = "all" if budget["images"] is None else f"{budget['images']:,} of its"
    return (
        Assumption(
            "the data",
            "has ImageNet, in pictures of 224x224",
            f"CIFAR-10, {images} training images of 32x32 for "
            f"{passes_text(budget['passes'])}: errors "
            "are not comparable, the way they go with depth is",
        ),
        Assumption(
            "the networks",
            "has five blocks of 64 to 512 maps and three fully connected layers",
            f"four blocks of {', '.join(map(str, budget['widths']))} maps and one such layer, so "
            "that the convolutions are the depth",
        ),
        Assumption(
            "the initial weights",
            "draws from a normal distribution of variance 0.01 and lends deep networks the weights "
            "of a shallow one",
            "as He et al. 2015 have it, for all depths; the paper's are compared by their gradient",
        ),
        Assumption(
            "training",
            "has batches of 256, momentum 0.9, a rate of 0.01 that falls by ten three times, and "
            "dropout",
            f"batches of {budget['batch_size']}, momentum 0.9, one rise and fall up to "
            f"{budget['learning_rate']:g} ({budget['schedule']}), no dropout; the same for all",
        ),
        Assumption(
            "batch norm",
            "came later",
            "between each convolution and its ReLU, as Ioffe and Szegedy have it",
        ),
    )
