"""Augmentation: images changed at random in ways that change no label.

Everything random is drawn beforehand, as uniform numbers in [0, 1), one row for each place in the
pass; what becomes of an image is then a pure function of the image and its row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from striate.errors import DTypeError, ParameterError, ShapeError
from striate.training.data.phrases import Phrase, phrases
from striate.training.wording import count_text

__all__ = ["Augmentation", "Augmentations", "Flip", "Shift", "augmentation"]

Floats = NDArray[np.float32]
Border = Literal["reflect", "mirror", "nearest", "wrap"]
PADDINGS = {"reflect": "symmetric", "mirror": "reflect", "nearest": "edge", "wrap": "wrap"}
"""NumPy's name of each border of SciPy's."""

LARGEST_SHIFT = 1024
TOGETHER = 32
"""Images that go through all steps at a time, so that what lies between them stays in the cache."""


@runtime_checkable
class Augmentation(Protocol):
    """A random change of images that keeps their shape."""

    @property
    def text(self) -> str:
        """What `augmentation` reads back as the same."""

    def draws(self, count: int, random: np.random.Generator) -> NDArray[np.float64]:
        """Return all random numbers for `count` images, first axis = place in the pass."""

    def applied(self, images: Floats, draws: NDArray[np.float64]) -> Floats:
        """Return the images (N, C, *spatial) changed as their rows of `draws` say."""


@dataclass(frozen=True, slots=True)
class Flip:
    """Left and right exchanged, with a given probability: the last axis reversed.

    Parameters
    ----------
    probability : float
        0 to 1.

    Examples
    --------
    >>> Flip().applied(np.array([[[1, 2, 3]]], np.float32), np.array([[0.2]]))
    array([[[3., 2., 1.]]], dtype=float32)
    """

    probability: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ParameterError(f"flip: probability {self.probability} must be 0 to 1")

    @property
    def text(self) -> str:
        """What `augmentation` reads back as the same."""
        return "flip" if self.probability == 0.5 else f"flip:{self.probability:g}"

    def draws(self, count: int, random: np.random.Generator) -> NDArray[np.float64]:
        """Return (count, 1) uniform numbers; one below the probability flips its image."""
        return random.random((count, 1))

    def applied(self, images: Floats, draws: NDArray[np.float64]) -> Floats:
        """Return the images, some of them flipped."""
        _check("flip", images, draws, 1)
        flipped = images.copy()
        for i in np.flatnonzero(draws[:, 0] < self.probability):
            flipped[i] = images[i, ..., ::-1]
        return flipped


@dataclass(frozen=True, slots=True)
class Shift:
    """Images moved by up to so many pixels along each axis, every distance equally probable.

    This is also the "random crop" of an image padded by as many pixels on every side, as in
    C.-Y. Lee et al., Deeply-Supervised Nets, AISTATS 2015, and He et al., CVPR 2016, section 4.2.

    Parameters
    ----------
    most : int
        The farthest that an image moves, in pixels.
    fill : float or "reflect", "mirror", "nearest", "wrap"
        What comes in over the border: one value, or the image again, by SciPy's names:
        d c b a | a b c d, d c b | a b c d, a a a | a b c d, b c d | a b c d.

    Examples
    --------
    >>> image = np.array([[[1, 2, 3]]], np.float32)
    >>> Shift(1).applied(image, np.array([[0.9]]))
    array([[[0., 1., 2.]]], dtype=float32)
    """

    most: int
    fill: float | Border = 0.0

    def __post_init__(self) -> None:
        if not (isinstance(self.most, int) and 0 <= self.most <= LARGEST_SHIFT):
            raise ParameterError(
                f"shift: {self.most!r} must be a whole number of pixels, 0 to {LARGEST_SHIFT}"
            )
        if isinstance(self.fill, str):
            if self.fill not in PADDINGS:
                raise ParameterError(
                    f"shift: fill {self.fill!r} must be a number or one of {', '.join(PADDINGS)}"
                )
        elif not np.isfinite(self.fill):
            raise ParameterError(f"shift: fill {self.fill} must be finite")

    @property
    def text(self) -> str:
        """What `augmentation` reads back as the same."""
        if self.fill == 0:
            return f"shift:{self.most}"
        fill = self.fill if isinstance(self.fill, str) else f"{self.fill!r}"
        return f"shift:{self.most}:{fill}"

    def draws(self, count: int, random: np.random.Generator) -> NDArray[np.float64]:
        """Return (count, 3) uniform numbers, one for each of up to three axes."""
        return random.random((count, 3))

    def applied(self, images: Floats, draws: NDArray[np.float64]) -> Floats:
        """Return the images, each moved along each spatial axis: down and right are positive."""
        _check("shift", images, draws, images.ndim - 2)
        sizes = images.shape[2:]
        if isinstance(self.fill, str) and self.fill != "nearest" and self.most >= min(sizes):
            raise ParameterError(
                f"shift: {count_text(self.most, 'pixel')} with {self.fill} need images larger "
                f"than {sizes}: shift less, or fill with a number"
            )
        moves = np.minimum(2 * self.most, (draws * (2 * self.most + 1)).astype(np.int64))
        distances = (moves - self.most).tolist()
        if isinstance(self.fill, str):
            return self._with_border(images, distances, PADDINGS[self.fill])
        moved = np.full(images.shape, self.fill, np.float32)
        for after, before, distance in zip(moved, images, distances, strict=True):
            pairs = zip(distance, sizes, strict=False)
            ends = [(max(d, 0), max(-d, 0), n - abs(d)) for d, n in pairs if abs(d) < n]
            if len(ends) == len(sizes):  # else it is moved out of sight
                to = (slice(t, t + left) for t, _, left in ends)
                at = (slice(a, a + left) for _, a, left in ends)
                after[:, *to] = before[:, *at]
        return moved

    def _with_border(self, images: Floats, distances: list[list[int]], border: str) -> Floats:
        """Return the images moved, cut out of images with a border as wide as they can move."""
        width = [(0, 0)] * 2 + [(self.most, self.most)] * (images.ndim - 2)
        moved = np.empty(images.shape, np.float32)
        for i in range(0, len(images), TOGETHER):
            part = images[i : i + TOGETHER]
            padded: Floats = np.pad(part, width, border)  # type: ignore[call-overload]
            for after, before, distance in zip(moved[i:], padded, distances[i:], strict=False):
                pairs = zip(distance, images.shape[2:], strict=False)
                at = (slice(self.most - d, self.most - d + n) for d, n in pairs)
                after[...] = before[:, *at]
        return moved


@dataclass(frozen=True, slots=True)
class Augmentations:
    """Several augmentations, one after the other.

    Examples
    --------
    >>> Augmentations((Flip(), Shift(4))).text
    'flip,shift:4'
    """

    parts: tuple[Augmentation, ...]

    @property
    def text(self) -> str:
        """What `augmentation` reads back as the same."""
        return ",".join(part.text for part in self.parts) or "none"

    def draws(self, count: int, random: np.random.Generator) -> NDArray[np.float64]:
        """Return the parts' numbers side by side."""
        columns = [part.draws(count, random) for part in self.parts]
        return np.concatenate([np.empty((count, 0)), *columns], axis=1)

    def applied(self, images: Floats, draws: NDArray[np.float64]) -> Floats:
        """Return the images changed by one part after the other."""
        nothing = np.random.default_rng(0)
        widths = [part.draws(0, nothing).shape[1] for part in self.parts]
        if len(draws) != len(images) or draws.ndim != 2 or draws.shape[1] != sum(widths):
            raise ShapeError(
                f"augmentation: draws {draws.shape} do not go with {len(images)} images: they "
                f"must be ({len(images)}, {sum(widths)})"
            )
        changed = np.empty(images.shape, np.float32)
        columns = np.split(draws, np.cumsum(widths)[:-1], axis=1) if widths else []
        for i in range(0, len(images), TOGETHER):
            some = slice(i, i + TOGETHER)
            batch = images[some]
            for part, own in zip(self.parts, columns, strict=True):
                batch = part.applied(batch, own[some])
            changed[some] = batch
        return changed


