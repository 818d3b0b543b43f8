"""Training: data sets, losses, gradient descent, checkpoints, and the papers' recipes."""

from striate.interop.weights import load_weights, save_weights
from striate.runtime.learning import Descent
from striate.training import data, losses, recipes, schedules
from striate.training.data import Dataset
from striate.training.evaluation import Evaluation, evaluate
from striate.training.fitting import fit
from striate.training.result import Best, Epoch, Result
from striate.training.settings import Settings

__all__ = [
    "Best",
    "Dataset",
    "Descent",
    "Epoch",
    "Evaluation",
    "Result",
    "Settings",
    "data",
    "evaluate",
    "fit",
    "load_weights",
    "losses",
    "recipes",
    "save_weights",
    "schedules",
]
