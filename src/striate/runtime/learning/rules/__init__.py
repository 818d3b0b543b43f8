"""What each operator adds to a training step: its result, and the gradients of its inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from striate.network import Node, Operator, Shape
from striate.network import operators as op
from striate.runtime.learning.layers import Layer
from striate.runtime.learning.rules import activations, convolution
from striate.runtime.learning.rules.channels import Scaling
from striate.runtime.learning.rules.dense import Dense
from striate.runtime.learning.rules.dropping import Dropping
from striate.runtime.learning.rules.normalizing import BatchNorm
from striate.runtime.learning.rules.pooling import Pooling
from striate.runtime.learning.rules.shaping import Flattening, Padding
from striate.runtime.learning.rules.sums import Adding, Joining
from striate.runtime.learning.space import Space

__all__ = ["Rule", "forgets", "learnable", "rule_of"]


class Rule(NamedTuple):
    """How an operator learns.

    Attributes
    ----------
    refusal : why a layer of these shapes has no gradients in machine code; "" where it has
    forward : adds the tasks that compute the layer's output to a space
    backward : adds those that compute the gradients of its inputs, given that of its output
    """

    refusal: Callable[[Layer, Mapping[str, Shape], int], str]
    forward: Callable[[Space, Layer], None]
    backward: Callable[[Space, Layer], None]

    @classmethod
    def of(cls, holder: Any) -> Rule:
        """Return the rule that a class or module has as functions."""
        return cls(holder.refusal, holder.forward, holder.backward)


RULES: dict[type[Operator], Rule] = {
    op.Conv: Rule.of(convolution),
    **dict.fromkeys(activations.GATES, Rule.of(activations)),
    op.Add: Rule.of(Adding),
    op.BatchNormalization: Rule.of(BatchNorm),
    op.Concat: Rule.of(Joining),
    op.Dropout: Rule.of(Dropping),
    op.Gemm: Rule.of(Dense),
    **dict.fromkeys((op.MaxPool, op.AveragePool, op.GlobalAveragePool), Rule.of(Pooling)),
    op.Flatten: Rule.of(Flattening),
    op.Reshape: Rule.of(Flattening),
    op.Mul: Rule.of(Scaling),
    op.Pad: Rule.of(Padding),
}

FORGETFUL = (op.Conv, op.Gemm, op.Add, op.Dropout, op.Concat)
"""Operators that need no output for their gradients, where no bounds are behind them."""


def learnable(node: Node) -> bool:
    """Tell whether there is a rule for a node."""
    return type(node.operator) in RULES


def rule_of(node: Node) -> Rule:
    """Return how a node learns."""
    return RULES[type(node.operator)]


def forgets(layers: Sequence[Layer]) -> set[str]:
    """Return the values that those who make them do not need for their gradients."""
    return {
        layer.output
        for layer in layers
        if isinstance(layer.node.operator, op.BatchNormalization)
        or (isinstance(layer.node.operator, FORGETFUL) and not layer.bounded)
    }
