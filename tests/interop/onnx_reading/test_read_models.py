"""Networks of others: those that the onnx package carries, and files that people use."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import shape_inference

from striate.interop.onnx import load_onnx
from striate.network import infer_shapes, inspect, settled
from striate.network.defined import Deferred

LIGHT = sorted((Path(onnx.__file__).parent / "backend" / "test" / "data" / "light").glob("*.onnx"))
SIZES = {
    "ch_ppocr_mobile_v2.0_cls_infer": (1, 3, 48, 192),
    "pnet": (1, 37, 52, 3),
}


def onnx_shapes(path, sizes):
    """Return the shapes that onnx infers, of the values that it knows wholly."""
    model = onnx.load(path)
    stored = {tensor.name for tensor in model.graph.initializer}
    (source,) = (value for value in model.graph.input if value.name not in stored)
    for dim, size in zip(source.type.tensor_type.shape.dim, sizes, strict=True):
        dim.dim_value = size
    del model.graph.value_info[:]
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    found = shape_inference.infer_shapes(model, data_prop=True).graph
    shapes = {}
    for value in (*found.value_info, *found.output):
        dims = value.type.tensor_type.shape.dim
        if value.type.tensor_type.HasField("shape") and all(d.HasField("dim_value") for d in dims):
            shapes[value.name] = tuple(dim.dim_value for dim in dims)
    return shapes


def check_shapes(path, sizes):
    network = load_onnx(path)
    shapes = infer_shapes(settled(network.graph, sizes), sizes)
    wanted = onnx_shapes(path, sizes)
    common = [name for name in wanted if name in shapes]
    assert {name: shapes[name] for name in common} == {name: wanted[name] for name in common}
    assert len(common) >= len(network.graph.nodes) / 2
    return network, shapes


def test_there_are_nine_light_networks():
    assert len(LIGHT) == 9


@pytest.mark.parametrize("path", LIGHT, ids=lambda path: path.stem)
def test_light_networks(path):
    network, shapes = check_shapes(path, (1, 3, 224, 224))
    assert not any(isinstance(node.operator, Deferred) for node in network.graph.nodes)
    assert [np.prod(shapes[name]) for name in network.graph.outputs] == [1000]
    views = [weight for weight in network.weights.values() if weight.size > 5000]
    assert all(set(weight.strides) == {0} for weight in views)


def test_parameters_of_vgg19():
    (path,) = (path for path in LIGHT if path.stem == "light_vgg19")
    totals = inspect(load_onnx(path), input_shape=(1, 3, 224, 224)).totals
    assert (totals.parameters, totals.macs) == (143_667_240, 19_632_062_464)


@pytest.fixture(
    params=[
        "Convnet_maxpool",
        "ch_ppocr_mobile_v2.0_cls_infer",
        "cifar10_medium",
        "cifar_base_kw",
        "efficientnet-lite0-57934424",
        "light_bvlc_alexnet",
        "light_inception_v1",
        "light_resnet50",
        "light_squeezenet",
        "light_vgg19",
        "mnist-8",
        "pnet",
        "resnet20-12fca82f",
        "resnet_2b",
        "rnet",
        "super_resolution",
        "version-RFB-320",
        "yunet_n_320_320",
    ]
)
def file(request, data_folder):
    return data_folder / "models" / f"{request.param}.onnx"


@pytest.mark.data
def test_files_that_people_use(file):
    network = load_onnx(file)
    sizes = SIZES.get(file.stem, tuple(size or 1 for size in network.graph.inputs[0].shape))
    network, shapes = check_shapes(file, sizes)
    assert set(network.graph.outputs) <= set(shapes)
    assert set(network.weights) == {parameter.name for parameter in network.graph.parameters}
