"""Networks of the zoo, on small images, learn in machine code: gradients of a step by PyTorch's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import striate as st
from striate.network import Network
from striate.network import operators as op
from striate.network.zoo import names
from striate.runtime.learning.compiled import why_not

SMALL = {"lenet-1989": 16, "lenet-5": 32, "base-a": 32, "all-cnn-c": 32, "squeezenet": 32}
DEEP = {
    "densenet121": 64,
    "googlenet": 64,
    "resnet50": 64,
    "vgg11-bn": 32,
    "alexnet": 223,
    "mobilenet-v1": 64,
    "mobilenet-v2": 64,
}


def small(name, size):
    """Return a network of the zoo for images of another size, that drops nothing.

    Where fully connected layers fix the size, the first of them gets as many weights as there are
    features then.
    """
    graph = st.load(name).graph
    entry = graph.inputs[0]
    shape = (*entry.shape[:2], size, size)
    nodes = tuple(
        replace(node, operator=op.Dropout(0.0)) if isinstance(node.operator, op.Dropout) else node
        for node in graph.nodes
    )
    parameters = tuple(
        replace(p, shape=(4096, 512)) if (name, p.name) == ("vgg11-bn", "fc6.weight") else p
        for p in graph.parameters
    )
    return Network(
        replace(graph, inputs=(replace(entry, shape=shape),), nodes=nodes, parameters=parameters)
    )


@pytest.mark.parametrize("name", names())
def test_every_network_learns_in_machine_code(name):
    assert why_not(st.load(name)) == ""


@pytest.mark.parametrize("name", SMALL)
def test_gradients(name, lively, examples, by_step, by_autograd, agree):
    network = lively(small(name, SMALL[name]), 1)
    given = *examples(network, 2), "cross-entropy"
    agree(by_step(network, *given), by_autograd(network, *given), 1e-3)


def check(name, size, examples, by_step, by_autograd):
    """Compare directions and lengths of gradients.

    Where a sum is so near to 0 that rounding turns the gate of a ReLU, all that lies before it
    changes by one unit's share, in PyTorch's float32 as here. A wrong rule changes it all.
    """
    network = small(name, size).initialize(1)
    given = *examples(network, 4), "cross-entropy"
    found, wanted = by_step(network, *given), by_autograd(network, *given)
    largest = max(np.linalg.norm(array) for array in wanted.values())
    for key, array in wanted.items():
        if np.linalg.norm(array) > 1e-9 * largest:  # else it is the bias before a normalization
            away = np.linalg.norm(found[key] - array) / np.linalg.norm(array)
            assert away < 0.1, key


def test_gradients_of_residual_networks(examples, by_step, by_autograd):
    check("resnet18", 64, examples, by_step, by_autograd)


@pytest.mark.slow
@pytest.mark.parametrize("name", DEEP)
def test_gradients_of_deep_networks(name, examples, by_step, by_autograd):
    check(name, DEEP[name], examples, by_step, by_autograd)
