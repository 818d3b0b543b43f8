"""The experiment of LeCun et al. 1989."""

import json

import pytest

import striate as st
from striate.training.recipes import lenet_1989


@pytest.fixture(scope="module")
def card():
    return lenet_1989.run("digits", passes=4, seed=1, progress=False)


def test_what_is_counted_from_the_graph_is_published(card):
    """Section 3.3 of the paper: 1,256 units, 64,660 connections, 9,760 parameters."""
    figures = {figure.name: figure for figure in card.figures}
    for name, published in [
        ("units", "1,256"),
        ("connections", "64,660"),
        ("parameters", "9,760"),
    ]:
        assert (figures[name].published, figures[name].computed) == (published, published)
    assert figures["presentations"].published == f"{23 * 7291:,}"
    assert figures["presentations"].computed == f"{4 * 1415:,}"
    assert figures["test error"].measured == f"{100 * card.test.error:.2f} % ({card.test.errors})"


def test_the_card_reads_well(card):
    lines = str(card).splitlines()
    assert lines[0] == "lenet-1989 on digits, 4 passes, seed 1"
    assert lines[2].split() == ["figure", "published", "computed", "measured"]
    assert lines[-1] == (
        "the data: the paper has digits of the U.S. Postal Service; here digits, at 16x16: "
        "its error rates are not the paper's to compare with."
    )
    parsed = json.loads(card.to_json())
    assert len(parsed["history"]) == 4
    assert parsed["settings"]["shuffle"] is False
    assert len(parsed["assumptions"]) == len(lenet_1989.ASSUMPTIONS) + 1


def test_rates_are_divided_by_the_inputs_of_a_unit():
    rates = lenet_1989.learning_rates(st.load("lenet-1989").graph)
    layers = {"H1": 0.5 / 25, "H2": 0.5 / 200, "H3": 0.2 / 192, "output": 0.5 / 30}
    expected = {f"{n}.{kind}": r for n, r in layers.items() for kind in ("weight", "bias")}
    assert rates == expected


def test_digits_are_learnt_in_the_papers_way(card):
    assert card.test.error < 0.25  # 6 % after 23 passes
    assert card.result.history[3].train_error < card.result.history[0].train_error
