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
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from striate.network import Network
from striate.network.graph import Initial
from striate.runtime import Trainable
from striate.training.data.dataset import Dataset
from striate.training.losses import cross_entropy, targets
from striate.training.recipes import vgg_depth_card
from striate.training.recipes.learning import Advance, learn, steps
from striate.training.recipes.pictures import Pictures
from striate.training.recipes.trials import Experiment, Trial
from striate.training.recipes.vgg_depth_networks import vgg_like

__all__ = ["BUDGETS", "DATA", "INITIALS", "Budget", "experiment", "first_gradient"]

DATA = "cifar-10"
TRAINED = "He et al."
INITIALS: dict[str, Initial | None] = {TRAINED: None, "VGG": Initial("normal", 0.1)}
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


SMALL = Budget(
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
)
BUDGETS = {
    "small": SMALL,
    "full": replace(
        SMALL,
        widths=(64, 128, 256, 512),
        images=None,
        tests=None,
        passes=100,
        batch_size=128,
        learning_rate=0.05,
        augment="flip,shift:4",
        name="full",
    ),
}


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
    pictures = Pictures(data, budget.images, budget.tests, "standardize")
    count = seeds or budget.seeds
    plan = product(range(count), budget.depths, (False, True))
    trials = tuple(_trial(budget, pictures, device, *of) for of in plan)
    about = {"budget": budget.name, "seeds": count, "data": data.name, "device": device}
    return Experiment("vgg-depth", about, trials, partial(vgg_depth_card.card, asdict(budget)))


def _trial(
    budget: Budget, pictures: Pictures, device: str, seed: int, depth: int, batch_norm: bool
) -> Trial:
    network = Network(vgg_like(depth, budget.widths, batch_norm=batch_norm))
    how = {
        "learning_rate": budget.learning_rate,
        "momentum": 0.9,
        "weight_decay": budget.weight_decay,
        "schedule": budget.schedule,
        "augment": budget.augment,
        "device": device,
    }
    whole = {"epochs": budget.passes, "batch_size": budget.batch_size, **how}
    return Trial(
        name=f"{network.name}-seed-{seed}",
        settings={"depth": depth, "batch_norm": batch_norm, "seed": seed}
        | {
            "data": pictures.data.name,
            "budget": asdict(budget) | {"depths": [], "seeds": 0, "name": ""},
            **how,
        },
        work=partial(_work, budget, pictures, depth, batch_norm, seed, whole),
        kind=network.name,
        steps=steps(whole, pictures.count),
        sample=partial(pictures.step_seconds, network, whole),
    )


def _work(
    budget: Budget,
    pictures: Pictures,
    depth: int,
    batch_norm: bool,
    seed: int,
    how: Mapping[str, Any],
    folder: Path | None,
    advance: Advance,
) -> dict[str, Any]:
    networks = {
        name: Network(vgg_like(depth, budget.widths, batch_norm=batch_norm, initial=initial))
        for name, initial in INITIALS.items()
    }
    examples = pictures.examples
    images, labels = (part[:GRADIENT_IMAGES] for part in examples)
    gradients = {
        name: first_gradient(network, images, labels, seed) for name, network in networks.items()
    }
    result = learn(networks[TRAINED], examples, how, seed, advance)
    return {
        "test_error": pictures.judged(result.network).error,
        "first_gradients": gradients,
        "train_losses_by_pass": [epoch.train_loss for epoch in result.history],
        "train_errors_by_pass": [epoch.train_error for epoch in result.history],
        "train_seconds": result.seconds,
    }
