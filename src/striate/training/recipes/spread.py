"""What the same run came to with several seeds."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from striate.errors import ParameterError

__all__ = ["Spread"]


@dataclass(frozen=True, slots=True)
class Spread:
    """Some numbers, one for each seed, in the order of the seeds.

    Parameters
    ----------
    values : numbers
        At least one.

    Raises
    ------
    ParameterError

    Examples
    --------
    >>> errors = Spread([103, 112, 97])
    >>> errors.mean, errors.least, errors.most
    (104.0, 97.0, 112.0)
    >>> print(errors.text(1))
    104.0 ± 7.5 (97.0 to 112.0, n = 3)
    >>> (errors - Spread([100, 110, 100])).values
    (3.0, 2.0, -3.0)
    """

    values: tuple[float, ...]

    def __init__(self, values: Iterable[float]) -> None:
        found = tuple(float(value) for value in values)
        if not found:
            raise ParameterError("a spread of no numbers: give one for each seed, at least one")
        object.__setattr__(self, "values", found)

    @property
    def mean(self) -> float:
        """The arithmetic mean."""
        return statistics.fmean(self.values)

    @property
    def deviation(self) -> float:
        """The standard deviation that the sample suggests, with n - 1; 0 for a single number."""
        return statistics.stdev(self.values) if len(self.values) > 1 else 0.0

    @property
    def least(self) -> float:
        """The smallest."""
        return min(self.values)

    @property
    def most(self) -> float:
        """The largest."""
        return max(self.values)

    def __sub__(self, other: Spread) -> Spread:
        """Return the differences seed by seed."""
        return Spread(a - b for a, b in zip(self.values, other.values, strict=True))

    def text(self, decimals: int, unit: str = "") -> str:
        """Return mean ± deviation (least to most, n), or the number alone if there is one."""
        unit = f" {unit}" if unit else ""
        if len(self.values) == 1:
            return f"{self.mean:,.{decimals}f}{unit} (n = 1)"
        mean, deviation, least, most = (
            f"{number:,.{decimals}f}"
            for number in (self.mean, self.deviation, self.least, self.most)
        )
        return f"{mean} ± {deviation}{unit} ({least} to {most}, n = {len(self.values)})"
