"""Counting errors."""

import numpy as np
import pytest

from striate.errors import ParameterError, ShapeError
from striate.network import Builder, Network
from striate.training import evaluate


@pytest.fixture
def brightest():
    """A network whose scores are its four pixels."""
    b = Builder("brightest", (None, 1, 2, 2))
    graph = b.graph(b.linear(b.input, "scores", features=4))
    return Network(
        graph,
        {"scores.weight": np.eye(4, dtype=np.float32), "scores.bias": np.zeros(4, np.float32)},
    )


@pytest.mark.parametrize("batch_size", [1, 2, 3, 5, 64])
def test_errors_and_confusion_by_hand(brightest, batch_size):
    images = np.eye(4, dtype=np.float32)[[0, 1, 1, 3, 2]].reshape(5, 1, 2, 2)
    found = evaluate(brightest, images, np.array([0, 1, 2, 3, 0]), batch_size=batch_size)
    assert (found.errors, found.error) == (2, 0.4)
    np.testing.assert_array_equal(found.wrong, [2, 4])
    np.testing.assert_array_equal(found.predictions, [0, 1, 1, 3, 2])
    expected = [[1, 0, 1, 0], [0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]
    np.testing.assert_array_equal(found.confusion, expected)
    assert repr(found) == "Evaluation(2 of 5 wrong, 40.00 %)"


def test_what_cannot_be_evaluated(brightest):
    images, labels = np.zeros((1, 1, 2, 2), np.float32), np.array([0])
    cases = [
        (
            (Network(brightest.graph), images, labels),
            ParameterError,
            "evaluate: brightest has no weights: train or load it first",
        ),
        (
            (brightest, images, labels + 4),
            ParameterError,
            "evaluate: label 4 for the 4 outputs of brightest: labels must be 0 to 3",
        ),
    ]
    for arguments, kind, message in cases:
        with pytest.raises(kind) as error:
            evaluate(*arguments)
        assert str(error.value) == message
    with pytest.raises(ParameterError) as error:
        evaluate(brightest, images, labels, batch_size=0)
    assert str(error.value) == "evaluate: batch_size 0 must be at least 1"


def test_outputs_must_be_one_for_each_class():
    b = Builder("maps", (None, 1, 2, 2))
    maps = Network(b.graph(b.conv(b.input, "conv", channels=2, kernel=1))).initialize(0)
    with pytest.raises(ShapeError) as error:
        evaluate(maps, np.zeros((1, 1, 2, 2), np.float32), np.array([0]))
    assert str(error.value) == (
        "evaluate: maps gives (1, 2, 2, 2), not (N, classes): flatten its output"
    )
