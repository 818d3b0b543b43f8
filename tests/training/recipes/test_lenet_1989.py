"""The experiment of LeCun et al. 1989."""

import json

import numpy as np
import pytest

import striate as st
from striate.network import inspect
from striate.training.recipes import conduct, lenet_1989
from striate.training.recipes.lenet_1989_steps import STEPS


@pytest.fixture(scope="module")
def once():
    return lenet_1989.once("digits", passes=4, seed=1, progress=False)


@pytest.fixture(scope="module")
def card(few, tmp_path_factory):
    experiment = lenet_1989.experiment(lenet_1989.Budget(2, 2, passes=2), few)
    return conduct(experiment, out=tmp_path_factory.mktemp("lenet"), progress=False)


def test_what_is_counted_from_the_graph_is_published(once):
    """Section 3.3 of the paper: 1,256 units, 64,660 connections, 9,760 parameters."""
    figures = {figure.name: figure for figure in once.card.figures}
    for name, published in [
        ("units", "1,256"),
        ("connections", "64,660"),
        ("parameters", "9,760"),
    ]:
        assert (figures[name].published, figures[name].computed) == (published, published)
    assert figures["presentations"].published == f"{23 * 7291:,}"
    assert figures["presentations"].computed == f"{4 * 1415:,}"
    found = once.test
    assert figures["test error"].measured == f"{100 * found.error:.2f} % ({found.errors})"


def test_the_card_of_one_run_reads_well(once):
    lines = str(once.card).splitlines()
    assert lines[0] == "lenet-1989 on digits, 4 passes, seed 1"
    assert lines[2].split() == ["figure", "published", "computed", "measured"]
    assert lines[-1] == (
        "the data: the paper has digits of the U.S. Postal Service; here digits, at 16x16: "
        "its error rates are not the paper's to compare with."
    )
    parsed = json.loads(once.card.to_json())
    assert len(parsed["assumptions"]) == len(lenet_1989.ASSUMPTIONS) + 1


def test_digits_are_learnt_in_the_papers_way(once):
    assert once.test.error < 0.25  # 6 % after 23 passes
    assert once.result.history[3].train_error < once.result.history[0].train_error


def test_rates_are_divided_by_the_inputs_of_a_unit():
    graph = st.load("lenet-1989").graph
    rates = lenet_1989.learning_rates(graph)
    inputs = {"H1": 25, "H2": 200, "H3": 192, "output": 30}
    assert rates == {
        f"{layer}.{kind}": lenet_1989.RATES[f"{layer}.{kind}"] / count
        for layer, count in inputs.items()
        for kind in ("weight", "bias")
    }


def test_later_networks_have_the_papers_weights():
    """Only the squashing functions, the border of H2 and dropout differ."""
    for step in STEPS:
        network = step.network()
        totals = inspect(network.graph).totals
        assert (totals.parameters, totals.connections) == (9760, 64660)
        shapes = [parameter.shape for parameter in network.graph.parameters]
        assert shapes == [p.shape for p in st.load("lenet-1989").graph.parameters]


def test_every_step_is_run_from_every_seed(card):
    names = [trial["name"] for trial in card.trials]
    assert names == [f"{step.name}-seed-{seed}" for step in STEPS for seed in (0, 1)]
    assert all(len(trial["result"]["test_errors_by_pass"]) == 2 for trial in card.trials)


def test_the_table_is_the_mean_of_the_runs(card):
    (table,) = card.tables
    for step, row in zip(STEPS, table.rows, strict=True):
        wrong = [
            trial["result"]["test_wrong"]
            for trial in card.trials
            if trial["name"].startswith(f"{step.name}-")
        ]
        assert row[0] == step.name
        assert row[4] == f"{np.mean(wrong):.1f}"
        assert row[3].startswith(f"{100 * np.mean(wrong) / 40:.2f} ± ")


def test_trained_weights_are_kept(few, tmp_path):
    experiment = lenet_1989.experiment(lenet_1989.Budget(1, 1, passes=1), few)
    card = conduct(experiment, out=tmp_path, progress=False)
    weights = tmp_path / "runs" / "paper-seed-0.safetensors"
    network = st.training.load_weights(st.load("lenet-1989"), weights)
    images = st.training.recipes.seen(few, 16)
    found = st.training.evaluate(network, images.test_images, images.test_labels)
    assert found.errors == card.trials[0]["result"]["test_wrong"]


def test_ten_seeds_by_default_three_for_later_steps_in_the_small_budget(few):
    counts = {}
    for name, budget in lenet_1989.BUDGETS.items():
        found = lenet_1989.experiment(budget, few)
        counts[name] = [sum(t.kind == step.name for t in found.trials) for step in STEPS]
    assert counts == {"small": [10, 3, 3, 3, 3], "full": [10] * 5}
