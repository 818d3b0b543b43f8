"""What gradients of learners are measured by: float64, differences and one step's weights."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from striate.errors import ParameterError
from striate.network import operators as op
from striate.ops.codegen import Target
from striate.runtime.constants import arrays_of
from striate.runtime.learning import Assignment, Descent
from striate.runtime.learning.compiled import CompiledLearner, why_not
from striate.runtime.learning.losses import find_loss
from striate.runtime.plan import plan

RATE = 2.0**12
"""So large that what is left of the weight takes no digits from the gradient."""


@pytest.fixture(scope="session")
def examples():
    """Return examples(network, count, seed) -> images and labels of 5 classes."""

    def examples(network, count=4, seed=0):
        random = np.random.default_rng(seed)
        images = random.standard_normal((count, *network.input_shape[1:]), np.float32)
        return images, random.integers(0, 5, count)

    return examples


@pytest.fixture(scope="session")
def by_step():
    """Return by_step(network, images, labels, loss) -> gradients, as a step's weights tell them."""

    def gradients(network, images, labels, loss="squared", **options):
        assert why_not(network) == ""
        given = Assignment(network, loss, len(images), Descent())
        student = CompiledLearner(given, **options)
        assert student.learn(images, labels, np.full(1, RATE, np.float32)).steps == 1
        after = student.network().weights
        return {
            p.name: (network.weights[p.name].astype(np.float64) - after[p.name]) / RATE
            for p in network.graph.parameters
            if p.trainable
        }

    return gradients


class Gradients(dict):
    """Arrays by parameters' names; `sizes` tells how large sums of their terms are as a rule.

    That is the root of the terms' squared sum: where they cancel, a sum is smaller, but rounds as
    any other.
    """

    def __init__(self, parameters):
        super().__init__({name: tensor.grad.numpy() for name, tensor in parameters.items()})
        self.sizes = {}
        for name, tensor in parameters.items():
            if hasattr(tensor, "each"):
                axes = (0, *range(2, tensor.each.dim()))
                self.sizes[name] = float(tensor.each.grad.square().sum(axes).sqrt().max())


@pytest.fixture
def by_autograd(by_torch):
    """Return by_autograd(network, images, labels, loss) -> gradients in float64."""

    def gradients(network, images, labels, loss="squared"):
        y, parameters = by_torch(network, images, training=True)
        if loss == "squared":
            wanted = 2 * F.one_hot(torch.tensor(labels), y.shape[1]) - 1
            mean = 0.5 * ((y - wanted) ** 2).sum() / len(images)
        else:
            mean = F.cross_entropy(y, torch.tensor(labels))
        mean.backward()
        trained = [p.name for p in network.graph.parameters if p.trainable]
        return Gradients({name: parameters[name] for name in trained})

    return gradients


@pytest.fixture(scope="session")
def loss_in_float64():
    """Return of(network, images, labels, loss) -> the mean loss in training mode."""

    def of(network, weights, images, labels, loss):
        run = plan(
            network.graph, images.shape, np.dtype(np.float64), random=np.random.default_rng(0)
        )
        arrays = {name: np.array(array, np.float64) for name, array in weights.items()}
        known = {**arrays_of(network, np.dtype(np.float64)), **arrays}
        y = run.run([images.astype(np.float64)], known, keep=None)[run.outputs[0]]
        chosen = find_loss(loss)
        return chosen.values(y, chosen.targets(y.shape[1])[labels].astype(np.float64)).mean()

    return of


@pytest.fixture(scope="session")
def by_differences(loss_in_float64):
    """Return by_differences(network, images, labels, loss, name, index): two-sided, in float64."""

    def gradient(network, images, labels, loss, name, index):
        sides = []
        for step in (1e-5, -1e-5):
            array = np.array(network.weights[name], np.float64)
            array[index] += step
            weights = {**network.weights, name: array}
            sides.append(loss_in_float64(network, weights, images, labels, loss))
        return (sides[0] - sides[1]) / 2e-5

    return gradient


@pytest.fixture(scope="session")
def agree():
    """Return agree(found, wanted): compare gradients, each array by its largest element."""

    def agree(found, wanted, tolerance=2e-5):
        largest = max(np.abs(array).max() for array in wanted.values())
        assert largest > 0
        for name, array in wanted.items():
            size = np.abs(array).max()
            # Before a normalization, a bias has no gradient and a scale next to none: what is
            # summed up there cancels, and rounds by as much as where it does not.
            scale = largest if size < 1e-4 * largest else size
            scale = max(scale, getattr(wanted, "sizes", {}).get(name, 0.0))
            np.testing.assert_allclose(found[name], array, 0, tolerance * scale, err_msg=name)

    return agree


@pytest.fixture
def check_gradients(by_step, by_autograd, by_differences, agree):
    """Return check(network, images, labels, loss): against PyTorch and, of some weights, slopes."""

    def check(network, images, labels, loss):
        found = by_step(network, images, labels, loss)
        random = np.random.default_rng(3)
        largest = max(np.abs(array).max() for array in found.values())
        for name, array in found.items():
            for place in random.choice(array.size, min(array.size, 4), replace=False):
                index = np.unravel_index(place, array.shape)
                slope = by_differences(network, images, labels, loss, name, index)
                np.testing.assert_allclose(array[index], slope, 0, 1e-5 * largest, err_msg=name)
        if all(_even(node.operator) for node in network.graph.nodes):
            agree(found, by_autograd(network, images, labels, loss))

    return check


def _even(operator):
    """Tell whether PyTorch has it: it pools with the same padding on both sides only."""
    if not isinstance(operator, (op.MaxPool, op.AveragePool)):
        return True
    axes = operator.window.axes
    return all(axis.padding != "same" and axis.before == axis.after for axis in axes)


@pytest.fixture
def instructions(monkeypatch):
    """Return instructions(level): make code for another processor, or skip where none can run."""

    def use(level):
        monkeypatch.setenv("STRIATE_ISA", level)
        try:
            Target.host()
        except ParameterError as error:
            pytest.skip(str(error))

    return use
