"""How deep a plain network can be trained, and what batch norm changes.

- K. Simonyan, A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
  arXiv:1409.1556: section 2, networks that differ in depth alone; section 3.1, training, where
  "bad initialisation can stall learning due to the instability of gradient in deep nets", so that
  shallow networks lent the deep ones their first weights; table 3: error falls with depth.
- S. Ioffe, C. Szegedy, "Batch Normalization", arXiv:1502.03167: section 3, the layer, placed
  between convolution and ReLU.
- K. He et al., "Delving Deep into Rectifiers", arXiv:1502.01852: section 2.2, initial weights that
  keep gradients as large in deep networks as in shallow ones.

Here: networks of 4 to 13 convolutions (`recipes.vgg_depth_networks`) on CIFAR-10, each with and
without batch norm, all trained alike; and, before any training, the norm of the gradient of the
first layer's weights, for He's and for VGG's initial weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from striate.network import Network
from striate.network.graph import Initial
from striate.runtime import Trainable
from striate.training import data as datasets
from striate.training.data.dataset import Dataset
from striate.training.evaluation import evaluate
from striate.training.fitting import fit
from striate.training.losses import cross_entropy, targets
from striate.training.recipes import vgg_depth_card
from striate.training.recipes.report_card import ReportCard
from striate.training.recipes.timing import step_seconds
from striate.training.recipes.trials import Advance, Experiment, Trial, conduct
from striate.training.recipes.vgg_depth_networks import vgg_like

__all__ = ["BUDGETS", "INITIALS", "Budget", "experiment", "first_gradient", "run"]

INITIALS: dict[str, Initial | None] = {"He et al.": None, "VGG": Initial("normal", 0.1)}
"""How weights may start; VGG's are normal with a variance of 0.01 (section 3.1)."""

GRADIENT_IMAGES = 128


@dataclass(frozen=True, slots=True)
class Budget:
    """How much is trained.

    Parameters
    ----------
    depths : tuple of int
        Keys of `recipes.vgg_depth_networks.BLOCKS`.
    widths : four ints
        Maps in each block.
    images, tests : int or None
        Of CIFAR-10; None for all.
    name : str
        What it is called; it changes nothing.
    """

    depths: tuple[int, ...]
    widths: tuple[int, int, int, int]
    images: int | None
    tests: int | None
    passes: int
    batch_size: int
    learning_rate: float
    schedule: str
    weight_decay: float
    augment: str
    seeds: int
    name: str = "own"


BUDGETS = {
    "small": Budget(
        depths=(4, 6, 8, 11, 13),
        widths=(8, 16, 32, 64),
        images=5000,
        tests=5000,
        passes=10,
        batch_size=32,
        learning_rate=0.02,
        schedule="one-cycle:rise=0.2",
        weight_decay=5e-4,
        augment="none",
        seeds=3,
        name="small",
    ),
    "full": Budget(
        depths=(4, 6, 8, 11, 13),
        widths=(64, 128, 256, 512),
        images=None,
        tests=None,
        passes=100,
        batch_size=128,
        learning_rate=0.05,
        schedule="one-cycle:rise=0.2",
        weight_decay=5e-4,
        augment="flip,shift:4",
        seeds=3,
        name="full",
    ),
}


