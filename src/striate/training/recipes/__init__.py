"""The papers' experiments, each a short file to be read beside its paper."""

from striate.training.recipes import lenet_1989
from striate.training.recipes.report_card import Assumption, Figure, ReportCard

__all__ = ["Assumption", "Figure", "ReportCard", "lenet_1989"]
