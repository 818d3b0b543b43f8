"""Budgets: limits that a network must keep, written in a file, for continuous integration."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from striate.errors import FileError, ParameterError, UnknownNameError, explained, one_line
from striate.network.inspection.report import Layer, Report
from striate.network.inspection.text import bytes_text

if TYPE_CHECKING:
    import os

__all__ = ["Budget", "Limit", "Use", "check", "uses"]

COUNTS = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
BYTES = COUNTS | {
    "B": 1,
    "kB": 1e3,
    "MB": 1e6,
    "GB": 1e9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}
TOTALS: dict[str, Callable[[Report], int]] = {
    "parameters": lambda report: report.totals.parameters,
    "macs": lambda report: report.totals.macs,
    "flops": lambda report: report.totals.flops,
    "parameter_bytes": lambda report: report.totals.parameter_bytes,
    "peak_memory": lambda report: report.totals.peak_activation_bytes,
    "training_memory": lambda report: report.totals.training.total["adam"],
}
LAYER: dict[str, Callable[[Layer], int]] = {
    "parameters": lambda layer: layer.parameters,
    "macs": lambda layer: layer.macs,
    "flops": lambda layer: layer.flops,
    "memory": lambda layer: layer.activation_bytes,
}
FIELD, TIME, LAYERS = "receptive_field", "milliseconds", "layers"
MEMORY = {"parameter_bytes", "peak_memory", "training_memory", "memory"}


@dataclass(frozen=True, slots=True)
class Limit:
    """The least and the most that a figure may be; None for no bound."""

    name: str
    most: float | None = None
    least: float | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """What of a limit is used, by the whole network (`layer` is "") or one layer.

    `used` is the worst figure where there are several, as of a field along two axes.
    """

    layer: str
    name: str
    used: float
    most: float | None
    least: float | None

    @property
    def share(self) -> float:
        """How much of the limit is used, 1 for all; of a least one, how much it needs of `used`."""
        if self.most is not None:
            return self.used / self.most if self.most else float(self.used > 0) * 2
        return (self.least or 0) / self.used if self.used else 2.0

    @property
    def exceeded(self) -> bool:
        """Whether the limit is not kept."""
        over = self.most is not None and self.used > self.most
        return over or (self.least is not None and self.used < self.least)

    def __str__(self) -> str:
        where = f"{self.layer}: " if self.layer else ""
        text = f"{where}{self.name.replace('_', ' ')} {_figure(self.name, self.used)}"
        if self.most is None:
            text += f", at least {_figure(self.name, self.least or 0)}"
            return text + (": MISSED" if self.exceeded else "")
        text += f", at most {_figure(self.name, self.most)}, {_share_text(self.share)}"
        return text + (": EXCEEDED" if self.exceeded else "")


@dataclass(frozen=True, slots=True)
class Budget:
    r"""Limits of a network, and of layers by name or pattern.

    Examples
    --------
    >>> budget = Budget.from_dict({"macs": "16G", "layers": {"conv1_*": {"parameters": "40k"}}})
    >>> from striate.network import inspect
    >>> print(*uses(inspect("vgg16"), budget), sep="\n")
    macs 15,470,264,320, at most 16,000,000,000, 96.7 % used
    conv1_1: parameters 1,792, at most 40,000, 4.5 % used
    conv1_2: parameters 36,928, at most 40,000, 92.3 % used
    """

    limits: tuple[Limit, ...] = ()
    layers: tuple[tuple[str, tuple[Limit, ...]], ...] = ()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Budget:
        """Return the budget that these values declare: see docs/budget.md.

        Raises
        ------
        UnknownNameError
            With the nearest known names.
        ParameterError
            If a limit is no number, if its least is above its most, or if there is no limit.
        """
        layers = values.get(LAYERS, {})
        if not isinstance(layers, Mapping):
            raise ParameterError(f"{LAYERS} is {layers!r}; it must be tables: [layers.conv1]")
        plain = {name: value for name, value in values.items() if name != LAYERS}
        named = []
        for name, limits in layers.items():
            if not isinstance(limits, Mapping):
                raise ParameterError(
                    f"{LAYERS}.{name} is {limits!r}; it must be a table of limits such as macs"
                )
            with explained(f"{LAYERS}.{name}"):
                named.append((name, _limits(limits, {*LAYER, FIELD})))
        budget = cls(_limits(plain, {*TOTALS, FIELD, TIME, LAYERS}), tuple(named))
        if not budget.limits and not any(limits for _, limits in named):
            raise ParameterError("the budget has no limit; give one, as in parameters = '5M'")
        return budget

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Budget:
        """Return the budget of a TOML file.

        Raises
        ------
        FileError
            If the file is not readable TOML.
        UnknownNameError, ParameterError
            If it declares what there is not.
        """
        place = Path(path)
        try:
            values = tomllib.loads(place.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            reason = getattr(error, "strerror", None) or one_line(error)
            raise FileError(f"{place}: no readable budget ({reason}); give a TOML file") from None
        with explained(str(place)):
            return cls.from_dict(values)

    @property
    def needs_time(self) -> bool:
        """Whether it limits milliseconds, which must be measured."""
        return any(limit.name == TIME for limit in self.limits)


def uses(report: Report, budget: Budget, milliseconds: float | None = None) -> list[Use]:
    """Return what a network uses of each limit.

    Parameters
    ----------
    milliseconds : float, optional
        How long it was measured to take; needed if the budget limits it.

    Raises
    ------
    UnknownNameError
        If the budget names a layer that the network does not have.
    ParameterError
        If the budget limits milliseconds and none are given, or a field that there is not.
    """
    if budget.needs_time and milliseconds is None:
        raise ParameterError(
            "the budget limits milliseconds; measure them and give milliseconds=, or use "
            "striate inspect --budget"
        )
    figures: dict[str, Callable[[Report], float]] = {**TOTALS, TIME: lambda _: milliseconds or 0.0}
    found = []
    for limit in budget.limits:
        if limit.name == FIELD:
            behind = next((x for x in reversed(report.layers) if x.field), None)
            found.append(_use("", limit, _field(report.network, behind)))
        else:
            found.append(_use("", limit, [figures[limit.name](report)]))
    return found + _layer_uses(report, budget)


def check(report: Report, budget: Budget, milliseconds: float | None = None) -> list[Use]:
    """Return the limits that a network does not keep: none if all is well.

    >>> from striate.network import inspect
    >>> check(inspect("lenet-5"), Budget((Limit("parameters", most=100_000),)))
    []
    """
    return [use for use in uses(report, budget, milliseconds) if use.exceeded]


def _layer_uses(report: Report, budget: Budget) -> list[Use]:
    """Return the uses of layers; where several tables match, exact names and later ones win."""
    names = [layer.name for layer in report.layers]
    for pattern, _ in budget.layers:
        if not any(_matches(name, pattern) for name in names):
            raise UnknownNameError.of(f"layer of {report.network}", pattern, names)
    found = []
    for layer in report.layers:
        tables = [
            (p == layer.name, limits) for p, limits in budget.layers if _matches(layer.name, p)
        ]
        chosen = {
            limit.name: limit
            for _, limits in sorted(tables, key=lambda table: table[0])
            for limit in limits
        }
        for limit in chosen.values():
            name = limit.name
            figures = _field(layer.name, layer) if name == FIELD else [LAYER[name](layer)]
            found.append(_use(layer.name, limit, figures))
    return found


def _matches(name: str, pattern: str) -> bool:
    return name == pattern or fnmatchcase(name, pattern)


def _field(name: str, layer: Layer | None) -> list[int]:
    if layer is None or not layer.field:
        raise ParameterError(
            f"{name} has no receptive field that a budget could limit; leave {FIELD} out"
        )
    return [axis.size for axis in layer.field]


def _use(layer: str, limit: Limit, figures: Sequence[float]) -> Use:
    """Return the use of a limit by the figure that is nearest to breaking it."""
    low, high = min(figures), max(figures)
    if limit.least is not None and (limit.most is None or low < limit.least):
        return Use(layer, limit.name, low, None, limit.least)
    return Use(layer, limit.name, high, limit.most, None)


def _limits(values: Mapping[str, Any], known: set[str]) -> tuple[Limit, ...]:
    found = []
    for name, value in values.items():
        if name not in known:
            raise UnknownNameError.of("limit", name, known)
        if isinstance(value, Mapping):
            if not value:
                raise ParameterError(f"{name} has no bound; give min, max or both")
            for bound in value:
                if bound not in ("min", "max"):
                    raise UnknownNameError.of(f"bound of {name}", bound, ("min", "max"))
            bounds = {bound: _number(f"{name}.{bound}", given) for bound, given in value.items()}
            most, least = bounds.get("max"), bounds.get("min")
            if most is not None and least is not None and least > most:
                raise ParameterError(
                    f"{name} has min {value['min']!r} above max {value['max']!r}, which nothing "
                    "keeps; swap them"
                )
            found.append(Limit(name, most, least))
        else:
            found.append(Limit(name, _number(name, value)))
    return tuple(found)


def _number(name: str, value: Any) -> float:
    """Return 5000000.0 for 5_000_000, "5M" and "5 M"; of bytes also "16 MiB"."""
    bytes_ = name.partition(".")[0] in MEMORY
    if isinstance(value, str):
        parts = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]*)", value)
        units = BYTES if bytes_ else COUNTS
        if parts and parts[2] in units:
            return float(parts[1]) * units[parts[2]]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and isfinite(value) and value >= 0:
        return float(value)
    example = "'16 MiB'" if bytes_ else "'5M'"
    raise ParameterError(
        f"{name} is {value!r}; a limit must be a number of at least 0, or a text as {example}"
    )


def _share_text(share: float) -> str:
    return f"{share:,.0f} times the limit" if share >= 10 else f"{100 * share:.1f} % used"


def _figure(name: str, value: float) -> str:
    if name in MEMORY:
        return bytes_text(int(value))
    return f"{value:,.2f}" if name == TIME else f"{value:,.0f}"
