"""Numbers as colours: diverging around zero for activations, grey for inputs."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["diverging", "grey"]

DIVERGING = ((33, 96, 170), (250, 250, 250), (224, 106, 10))  # blue, white, orange


def diverging(values: ArrayLike, most: float) -> NDArray[np.uint8]:
    """Return colours for real numbers: blue at `-most`, white at 0, orange at `+most`.

    Blue and orange stay apart in all common forms of colour blindness. Values beyond `most`
    saturate.

    Examples
    --------
    >>> diverging([-1.0, 0.0, 2.0], most=2.0).tolist()
    [[142, 173, 210], [250, 250, 250], [224, 106, 10]]
    """
    scaled = np.clip(np.asarray(values, np.float64) / (most or 1.0), -1, 1)[..., None]
    low, middle, high = (np.array(colour, np.float64) for colour in DIVERGING)
    colours = middle + np.abs(scaled) * (np.where(scaled < 0, low, high) - middle)
    return np.rint(colours).astype(np.uint8)


def grey(values: ArrayLike, low: float, high: float) -> NDArray[np.uint8]:
    """Return grey levels for real numbers: black at `low`, white at `high`.

    Examples
    --------
    >>> grey([-1.0, 0.0, 1.0], -1, 1).tolist()
    [0, 128, 255]
    """
    span = (high - low) or 1.0
    scaled = np.clip((np.asarray(values, np.float64) - low) / span, 0, 1)
    return np.rint(scaled * 255).astype(np.uint8)
