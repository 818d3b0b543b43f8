"""The recipes by name."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from striate.errors import ParameterError, UnknownNameError
from striate.training import data as datasets
from striate.training.recipes.report_card import ReportCard
from striate.training.recipes.trials import conduct

__all__ = ["BUDGETS", "RECIPES", "Recipe", "find", "reproduce"]

BUDGETS = ("small", "full")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is known of a recipe without loading it.

    `times` says about how long each of `BUDGETS` takes, on two cores or as told.

    The module of the recipe's name has ``DATA``, a data set's name; its own ``BUDGETS``; and
    ``experiment(budget, data, *, seeds, device)``, which makes an `Experiment` of one of them.
    """

    name: str
    paper: str
    shows: str
    times: tuple[str, str]


RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "lenet-1989",
            "LeCun et al., Neural Computation 1(4), 1989, sections 3 to 5",
            "the paper's error on zip-code digits, and what later ways to train make of it",
            ("2 minutes", "4 minutes"),
        ),
        Recipe(
            "mlp-to-cnn",
            "LeCun, Generalization and Network Design Strategies, 1989, section 5",
            "what locality and shared weights buy: dense, local and convolutional layers",
            ("5 minutes", "half an hour"),
        ),
        Recipe(
            "stacked-3x3",
            "Simonyan and Zisserman, arXiv:1409.1556, section 2.3",
            "one 5x5 against two 3x3 of the same field, with and without a nonlinearity between",
            ("half a minute", "a minute and a half"),
        ),
        Recipe(
            "all-cnn",
            "Springenberg et al., arXiv:1412.6806, section 3, tables 1 to 3",
            "pooling, strides, or convolutions in place of pooling, on CIFAR-10",
            ("half an hour", "days on a GPU"),
        ),
        Recipe(
            "pool-or-stride",
            "Boroumand, Chen, Fridrich, IEEE TIFS 14(5), 2019, section III",
            "what pooling and strides, early and late, leave of a weak high-frequency signal",
            ("a quarter of an hour", "hours"),
        ),
        Recipe(
            "vgg-depth",
            "Simonyan and Zisserman, arXiv:1409.1556, sections 2 and 3",
            "what depth does to error, loss and gradient, with and without batch norm",
            ("a quarter of an hour", "hours on a GPU"),
        ),
    )
}


def find(name: str) -> Recipe:
    """Return the recipe of that name.

    Raises
    ------
    UnknownNameError
        With the nearest known names.
    """
    if name not in RECIPES:
        raise UnknownNameError.of("recipe", name, RECIPES)
    return RECIPES[name]


def reproduce(
    name: str,
    *,
    seeds: int | None = None,
    budget: str = "small",
    data: str | None = None,
    device: str = "cpu",
    out: Path | None = None,
    progress: bool | None = None,
) -> ReportCard:
    """Repeat a paper's experiment.

    Parameters
    ----------
    name : str
        A key of `RECIPES`.
    seeds : int, optional
        Runs from so many seeds, 0 upwards; by default as the recipe's budget has it.
    budget : "small" or "full"
        Minutes on two cores, or what the paper did.
    data : str, optional
        Another data set than the recipe's.
    device : str
        As for `striate.fit`.
    out : path, optional
        The folder that keeps finished runs and gets the card.
    progress : bool, optional
        False for silence; by default a bar if stderr is a terminal.

    Returns
    -------
    ReportCard

    Raises
    ------
    UnknownNameError, ParameterError, FileError, MissingExtraError
    """
    find(name)
    if budget not in BUDGETS:
        raise ParameterError(f"budget {budget!r} must be one of {', '.join(BUDGETS)}")
    if seeds is not None and (not isinstance(seeds, int) or seeds < 1):
        raise ParameterError(f"seeds {seeds!r} must be a whole number of at least 1: try 3")
    module = import_module(f"striate.training.recipes.{name.replace('-', '_')}")
    chosen = datasets.load(module.DATA if data is None else data)
    made = module.experiment(module.BUDGETS[budget], chosen, seeds=seeds, device=device)
    return conduct(made, out=out, progress=progress)
