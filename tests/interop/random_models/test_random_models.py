"""Random models: what ONNX Runtime computes, in every precision, there and back, and inspected."""

import json
import os
import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch

import striate as st
from striate.errors import StriateError
from striate.network import compare, diagnose, explain, infer_shapes, inspect, settled

BLOCKS = [*range(1), *(pytest.param(block, marks=pytest.mark.slow) for block in range(1, 60))]
SIZE = 12  # models of a block

WIDE = np.dtype(np.float64)


def loaded(made):
    """Return the network of a model, with the sizes of its inputs where it cannot do without."""
    try:
        return st.load(made.model)
    except StriateError as error:
        if "which the model leaves open: give input_shape" not in str(error):
            raise
        return st.load(made.model, input_shape=made.shapes)


def doubled(feeds):
    return {n: a.astype(WIDE) if a.dtype == np.float32 else a for n, a in feeds.items()}


def check(found, made, what):
    found = found if isinstance(found, tuple) else (found,)
    for value, one, other in zip(made.model.graph.output, found, made.expected, strict=True):
        said = f"{made.model.graph.name}, {what}, {value.name}"
        assert one.shape == other.shape, said
        assert one.dtype.kind == other.dtype.kind, said
        if other.dtype.kind == "f":
            largest = max(1.0, abs(other).max())
            np.testing.assert_allclose(one, other, rtol=0, atol=3e-5 * largest, err_msg=said)
        else:
            np.testing.assert_array_equal(one, other, said)


@pytest.mark.parametrize("block", BLOCKS)
def test_outputs(random_models, block):
    for made in random_models(block * SIZE, SIZE):
        network = loaded(made)
        run = st.compile(network)
        check(run(made.feeds), made, "float32")
        check(run(made.feeds), made, "float32 again")
        check(st.compile(network, dtype="float64")(doubled(made.feeds)), made, "float64")


@pytest.mark.parametrize("block", BLOCKS)
def test_there_and_back(random_models, onnx_runtime, block, tmp_path):
    for made in random_models(10_000 + block * SIZE, SIZE):
        network = loaded(made)
        path = network.save(tmp_path / "saved.onnx")
        feeds = {v.name: made.feeds[v.name] for v in network.graph.inputs}
        check(tuple(onnx_runtime(onnx.load(path)).run(None, feeds)), made, "saved")
        again = st.load(path)
        check(st.compile(again, dtype="float64")(doubled(feeds)), made, "loaded again")
        with torch.no_grad():
            found = network.to_torch()(*map(torch.from_numpy, feeds.values()))
        found = found if isinstance(found, tuple) else (found,)
        check(tuple(tensor.detach().numpy() for tensor in found), made, "PyTorch")


@pytest.mark.parametrize("block", BLOCKS)
def test_all_that_is_told_without_running(random_models, block):
    for made in random_models(20_000 + block * SIZE, SIZE):
        network, shapes = loaded(made), made.shapes
        graph = settled(network.graph, shapes)
        inferred = infer_shapes(graph, shapes)
        assert [inferred[name] for name in graph.outputs] == [a.shape for a in made.expected]
        report = inspect(network, shapes)
        assert len(json.loads(report.to_json())["layers"]) == len(graph.nodes)
        assert str(report).startswith(made.model.graph.name)
        for node in graph.nodes[:3]:
            assert explain(network, node.name, shapes)[0].startswith(node.name)
        found = diagnose(network, shapes)
        assert found.fits, str(found)
        assert json.loads(found.to_json())["fits"]
        same = compare(network, network, shapes)
        assert all(number.change == "same" for number in same.totals)
        assert json.loads(same.to_json())


RUN = """
import sys, numpy as np, striate as st
for path in sys.argv[1:]:
    with np.load(path) as arrays:
        shapes = {n: a.shape for n, a in arrays.items()}
        found = st.compile(st.load(path + ".onnx", input_shape=shapes))(dict(arrays.items()))
    np.savez(path, *(found if isinstance(found, tuple) else (found,)))
"""


@pytest.mark.parametrize("isa", ["sse", "avx2"])
def test_on_plainer_processors(random_models, isa, tmp_path):
    models = random_models(30_000, 6)
    paths = [str(tmp_path / f"{i}.npz") for i in range(len(models))]
    for path, made in zip(paths, models, strict=True):
        np.savez(path, **made.feeds)
        onnx.save(made.model, f"{path}.onnx")
    environment = {**os.environ, "STRIATE_ISA": isa, "STRIATE_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", RUN, *paths], check=True, env=environment)
    for path, made in zip(paths, models, strict=True):
        with np.load(path) as arrays:
            check(tuple(arrays.values()), made, isa)
