"""From dense layers to convolution: what locality and shared weights buy.

Y. LeCun, "Generalization and Network Design Strategies", Technical Report CRG-TR-89-4, University
of Toronto, 1989; in R. Pfeifer et al. (editors), Connectionism in Perspective, Elsevier, 1989.

- Section 5 sets five networks side by side on 480 images of 16x16, 320 to train on, 160 to test;
  table 1 has links, weights and errors: Net-2, a dense hidden layer; Net-3, two hidden layers of
  local windows with own weights; Net-5, windows whose weights are shared.
- Here: three networks of equal width (`mlp_to_cnn_networks`), the same in everything but what a
  unit reads and what it shares, on the digits of LeCun et al. 1989, `usps`, from 100 of them to
  all.

All are trained alike: Adam, batches of 32, cross-entropy, the rate falling from 0.003 to 0 along a
cosine, the same number of steps whatever the number of digits. (Of rates of 0.0003, 0.001 and
0.003, the last left all three kinds with the fewest errors, or within 0.1 % of them, among the last
1,500 training digits when trained on 5,791 others; on 300 of them too.) Measured, too, is what
becomes of the errors when the test digits move by 1 to 3 pixels, as none did in training, and how
well each layer follows: a layer is equivariant if the shifted image gives the shifted maps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.network import Network
from striate.runtime import compile
from striate.training.data.dataset import Dataset
from striate.training.evaluation import evaluate
from striate.training.recipes.learning import Advance, learn, step_seconds, steps
from striate.training.recipes.mlp_to_cnn_card import card_of
from striate.training.recipes.mlp_to_cnn_networks import (
    FIELD,
    JUMPS,
    KINDS,
    activations,
    as_maps,
    network,
)
from striate.training.recipes.seen import seen
from striate.training.recipes.shifting import (
    DIRECTIONS,
    equivariance_error,
    moved,
    relative_difference,
)
from striate.training.recipes.trials import Experiment, Trial

__all__ = ["BUDGETS", "DATA", "Budget", "experiment", "framed", "measured"]

DATA = "usps"
SIZE = 16
SIZES = (100, 300, 1000, 3000)  # and all there are
SHIFTS = (0, 1, 2, 3)
FARTHEST = 4  # pixels, for equivariance: one unit of the second layer
COMPARED = 500  # digits by which equivariance is measured
HOW: dict[str, Any] = {
    "optimizer": "adam",
    "learning_rate": 3e-3,
    "schedule": "cosine",
    "loss": "cross-entropy",
    "batch_size": 32,
}
PAPER = -1.0  # what paper is in the images


@dataclass(frozen=True, slots=True)
class Budget:
    """How many steps each run has, and from how many seeds; `name` changes nothing."""

    steps: int
    seeds: int
    name: str = "own"


BUDGETS = {"small": Budget(1000, 3, "small"), "full": Budget(2000, 10, "full")}


def experiment(
    budget: Budget, data: Dataset, *, seeds: int | None = None, device: str = "cpu"
) -> Experiment:
    """Return the runs, the three networks on growing parts of the digits; and their card.

    A seed decides the initial weights, the order, and which digits are in the smaller parts: the
    same for all three.
    """
    digits = framed(seen(data, SIZE))
    total = len(digits.train_labels)
    sizes = (*(size for size in SIZES if size < total), total)
    trials = tuple(
        _trial(kind, size, seed, digits, device, budget.steps)
        for seed in range(seeds or budget.seeds)
        for size in sizes
        for kind in KINDS
    )
    about = {"budget": budget.name, "seeds": seeds, "data": digits.name, "device": device}
    return Experiment("mlp-to-cnn", about, trials, partial(card_of, sizes))


def framed(data: Dataset) -> Dataset:
    """Return digits in the middle of a larger sheet of paper, on which they can move."""
    before = (FIELD - SIZE) // 2
    after = FIELD - SIZE - before
    width = ((0, 0), (0, 0), (before, after), (before, after))

    def wide(images: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.pad(images, width, constant_values=PAPER)

    return replace(data, train_images=wide(data.train_images), test_images=wide(data.test_images))


def _trial(kind: str, size: int, seed: int, data: Dataset, device: str, most: int) -> Trial:
    part = data if size == len(data.train_labels) else data.subset(size, seed)
    passes = -(-most // steps({**HOW, "epochs": 1}, size))
    how = {**HOW, "epochs": passes, "device": device}
    return Trial(
        name=f"{kind}-{size}-seed-{seed}",
        settings={"data": data.name, "kind": kind, "digits": size, "seed": seed, **how},
        work=partial(_work, kind, part, seed, how),
        kind=kind,
        steps=steps(how, size),
        sample=partial(step_seconds, network(kind), data.train_images, data.train_labels, how),
    )


def _work(
    kind: str,
    data: Dataset,
    seed: int,
    how: Mapping[str, Any],
    folder: Path | None,
    advance: Advance,
) -> dict[str, Any]:
    result = learn(network(kind), (data.train_images, data.train_labels), how, seed, advance)
    return {
        "train_seconds": result.seconds,
        **measured(kind, result.network, data.test_images, data.test_labels),
    }


def measured(
    kind: str, trained: Network, images: NDArray[np.float32], labels: NDArray[np.int64]
) -> dict[str, Any]:
    """Return the share of errors for each of `SHIFTS`, and how far each layer is from following.

    Both are means over the four directions. ``equivariance`` has, for each layer, the error by
    shifts of 1 to 4 pixels; that of the scores is their relative change, since what tells digits
    apart should not follow but stay.
    """
    errors = []
    for far in SHIFTS:
        ways = DIRECTIONS if far else ((0, 0),)
        found = [
            evaluate(trained, moved(images, (far * down, far * right), PAPER), labels).error
            for down, right in ways
        ]
        errors.append(float(np.mean(found)))
    return {"errors": errors, "equivariance": _equivariance(kind, trained, images[:COMPARED])}


def _equivariance(
    kind: str, trained: Network, images: NDArray[np.float32]
) -> dict[str, list[float]]:
    program = compile(activations(trained))
    still = program(images)
    table: dict[str, list[float]] = {"layer 1": [], "layer 2": [], "scores": []}
    for far in range(1, FARTHEST + 1):
        errors: dict[str, list[float]] = {name: [] for name in table}
        for down, right in DIRECTIONS:
            after = program(moved(images, (far * down, far * right), PAPER))
            for layer, jump in enumerate(JUMPS):
                first, then = (as_maps(kind, layer, found[layer]) for found in (still, after))
                by, axis = far * (down + right) / jump, 2 if down else 3
                errors[f"layer {layer + 1}"].append(equivariance_error(first, then, by, axis))
            errors["scores"].append(relative_difference(after[2], still[2]))
        for name, values in errors.items():
            table[name].append(float(np.mean(values)))
    return table
