"""Training: data sets, losses, gradient descent, checkpoints, and the papers' recipes."""

from striate.interop.weights import load_weights, save_weights
from striate.training import data, losses, recipes
from striate.training.data import Dataset
from striate.training.evaluation import Evaluation, evaluate
from striate.training.fitting import fit
from striate.training.optimizer import SGD
from striate.training.result import Epoch, Result, Settings

__all__ = [
    "SGD",
    "Dataset",
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
]
