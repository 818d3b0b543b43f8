"""Preparations by name."""

from __future__ import annotations

from typing import Literal, cast

from striate.errors import ParameterError
from striate.training.data.composed import Preparations
from striate.training.data.phrases import Phrase, phrases
from striate.training.data.preparation import (
    GlobalContrast,
    Preparation,
    Scale,
    Standardize,
)
from striate.training.data.whitening import ZCA

__all__ = ["preparation"]

_NAMES = {"scale": (0, 2), "standardize": (0, 0), "gcn": (0, 3), "zca": (0, 1)}
"""Each step, and the least and most of its values."""


def preparation(text: str | Preparation) -> Preparation:
    """Return the preparation that a text describes, not yet fitted.

    Parameters
    ----------
    text : str or Preparation
        Steps by name, in order, with their values: ``scale`` (to [-1, 1]), ``scale:0:1``,
        ``standardize``, ``gcn``, ``gcn:55`` (scale), ``gcn:1:deviation:10`` (divisor, bias),
        ``zca``, ``zca:0.1`` (regularisation).

    Raises
    ------
    ParameterError, UnknownNameError

    Examples
    --------
    >>> preparation("gcn,zca").text
    'gcn:55,zca:0.1'
    """
    if isinstance(text, str):
        steps = tuple(_step(phrase) for phrase in phrases("preparation", text, _NAMES))
        return steps[0] if len(steps) == 1 else Preparations(steps)
    if not isinstance(text, Preparation):
        raise ParameterError(f"preparation {text!r} must be text, such as gcn,zca")
    return text


def _step(phrase: Phrase) -> Preparation:
    if phrase.name == "scale":
        if len(phrase.words) == 1:
            raise ParameterError(f"preparation: {phrase.text} needs both bounds, as scale:0:1")
        return Scale(*phrase.numbers())
    if phrase.name == "standardize":
        return Standardize()
    if phrase.name == "zca":
        return ZCA(phrase.numbers()[0]) if phrase.words else ZCA()
    scale, by, bias = (*phrase.words, *("55", "norm", "0")[len(phrase.words) :])
    divisor = cast(Literal["norm", "deviation"], by)
    return GlobalContrast(phrase.number(scale), divisor, phrase.number(bias))
