"""Settings that are allowed each for itself but make no sense with these images or here."""

from __future__ import annotations

import os

from striate.errors import ParameterError
from striate.training.data.augmentation import Augmentation, Augmentations, Shift
from striate.training.schedules import Schedule
from striate.training.wording import count_text

__all__ = ["check_sense"]

CROWD = 8  # threads for each processor
AT_LEAST = 128  # threads that are never too many: a larger machine's run may be repeated on it


def check_sense(
    epochs: int,
    course: Schedule,
    changes: Augmentation | None,
    image_shape: tuple[int, ...],
    threads: int | None,
) -> None:
    """Raise ParameterError for a warm-up, shifts or threads that can only be a slip.

    Examples
    --------
    >>> from striate.training.schedules import Cosine
    >>> check_sense(3, Cosine(warmup=1), Shift(2), (1, 8, 8), threads=None)
    """
    warmup = getattr(course, "warmup", 0)
    if warmup > epochs:
        raise ParameterError(
            f"schedule {course.text}: a warm-up of {warmup:g} epochs does not end in the "
            f"{epochs} of the run: warm up for fewer, or train for more"
        )
    side = min(image_shape[1:])
    for part in changes.parts if isinstance(changes, Augmentations) else (changes,):
        if isinstance(part, Shift) and part.most >= side:
            raise ParameterError(
                f"augment {part.text}: {count_text(part.most, 'pixel')} "
                f"would move images {image_shape} out of sight: shift by at most {side - 1}"
            )
    processors = os.cpu_count() or 1
    if threads is not None and threads > max(AT_LEAST, CROWD * processors):
        raise ParameterError(
            f"threads {threads} are far beyond the processors, {processors}: "
            f"try {processors}, or leave it out"
        )
