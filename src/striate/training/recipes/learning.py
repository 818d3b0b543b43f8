"""What the recipes' trainings have in common: how they begin, what they take, how far they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import NDArray

from striate.network import Network
from striate.training.data.dataset import Dataset
from striate.training.fitting import fit
from striate.training.result import Result

__all__ = ["Advance", "learn", "step_seconds", "steps"]

Advance = Callable[[float], None]
"""Called now and then with the share of a run that is done, 0 to 1."""

ENOUGH = 0.2  # seconds: more steps are taken until they take so long
FIRST, LARGEST = 4, 256  # steps


def learn(
    network: Network,
    examples: Dataset | tuple[NDArray[Any], NDArray[Any]],
    how: Mapping[str, Any],
    seed: int,
    advance: Advance,
    **others: Any,
) -> Result:
    """Train in silence; `how` and `others` are arguments of `striate.fit`, `epochs` in `how`."""
    return fit(
        network,
        examples,
        seed=seed,
        **how,
        **others,
        progress=False,
        on_epoch=lambda epoch: advance(epoch.number / how["epochs"]),
    )


def steps(how: Mapping[str, Any], count: int) -> int:
    """Return how many steps a training takes that learns from so many examples in each pass.

    Examples
    --------
    >>> steps({"epochs": 3, "batch_size": 32}, 100)
    12
    """
    passes, batch = int(how["epochs"]), int(how["batch_size"])
    return passes * -(-count // batch)


def step_seconds(
    network: Network, images: NDArray[Any], labels: NDArray[Any], how: Mapping[str, Any]
) -> float:
    """Return the seconds that a step of training takes here, on the average of a few.

    Parameters
    ----------
    images, labels
        As for `striate.fit`; the first of them are used, over again if need be.
    how
        Arguments of `striate.fit`, with `batch_size`; `epochs` makes no difference.

    Examples
    --------
    >>> import striate as st
    >>> digits = st.training.data.load("digits", size=16)
    >>> examples = digits.train_images[:8], digits.train_labels[:8]
    >>> how = {"batch_size": 1, "learning_rate": 0.01}
    >>> 0 < step_seconds(st.load("lenet-1989"), *examples, how) < 10
    True
    """
    wanted, batch = FIRST, how["batch_size"]
    while True:
        count = min(wanted * batch, len(labels))
        few = {**how, "epochs": max(1, wanted * batch // count)}
        result = fit(network, (images[:count], labels[:count]), **few, progress=False)
        if result.seconds >= ENOUGH or wanted >= LARGEST:
            return result.seconds / steps(few, count)
        wanted = min(LARGEST, 4 * wanted)
