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
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from striate.network import Network
from striate.network.zoo.all_cnn import VARIANTS, Variant, all_cnn
from striate.training.data.dataset import Dataset
from striate.training.recipes import all_cnn_card
from striate.training.recipes.learning import Advance, learn, steps
from striate.training.recipes.pictures import Pictures
from striate.training.recipes.trials import Experiment, Trial

__all__ = ["BUDGETS", "DATA", "Budget", "experiment"]

DATA = "cifar-10"
HELD_OUT = 0.1
"""The share of the training images by which a rate is chosen."""


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


def experiment(
    budget: Budget, data: Dataset, *, seeds: int | None = None, device: str = "cpu"
) -> Experiment:
    """Return the runs, and how their card is made."""
    pictures = Pictures(data, budget.images, budget.tests, budget.preparation)
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
    trials = tuple(_trial(budget, pictures, device, *of) for of in plan)
    about = {"budget": budget.name, "seeds": count, "data": data.name, "device": device}
    return Experiment("all-cnn", about, trials, partial(all_cnn_card.card, asdict(budget)))


def _trial(
    budget: Budget,
    pictures: Pictures,
    device: str,
    base: str,
    variant: Variant,
    seed: int,
    passes: int,
    rate: float,
    augment: str,
) -> Trial:
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
    held_out = round(_held_out(budget) * pictures.count)
    return Trial(
        name=name,
        settings={"network": network.name, "data": pictures.data.name, "seed": seed}
        | {"budget": _deciding(budget), **how},
        work=partial(_work, budget, pictures, network, seed, how, name),
        kind=kind,
        steps=steps(how, pictures.count - held_out),
        sample=partial(pictures.step_seconds, network, how),
    )


def _held_out(budget: Budget) -> float:
    """Return the share of the training images by which the rate is chosen."""
    return HELD_OUT if len(budget.rates) > 1 else 0


def _deciding(budget: Budget) -> dict[str, Any]:
    """Return what of a budget decides how a single run ends."""
    several = {"name", "bases", "seeds", "passes", "rates", "augmented", "keeps"}
    chosen = {name: value for name, value in asdict(budget).items() if name not in several}
    return {**chosen, "held_out": _held_out(budget)}


def _work(
    budget: Budget,
    pictures: Pictures,
    network: Network,
    seed: int,
    how: Mapping[str, Any],
    name: str,
    folder: Path | None,
    advance: Advance,
) -> dict[str, Any]:
    others: dict[str, Any] = {"validation": _held_out(budget) or None}
    if budget.keeps and folder is not None:
        others |= {"out": folder / name, "resume": "auto"}
    learnt = pictures.chosen if budget.keeps else pictures.examples
    result = learn(network, learnt, how, seed, advance, **others)
    return {
        "test_error": pictures.judged(result.network).error,
        "validation_error": result.history[-1].validation_error,
        "train_losses_by_pass": [epoch.train_loss for epoch in result.history],
        "train_errors_by_pass": [epoch.train_error for epoch in result.history],
        "train_seconds": result.seconds,
    }
