"""``striate reproduce``: the list, a run that stops and goes on, JSON, publishing, refusals."""

import json
from dataclasses import replace

import pytest

from striate.training import data
from striate.training.recipes import RECIPES, stacked_3x3


@pytest.fixture(autouse=True)
def few_digits(monkeypatch):
    """Every data set is 64 digits to train on and 20 to test, learnt from once or twice."""
    load = data.load

    def few(name, size=None):
        d = load(name, size)
        return replace(
            d,
            train_images=d.train_images[:64],
            train_labels=d.train_labels[:64],
            test_images=d.test_images[:20],
            test_labels=d.test_labels[:20],
        )

    monkeypatch.setattr(data, "load", few)
    monkeypatch.setitem(stacked_3x3.BUDGETS, "small", stacked_3x3.Budget(1, 3, "small"))
    monkeypatch.setattr(stacked_3x3, "ROUNDS", 1)


def test_all_recipes_are_listed(striate):
    result = striate("reproduce")
    assert result.code == 0
    for recipe in RECIPES.values():
        assert f"{recipe.name}: {recipe.shows}\n    {recipe.paper}\n" in result.out
        assert f"    small: {recipe.times[0]}; full: {recipe.times[1]}\n" in result.out
    known = json.loads(striate("reproduce", "--json").out)
    assert [recipe["name"] for recipe in known] == list(RECIPES)
    assert list(known[0]) == ["name", "paper", "shows", "times"]


def test_a_recipe_is_run_and_published(striate, tmp_path):
    result = striate(
        *("reproduce", "stacked-3x3", "--data", "digits", "--seeds", 1),
        *("--out", "kept", "--publish", "cards"),
    )
    assert result.code == 0
    assert result.err.startswith("stacked-3x3: 4 runs to do, about ")
    assert "18/25 = 0.72" in result.out
    assert "- `striate reproduce stacked-3x3` with budget small, seeds 1, data digits" in result.out
    for folder in ("kept", "cards"):
        for kind in ("md", "json", "png"):
            assert (tmp_path / folder / f"stacked-3x3.{kind}").is_file()
    assert "wrote cards/index.md" in result.out
    assert "stacked-3x3.md" in (tmp_path / "cards" / "index.md").read_text()


def test_json_is_the_card_and_nothing_is_done_twice(striate, tmp_path):
    arguments = ("reproduce", "stacked-3x3", "--data", "digits", "--seeds", 1, "--json")
    first, again = striate(*arguments), striate(*arguments)
    assert again.out == first.out
    assert again.err == ""
    card = json.loads(first.out)
    assert card["settings"] == {"budget": "small", "seeds": 1, "data": "digits", "device": "cpu"}
    assert len(card["trials"]) == 4
    folder = tmp_path / "runs" / "reproduce" / "stacked-3x3-small"
    assert (folder / "stacked-3x3.json").read_text(encoding="utf-8") == first.out


def test_ctrl_c_keeps_what_is_done(striate, tmp_path, monkeypatch):
    learn = stacked_3x3.learn

    def stop(network, *arguments):
        if network.name.startswith("two-3x3-linear"):
            raise KeyboardInterrupt
        return learn(network, *arguments)

    arguments = ("reproduce", "stacked-3x3", "--data", "digits", "--seeds", 1, "--out", "kept")
    with monkeypatch.context() as patch:
        patch.setattr(stacked_3x3, "learn", stop)
        result = striate(*arguments)
    assert result.code == 130
    assert result.err.splitlines()[-1] == (
        "striate: stopped after 2 of 4 runs of stacked-3x3; "
        "they are kept in kept/runs: the same command goes on from there"
    )
    assert striate(*arguments).err.startswith("stacked-3x3: 2 runs to do, about ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nosuch",), "no recipe is called 'nosuch'; known: "),
        (("lenet-1980",), "no recipe is called 'lenet-1980'; did you mean lenet-1989?"),
        (("lenet-1989", "--budget", "huge"), "budget 'huge' must be one of small, full"),
        (("lenet-1989", "--seeds", "0"), "seeds 0 must be a whole number of at least 1: try 3"),
        (("lenet-1989", "--data", "nosuch"), "no data set is called 'nosuch'; known: "),
    ],
)
def test_refusals_are_one_line(striate, arguments, message):
    result = striate("reproduce", *arguments)
    assert result.code == 2
    assert result.err.startswith(f"striate: {message}")
    assert result.out == ""
