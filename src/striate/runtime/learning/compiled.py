"""Learning in machine code."""

from __future__ import annotations

from striate.network import Network
from striate.runtime.learning.plain import PlainLearner as CompiledLearner

__all__ = ["CompiledLearner", "why_not"]


def why_not(network: Network) -> str:
    """Return why a network is not trained in machine code; "" where it is."""
    return f"{network.name} is trained in NumPy"
