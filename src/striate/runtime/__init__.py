"""From a graph to a plan to a program: whole networks, forward and backward."""

from striate.runtime.program import Program, RandomWeightsWarning, compile
from striate.runtime.trainable import Trainable

__all__ = ["Program", "RandomWeightsWarning", "Trainable", "compile"]
