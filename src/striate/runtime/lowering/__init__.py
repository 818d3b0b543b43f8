"""From a network to tasks of machine code for one input shape."""

from striate.runtime.lowering.lowered import (
    IN_PYTHON,
    INPUT,
    OUTPUT,
    End,
    Foreign,
    Lowered,
    Part,
    Settings,
)
from striate.runtime.lowering.network import lower
from striate.runtime.lowering.weights import Weights

__all__ = [
    "INPUT",
    "IN_PYTHON",
    "OUTPUT",
    "End",
    "Foreign",
    "Lowered",
    "Part",
    "Settings",
    "Weights",
    "lower",
]
