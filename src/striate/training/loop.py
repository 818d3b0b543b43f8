"""One pass through the examples, in blocks of steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, prod
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.runtime.learning import Learner
from striate.training.data.augmentation import Augmentation
from striate.training.examples import Examples
from striate.training.schedules import Schedule

__all__ = ["Lessons", "NotFinite", "Pass", "rates_of", "run_pass"]

BRIEF = 0.02  # seconds: blocks of steps grow until they take so long
LONGEST = 1024  # steps in a block
LARGEST = 2**28  # bytes of the images of a block, unless one step needs more


@dataclass(eq=False)
class Pass:
    """How far a pass is: all that a checkpoint in its middle needs, beside the learner.

    `losses` are those of each example, in the order of the pass; as many are known as are `done`.
    """

    number: int
    losses: NDArray[np.float32]
    done: int = 0
    wrong: int = 0
    seconds: float = 0.0

    @property
    def loss(self) -> float:
        """The mean loss so far."""
        return float(self.losses[: self.done].mean(dtype=np.float64))

    @property
    def error(self) -> float:
        """The share of errors so far, 0 to 1."""
        return self.wrong / self.done


class NotFinite(Exception):
    """A loss was NaN or infinite; the step that met it, from 0, and its examples."""

    def __init__(self, step: int, images: NDArray[np.float32], labels: NDArray[np.int64]) -> None:
        super().__init__(step)
        self.step, self.images, self.labels = step, images, labels


class Lessons:
    """What a pass teaches at each of its places: it follows from seed and number alone.

    Parameters
    ----------
    examples : Examples
    number : int
        Of the pass, from 1.
    seed : int
    shuffle : bool
    changes : Augmentation or None
        The augmentation.
    """

    def __init__(
        self,
        examples: Examples,
        number: int,
        seed: int,
        *,
        shuffle: bool,
        changes: Augmentation | None,
    ) -> None:
        self._examples, self._changes = examples, changes
        self._order: NDArray[np.int64] | None = None
        if shuffle:
            seeds = np.random.SeedSequence(seed, spawn_key=(number,))
            self._order = np.random.default_rng(seeds).permutation(len(examples))
        self._draws: NDArray[Any] | None = None
        if changes is not None:
            seeds = np.random.SeedSequence(seed, spawn_key=(number, 1))
            self._draws = changes.draws(len(examples), np.random.default_rng(seeds))

    def __len__(self) -> int:
        return len(self._examples)

    @property
    def image_bytes(self) -> int:
        """The size of an image that is ready for the network."""
        return 4 * prod(self._examples.images.shape[1:])

    def at(self, places: slice) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return images and labels at these places of the pass."""
        chosen = places if self._order is None else self._order[places]
        images, labels = self._examples.take(chosen)
        if self._changes is not None and self._draws is not None:
            images = self._changes.applied(images, self._draws[places])
        return images, labels


def run_pass(
    learner: Learner,
    lessons: Lessons,
    course: Pass,
    rates: Callable[[int, int], NDArray[np.float32]],
    between: Callable[[float], None],
    *,
    block: int | None = None,
) -> None:
    """Learn from every example that is not yet done.

    Steps run in blocks: what is not part of a step (gathering and changing examples, adding up
    losses, showing progress, saving) is done once a block, so that it costs little even where a
    step takes microseconds. The arithmetic does not depend on the blocks.

    Parameters
    ----------
    course : Pass
        Updated after each block.
    rates : function of (first step, steps)
        The learning rates of steps, which count from 0 in each pass.
    between : function of the mean loss so far
        Called after each block; what it raises ends the pass.
    block : int, optional
        Steps in each block, if there is memory; by default as many as take about 20 to 80 ms.

    Raises
    ------
    NotFinite
        The learner is as it was before the step.
    """
    size, total = learner.batch_size, float(course.losses[: course.done].sum(dtype=np.float64))
    most = max(1, min(block or LONGEST, LARGEST // (size * lessons.image_bytes)))
    steps = 1 if block is None else most
    while course.done < len(lessons):
        begin = perf_counter()
        places = slice(course.done, min(len(lessons), course.done + steps * size))
        images, labels = lessons.at(places)
        first, count = course.done // size, ceil(len(labels) / size)
        lesson = learner.learn(images, labels, rates(first, count))
        done = min(len(labels), lesson.steps * size)
        course.losses[course.done : course.done + done] = lesson.losses[:done]
        course.wrong += done - int(np.count_nonzero(lesson.hits[:done]))
        course.done += done
        total += float(lesson.losses[:done].sum(dtype=np.float64))
        took = perf_counter() - begin
        course.seconds += took
        if lesson.steps < count:
            batch = slice(done, done + size)
            raise NotFinite(first + lesson.steps, images[batch], labels[batch])
        between(total / course.done)
        if took < BRIEF and block is None:
            steps = min(4 * steps, most)


def rates_of(
    schedule: Schedule, rate: float, steps_per_epoch: int, epochs: int, number: int
) -> Callable[[int, int], NDArray[np.float32]]:
    """Return the learning rates of a pass, as `run_pass` asks for them.

    Examples
    --------
    >>> from striate.training.schedules import Step
    >>> rates_of(Step((1,)), 0.5, 10, 2, number=2)(0, 2)
    array([0.05, 0.05], dtype=float32)
    """
    before = (number - 1) * steps_per_epoch

    def rates(first: int, count: int) -> NDArray[np.float32]:
        steps = range(before + first, before + first + count)
        factors = [schedule.factor(step, steps_per_epoch, epochs) for step in steps]
        return (rate * np.array(factors)).astype(np.float32)

    return rates