def run(
    *,
    seeds: int | None = None,
    budget: str = "small",
    data: str | Dataset = "cifar-10",
    device: str = "cpu",
    out: Path | None = None,
    progress: bool | None = None,
) -> ReportCard:
    """Train networks of growing depth with and without batch norm, and compare.

    Parameters are those of `striate.training.recipes.reproduce`.
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
        """So many training images, each channel standardised."""
        count = self.budget.images
        part = self.data if count is None else self.data.subset(count)
        return part.with_preparation("standardize")

    @property
    def count(self) -> int:
        """How many images a pass has."""
        return self.budget.images or len(self.data.train_labels)


def first_gradient(network: Network, images: Any, labels: Any, seed: int) -> float:
    """Return the norm of the gradient of the first layer's weights, before any step.

    Parameters
    ----------
    network : Network
        Without weights, which are drawn from `seed`.
    images : float32 array, shape (N, C, H, W)
    labels : integer array, shape (N,)

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> images = random.standard_normal((8, 3, 32, 32)).astype(np.float32)
    >>> net = Network(vgg_like(4, (4, 4, 4, 4), batch_norm=False))
    >>> first_gradient(net, images, np.arange(8), seed=0) > 0
    True
    """
    student = Trainable(network.initialize(seed))
    outputs = student.forward(images)
    _, slope = cross_entropy(outputs, targets(labels, outputs.shape[1], off=0.0))
    student.backward(slope.astype(np.float32))
    first = network.graph.parameters[0]  # the gradients are in the graph's order
    return float(np.linalg.norm(student.gradients[: int(np.prod(first.shape))]))


def experiment(
    budget: Budget, data: Dataset, *, seeds: int | None = None, device: str = "cpu"
) -> Experiment:
    """Return the runs, and how their card is made."""
    pictures = Pictures(data, budget)
    count = seeds or budget.seeds
    plan = product(range(count), budget.depths, (False, True))
    trials = tuple(_trial(pictures, device, *of) for of in plan)
    about = {"budget": budget.name, "seeds": count, "data": data.name, "device": device}
    return Experiment(
        "vgg-depth", trials, partial(vgg_depth_card.card, about, asdict(budget)), device
    )


def _trial(pictures: Pictures, device: str, seed: int, depth: int, batch_norm: bool) -> Trial:
    budget = pictures.budget
    network = Network(vgg_like(depth, budget.widths, batch_norm=batch_norm))
    how = {
        "learning_rate": budget.learning_rate,
        "momentum": 0.9,
        "weight_decay": budget.weight_decay,
        "schedule": budget.schedule,
        "augment": budget.augment,
        "device": device,
    }

    def sample() -> float:
        part = pictures.data.train_images[: 16 * budget.batch_size]
        images = pictures.data.prepared(part)  # any preparation: it is not part of a step
        labels = pictures.data.train_labels[: len(part)]
        return step_seconds(network, images, labels, budget.batch_size, **how)

    return Trial(
        name=f"{network.name}-seed-{seed}",
        settings={"depth": depth, "batch_norm": batch_norm, "seed": seed}
        | {
            "data": pictures.data.name,
            "budget": asdict(budget) | {"depths": [], "seeds": 0, "name": ""},
            **how,
        },
        work=partial(_work, pictures, depth, batch_norm, seed, how),
        kind=network.name,
        steps=budget.passes * -(-pictures.count // budget.batch_size),
        sample=sample,
    )


def _work(
    pictures: Pictures,
    depth: int,
    batch_norm: bool,
    seed: int,
    how: Mapping[str, Any],
    folder: Path | None,
    advance: Advance,
) -> dict[str, Any]:
    budget, data = pictures.budget, pictures.chosen
    some = data.prepared(data.train_images[:GRADIENT_IMAGES])
    gradients = {
        name: first_gradient(
            Network(vgg_like(depth, budget.widths, batch_norm=batch_norm, initial=initial)),
            some,
            data.train_labels[:GRADIENT_IMAGES],
            seed,
        )
        for name, initial in INITIALS.items()
    }
    result = fit(
        Network(vgg_like(depth, budget.widths, batch_norm=batch_norm)),
        (data.prepared(data.train_images), data.train_labels),
        epochs=budget.passes,
        batch_size=budget.batch_size,
        seed=seed,
        **how,
        progress=False,
        on_epoch=lambda epoch: advance(epoch.number / budget.passes),
    )
    tests = slice(0, budget.tests)
    found = evaluate(
        result.network, data.test_images[tests], data.test_labels[tests], prepare=data.prepared
    )
    return {
        "test_error": found.error,
        "first_gradients": gradients,
        "train_losses_by_pass": [epoch.train_loss for epoch in result.history],
        "train_errors_by_pass": [epoch.train_error for epoch in result.history],
        "train_seconds": result.seconds,
    }
