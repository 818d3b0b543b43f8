"""LeCun et al., "Backpropagation Applied to Handwritten Zip Code Recognition", repeated.

Y. LeCun, B. Boser, J. S. Denker, D. Henderson, R. E. Howard, W. Hubbard, L. D. Jackel,
Neural Computation 1(4), 541-551, 1989.

- Section 2, the data: 7,291 digits to train on, 2,007 to test, 16x16, grey in [-1, 1]: `usps`.
- Section 3, the network: `striate.network.zoo`'s ``lenet-1989``, figure 3 of the paper.
- Section 4, training: scaled tanh, mean squared error, one example at a time in a constant order,
  weights drawn uniformly from +-2.4 / F for a unit of F inputs, 23 passes.
- Section 5, results: 0.14 % wrong in training, 5.0 % in the test; three days on a SUN-4/260.

`lenet_1989_steps` has how it is trained: the paper's protocol, then modernised step by step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from striate.network import Network
from striate.training.data.dataset import Dataset
from striate.training.evaluation import Evaluation, evaluate
from striate.training.fitting import fit
from striate.training.recipes.durations import duration_text
from striate.training.recipes.lenet_1989_card import (
    ASSUMPTIONS,
    PAPER,
    card_of,
    counted,
    other_data,
)
from striate.training.recipes.lenet_1989_steps import (
    PASSES,
    RATES,
    STEPS,
    Step,
    learning_rates,
    settings,
)
from striate.training.recipes.report_card import Figure, ReportCard
from striate.training.recipes.seen import seen
from striate.training.recipes.timing import sampler
from striate.training.recipes.trials import Advance, Experiment, Trial, conduct
from striate.training.result import Epoch, Result

__all__ = [
    "ASSUMPTIONS",
    "PASSES",
    "RATES",
    "Once",
    "learning_rates",
    "once",
    "run",
    "settings",
]

SIZE = 16
SEEDS = 10


@dataclass(frozen=True, eq=False)
class Once:
    """One run of the paper's protocol: its card, the trained network's history, its test."""

    card: ReportCard
    result: Result
    test: Evaluation


def once(
    data: str | Dataset = "usps",
    *,
    seed: int = 0,
    passes: int = PASSES,
    progress: bool | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> Once:
    """Train the network of 1989 as its paper says, from one seed, and compare.

    Parameters
    ----------
    data : str or Dataset
        The paper's ``usps``, or others, which are resized to 16x16 and to which the published
        error rates do not apply.
    seed : int
        Of the initial weights.
    passes : int
        23 in the paper.
    progress, on_epoch
        As for `striate.fit`.

    Raises
    ------
    UnknownNameError, FileError, MissingExtraError
        If the data cannot be had.

    Examples
    --------
    >>> found = once("digits", passes=1, progress=False)
    >>> [figure.computed for figure in found.card.figures[:3]]
    ['1,256', '64,660', '9,760']
    """
    chosen = seen(data, SIZE)
    network = STEPS[0].network()
    how = {**settings(network.graph), "epochs": passes}
    result = fit(network, chosen, seed=seed, **how, progress=progress, on_epoch=on_epoch)
    train = evaluate(result.network, chosen.train_images, chosen.train_labels)
    test = evaluate(result.network, chosen.test_images, chosen.test_labels)
    card = ReportCard(
        name="lenet-1989",
        title=f"lenet-1989 on {chosen.name}, {passes} passes, seed {seed}",
        source=PAPER,
        figures=(
            *counted(network.graph, chosen, passes),
            Figure("training error, once trained", "0.14 % (10)", measured=_share(train)),
            Figure("test error", "5.0 % (102)", measured=_share(test)),
            Figure("time to train", "3 days", measured=duration_text(result.seconds)),
        ),
        assumptions=(*ASSUMPTIONS, *other_data(chosen)),
    )
    return Once(card, result, test)


def run(
    *,
    seeds: int | None = None,
    budget: str = "small",
    data: str | Dataset = "usps",
    device: str = "cpu",
    out: Path | None = None,
    progress: bool | None = None,
) -> ReportCard:
    """Train by the paper's protocol, then by each step after it, from several seeds.

    Parameters
    ----------
    seeds : int, optional
        10 by default; in the small budget, 10 for the paper's protocol and 3 for the later steps.
    budget : "small" or "full"
    data, device, out, progress
        As for `striate.training.recipes.reproduce`.
    """
    return conduct(
        experiment(seeds=seeds, budget=budget, data=data, device=device), out=out, progress=progress
    )


def experiment(
    *, seeds: int | None, budget: str, data: str | Dataset, device: str, passes: int | None = None
) -> Experiment:
    """Return the runs and how their card is made; `passes` is for those who have no time."""
    chosen = seen(data, SIZE)
    trials: list[Trial] = []
    for step in STEPS:
        first = step is STEPS[0]
        count = seeds or (SEEDS if first or budget == "full" else 3)
        trials += [_trial(step, chosen, seed, device, passes) for seed in range(count)]
    about = {"budget": budget, "seeds": seeds, "data": chosen.name, "device": device}
    return Experiment("lenet-1989", tuple(trials), partial(card_of, about, chosen), device)


def _trial(step: Step, data: Dataset, seed: int, device: str, passes: int | None) -> Trial:
    network = step.network()
    how = {**step.settings(network.graph), "device": device}
    how["epochs"] = passes or how["epochs"]
    others = {name: value for name, value in how.items() if name not in ("epochs", "batch_size")}
    return Trial(
        name=f"{step.name}-seed-{seed}",
        settings={"data": data.name, "seed": seed, **how},
        work=partial(_work, network, data, seed, how, f"{step.name}-seed-{seed}"),
        kind=step.name,
        steps=how["epochs"] * -(-len(data.train_labels) // how["batch_size"]),
        sample=sampler(network, data.train_images, data.train_labels, how["batch_size"], **others),
    )


def _work(
    network: Network,
    data: Dataset,
    seed: int,
    how: Mapping[str, Any],
    name: str,
    folder: Path | None,
    advance: Advance,
) -> dict[str, Any]:
    """Train once; keep the weights."""
    result = fit(
        network,
        data,
        seed=seed,
        **how,
        progress=False,
        on_epoch=lambda epoch: advance(epoch.number / how["epochs"]),
    )
    if folder is not None:
        from striate.interop.weights import save_weights

        save_weights(result.network, folder / f"{name}.safetensors")
    train = evaluate(result.network, data.train_images, data.train_labels)
    test = evaluate(result.network, data.test_images, data.test_labels)
    return {
        "train_wrong": train.errors,
        "test_wrong": test.errors,
        "train_seconds": result.seconds,
        "test_errors_by_pass": [epoch.test_error for epoch in result.history],
    }


def _share(found: Evaluation) -> str:
    return f"{100 * found.error:.2f} % ({found.errors})"
