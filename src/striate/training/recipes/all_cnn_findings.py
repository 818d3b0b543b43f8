"""What the runs of `all_cnn` show, in words that follow from their figures."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from striate.network.zoo.all_cnn import VARIANTS
from striate.training.recipes.all_cnn_results import PUBLISHED, Chosen, learnt, tests
from striate.training.recipes.report_card import Assumption
from striate.training.recipes.wording import passes_text
from striate.training.wording import count_text

__all__ = ["assumptions", "gaps", "notes", "stalled", "verdict"]

STALLED = 85.0
"""Per cent of the test images wrong from which on a run has not begun to learn: guessing has 90."""


def verdict(base: str, chosen: Chosen) -> str:
    """Say whether the paper's order came out, step by step, and what speaks for chance."""
    errors = {variant: tests(chosen[f"{variant}-{base}"]) for variant in VARIANTS}
    published = dict(zip(VARIANTS, PUBLISHED[base], strict=True))
    paper = sorted(VARIANTS, key=lambda variant: published[variant])
    here = sorted(VARIANTS, key=lambda variant: errors[variant].mean)
    steps = []
    for better, worse in pairwise(paper):
        gap, paper_gap = errors[worse] - errors[better], published[worse] - published[better]
        steps.append(f"{worse} less {better} {gap.text(2)}, published {paper_gap:.2f}")
    came = "came out" if here == paper else f"did not come out: here it is {', '.join(here)}"
    wrong: dict[str, float] = {v: learnt(chosen[f"{v}-{base}"]).mean for v in VARIANTS}
    return (
        f"Base {base.upper()}: the paper's order from the best to the worst, {', '.join(paper)}, "
        f"{came}. Steps in points of test error, seed by seed: {'; '.join(steps)}. "
        "In the last pass "
        + ", ".join(f"{v} got {wrong[v]:.1f} %" for v in VARIANTS)
        + f" of the training images wrong{'.' if here == paper else _reason(wrong)}"
    )


def _reason(wrong: Mapping[str, float]) -> str:
    """Say what the training errors suggest where the order is another."""
    if wrong["all-cnn"] > wrong["base"]:
        return (
            ": the network that must learn its reduction has not learnt its training images as "
            "well as the one that pools, which suggests that at this budget they differ in how "
            "fast they learn, and in the paper in how they end."
        )
    return ", which does not explain it."


def gaps(bases: list[str], passes: list[int], by_passes: list[Chosen]) -> tuple[str, ...]:
    """Say how far the network without pooling is from the one with it, as training gets longer."""
    if len(passes) < 2:
        return ()
    texts = []
    for base in reversed(bases):
        steps = []
        for count, chosen in zip(passes, by_passes, strict=True):
            gap = tests(chosen[f"all-cnn-{base}"]) - tests(chosen[f"base-{base}"])
            steps.append(f"{gap.text(2)} after {passes_text(count)}")
        texts.append(
            f"Base {base.upper()}: All-CNN's test error less the base's, in points, seed by seed: "
            f"{', '.join(steps)}; published, after 350 passes over five times the images at full "
            f"width: {PUBLISHED[base][3] - PUBLISHED[base][0]:.2f}."
        )
    return tuple(texts)


def stalled(passes: list[int], by_passes: list[Chosen]) -> tuple[str, ...]:
    """Say which runs never left the error of guessing, as repetitions of the paper are known to."""
    runs = [
        (
            f"{network}, seed {seed}, {passes_text(count)}",
            100 * result["test_error"],
        )
        for count, results in zip(passes, by_passes, strict=True)
        for network, by_seed in results.items()
        for seed, result in enumerate(by_seed)
    ]
    stuck = [f"{name} ({error:.1f} %)" for name, error in runs if error > STALLED]
    of_all = f"of the {count_text(len(runs), 'run')} stalled near 90 % error"
    if not stuck:
        return (f"None {of_all}.",)
    return (
        f"{len(stuck)} {of_all}: {', '.join(stuck)}. He's "
        "weights do not rule that out: the scores pass a ReLU, as the paper has it, and scores "
        "that are 0 for all images have no gradient.",
    )


def notes(budget: Mapping[str, Any]) -> tuple[str, ...]:
    """Say where the paper is at odds with itself, and what a small budget is not."""
    always = (
        "The paper prints 1.3 M parameters for base C, but its tables define 0.955 M: the figure "
        "fits ConvPool-C and All-CNN-C.",
    )
    if budget["passes"][-1] >= 350:
        return always
    first, second = budget["channels"]
    return (
        *always,
        f"Errors measured are those of networks of {first} and {second} maps; the published ones "
        "beside them are those of 96 and 192 maps. The first table has the parameters of both.",
        "The errors of a small budget are not the paper's to compare with: only their order is.",
        "The paper's protocol is `striate reproduce all-cnn --budget full --device cuda`; its "
        "figures on a GPU are still to be measured.",
    )


def assumptions(budget: Mapping[str, Any]) -> tuple[Assumption, ...]:
    """Return what the paper leaves open, and what a small budget changes."""
    several = len(budget["rates"]) > 1
    always = (
        Assumption(
            "the initial weights",
            "does not say how they are drawn; repetitions that drew them without care are known to "
            "stay at 90 % error",
            "normal, as He et al. 2015 (arXiv:1502.01852) have it for ReLU; biases begin at 0",
        ),
        Assumption(
            "the last 3x3 convolution",
            "averages over 6x6 in the end",
            "it is not padded, which makes 8x8 6x6",
        ),
        Assumption("the batch", "does not give its size", f"{budget['batch_size']} images"),
        Assumption(
            "the learning rate",
            "takes one of 0.25, 0.1, 0.05 and 0.01 for each network and does not say how it chose",
            "the one with the smallest error on a tenth of the training images, which are held out"
            if several
            else f"{budget['rates'][0]:g} for all",
        ),
    )
    longest = budget["passes"][-1]
    if longest >= 350:
        return always
    images, (first, second) = budget["images"], budget["channels"]
    return (
        *always,
        Assumption(
            "the budget",
            "learns from 50,000 images in 350 passes",
            f"from {images:,} of them in {longest}; shorter trainings are there to compare with",
        ),
        Assumption("the width", "has 96 and 192 maps", f"{first} and {second}"),
        Assumption(
            "the schedule",
            "divides the rate by ten after 200, 250 and 300 passes",
            f"one rise and fall ({budget['schedule']}), and gradients are clipped to a norm of "
            f"{budget['clip_norm']:g}",
        ),
        Assumption(
            "regularisation",
            "drops 20 % of the input and 50 % after each reduction",
            f"{budget['dropout'][0]:.0%} and {budget['dropout'][1]:.0%}: so short a training does "
            "not fit its images too closely",
        ),
        Assumption(
            "preparation",
            "normalises contrast and whitens",
            f"{budget['preparation']}: contrast alone"
            if "zca" not in budget["preparation"]
            else budget["preparation"],
        ),
    )
