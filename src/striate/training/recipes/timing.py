"""How long a step of training takes, by taking a few."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from striate.network import Network
from striate.training.fitting import fit

__all__ = ["sampler", "step_seconds"]

ENOUGH = 0.2  # seconds: more steps are taken until they take so long
FIRST, LARGEST = 4, 256  # steps


def step_seconds(
    network: Network, images: NDArray[Any], labels: NDArray[Any], batch_size: int, **settings: Any
) -> float:
    """Return the seconds that a step of training takes here, on the average of a few.

    Parameters
    ----------
    images, labels
        As for `striate.fit`; the first of them are used, over again if need be.
    settings
        Others of `striate.fit`, but `epochs`.

    Examples
    --------
    >>> import striate as st
    >>> digits = st.training.data.load("digits", size=16)
    >>> examples = digits.train_images[:8], digits.train_labels[:8]
    >>> 0 < step_seconds(st.load("lenet-1989"), *examples, 1, learning_rate=0.01) < 10
    True
    """
    steps = FIRST
    while True:
        count = min(steps * batch_size, len(labels))
        passes = max(1, steps * batch_size // count)
        part = images[:count], labels[:count]
        result = fit(
            network, part, epochs=passes, batch_size=batch_size, progress=False, **settings
        )
        done = passes * -(-count // batch_size)
        if result.seconds >= ENOUGH or steps >= LARGEST:
            return result.seconds / done
        steps = min(LARGEST, 4 * steps)


def sampler(
    network: Network, images: NDArray[Any], labels: NDArray[Any], batch_size: int, **settings: Any
) -> Callable[[], float]:
    """Return `step_seconds` of these, to be called when the time is wanted."""
    return lambda: step_seconds(network, images, labels, batch_size, **settings)
