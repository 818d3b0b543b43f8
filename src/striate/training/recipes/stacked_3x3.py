"""One 5x5 against two 3x3 with the same receptive field.

K. Simonyan and A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
arXiv:1409.1556, ICLR 2015.

- Section 2.3: a stack of two 3x3 convolutions without pooling between has a receptive field of 5x5,
  takes 2 * 9 C^2 weights in place of 25 C^2, and has two nonlinearities in place of one.
- Section 4.1: a network with 5x5 convolutions in place of each pair of 3x3 got 7 % more of
  ImageNet's validation images wrong (top-1, on a central crop).

Here: three networks on small images, of 16 channels after a first 3x3 convolution, then two blocks,
each followed by 2x2 max pooling, and a fully connected layer. A block is one 5x5 convolution and a
ReLU; or two 3x3 with a ReLU after each; or two 3x3 with a ReLU after the second alone, which is no
more than one 5x5 of a restricted form, and tells what is due to the nonlinearity. All see
the same pixels: a receptive field of 18 when the last pooling is done.

All are trained alike: Adam, batches of 32, cross-entropy, the rate falling from 0.003 to 0 along a
cosine. (Of 0.001 and 0.003, the latter left all three with fewer errors among the last 1,500
training digits when trained on the 5,791 others: on average of two seeds and 8 passes 28 and 20 for
one 5x5, 38 and 20 for two 3x3, 38 and 25 without the ReLU between.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from striate.errors import UnknownNameError
from striate.network import Builder, Network
from striate.network.operators import Relu
from striate.training.data.dataset import Dataset
from striate.training.evaluation import evaluate
from striate.training.recipes.learning import Advance, learn, step_seconds, steps
from striate.training.recipes.seen import seen
from striate.training.recipes.stacked_3x3_card import card_of
from striate.training.recipes.trials import Experiment, Trial

__all__ = ["BUDGETS", "DATA", "KINDS", "Budget", "experiment", "network"]

DATA = "usps"
KINDS = ("one 5x5", "two 3x3", "two 3x3, linear between")
CHANNELS = 16
SIZE = 16
ROUNDS = 15  # of timing
HOW: dict[str, Any] = {
    "optimizer": "adam",
    "learning_rate": 3e-3,
    "schedule": "cosine",
    "loss": "cross-entropy",
    "batch_size": 32,
}


@dataclass(frozen=True, slots=True)
class Budget:
    """How many passes each run has, and from how many seeds; `name` changes nothing."""

    passes: int
    seeds: int
    name: str = "own"


BUDGETS = {"small": Budget(4, 3, "small"), "full": Budget(12, 10, "full")}


def network(
    kind: str, image_shape: tuple[int, ...] = (1, SIZE, SIZE), classes: int = 10
) -> Network:
    """Return an untrained network with blocks of this kind.

    Raises
    ------
    UnknownNameError

    Examples
    --------
    >>> from striate.network import inspect
    >>> [inspect(network(kind).graph).totals.parameters for kind in KINDS]
    [15562, 12010, 12010]
    """
    if kind not in KINDS:
        raise UnknownNameError.of("kind of block", kind, KINDS)
    b = Builder(kind.replace(" ", "-").replace(",", ""), (None, *image_shape))
    x = b.conv(b.input, "first", channels=CHANNELS, kernel=3, padding=1)
    x = b.add(Relu(), x, name="first.relu")
    for block in ("block1", "block2"):
        if kind == "one 5x5":
            x = b.conv(x, block, channels=CHANNELS, kernel=5, padding=2)
        else:
            x = b.conv(x, f"{block}.a", channels=CHANNELS, kernel=3, padding=1)
            if kind == "two 3x3":
                x = b.add(Relu(), x, name=f"{block}.a.relu")
            x = b.conv(x, f"{block}.b", channels=CHANNELS, kernel=3, padding=1)
        x = b.add(Relu(), x, name=f"{block}.relu")
        x = b.max_pool(x, f"{block}.pool", kernel=2)
    return Network(b.graph(b.linear(x, "output", features=classes)))


def experiment(
    budget: Budget, data: Dataset, *, seeds: int | None = None, device: str = "cpu"
) -> Experiment:
    """Return the runs, each kind from several seeds and then their times; and their card."""
    images = seen(data, SIZE)
    trials = (
        *(
            _trial(kind, seed, images, device, budget.passes)
            for seed in range(seeds or budget.seeds)
            for kind in KINDS
        ),
        _timing(images, device),
    )
    about = {"budget": budget.name, "seeds": seeds, "data": images.name, "device": device}
    graphs = {kind: network(kind, images.image_shape, len(images.classes)).graph for kind in KINDS}
    return Experiment("stacked-3x3", about, trials, partial(card_of, graphs))


def _trial(kind: str, seed: int, data: Dataset, device: str, passes: int) -> Trial:
    untrained = network(kind, data.image_shape, len(data.classes))
    how = {**HOW, "device": device, "epochs": passes}
    return Trial(
        name=f"{untrained.name}-seed-{seed}",
        settings={"data": data.name, "kind": kind, "seed": seed, **how},
        work=partial(_work, untrained, data, seed, how),
        kind=kind,
        steps=steps(how, len(data.train_labels)),
        sample=partial(step_seconds, untrained, data.train_images, data.train_labels, how),
    )


def _work(
    untrained: Network,
    data: Dataset,
    seed: int,
    how: Mapping[str, Any],
    folder: Path | None,
    advance: Advance,
) -> dict[str, Any]:
    result = learn(untrained, (data.train_images, data.train_labels), how, seed, advance)
    found = evaluate(result.network, data.test_images, data.test_labels)
    return {
        "test_error": found.error,
        "train_error": result.history[-1].train_error,
        "train_seconds": result.seconds,
    }


def _timing(data: Dataset, device: str) -> Trial:
    """Return the run that measures times: the kinds take turns, each on one thread."""
    untrained = [network(kind, data.image_shape, len(data.classes)) for kind in KINDS]
    how = {**HOW, "device": device, "threads": 1}
    examples = data.train_images, data.train_labels

    def work(folder: Path | None, advance: Advance) -> dict[str, Any]:
        seconds: list[list[float]] = []
        for number in range(ROUNDS):
            seconds.append([step_seconds(one, *examples, how) for one in untrained])
            advance((number + 1) / ROUNDS)
        columns = zip(*seconds, strict=True)
        return {"step_seconds": dict(zip(KINDS, columns, strict=True))}

    return Trial(
        name="times",
        settings={"data": data.name, "rounds": ROUNDS, **how},
        work=work,
        kind="times",
        steps=ROUNDS * len(KINDS) * 100,  # about as many as fit into the time that is enough
        sample=partial(step_seconds, untrained[0], *examples, how),
    )
