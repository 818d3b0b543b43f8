"""What can be asked of the recipes by name, and what each module must have for it."""

from importlib import import_module

import pytest

from striate.errors import ParameterError
from striate.training import data
from striate.training.recipes import RECIPES, reproduce
from striate.training.recipes.registry import BUDGETS


@pytest.mark.parametrize("name", RECIPES)
def test_each_recipe_has_data_and_both_budgets(name):
    module = import_module(f"striate.training.recipes.{name.replace('-', '_')}")
    assert module.DATA in data.names()
    assert tuple(module.BUDGETS) == BUDGETS
    assert tuple(budget.name for budget in module.BUDGETS.values()) == BUDGETS


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"budget": "tiny"}, "budget 'tiny' must be one of small, full"),
        ({"seeds": 0}, "seeds 0 must be a whole number of at least 1: try 3"),
        ({"seeds": 1.5}, "seeds 1.5 must be a whole number of at least 1: try 3"),
    ],
)
def test_what_cannot_be_asked_for(choices, message):
    with pytest.raises(ParameterError) as error:
        reproduce("stacked-3x3", **choices)
    assert str(error.value) == message
