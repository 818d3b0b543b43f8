"""Pooling or strides, where the signal is weak: what the lecture says of forensics, put to a test.

- Claim: networks of forensics do not pool in early layers. M. Boroumand, M. Chen, J. Fridrich,
  "Deep residual network for steganalysis of digital images", IEEE Transactions on Information
  Forensics and Security 14(5), 2019, section III: average pooling is a low-pass filter, which
  suppresses the noise-like signal of a message, so their first layers have none.
- Signal: LSB matching, `recipes.steganography`.
- Networks: `recipes.pool_or_stride_networks`: nine, which halve their maps by averages, maxima or
  strides; on the residual of the high-pass itself, after the first layers, or after the last.
- Pictures: CIFAR-10's, in grey, each one another photograph; and photographs in full size, cut into
  squares of 32x32, of which each is tested on by networks that have seen none of its squares.
- Explanation: `recipes.pooling_spectra`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import DTypeError
from striate.training.data.dataset import Dataset
from striate.training.evaluation import evaluate
from striate.training.recipes import pool_or_stride_card, pooling_spectra, steganography
from striate.training.recipes.learning import Advance, learn, step_seconds, steps
from striate.training.recipes.pool_or_stride_networks import NAMES, network
from striate.training.recipes.trials import Experiment, Trial

__all__ = ["BUDGETS", "DATA", "HOW", "Budget", "Covers", "experiment"]

DATA = "cifar-10"
SIZE = 32
Set = tuple[NDArray[np.float32], NDArray[np.int64]]

HOW: dict[str, Any] = {
    "optimizer": "adamw",
    "learning_rate": 0.01,
    "weight_decay": 1e-3,
    "batch_size": 64,
    "schedule": "one-cycle:rise=0.2",
    "loss": "cross-entropy",
}
"""How every network is trained. The rate was not tuned to any of them."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How much is trained.

    Parameters
    ----------
    pictures, tests : int
        Of CIFAR-10, to learn from and to be tested on; each comes once without a message and once
        with one.
    passes : int
    rates : tuple of float
        Bits per pixel.
    seeds : int
    copies, photograph_passes : int
        How often each square of a photograph is used in a pass, turned, and the passes.
    photograph_rate : float
    folds : int
        Parts that the photographs are dealt into.
    name : str
        What it is called; it changes nothing.
    """

    pictures: int
    tests: int
    passes: int
    rates: tuple[float, ...]
    seeds: int
    copies: int
    photograph_passes: int
    photograph_rate: float
    folds: int
    name: str = "own"


BUDGETS = {
    "small": Budget(4000, 2000, 3, (1.0, 0.5), 3, 2, 4, 1.0, 5, "small"),
    "full": Budget(45000, 10000, 10, (1.0, 0.5, 0.25), 5, 8, 10, 1.0, 5, "full"),
}


class Covers:
    """The pictures, with and without messages, made when they are wanted.

    Parameters
    ----------
    data : Dataset
        Of colour pictures, uint8, (N, 3, 32, 32).
    photographs : mapping of name to (H, W) uint8 array
        May be empty.
    """

    def __init__(
        self, data: Dataset, photographs: Mapping[str, NDArray[np.uint8]], budget: Budget
    ) -> None:
        if data.train_images.dtype != np.uint8 or data.image_shape != (3, SIZE, SIZE):
            raise DTypeError(
                f"{data.name}: its images are {data.train_images.dtype} {data.image_shape}: "
                f"messages hide in uint8 pictures (3, {SIZE}, {SIZE}), as cifar-10 has them"
            )
        self.data, self.photographs, self.budget = data, photographs, budget
        self.folds = steganography.split(photographs, budget.folds) if photographs else ()
        self._last: tuple[tuple[str, float, int], tuple[Set, Set]] | None = None

    def parts(self, covers: str, rate: float, seed: int) -> tuple[Set, Set]:
        """Return what to learn from and what to be tested on; no picture is in both.

        `covers` is "pictures" or "photographs", of which the seed's fold is tested on.
        """
        key = covers, rate, seed
        if self._last is None or self._last[0] != key:
            self._last = (
                key,
                (self._pictures if covers == "pictures" else self._squares)(rate, seed),
            )
        return self._last[1]

    def _pictures(self, rate: float, seed: int) -> tuple[Set, Set]:
        learnt = steganography.grey(self.data.train_images[: self.budget.pictures])
        tested = self.tested()
        return (
            steganography.examples(learnt, rate, 2 * seed),
            steganography.examples(tested, rate, 2 * seed + 1),
        )

    def _squares(self, rate: float, seed: int) -> tuple[Set, Set]:
        tested = self.folds[seed]
        learnt = [name for name in self.photographs if name not in tested]
        parts = (
            steganography.gathered(self.photographs, names, SIZE) for names in (learnt, tested)
        )
        training, testing = parts
        return (
            steganography.examples(training, rate, 2 * seed, copies=self.budget.copies),
            steganography.examples(testing, rate, 2 * seed + 1),
        )

    def tested(self) -> NDArray[np.uint8]:
        """Return the small pictures that are tested on, in grey."""
        return steganography.grey(self.data.test_images[: self.budget.tests])


def experiment(
    budget: Budget,
    data: Dataset,
    *,
    seeds: int | None = None,
    device: str = "cpu",
    photographs: Mapping[str, NDArray[np.uint8]] | None = None,
    names: tuple[str, ...] = NAMES,
) -> Experiment:
    """Return the runs, and how their card is made.

    By default, `photographs` are those of the folder ``images`` in the folder that STRIATE_DATA
    names. Where there are none, that part is left out, and the card says so.

    Raises
    ------
    DTypeError
        If `data` are no colour pictures of 32x32.
    FileError
        If a photograph cannot be read.
    """
    at_hand = steganography.photographs() if photographs is None else photographs
    covers = Covers(data, at_hand, budget)
    count = seeds or budget.seeds
    plan = [("pictures", rate, seed) for rate in budget.rates for seed in range(count)]
    plan += [("photographs", budget.photograph_rate, fold) for fold in range(len(covers.folds))]
    trials = tuple(_trial(covers, *of, name, device) for of in plan for name in names)
    about = {"budget": budget.name, "seeds": count, "data": data.name, "device": device}
    about |= {"photographs": len(covers.photographs)}
    card = partial(pool_or_stride_card.card, names, covers.folds, partial(_explained, covers))
    return Experiment("pool-or-stride", about, trials, card)


def _trial(covers: Covers, kind: str, rate: float, seed: int, name: str, device: str) -> Trial:
    budget = covers.budget
    sizes = {key: value for key, value in asdict(budget).items() if key != "name"}
    passes = budget.passes if kind == "pictures" else budget.photograph_passes
    how = {**HOW, "epochs": passes, "device": device}

    def sample() -> float:
        return step_seconds(network(name, seed), *covers.parts(kind, rate, seed)[0], how)

    return Trial(
        name=f"{kind}-{rate:g}-{name.replace(' ', '-')}-seed-{seed}",
        settings={"covers": kind, "rate": rate, "seed": seed, "network": name, **how}
        | {
            "budget": sizes,
            "data": covers.data.name,
            "photographs": len(covers.folds),
        },
        work=partial(_work, covers, kind, rate, seed, name, how),
        kind=name,
        steps=steps(how, _count(covers, kind, seed)),
        sample=sample,
    )


def _count(covers: Covers, kind: str, seed: int) -> int:
    """Return how many examples a pass has."""
    if kind == "pictures":
        return 2 * min(covers.budget.pictures, len(covers.data.train_images))
    squares: int = sum(
        (pixels.shape[0] // SIZE) * (pixels.shape[1] // SIZE)
        for name, pixels in covers.photographs.items()
        if name not in covers.folds[seed]
    )
    return 2 * squares * covers.budget.copies


def _work(
    covers: Covers,
    kind: str,
    rate: float,
    seed: int,
    name: str,
    how: Mapping[str, Any],
    folder: Path | None,
    advance: Advance,
) -> dict[str, Any]:
    learnt, tested = covers.parts(kind, rate, seed)
    result = learn(network(name, seed), learnt, how, seed, advance)
    found = evaluate(result.network, *tested)
    table = found.confusion
    return {
        "test_error": found.error,
        "false_alarms": float(table[0, 1] / table[0].sum()),
        "misses": float(table[1, 0] / table[1].sum()),
        "train_errors_by_pass": [epoch.train_error for epoch in result.history],
        "train_seconds": result.seconds,
        "examples": len(learnt[1]),
        "tests": len(tested[1]),
    }


def _explained(covers: Covers) -> pool_or_stride_card.Explanation:
    """Measure what reductions do to the signal, on the pictures that are tested on."""
    rate = covers.budget.rates[0]
    pictures = covers.tested()
    random = np.random.default_rng(0)
    stegos = steganography.lsb_matching(pictures, rate, random)
    return pool_or_stride_card.Explanation(
        rate,
        pooling_spectra.kept(pictures, stegos),
        pooling_spectra.spectra(pictures, stegos),
        pooling_spectra.theory(rate / 2),
    )
