"""Kernels written as text."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np

from striate.errors import ParameterError
from striate.filters.kernels.checks import Taps

__all__ = ["parse"]


def parse(text: str) -> Taps:
    """Return the kernel written in `text`: numbers apart by spaces or commas, rows by ; or lines.

    Fractions such as 1/9 may stand for numbers; lines that begin with # are comments.

    Raises
    ------
    ParameterError
        Something is no number, the rows differ in length, or there are none.

    Examples
    --------
    >>> parse("1 0 -1; 2 0 -2; 1 0 -1")
    array([[ 1.,  0., -1.],
           [ 2.,  0., -2.],
           [ 1.,  0., -1.]])
    >>> parse("1/4, 1/2, 1/4")
    array([[0.25, 0.5 , 0.25]])
    """
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    rows = [re.split(r"[\s,]+", row.strip(" \t,")) for row in re.split("[;\n]", "\n".join(lines))]
    weights = [[weight(word) for word in row] for row in rows if row != [""]]
    lengths = sorted({len(row) for row in weights})
    if len(lengths) != 1:
        found = f"rows of {' and '.join(map(str, lengths))} weights" if lengths else "no weight"
        raise ParameterError(
            f"the kernel has {found}; write rows of equal length, as '1 0 -1; 2 0 -2; 1 0 -1'"
        )
    return np.array(weights)


def weight(word: str) -> float:
    """Return the number or fraction that `word` spells."""
    try:
        return float(Fraction(word))
    except (ValueError, ZeroDivisionError, OverflowError):
        raise ParameterError(
            f"the kernel holds {word!r}; its weights must be finite numbers or fractions, "
            f"as '1 0 -1; 2 0 -2; 1 0 -1' or '1/3 1/3 1/3'"
        ) from None
