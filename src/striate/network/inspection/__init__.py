"""What a graph costs and sees, layer by layer: reports, derivations, comparisons, budgets."""

from striate.network.inspection.budget import Budget, check
from striate.network.inspection.comparison import Comparison, compare
from striate.network.inspection.explanation import explain
from striate.network.inspection.report import (
    FieldSummary,
    Layer,
    Report,
    Totals,
    Training,
    inspect,
)

__all__ = [
    "Budget",
    "Comparison",
    "FieldSummary",
    "Layer",
    "Report",
    "Totals",
    "Training",
    "check",
    "compare",
    "explain",
    "inspect",
]
