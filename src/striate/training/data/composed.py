"""Preparations made of others: several in a row, and one that was done before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import DTypeError, ParameterError
from striate.training.data.preparation import Floats, Preparation, floats

__all__ = ["Done", "Preparations"]


@dataclass(frozen=True, slots=True)
class Preparations:
    """Several preparations, one after the other, each fitted to what comes out of those before.

    Examples
    --------
    >>> from striate.training.data import GlobalContrast, Standardize
    >>> Preparations((GlobalContrast(), Standardize())).text
    'gcn:55,standardize'
    """

    steps: tuple[Preparation, ...]

    def __post_init__(self) -> None:
        if not self.steps:
            raise ParameterError("a preparation needs a step, such as Scale()")

    @property
    def text(self) -> str:
        """What `preparation` reads back as the same, not fitted."""
        return ",".join(step.text for step in self.steps)

    def fitted(self, images: NDArray[Any], before: Preparation | None = None) -> Preparations:
        """Return it with each step fitted to the images as the steps before it leave them."""
        done: tuple[Preparation, ...] = () if before is None else (before,)
        own = len(done)
        for step in self.steps:
            done += (step.fitted(images, Preparations(done) if done else None),)
        return replace(self, steps=done[own:])

    def applied(self, images: NDArray[Any]) -> Floats:
        """Return the images after all steps."""
        for step in self.steps:
            images = step.applied(images)
        return images

    def described(self) -> dict[str, Any]:
        """Return what each step does."""
        return {"name": self.text, "steps": [step.described() for step in self.steps]}


@dataclass(frozen=True, slots=True)
class Done:
    """What was done already to images that are kept as float32: they stay as they are.

    Examples
    --------
    >>> from striate.training.data import Scale
    >>> Done(Scale()).applied(np.array([[[0.5]]], np.float32))
    array([[[0.5]]], dtype=float32)
    """

    how: Preparation

    @property
    def text(self) -> str:
        """What was done, as text."""
        return self.how.text

    def fitted(self, images: NDArray[Any], before: Preparation | None = None) -> Done:
        """Return the same: it was fitted before."""
        return self

    def applied(self, images: NDArray[Any]) -> Floats:
        """Return the images, which must be float32."""
        if images.dtype != np.float32:
            raise DTypeError(
                f"prepared images are float32, but these are {images.dtype}: prepare them with "
                "the data set as it was before prepared_on_disk"
            )
        return floats("preparation", images)

    def described(self) -> dict[str, Any]:
        """Return what was done."""
        return self.how.described()
