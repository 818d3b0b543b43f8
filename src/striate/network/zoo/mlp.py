"""A multi-layer perceptron: where the lecture starts, before locality and weight sharing."""

from __future__ import annotations

from math import sqrt

from striate.network.builder import Builder
from striate.network.graph import Graph, Initial
from striate.network.operators import Tanh

__all__ = ["mlp"]


def mlp() -> Graph:
    """Return the 28x28-300-100-10 network of LeCun et al. 1998, section III.C.5, with tanh.

    "Gradient-Based Learning Applied to Document Recognition", Proceedings of the IEEE 86(11).
    """
    b = Builder("mlp", (None, 1, 28, 28))
    x = b.input
    for layer, features in enumerate((300, 100, 10), start=1):
        seen = b.shape(x)[1] if len(b.shape(x)) == 2 else 784
        x = b.linear(x, f"fc{layer}", features=features, initial=Initial("normal", 1 / sqrt(seen)))
        if features > 10:
            x = b.add(Tanh(), x, name=f"tanh{layer}")
    return b.graph(x)
