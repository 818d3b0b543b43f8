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
from striate.training.recipes.learning import Advance, learn, step_seconds, steps
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
from striate.training.recipes.trials import Experiment, Trial
from striate.training.recipes.wording import duration_text, passes_text
from striate.training.result import Epoch, Result

__all__ = [
    "ASSUMPTIONS",
    "BUDGETS",
    "DATA",
    "PASSES",
    "RATES",
    "Budget",
    "Once",
    "experiment",
    "learning_rates",
    "once",
    "settings",
]

DATA = "usps"
SIZE = 16


@dataclass(frozen=True, slots=True)
class Budget:
    """How much is trained.

    Parameters
    ----------
    seeds, later : int
        Runs by the paper's protocol, and by each step after it.
    passes : int, optional
        By default, as many as each step has.
    name : str
        What it is called; it changes nothing.
    """

    seeds: int
    later: int
    passes: int | None = None
    name: str = "own"


BUDGETS = {"small": Budget(10, 3, name="small"), "full": Budget(10, 10, name="full")}


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
        title=f"lenet-1989 on {chosen.name}, {passes_text(passes)}, seed {seed}",
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


def experiment(
    budget: Budget, data: Dataset, *, seeds: int | None = None, device: str = "cpu"
) -> Experiment:
    """Return the runs, of the paper's protocol and of each step after it; and their card."""
    chosen = seen(data, SIZE)
    trials = tuple(
        _trial(step, chosen, seed, device, budget.passes)
        for step in STEPS
        for seed in range(seeds or (budget.seeds if step is STEPS[0] else budget.later))
    )
    about = {"budget": budget.name, "seeds": seeds, "data": chosen.name, "device": device}
    return Experiment("lenet-1989", about, trials, partial(card_of, chosen))


def _trial(step: Step, data: Dataset, seed: int, device: str, passes: int | None) -> Trial:
    network = step.network()
    how = {**step.settings(network.graph), "device": device}
    how["epochs"] = passes or how["epochs"]
    name = f"{step.name}-seed-{seed}"
    return Trial(
        name=name,
        settings={"data": data.name, "seed": seed, **how},
        work=partial(_work, network, data, seed, how, name),
        kind=step.name,
        steps=steps(how, len(data.train_labels)),
        sample=partial(step_seconds, network, data.train_images, data.train_labels, how),
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
    result = learn(network, data, how, seed, advance)
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
