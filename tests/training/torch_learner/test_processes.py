"""Several processes that torchrun starts learn what one does. The CPU alone: no GPU is needed."""

import numpy as np
import pytest

from striate.runtime.learning import Descent
from striate.training.torch_learner import torch_learner

LEARN = """
import sys
from pathlib import Path
import numpy as np
import striate as st
from striate.interop import load
from striate.runtime.learning import Descent
from striate.training.torch_learner import distributed, torch_learner

folder, place = Path(sys.argv[1]), distributed()
given = np.load(folder / "examples.npz")
images, labels, rates = given["images"], given["labels"], given["rates"]
network = load(folder / "normed.onnx")
for name, descent in (("sgd", Descent(momentum=0.9, clip_norm=0.5)), ("adam", Descent("adam"))):
    learner = torch_learner(
        network, loss="cross-entropy", batch_size=8, descent=descent, device="torch"
    )
    lesson = learner.learn(images, labels, rates)
    np.savez(
        folder / f"{name}-{place.rank}.npz",
        losses=lesson.losses,
        hits=lesson.hits,
        scores=learner.scores(images[:5]),
        one=learner.scores(images[:1]),
        **{"weight " + name: array for name, array in learner.network().weights.items()},
    )
images[27] = np.inf  # in the share of one process alone
lesson = learner.learn(images, labels, rates)
assert lesson.steps == 3, lesson.steps
assert learner.agreed(2 * place.rank) == 2
count = 8 + 8 * place.rank
sys.setswitchinterval(60)  # Gloo's threads must not need Python once it is ending
try:
    learner.learn(images[:count], labels[:count], rates[: count // 8])
except st.errors.TrainingError as error:
    (folder / f"error-{place.rank}.txt").write_text(str(error))
"""


@pytest.fixture
def learn(tmp_path):
    """Return a script's path."""
    path = tmp_path / "learn.py"
    path.write_text(LEARN)
    return path


def test_two_processes_learn_what_one_does(normed, examples, tmp_path, learn, torchrun):
    """Statistics of the whole batch, gradients of its mean, and a last batch of one example."""
    images, labels = (array[:49] for array in examples)
    rates = np.linspace(0.05, 0.01, 7).astype(np.float32)
    np.savez(tmp_path / "examples.npz", images=images, labels=labels, rates=rates)
    network = normed().initialize(seed=1)
    network.save(tmp_path / "normed.onnx")

    done = torchrun(learn, tmp_path)
    assert done.returncode == 0, done.stderr
    for name, descent in (
        ("sgd", Descent(momentum=0.9, clip_norm=0.5)),
        ("adam", Descent("adam")),
    ):
        alone = torch_learner(
            network, loss="cross-entropy", batch_size=8, descent=descent, device="torch"
        )
        lesson = alone.learn(images, labels, rates)
        wanted = {
            "losses": lesson.losses,
            "scores": alone.scores(images[:5]),
            "one": alone.scores(images[:1]),
            **{"weight " + key: array for key, array in alone.network().weights.items()},
        }
        first, second = (dict(np.load(tmp_path / f"{name}-{rank}.npz")) for rank in (0, 1))
        np.testing.assert_array_equal(first["hits"], lesson.hits)
        for key, array in wanted.items():
            np.testing.assert_allclose(first[key], array, 1e-4, 3e-5, err_msg=key)
            np.testing.assert_array_equal(first[key], second[key], err_msg=key)
    for rank in (0, 1):
        assert (tmp_path / f"error-{rank}.txt").read_text() == (
            "the 2 processes are not at the same place (10 steps, 8 examples next and 10 steps, "
            "16 examples next): give all of them the same arguments, data and folder (out, --out), "
            "on a disk that every machine sees"
        )
