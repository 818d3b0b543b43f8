"""Random models with a few other numbers, names and shapes: told, run or refused, and soon."""

import random
import time

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import striate as st
from striate.errors import StriateError
from striate.network import diagnose, infer_shapes, inspect, settled

SECONDS = 2
LARGEST = 1e5  # elements of all values of a network that is run
WHOLE = (0, 1, -1, 2, 3, 4, 5, 7, 31, -2, 255, 2**31, -(2**31), 2**32, 2**62)
NUMBERS = (0.0, -1.0, 1e38, float("nan"), float("inf"), 1e-45, 0.5, 2.0)
KINDS = ("Relu", "Add", "Conv", "MaxPool", "Softmax", "Reshape", "Resize", "Pad", "ArgMax", "Tile")


def other_attribute(node, rng):
    if not node.attribute:
        return
    found = rng.choice(node.attribute)
    if found.type == found.INT:
        found.i = rng.choice(WHOLE)
    elif found.type == found.INTS and found.ints and rng.random() < 0.7:
        found.ints[rng.randrange(len(found.ints))] = rng.choice(WHOLE)
    elif found.type == found.INTS:
        found.ints.append(rng.choice(WHOLE))
    elif found.type == found.FLOAT:
        found.f = rng.choice(NUMBERS)
    else:
        node.attribute.remove(found)


def other_array(graph, rng):
    if not graph.initializer:
        return
    tensor = rng.choice(graph.initializer)
    array = numpy_helper.to_array(tensor).copy()
    if array.size and array.dtype in (np.float32, np.int64) and rng.random() < 0.6:
        drawn = WHOLE if array.dtype == np.int64 else NUMBERS
        array.reshape(-1)[rng.randrange(array.size)] = rng.choice(drawn)
    else:
        array = rng.choice((array[None], array.reshape(-1), array.T, array.reshape(-1)[:0]))
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(array), tensor.name))


def damaged(model, rng):
    """Return a model of which a few things are others."""
    found = onnx.ModelProto()
    found.CopyFrom(model)
    graph = found.graph
    for _ in range(rng.choice((1, 1, 2, 3))):
        node, what = rng.choice(graph.node), rng.randrange(5)
        if what < 2:
            other_attribute(node, rng)
        elif what == 2:
            other_array(graph, rng)
        elif what == 3 and node.input:
            names = [name for other in graph.node for name in other.output]
            names += [value.name for value in (*graph.input, *graph.initializer)]
            node.input[rng.randrange(len(node.input))] = rng.choice(names)
        else:
            node.op_type = rng.choice(KINDS)
    return found


def outcome(model, made):
    """Return how far a model came; only errors of striate may stop it."""
    far, begin = "nowhere", time.perf_counter()
    try:
        network = st.load(model)
        far = "read"
        assert str(inspect(network, made.shapes))
        assert str(diagnose(network, made.shapes))
        far = "told"
        assert time.perf_counter() - begin < SECONDS, made.model.graph.name
        inferred = infer_shapes(settled(network.graph, made.shapes), made.shapes)
        # kernels of billions are told in no time, but run for as long as they say
        wide = any(i > 2**20 for n in model.graph.node for a in n.attribute for i in a.ints)
        if (
            not wide
            and sum(float(np.prod(shape, dtype=float)) for shape in inferred.values()) < LARGEST
        ):
            st.compile(network, dtype="float64")(
                {n: a.astype(float) if a.dtype.kind == "f" else a for n, a in made.feeds.items()}
            )
            far = "run"
    except StriateError:
        pass
    return far


@pytest.mark.parametrize("count", [8, pytest.param(400, marks=pytest.mark.slow)])
def test_only_errors_of_its_own_and_soon(random_models, count):
    found = set()
    for number, made in enumerate(random_models(500, count, steps=8)):
        rng = random.Random(number)
        for _ in range(15):
            found.add(outcome(damaged(made.model, rng), made))
    assert {"nowhere", "read", "run"} <= found
