"""Some of a data set's images, as a budget wants them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from striate.network import Network
from striate.training.data.dataset import Dataset
from striate.training.evaluation import Evaluation, evaluate
from striate.training.recipes.learning import step_seconds

__all__ = ["Pictures"]


@dataclass(frozen=True, eq=False)
class Pictures:
    """Images to learn from and to be tested on, prepared when they are first wanted.

    Parameters
    ----------
    data : Dataset
    images, tests : int or None
        So many of them; None for all. Those to learn from are drawn at random, so many of each
        class.
    preparation : str
        Fitted to the images that are learnt from.
    """

    data: Dataset
    images: int | None
    tests: int | None
    preparation: str

    @cached_property
    def chosen(self) -> Dataset:
        """The images to learn from, and all to be tested on, with their preparation."""
        part = self.data if self.images is None else self.data.subset(self.images)
        return part.with_preparation(self.preparation)

    @property
    def examples(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Prepared images and labels to learn from."""
        return self.chosen.prepared(self.chosen.train_images), self.chosen.train_labels

    @property
    def count(self) -> int:
        """How many images there are to learn from."""
        return self.images or len(self.data.train_labels)

    def step_seconds(self, network: Network, how: Mapping[str, Any]) -> float:
        """Return the seconds of a step of training; see `recipes.learning.step_seconds`."""
        part = self.data.train_images[: 16 * how["batch_size"]]
        images = self.data.prepared(part)  # any preparation: it is not part of a step
        return step_seconds(network, images, self.data.train_labels[: len(part)], how)

    def judged(self, network: Network) -> Evaluation:
        """Return how a trained network does on the images to be tested on."""
        data, tests = self.chosen, slice(0, self.tests)
        return evaluate(
            network, data.test_images[tests], data.test_labels[tests], prepare=data.prepared
        )
