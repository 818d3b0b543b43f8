"""Other views of a report: its layers in another order, or many layers as one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby

from striate.errors import ParameterError, UnknownNameError
from striate.network.inspection.layers import Layer
from striate.network.inspection.report import Report

__all__ = ["ORDERS", "collapsed", "ordered"]

ORDERS: dict[str, Callable[[Layer], float]] = {
    "parameters": lambda layer: layer.parameters + layer.frozen,
    "macs": lambda layer: layer.macs,
    "counted": lambda layer: layer.counted,
    "activations": lambda layer: layer.activation_bytes,
    "alive": lambda layer: layer.alive_bytes,
    "moved": lambda layer: layer.read_bytes + layer.written_bytes,
    "intensity": lambda layer: layer.intensity,
    "time": lambda layer: layer.milliseconds or 0.0,
    "field": lambda layer: max((axis.size for axis in layer.field), default=0),
}
"""What layers can be sorted by, the largest first."""


def ordered(report: Report, by: str) -> Report:
    """Return the report with the layers sorted, the largest first; equal ones stay in order.

    Raises
    ------
    UnknownNameError
        With the nearest names that there are.

    Examples
    --------
    >>> from striate.network import inspect
    >>> [layer.name for layer in ordered(inspect("vgg16"), "parameters").layers][:3]
    ['fc6', 'fc7', 'fc8']
    """
    if by not in ORDERS:
        raise UnknownNameError.of("order", by, ORDERS)
    return replace(report, layers=tuple(sorted(report.layers, key=lambda x: -ORDERS[by](x))))


def collapsed(report: Report, depth: int) -> Report:
    """Return the report with one layer for those whose names begin alike.

    Names fall into parts at dots and slashes; neighbours that share the first `depth` parts become
    one, with sums of what is counted, and the output and the field of the last.

    Raises
    ------
    ParameterError
        If `depth` is not at least 1.

    Examples
    --------
    >>> from striate.network import inspect
    >>> [layer.name for layer in collapsed(inspect("lenet-1989"), 1).layers]
    ['H1', 'H2', 'H3', 'output']
    """
    if depth < 1:
        raise ParameterError(f"depth must be at least 1, not {depth}")
    groups = groupby(report.layers, key=lambda layer: _prefix(layer.name, depth))
    return replace(report, layers=tuple(_merged(name, list(some)) for name, some in groups))


def _prefix(name: str, depth: int) -> str:
    parts = [part for part in re.split(r"([./])", name) if part]
    start = 1 if parts and parts[0] in "./" else 0
    return "".join(parts[start : start + 2 * depth - 1]) or name


def _merged(name: str, layers: Sequence[Layer]) -> Layer:
    first, last = layers[0], layers[-1]
    if len(layers) == 1:
        return first
    times = [layer.milliseconds for layer in layers if layer.milliseconds is not None]
    moved = sum(layer.read_bytes + layer.written_bytes for layer in layers)
    inside = {layer.name for layer in layers}
    shared = dict.fromkeys(other for layer in layers for other in layer.shared_with)
    return replace(
        last,
        name=name,
        operator=f"{len(layers)} layers",
        input_shapes=first.input_shapes,
        parameters=sum(layer.parameters for layer in layers),
        frozen=sum(layer.frozen for layer in layers),
        buffers=sum(layer.buffers for layer in layers),
        shared_with=tuple(other for other in shared if other not in inside),
        macs=sum(layer.macs for layer in layers),
        flops=sum(layer.flops for layer in layers),
        counted=sum(layer.counted for layer in layers),
        counted_as="",
        units=sum(layer.units for layer in layers),
        connections=sum(layer.connections for layer in layers),
        activation_bytes=sum(layer.activation_bytes for layer in layers),
        read_bytes=sum(layer.read_bytes for layer in layers),
        written_bytes=sum(layer.written_bytes for layer in layers),
        intensity=sum(layer.flops for layer in layers) / max(moved, 1),
        alive_bytes=max(layer.alive_bytes for layer in layers),
        milliseconds=sum(times) if times else None,
        timed_with="",
    )
