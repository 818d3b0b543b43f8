"""One 5x5 against two 3x3: their arithmetic, and their card."""

import numpy as np
import pytest

from striate.errors import UnknownNameError
from striate.network import inspect
from striate.training.recipes import conduct, stacked_3x3
from striate.training.recipes.stacked_3x3 import KINDS, network


@pytest.fixture(scope="module")
def card(few, tmp_path_factory):
    experiment = stacked_3x3.experiment(stacked_3x3.Budget(passes=1, seeds=2), few)
    return conduct(experiment, out=tmp_path_factory.mktemp("stacked"), progress=False)


@pytest.mark.parametrize(("kind", "each"), [(KINDS[0], 25), (KINDS[1], 18), (KINDS[2], 18)])
def test_weights_and_multiply_adds_are_the_papers(kind, each):
    """Section 2.3 of the paper: 25 C^2 weights or 2 * 9 C^2; each is used at every place."""
    graph = network(kind).graph
    blocks = [p for p in graph.parameters if p.name.startswith("block")]
    weights = sum(np.prod(p.shape) for p in blocks if p.name.endswith("weight"))
    assert weights == 2 * each * 16**2
    layers = inspect(graph).layers
    macs = sum(layer.macs for layer in layers if layer.name.startswith("block"))
    assert macs == each * 16**2 * (16 * 16 + 8 * 8)


def test_all_see_the_same_pixels():
    fields = []
    for kind in KINDS:
        layers = {layer.name: layer.field[0] for layer in inspect(network(kind).graph).layers[:-2]}
        fields.append(
            [(layers[f"block{n}.pool"].size, layers[f"block{n}.pool"].stride) for n in (1, 2)]
        )
    assert fields == [[(8, 2), (18, 4)]] * 3


def test_one_relu_is_what_the_last_two_differ_in():
    two, linear = ([node.name for node in network(kind).graph.nodes] for kind in KINDS[1:])
    assert [name for name in two if name not in linear] == ["block1.a.relu", "block2.a.relu"]
    assert [name for name in linear if name not in two] == []


def test_the_card_sets_ratios_beside_the_papers(card):
    figures = {figure.name: figure for figure in card.figures}
    for what in ("weights", "multiply-adds"):
        figure = figures[f"{what}, two 3x3 to one 5x5"]
        assert (figure.published, figure.computed) == ("18/25 = 0.72", "0.72")
    field = figures["receptive field at the end, 5x5 and two 3x3"]
    assert field.computed == "18 and 18 pixels"
    assert float(figures["time of a step, two 3x3 to one 5x5"].measured) > 0
    (table,) = card.tables
    assert [row[0] for row in table.rows] == list(KINDS)
    assert [row[1] for row in table.rows] == ["12,800", "9,216", "9,216"]


def test_times_are_medians_of_turns(card):
    (times,) = (
        trial["result"]["step_seconds"] for trial in card.trials if trial["name"] == "times"
    )
    assert [len(times[kind]) for kind in KINDS] == [stacked_3x3.ROUNDS] * 3
    ratio = np.median(np.divide(times[KINDS[1]], times[KINDS[0]]))
    figures = {figure.name: figure.measured for figure in card.figures}
    assert figures["time of a step, two 3x3 to one 5x5"] == f"{ratio:.2f}"


def test_errors_are_means_and_gaps_are_by_seed(card):
    errors = {
        kind: [
            100 * trial["result"]["test_error"]
            for trial in card.trials
            if trial["settings"].get("kind") == kind
        ]
        for kind in KINDS
    }
    (table,) = card.tables
    for kind, row in zip(KINDS, table.rows, strict=True):
        assert row[-1].startswith(f"{np.mean(errors[kind]):.2f} ± ")
    gaps = np.subtract(errors[KINDS[0]], errors[KINDS[1]])
    assert any(
        note.startswith(f"two 3x3, seed by seed: {np.mean(gaps):.2f} ± ") for note in card.notes
    )
    assert any(note.endswith(f"fewer in {np.sum(gaps > 0)} of 2 seeds.") for note in card.notes)


def test_other_images_make_other_networks(few):
    graph = network("two 3x3", (3, 32, 32), 100).graph
    assert inspect(graph).layers[-1].output_shape == (1, 100)
    assert graph.parameters[0].shape == (16, 3, 3, 3)


def test_unknown_kinds_are_named():
    with pytest.raises(UnknownNameError) as error:
        network("two 5x5")
    assert (
        str(error.value) == "no kind of block is called 'two 5x5'; did you mean one 5x5 or two 3x3?"
    )
