"""The papers' experiments, each a short file to be read beside its paper."""

from striate.training.recipes import lenet_1989
from striate.training.recipes.index import write_index
from striate.training.recipes.plots import Panel, Series
from striate.training.recipes.registry import RECIPES, Recipe, reproduce
from striate.training.recipes.report_card import Assumption, Figure, ReportCard, Table
from striate.training.recipes.seen import seen
from striate.training.recipes.spread import Spread
from striate.training.recipes.trials import Experiment, Trial, conduct

__all__ = [
    "RECIPES",
    "Assumption",
    "Experiment",
    "Figure",
    "Panel",
    "Recipe",
    "ReportCard",
    "Series",
    "Spread",
    "Table",
    "Trial",
    "conduct",
    "lenet_1989",
    "reproduce",
    "seen",
    "write_index",
]
