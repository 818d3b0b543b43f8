"""Operators that work on each element by itself, as expressions that one kernel computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf, isfinite
from typing import Any

from striate.network import Node, Operator
from striate.network import operators as op
from striate.ops.blocked.expression import MOST, Expression, functions_of, renumbered
from striate.ops.blocked.logarithm import POWERS
from striate.ops.blocked.mapping import LETTERS
from striate.runtime.lowering.weights import Weights

__all__ = ["Elements", "elements_of", "joined_elements"]

Elements = tuple[Expression, tuple[str, ...]]
"""An expression and the values that it reads."""

PLAIN: dict[type[Operator], str] = {
    op.Abs: "abs",
    op.Neg: "neg",
    op.Exp: "exp",
    op.Log: "log",
    op.Sqrt: "sqrt",
    op.Reciprocal: "reciprocal",
    op.Floor: "floor",
    op.Ceil: "ceil",
    op.Round: "round",
    op.Sign: "sign",
    op.Erf: "erf",
    op.Tanh: "tanh",
    op.Sigmoid: "sigmoid",
    op.Softplus: "softplus",
    op.Softsign: "softsign",
    op.HardSwish: "hard_swish",
    op.Mish: "mish",
    op.PRelu: "leaky",
    op.Add: "add",
    op.Sub: "sub",
    op.Mul: "mul",
    op.Div: "div",
}
"""Functions of nothing but their inputs."""

FOLDED: dict[type[Operator], str] = {
    op.Sum: "add",
    op.Mean: "add",
    op.Max: "max",
    op.Min: "min",
}
"""Functions of two that are taken along any number of inputs."""

SETTLED: dict[type[Operator], Callable[[Any], Expression]] = {
    op.Relu: lambda o: ("clip", 0, 0.0, inf),
    op.Clip: lambda o: ("clip", 0, float(o.low), float(o.high)),
    op.ScaledTanh: lambda o: ("mul", float(o.alpha), ("tanh", ("mul", float(o.beta), 0))),
    op.Swish: lambda o: ("swish", 0, float(o.alpha)),
    op.LeakyRelu: lambda o: ("leaky", 0, float(o.alpha)),
    op.Elu: lambda o: ("elu", 0, float(o.alpha), 1.0),
    op.Selu: lambda o: ("elu", 0, float(o.alpha), float(o.gamma)),
    op.Celu: lambda o: ("celu", 0, float(o.alpha)),
    op.Gelu: lambda o: ("gelu" if o.approximate == "none" else "gelu_tanh", 0),
    op.HardSigmoid: lambda o: ("hard_sigmoid", 0, float(o.alpha), float(o.beta)),
    op.ThresholdedRelu: lambda o: ("threshold", 0, float(o.alpha)),
    op.Shrink: lambda o: ("shrink", 0, float(o.lambd), float(o.bias)),
    op.Expand: lambda o: 0,
}
"""Functions of one value and of the operator's attributes."""


def elements_of(node: Node, weights: Weights) -> Elements | None:
    """Return a node as an expression, with weights of one element as numbers; None if it is none.

    Weights of more elements are values of the expression.
    """
    found = _expression(node, weights)
    if found is None or len(node.inputs) > len(LETTERS):
        return None
    places: list[Expression] = []
    names: list[str] = []
    for name in node.inputs:
        if name in weights and weights[name].size == 1:
            # A single number of more axes may add axes to the result.
            places.append(float(weights[name].reshape(())))
            continue
        if name not in names:
            names.append(name)
        places.append(names.index(name))
    return (renumbered(found, places), tuple(names)) if names else None


def _expression(node: Node, weights: Weights) -> Expression | None:
    """Return the expression of a node's inputs by their places."""
    operator, count = node.operator, len(node.inputs)
    kind = type(operator)
    if kind in PLAIN:
        return (PLAIN[kind], *range(count))
    if kind in SETTLED:
        return SETTLED[kind](operator)
    if kind in FOLDED:
        total: Expression = 0
        for place in range(1, count):
            total = (FOLDED[kind], total, place)
        return ("div", total, float(count)) if kind is op.Mean else total
    if kind is op.Pow and node.inputs[1] in weights and weights[node.inputs[1]].size == 1:
        exponent = float(weights[node.inputs[1]].reshape(()))
        if exponent in POWERS:
            return ("pow", 0, exponent)
        whole = exponent % 1 == 0  # of numbers below 0 too: left to Python
        return None if whole or not isfinite(exponent) else ("any_pow", 0, exponent)
    return None


def joined_elements(elements: Elements, before: Mapping[str, Elements]) -> Elements:
    """Return an expression with those of `before` in the place of values that they make.

    As many are put in as leave few enough operands, and functions: an expression is written out
    wherever it stands, so those of `v = v + v` would double with each sum.
    """
    expression, names = elements
    for name in [name for name in names if name in before]:
        inner, more = before[name]
        kept = tuple(other for other in names if other != name)
        together = tuple(dict.fromkeys((*kept, *more)))
        if len(together) > len(LETTERS):
            continue
        inside = renumbered(inner, [together.index(other) for other in more])
        places = [inside if other == name else _place(other, together) for other in names]
        whole = renumbered(expression, places)
        if functions_of(whole) <= MOST:
            expression, names = whole, together
    return expression, names


def _place(name: str, names: tuple[str, ...]) -> int:
    return names.index(name) if name in names else 0
