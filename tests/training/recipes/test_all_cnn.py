from __future__ import annotations

import json
from dataclasses import replace
from math import prod

import pytest

from striate.network.zoo.all_cnn import VARIANTS, all_cnn
from striate.training.recipes import all_cnn_findings, all_cnn_results
from striate.training.recipes.all_cnn import BUDGETS, experiment
from striate.training.recipes.trials import conduct

TINY = replace(
    BUDGETS["small"],
    name="own",
    bases="c",
    images=20,
    tests=10,
    channels=(4, 8),
    passes=(1, 2),
    batch_size=8,
    seeds=2,
)


@pytest.fixture(scope="module")
def card(colour_pictures, folder):
    return conduct(experiment(TINY, colour_pictures), out=folder, progress=False)


@pytest.mark.parametrize(
    ("base", "few", "many"),
    [("a", 839_242, 1_254_250), ("b", 885_610, 1_300_618), ("c", 954_730, 1_369_738)],
)
def test_parameters_follow_from_tables_1_and_2(base, few, many):
    counts = [sum(prod(p.shape) for p in all_cnn(base, v).parameters) for v in VARIANTS]
    assert counts == [few, few, many, many]


def test_published_errors_are_those_of_table_3():
    assert VARIANTS == ("base", "strided-cnn", "convpool-cnn", "all-cnn")
    assert all_cnn_results.PUBLISHED == {
        "a": (12.47, 13.46, 10.21, 10.30),
        "b": (10.20, 10.98, 9.33, 9.10),
        "c": (9.74, 10.19, 9.31, 9.08),
    }
    assert all_cnn_results.PUBLISHED_AUGMENTED == 7.25


def test_the_full_budget_is_the_papers_protocol():
    full = BUDGETS["full"]
    assert (full.images, full.tests, full.passes) == (None, None, (350,))
    assert full.rates == (0.25, 0.1, 0.05, 0.01)
    assert full.schedule == "step:200,250,300"
    assert (full.weight_decay, full.dropout, full.channels) == (1e-3, (0.2, 0.5), (96, 192))
    assert full.preparation == "gcn,zca"
    assert full.augmented


def test_the_full_budget_has_twelve_networks_at_four_rates(colour_pictures):
    trials = experiment(BUDGETS["full"], colour_pictures, seeds=1).trials
    assert len(trials) == 12 * 4 + 4
    assert {trial.settings["network"] for trial in trials} == {
        f"{variant}-{base}" for base in "abc" for variant in VARIANTS
    }
    augmented = [trial for trial in trials if trial.settings["augment"] == "flip,shift:5"]
    assert {trial.settings["network"] for trial in augmented} == {"all-cnn-c"}
    assert trials[0].steps == 350 * -(-36 // 128)  # a tenth is held out


def test_the_card_sets_measured_beside_published(card):
    figures = {figure.name: figure for figure in card.figures}
    assert (
        figures["parameters, base C and strided, 96 and 192 maps (the paper's)"].computed
        == "954,730"
    )
    own = sum(prod(p.shape) for p in all_cnn("c", "base", channels=TINY.channels).parameters)
    assert (
        figures["parameters, base C and strided, 4 and 8 maps (trained here)"].computed
        == f"{own:,}"
    )
    assert any(note.startswith("Errors measured are those of networks of 4") for note in card.notes)
    error = figures["test error, all-cnn-c"]
    assert error.published == "9.08 %"
    assert error.measured.endswith("n = 2)")
    assert "published 0.23" in card.notes[0]
    assert "after 1 pass, " in card.notes[1]
    assert "still to be measured" in card.notes[-1]
    assert len(card.trials) == 16


def test_the_card_is_written_as_json_and_markdown(card, folder):
    kept = json.loads((folder / "all-cnn.json").read_text())
    assert kept["settings"]["budget"] == "own"
    assert kept["trials"][0]["settings"]["epochs"] == 1
    assert len(kept["trials"]) == 16
    page = (folder / "all-cnn.md").read_text()
    assert "| test error, base-c | 9.74 % |" in page
    assert (folder / "all-cnn.png").stat().st_size > 10_000


def test_finished_runs_are_not_done_again(card, colour_pictures, folder):
    again = conduct(experiment(TINY, colour_pictures), out=folder, progress=False)
    assert again.to_json() == card.to_json()


def test_the_rate_is_chosen_by_what_is_held_out():
    def run(rate, validation, test):
        settings = {
            "network": "base-c",
            "augment": "none",
            "learning_rate": rate,
            "seed": 0,
            "epochs": 350,
        }
        return {
            "settings": settings,
            "result": {"validation_error": validation, "test_error": test},
        }

    runs = {"high": run(0.1, 0.3, 0.1), "low": run(0.01, 0.2, 0.4)}
    (chosen,) = all_cnn_results.chosen(runs, "base-c", 350)
    assert chosen["test_error"] == 0.4  # a better test does not count


def test_runs_that_stall_are_named():
    def chosen(*errors):
        return {"base-b": [{"test_error": error} for error in errors]}

    (note,) = all_cnn_findings.stalled([4, 16], [chosen(0.9, 0.5), chosen(0.4, 0.4)])
    assert note.startswith("1 of the 4 runs stalled near 90 % error: base-b, seed 0, 4 passes (90")
    (note,) = all_cnn_findings.stalled([4], [chosen(0.5)])
    assert note == "None of the 1 run stalled near 90 % error."


def test_several_rates_hold_a_tenth_out(colour_pictures):
    budget = replace(TINY, rates=(0.1, 0.01), passes=(1,), bases="c", seeds=1, images=40)
    made = experiment(budget, colour_pictures)
    first = made.trials[0]
    assert first.steps == -(-36 // 8)
    result = first.work(None, lambda share: None)
    assert 0 <= result["validation_error"] <= 1
