"""Table 3 of the paper that `all_cnn` repeats, and what its runs came to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from striate.training.recipes.spread import Spread

__all__ = [
    "AUGMENTED",
    "PAPERS_CHANNELS",
    "PAPERS_ORDER",
    "PRINTED",
    "PUBLISHED",
    "PUBLISHED_AUGMENTED",
    "Chosen",
    "Runs",
    "chosen",
    "learnt",
    "tests",
]

PUBLISHED = {
    "a": (12.47, 13.46, 10.21, 10.30),
    "b": (10.20, 10.98, 9.33, 9.10),
    "c": (9.74, 10.19, 9.31, 9.08),
}
"""Error on CIFAR-10 in per cent without augmentation, in the order of `VARIANTS`: table 3."""

PUBLISHED_AUGMENTED = 7.25
"""Of All-CNN-C, with flips and shifts: table 3."""

PAPERS_CHANNELS = (96, 192)
"""Maps of the first and of the later layers: tables 1 and 2."""

PAPERS_ORDER = ("all-cnn", "convpool-cnn", "base", "strided-cnn")
"""From the best to the worst for bases B and C."""

PRINTED = {"a": "0.9 M", "b": "1 M", "c": "1.3 M"}
"""Parameters of the base networks, as section 3 prints them."""

AUGMENTED = "flip,shift:5"
Runs = Mapping[str, Mapping[str, Any]]
Chosen = Mapping[str, list[Mapping[str, Any]]]
"""Results by network, and in them by seed."""


def chosen(runs: Runs, network: str, passes: int, augment: str = "none") -> list[Mapping[str, Any]]:
    """Return a network's results by rising seeds, with the rate that did best when held out."""
    by_rate: dict[float, list[Mapping[str, Any]]] = {}
    for run in sorted(runs.values(), key=lambda run: int(run["settings"]["seed"])):
        of = run["settings"]
        if (of["network"], of["epochs"], of["augment"]) == (network, passes, augment):
            by_rate.setdefault(of["learning_rate"], []).append(run["result"])
    if len(by_rate) < 2:
        return next(iter(by_rate.values()), [])
    return min(by_rate.values(), key=lambda rs: sum(r["validation_error"] for r in rs) / len(rs))


def tests(results: list[Mapping[str, Any]]) -> Spread:
    """Return the test errors in per cent."""
    return Spread(100 * result["test_error"] for result in results)


def learnt(results: list[Mapping[str, Any]]) -> Spread:
    """Return the training errors of the last pass in per cent."""
    return Spread(100 * result["train_errors_by_pass"][-1] for result in results)
