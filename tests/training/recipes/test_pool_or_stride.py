from __future__ import annotations

import json

import numpy as np
import pytest

from striate.errors import DTypeError, FileError
from striate.filters.kernels import kv
from striate.network import infer_shapes
from striate.training import fit
from striate.training.data import Dataset
from striate.training.recipes.pool_or_stride import Budget, Covers, experiment
from striate.training.recipes.pool_or_stride_networks import NAMES, network
from striate.training.recipes.trials import conduct

TINY = Budget(
    pictures=24,
    tests=16,
    passes=1,
    rates=(1.0,),
    seeds=2,
    copies=2,
    photograph_passes=1,
    photograph_rate=0.5,
    folds=2,
)
SOME = ("average on the residual", "stride late")


@pytest.fixture(scope="module")
def photographs():
    random = np.random.default_rng(5)
    return {
        f"{name}.png": random.integers(0, 256, (64, 64 + 32 * i), np.uint8)
        for i, name in enumerate("abcd")
    }


@pytest.fixture(scope="module")
def card(colour_pictures, photographs, folder):
    made = experiment(TINY, colour_pictures, photographs=photographs, names=SOME)
    return conduct(made, out=folder, progress=False)


def test_networks_differ_in_what_halves_their_maps_alone():
    graphs = [network(name, 0).graph for name in NAMES]
    assert len(graphs) == 9
    parameters = {tuple((p.name, p.shape) for p in graph.parameters) for graph in graphs}
    assert len(parameters) == 1
    before = []
    for graph in graphs:
        shapes = infer_shapes(graph, (1, 1, 32, 32))
        (node,) = (node for node in graph.nodes if node.name == "mean")
        before.append(shapes[node.inputs[0]])
    assert set(before) == {(1, 16, 8, 8)}  # all are halved twice in the end


def test_weights_of_a_seed_are_the_same_in_all_networks():
    first, *others = (network(name, 4).weights for name in NAMES)
    for weights in others:
        for name, array in first.items():
            np.testing.assert_array_equal(weights[name], array)


def test_the_high_pass_does_not_learn():
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (8, 1, 32, 32)).astype(np.float32)
    result = fit(
        network("max early", 0),
        (images, np.arange(8) % 2),
        epochs=1,
        learning_rate=0.1,
        batch_size=4,
        progress=False,
    )
    high_pass = result.network.weights["residual.weight"][0, 0]
    np.testing.assert_array_equal(high_pass, kv().astype(np.float32))


def test_no_photograph_is_both_learnt_from_and_tested_on(colour_pictures, photographs):
    covers = Covers(colour_pictures, photographs, TINY)
    levels = {name: i for i, name in enumerate(photographs)}
    marked = {name: np.full_like(p, 50 * levels[name] + 20) for name, p in photographs.items()}
    tested = []
    for fold in range(2):
        (images, _), (tests, _) = Covers(colour_pictures, marked, TINY).parts(
            "photographs", 1.0, fold
        )
        learnt_from, tested_on = (
            set(np.rint((x.mean(axis=(1, 2, 3)) - 20) / 50).astype(int)) for x in (images, tests)
        )
        assert not learnt_from & tested_on
        assert learnt_from | tested_on == set(levels.values())
        tested += sorted(tested_on)
    assert sorted(tested) == sorted(levels.values())
    assert covers.folds == (("a.png", "c.png"), ("b.png", "d.png"))


def test_small_pictures_are_learnt_from_and_tested_on_apart(colour_pictures):
    covers = Covers(colour_pictures, {}, TINY)
    (images, _), (tests, _) = covers.parts("pictures", 1.0, 0)
    assert (len(images), len(tests)) == (48, 32)
    plain = {image.tobytes() for image in images[::2]}
    assert not plain & {image.tobytes() for image in tests[::2]}


def test_messages_of_seeds_differ(colour_pictures):
    covers = Covers(colour_pictures, {}, TINY)
    first, second = (covers.parts("pictures", 1.0, seed)[0][0] for seed in (0, 1))
    np.testing.assert_array_equal(first[::2], second[::2])
    assert np.any(first[1::2] != second[1::2])


def test_pictures_must_have_bits_to_hide_in():
    images, labels = np.zeros((2, 1, 8, 8), np.float32), np.array([0, 1])
    digits = Dataset("digits", images, labels, images, labels, ("a", "b"))
    with pytest.raises(DTypeError) as wrong:
        Covers(digits, {}, TINY)
    assert str(wrong.value) == (
        "digits: its images are float32 (1, 8, 8): messages hide in uint8 pictures (3, 32, 32), "
        "as cifar-10 has them"
    )


def test_the_card_says_how_few_photographs_there_are(card, folder):
    assert [len(table.rows) for table in card.tables] == [2, 2, 4]
    assert "only 4 photographs (a.png, b.png, c.png, d.png)" in card.tables[1].note
    assert len(card.trials) == 2 * 2 + 2 * 2
    kept = json.loads((folder / "pool-or-stride.json").read_text())
    assert kept["settings"]["photographs"] == 4
    errors = kept["trials"][0]["result"]
    mean = (errors["false_alarms"] + errors["misses"]) / 2
    assert errors["test_error"] == pytest.approx(mean)


def test_photographs_that_cannot_be_read_are_not_left_out(colour_pictures, tmp_path, monkeypatch):
    monkeypatch.setenv("STRIATE_DATA", str(tmp_path))
    (tmp_path / "images").mkdir()
    broken = tmp_path / "images" / "a.png"
    broken.write_bytes(b"no picture")
    with pytest.raises(FileError) as error:
        experiment(TINY, colour_pictures)
    assert str(error.value).startswith(f"{broken}: ")


def test_without_photographs_the_card_says_so(colour_pictures):
    made = experiment(TINY, colour_pictures, seeds=1, photographs={}, names=SOME)
    card = conduct(made, progress=False)
    assert len(card.tables) == 2
    assert "No photographs were at hand" in card.notes[-1]
