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
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.network import Network
from striate.runtime import compile
from striate.training.data.dataset import Dataset
from striate.training.evaluation import evaluate
from striate.training.fitting import fit
from striate.training.recipes.mlp_to_cnn_card import card_of
from striate.training.recipes.mlp_to_cnn_networks import (
    FIELD,
    JUMPS,
    KINDS,
    activations,
    as_maps,
    network,
)
from striate.training.recipes.report_card import ReportCard
from striate.training.recipes.seen import seen
from striate.training.recipes.shifting import (
    DIRECTIONS,
    equivariance_error,
    moved,
    relative_difference,
)
from striate.training.recipes.timing import sampler
from striate.training.recipes.trials import Advance, Experiment, Trial, conduct

__all__ = ["experiment", "framed", "measured", "run"]

SIZE = 16
SIZES = (100, 300, 1000, 3000)  # and all there are
STEPS = {"small": 1000, "full": 2000}
SEEDS = {"small": 3, "full": 10}
SHIFTS = (0, 1, 2, 3)
FARTHEST = 4  # pixels, for equivariance: one unit of the second layer
COMPARED = 500  # digits by which equivariance is measured
BATCH = 32
HOW: dict[str, Any] = {
    "optimizer": "adam",
    "learning_rate": 3e-3,
    "schedule": "cosine",
    "loss": "cross-entropy",
}
PAPER = -1.0  # what paper is in the images


def run(
    *,
    seeds: int | None = None,
    budget: str = "small",
    data: str | Dataset = "usps",
    device: str = "cpu",
    out: Path | None = None,
    progress: bool | None = None,
) -> ReportCard:
    """Train the three networks on growing parts of the digits, from several seeds.

    Parameters
    ----------
    seeds : int, optional
        3 in the small budget, 10 in the full one. A seed decides the initial weights, the order,
        and which digits are in the smaller parts: the same for all three.
    budget : "small" or "full"
        1,000 or 2,000 steps for each run.
    data, device, out, progress
        As for `striate.training.recipes.reproduce`.
    """
    plan = experiment(seeds=seeds, budget=budget, data=data, device=device)
    return conduct(plan, out=out, progress=progress)


def experiment(
    *, seeds: int | None, budget: str, data: str | Dataset, device: str, steps: int | None = None
) -> Experiment:
    """Return the runs and how their card is made; `steps` is for those who have no time."""
    digits = framed(seen(data, SIZE))
    total = len(digits.train_labels)
    sizes = (*(size for size in SIZES if size < total), total)
    trials = tuple(
        _trial(kind, size, seed, digits, device, steps or STEPS[budget])
        for seed in range(seeds or SEEDS[budget])
        for size in sizes
        for kind in KINDS
    )
    about = {"budget": budget, "seeds": seeds, "data": digits.name, "device": device}
    return Experiment("mlp-to-cnn", trials, partial(card_of, about, sizes), device)


def framed(data: Dataset) -> Dataset:
    """Return digits in the middle of a larger sheet of paper, on which they can move."""
    before = (FIELD - SIZE) // 2
    after = FIELD - SIZE - before
    width = ((0, 0), (0, 0), (before, after), (before, after))

    def wide(images: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.pad(images, width, constant_values=PAPER)

    return Dataset(
        data.name,
        wide(data.train_images),
        data.train_labels,
        wide(data.test_images),
        data.test_labels,
        data.classes,
        data.source,
        data.licence,
    )


def _trial(kind: str, size: int, seed: int, data: Dataset, device: str, steps: int) -> Trial:
    part = data if size == len(data.train_labels) else data.subset(size, seed)
    passes = -(-steps // -(-size // BATCH))
    how = {**HOW, "batch_size": BATCH, "epochs": passes, "device": device}
    others = {name: value for name, value in how.items() if name not in ("epochs", "batch_size")}
    return Trial(
        name=f"{kind}-{size}-seed-{seed}",
        settings={"data": data.name, "kind": kind, "digits": size, "seed": seed, **how},
        work=partial(_work, kind, part, seed, how),
        kind=kind,
        steps=passes * -(-size // BATCH),
        sample=sampler(network(kind), data.train_images, data.train_labels, BATCH, **others),
    )


def _work(
    kind: str,
    data: Dataset,
    seed: int,
    how: Mapping[str, Any],
    folder: Path | None,
    advance: Advance,
) -> dict[str, Any]:
    result = fit(
        network(kind),
        (data.train_images, data.train_labels),
        seed=seed,
        **how,
        progress=False,
        on_epoch=lambda epoch: advance(epoch.number / how["epochs"]),
    )
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