def augmentation(text: str | Augmentation | None) -> Augmentation:
    """Return the augmentation that a text describes.

    Parameters
    ----------
    text : str, Augmentation or None
        Parts by name, in order, with their numbers: ``flip``, ``flip:0.3`` (probability),
        ``shift:4`` or ``crop:4`` (pixels; zeros come in), ``shift:4:-1`` (-1 comes in),
        ``shift:4:reflect``; ``none`` or None is nothing at all.

    Raises
    ------
    ParameterError, UnknownNameError

    Examples
    --------
    >>> augmentation("flip,shift:4")
    Augmentations(parts=(Flip(probability=0.5), Shift(most=4, fill=0.0)))
    """
    if text is None or text == "none":
        return Augmentations(())
    if isinstance(text, str):
        return Augmentations(tuple(_part(p) for p in phrases("augmentation", text, _NAMES)))
    if not isinstance(text, Augmentation):
        raise ParameterError(f"augmentation {text!r} must be text, such as flip,shift:4")
    return text


_NAMES = {"flip": (0, 1), "shift": (1, 2), "crop": (1, 2)}
"""Each part, and the least and most of its numbers."""


def _part(phrase: Phrase) -> Augmentation:
    if phrase.name == "flip":
        return Flip(*phrase.numbers())
    most, *fill = phrase.words
    distance = phrase.whole(most)
    if not fill:
        return Shift(distance)
    if fill[0] in PADDINGS:
        return Shift(distance, cast(Border, fill[0]))
    return Shift(distance, phrase.number(fill[0]))


def _check(where: str, images: Floats, draws: NDArray[np.float64], least: int) -> None:
    """Raise unless these are float images with a row of numbers for each."""
    if not 3 <= images.ndim <= 5:
        raise ShapeError(f"{where}: images {images.shape} must be (N, C, *spatial)")
    if images.dtype != np.float32:
        raise DTypeError(
            f"{where}: images are {images.dtype}, not float32: prepare them first (data.prepared)"
        )
    if draws.ndim != 2 or len(draws) != len(images) or draws.shape[1] < least:
        raise ShapeError(
            f"{where}: draws {draws.shape} do not go with {len(images)} images: they must be "
            f"({len(images)}, {least} or more)"
        )
