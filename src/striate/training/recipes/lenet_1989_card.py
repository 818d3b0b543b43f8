"""The report card of `lenet_1989`: what is published, and what the runs came to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from striate.network import Graph, inspect
from striate.training.data.dataset import Dataset
from striate.training.recipes.lenet_1989_steps import STEPS, Step
from striate.training.recipes.plots import Panel, Series
from striate.training.recipes.report_card import Assumption, Figure, ReportCard, Table
from striate.training.recipes.spread import Spread
from striate.training.wording import count_text

__all__ = ["ASSUMPTIONS", "PAPER", "card_of", "counted", "other_data"]

PAPER = (
    "LeCun et al., Backpropagation Applied to Handwritten Zip Code Recognition, "
    "Neural Computation 1(4), 1989"
)
SHOWS = "the paper's error on zip-code digits, and what later ways to train make of it"
PUBLISHED = 5.0  # per cent of the test digits
PEOPLE = 2.5
SPREAD = "mean, and least to most"

ASSUMPTIONS = (
    Assumption(
        "connections of H2",
        "lets each of its 12 maps see 8 of H1's 12, and does not say which",
        "each sees 8 neighbours, cyclically",
    ),
    Assumption(
        "the step",
        "uses a stochastic Newton method with a diagonal Hessian (section 4)",
        "plain gradient descent, at constant rates, in shares of 1 / F, F the inputs of a unit: "
        "1.7 for H1 (10 for its biases), 0.4 for H2, 0.2 for H3, 0.3 for the output; chosen on "
        "USPS by the errors on its last 1,500 training digits when trained on the others",
    ),
    Assumption(
        "the squashing function",
        "says scaled hyperbolic tangent, without the scale",
        "1.7159 tanh(2x / 3), as in LeCun et al. 1998, appendix A",
    ),
    Assumption(
        "the targets",
        "puts them within the quasi-linear range of the squashing function",
        "+1 for the digit's unit and -1 for the others, the ends of that range, where the function "
        "bends most",
    ),
    Assumption(
        "F",
        "draws weights from +-2.4 / F, F the number of inputs of the unit",
        "25, 200, 192 and 30, without the bias, whose own weight is drawn in the same way",
    ),
    Assumption(
        "the border",
        "extends each map by a background of -1",
        "so for the input and for H1, 2 pixels before and 1 after, so that 16 give 8 and 8 give 4",
    ),
    Assumption(
        "the cost",
        "minimises the mean squared error over the outputs",
        "half their sum; the factor is part of the rate",
    ),
    Assumption(
        "the training error",
        "counts the errors once the network is trained",
        "so in this table; during training, each digit is judged just before the network learns "
        "from it",
    ),
)

NOTES = (
    "The test digits are harder than the training digits: people get about 2.5 % of them wrong "
    "(Bromley and Säckinger, Neural-network and k-nearest-neighbor classifiers, 1991).",
    "All settings were chosen by errors on the last 1,500 training digits, never by the test "
    "digits: the tables of what was tried are in `lenet_1989_steps`.",
)


def card_of(data: Dataset, runs: Mapping[str, dict[str, Any]]) -> ReportCard:
    """Return the card of all runs, given by their names."""
    found = {step.name: _of(step, runs) for step in STEPS}
    paper = found["paper"]
    digits, tests = len(data.train_labels), len(data.test_labels)
    passes = len(paper[0]["test_errors_by_pass"])
    errors = {n: Spread(100 * r["test_wrong"] / tests for r in rs) for n, rs in found.items()}
    learnt = Spread(100 * run["train_wrong"] / digits for run in paper)
    seconds = Spread(run["train_seconds"] for run in paper)
    network = STEPS[0].network()
    return ReportCard(
        name="lenet-1989",
        title="LeCun's network of 1989, by its paper's protocol and by later ones",
        source=PAPER,
        shows=SHOWS,
        figures=(
            *counted(network.graph, data, passes),
            Figure("training error, once trained", "0.14 % (10)", measured=learnt.text(2, "%")),
            Figure("test error", "5.0 % (102)", measured=errors["paper"].text(2, "%")),
            Figure("time to train, once", "3 days", measured=seconds.text(1, "s")),
        ),
        tables=(_steps_table(found, errors, tests),),
        panels=(_by_pass(paper), _by_step(errors)),
        assumptions=(*ASSUMPTIONS, *other_data(data)),
        notes=NOTES,
    )


def _of(step: Step, runs: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [run["result"] for name, run in runs.items() if name.startswith(f"{step.name}-seed-")]


def _steps_table(
    found: Mapping[str, list[dict[str, Any]]], errors: Mapping[str, Spread], tests: int
) -> Table:
    rows = []
    for step in STEPS:
        runs, error = found[step.name], errors[step.name]
        wrong = Spread(run["test_wrong"] for run in runs)
        seconds = Spread(run["train_seconds"] for run in runs)
        passes = len(runs[0]["test_errors_by_pass"])
        known = "" if step.reproduction is None else f"{step.reproduction:.2f}"
        rows.append(
            (
                *(step.name, step.adds, str(passes), error.text(2), f"{wrong.mean:.1f}"),
                *(known, f"{seconds.mean:.1f}"),
            )
        )
    return Table(
        "Step by step",
        (
            "step",
            "adds",
            "passes",
            "test error, %",
            f"wrong of {tests:,}",
            "on MNIST, %",
            "s a run",
        ),
        tuple(rows),
        "Mean ± standard deviation over the seeds (least to most). The column on MNIST is the "
        "reproduction's, for which see `lenet_1989_steps`: other digits, one seed.",
    )


def _by_pass(runs: list[dict[str, Any]]) -> Panel:
    courses = ([100 * error for error in run["test_errors_by_pass"]] for run in runs)
    return Panel(
        f"The paper's protocol, {count_text(len(runs), 'seed')}",
        "pass",
        "test error, %",
        (Series.by_pass(SPREAD, courses),),
        lines=(("published, after 23", PUBLISHED),),
    )


def _by_step(errors: Mapping[str, Spread]) -> Panel:
    series = Series.of(SPREAD, tuple(errors), errors.values())
    lines = (("published in 1989", PUBLISHED), ("people", PEOPLE))
    return Panel("Modernised step by step", "test error, %", "", (series,), "bars", lines=lines)


def counted(graph: Graph, data: Dataset, passes: int) -> tuple[Figure, ...]:
    """Return what follows from the graph and the data."""
    totals, examples = inspect(graph).totals, len(data.train_labels)
    return (
        Figure("units", "1,256", f"{totals.units:,}"),
        Figure("connections", "64,660", f"{totals.connections:,}"),
        Figure("parameters", "9,760", f"{totals.parameters:,}"),
        Figure("training digits", "7,291", f"{examples:,}"),
        Figure("test digits", "2,007", f"{len(data.test_labels):,}"),
        Figure("presentations", "167,693", f"{examples * passes:,}"),
    )


def other_data(data: Dataset) -> tuple[Assumption, ...]:
    """Return what must be said of digits that are not the paper's."""
    if data.name == "usps":
        return ()
    return (
        Assumption(
            "the data",
            "has digits of the U.S. Postal Service",
            f"{data.name}, at 16x16: its error rates are not the paper's to compare with",
        ),
    )
