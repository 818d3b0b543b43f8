"""Small files whose numbers are beyond all measure are told of within seconds, or refused."""

import time
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from striate.interop.onnx import from_onnx
from striate.network import inspect

SECONDS = 5  # for what takes a tenth of one: machines may be busy
node = helper.make_node


def told(nodes, arrays=(), shape=(1, 4, 16, 16)):
    """Return the report of a model of these nodes from x to y, which must not take long."""
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    made = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    tensors = [numpy_helper.from_array(array, name) for name, array in arrays]
    graph = helper.make_graph(nodes, "extreme", [given], [made], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    assert len(model.SerializeToString()) < 100_000
    network = from_onnx(model)
    begun = time.perf_counter()
    report = inspect(network)
    assert time.perf_counter() - begun < SECONDS
    return report


HUGE = 2**31
WEIGHT = ("w", np.ones((4, 4, 3, 3), np.float32))
transposed = partial(node, "ConvTranspose", ["x", "w"], ["y"])


def test_pools_of_huge_windows():
    pool = node("MaxPool", ["x"], ["y"], kernel_shape=[HUGE] * 2, pads=[HUGE - 1] * 4)
    assert told([pool]).layers[0].field[0].size == HUGE


def test_transposed_convolutions_of_huge_strides():
    (note,) = told([transposed(strides=[HUGE] * 2)], [WEIGHT]).notes
    assert note == (
        "extreme: y (ConvTranspose) of x: outputs see in 2,147,483,648 different ways: "
        "no single receptive field exists there"
    )


def test_transposed_convolutions_of_huge_dilations():
    report = told([transposed(dilations=[HUGE - 1] * 2, strides=[3, 3])], [WEIGHT])
    assert report.layers[0].output_shape == (1, 4, *(45 + 2 * (HUGE - 1) + 1,) * 2)


def test_chains_of_transposed_convolutions():
    names = ["x", *(f"c{i}" for i in range(8)), "y"]
    nodes = [node("ConvTranspose", [a, "w"], [b], strides=[7, 5]) for a, b in pairwise(names)]
    report = told(nodes, [WEIGHT])
    assert report.layers[3].field[0].stride == "1/2401"
    assert report.notes == (
        "extreme: c4 (ConvTranspose) of c3: outputs see in 16,807 different ways: "
        "no single receptive field exists there",
    )


@pytest.mark.parametrize(
    ("mode", "scale", "size", "note"),
    [
        ("nearest", 65535.37, 16, "its outputs read in 1,048,565 different ways, more than 4,096"),
        ("cubic", 1e-5, 10**6, "its outputs read 1 x 262,144 elements, more than 32,768"),
    ],
)
def test_resizing_by_extreme_scales(mode, scale, size, note):
    scales = ("s", np.float32([1, 1, scale, scale]))
    resize = node("Resize", ["x", "", "s"], ["y"], mode=mode, antialias=int(mode == "cubic"))
    (found,) = told([resize], [scales], (1, 4, size, size)).notes
    assert found == f"extreme: y (Resize) of x: {note}"


def test_thousands_of_parts():
    names = [f"part{i}" for i in range(2000)]
    nodes = [
        node("Split", ["x"], names, axis=2, num_outputs=2000),
        node("Concat", names, ["y"], axis=2),
    ]
    report = told(nodes, shape=(1, 4, 2000, 8))
    assert report.layers[1].output_shape == (1, 4, 2000, 8)
    assert report.layers[1].field[0].size == 1


def test_groups_of_huge_numbers_of_channels():
    scales = [(name, np.ones(2, np.float32)) for name in "ab"]
    norm = node("GroupNormalization", ["x", "a", "b"], ["y"], num_groups=2, epsilon=1e-5)
    assert told([norm], scales, (1, 2**20, 4, 4)).notes == (
        "extreme: y (GroupNormalization) of x: its groups read 524,288 x 524,288 "
        "channels, more than 1,048,576",
    )


@pytest.mark.parametrize("kind", ["Flatten", "DepthToSpace"])
def test_reshaping_nothing(kind):
    sizes = {"blocksize": 2} if kind == "DepthToSpace" else {}
    report = told([node(kind, ["x"], ["y"], **sizes)], shape=(1, 4, 0, 0))
    assert report.layers[0].output_shape == ((1, 1, 0, 0) if sizes else (1, 0))
