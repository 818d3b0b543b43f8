"""Springenberg et al., "Striving for Simplicity: The All Convolutional Net", repeated.

J. T. Springenberg, A. Dosovitskiy, T. Brox, M. Riedmiller, arXiv:1412.6806, 2015.

- Section 3, tables 1 and 2, the networks: `striate.network.zoo.all_cnn`, three bases (A, B, C),
  each with max pooling, with strides instead, with a convolution before each pooling, and with
  that convolution instead of the pooling.
- Section 3.1, training: SGD with momentum 0.9; the rate, one of 0.25, 0.1, 0.05 and 0.01, times 0.1
  after 200, 250 and 300 of 350 passes; weight decay 0.001; dropout of 20 % of the input and 50 %
  after each pooling; whitening and contrast normalisation, as I. Goodfellow et al., "Maxout
  networks", 2013. With augmentation: flips, and shifts by up to 5 pixels.
- Section 3.2, table 3, results: errors on CIFAR-10 in `PUBLISHED`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from itertools import product
from pathlib import Path
from typing import Any

from striate.network import Network
from striate.network.zoo.all_cnn import VARIANTS, Variant, all_cnn
from striate.training import data as datasets
from striate.training.data.dataset import Dataset
from striate.training.evaluation import evaluate
from striate.training.fitting import fit
from striate.training.recipes import all_cnn_card
from striate.training.recipes.report_card import ReportCard
from striate.training.recipes.timing import step_seconds
from striate.training.recipes.trials import Advance, Experiment, Trial, conduct

__all__ = ["BUDGETS", "Budget", "experiment", "run"]


@dataclass(frozen=True, slots=True)
class Budget:
    """How the networks are trained, and how long.

    Parameters
    ----------
    bases : str
        Which of A, B and C, in the order in which they are trained.
    images, tests : int or None
        Of CIFAR-10, to learn from and to be tested on; None for all. Those to learn from are drawn
        at random, so many of each class.
    channels, dropout
        See `striate.network.zoo.all_cnn`; the paper's are (96, 192) and (0.2, 0.5).
    passes : tuple of int
        How long: each network is trained anew for each of them, in ascending order.
    rates : tuple of float
        Each is tried; where there are several, a tenth of the training images is held out to choose
        by.
    augmented : bool
        Also train All-CNN-C on flipped and shifted images.
    keeps : bool
        Whether single runs are so long that they are kept in their middle, too.
    name : str
        What it is called; it changes nothing.
    """

    bases: str
    images: int | None
    tests: int | None
    seeds: int
    channels: tuple[int, int]
    dropout: tuple[float, float]
    preparation: str
    passes: tuple[int, ...]
    batch_size: int
    rates: tuple[float, ...]
    schedule: str
    weight_decay: float
    clip_norm: float | None
    augmented: bool
    keeps: bool
    name: str = "own"


BUDGETS = {
    "small": Budget(
        bases="cba",
        images=10000,
        tests=10000,
        seeds=3,
        channels=(16, 32),
        dropout=(0.0, 0.0),
        preparation="gcn",
        passes=(4, 16),
        batch_size=32,
        rates=(0.05,),
        schedule="one-cycle:rise=0.2",
        weight_decay=1e-3,
        clip_norm=1.0,
        augmented=False,
        keeps=False,
        name="small",
    ),
    "full": Budget(
        bases="cba",
        images=None,
        tests=None,
        seeds=3,
        channels=(96, 192),
        dropout=(0.2, 0.5),
        preparation="gcn,zca",
        passes=(350,),
        batch_size=128,
        rates=(0.25, 0.1, 0.05, 0.01),
        schedule="step:200,250,300",
        weight_decay=1e-3,
        clip_norm=None,
        augmented=True,
        keeps=True,
        name="full",
    ),
}

HELD_OUT = 0.1


def run(
    *,
    seeds: int | None = None,
    budget: str = "small",
    data: str | Dataset = "cifar-10",
    device: str = "cpu",
    out: Path | None = None,
    progress: bool | None = None,
) -> ReportCard:
    """Train the networks, and compare their errors with table 3.

    Parameters are those of `striate.training.recipes.reproduce`. The full budget is the paper's
    protocol and wants a GPU (`device` "cuda").
    """
    chosen = datasets.load(data) if isinstance(data, str) else data
    made = experiment(BUDGETS[budget], chosen, seeds=seeds, device=device)
    return conduct(made, out=out, progress=progress)


class Pictures:
    """The data set as a budget has it, prepared when it is first wanted."""

    def __init__(self, data: Dataset, budget: Budget) -> None:
        self.data, self.budget = data, budget

    @cached_property
    def chosen(self) -> Dataset:
        """So many training images, and a preparation fitted to them."""
        count = self.budget.images
        part = self.data if count is None else self.data.subset(count)
        return part.with_preparation(self.budget.preparation)

    @property
    def count(self) -> int:
        """How many images a pass has."""
        images = self.budget.images or len(self.data.train_labels)
        return images - round(HELD_OUT * images) if len(self.budget.rates) > 1 else images


def experiment(
    budget: Budget, data: Dataset, *, seeds: int | None = None, device: str = "cpu"
) -> Experiment:
    """Return the runs, and how their card is made."""
    pictures = Pictures(data, budget)
    count = seeds or budget.seeds
    plan = [
        (base, variant, seed, passes, rate, "none")
        for base, seed, passes, variant, rate in product(
            budget.bases, range(count), budget.passes, VARIANTS, budget.rates
        )
    ]
    if budget.augmented:
        plan += [
            ("c", "all-cnn", seed, budget.passes[-1], rate, "flip,shift:5")
            for seed, rate in product(range(count), budget.rates)
        ]
    trials = tuple(_trial(pictures, device, *of) for of in plan)
    about = {"budget": budget.name, "seeds": count, "data": data.name, "device": device}
    return Experiment("all-cnn", trials, partial(all_cnn_card.card, about, asdict(budget)), device)


def _trial(
    pictures: Pictures,
    device: str,
    base: str,
    variant: Variant,
    seed: int,
    passes: int,
    rate: float,
    augment: str,
) -> Trial:
    budget = pictures.budget
    network = Network(all_cnn(base, variant, channels=budget.channels, dropout=budget.dropout))
    how = {
        "epochs": passes,
        "batch_size": budget.batch_size,
        "learning_rate": rate,
        "momentum": 0.9,
        "weight_decay": budget.weight_decay,
        "schedule": budget.schedule,
        "clip_norm": budget.clip_norm,
        "augment": augment,
        "device": device,
    }
    kind = f"{network.name}{'' if augment == 'none' else '-augmented'}"
    name = f"{kind}-rate-{rate:g}-passes-{passes}-seed-{seed}"
    others = {key: value for key, value in how.items() if key not in ("epochs", "batch_size")}

    def sample() -> float:
        part = pictures.data.train_images[: 16 * budget.batch_size]
        images = pictures.data.prepared(part)  # any preparation: it is not part of a step
        labels = pictures.data.train_labels[: len(part)]
        return step_seconds(network, images, labels, budget.batch_size, **others)

    return Trial(
        name=name,
        settings={"network": network.name, "data": pictures.data.name, "seed": seed}
        | {"budget": _deciding(budget), **how},
        work=partial(_work, pictures, network, seed, how, name),
        kind=kind,
        steps=passes * -(-pictures.count // budget.batch_size),
        sample=sample,
    )


def _deciding(budget: Budget) -> dict[str, Any]:
    """Return what of a budget decides how a single run ends."""
    several = {"name", "bases", "seeds", "passes", "rates", "augmented", "keeps"}
    chosen = {name: value for name, value in asdict(budget).items() if name not in several}
    return {**chosen, "held_out": HELD_OUT if len(budget.rates) > 1 else 0}


def _work(
    pictures: Pictures,
    network: Network,
    seed: int,
    how: Mapping[str, Any],
    name: str,
    folder: Path | None,
    advance: Advance,
) -> dict[str, Any]:
    budget, data = pictures.budget, pictures.chosen
    kept: dict[str, Any] = {}
    if budget.keeps and folder is not None:
        kept = {"out": folder / name, "resume": "auto"}
    learnt = data if budget.keeps else (data.prepared(data.train_images), data.train_labels)
    result = fit(
        network,
        learnt,
        validation=HELD_OUT if len(budget.rates) > 1 else None,
        seed=seed,
        **how,
        **kept,
        progress=False,
        on_epoch=lambda epoch: advance(epoch.number / how["epochs"]),
    )
    tests = slice(0, budget.tests)
    found = evaluate(
        result.network, data.test_images[tests], data.test_labels[tests], prepare=data.prepared
    )
    return {
        "test_error": found.error,
        "validation_error": result.history[-1].validation_error,
        "train_losses_by_pass": [epoch.train_loss for epoch in result.history],
        "train_errors_by_pass": [epoch.train_error for epoch in result.history],
        "train_seconds": result.seconds,
    }
