"""What a PyTorch module becomes: names, weights, shapes."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import striate
from striate.errors import ShapeError
from striate.interop.torch import from_torch, to_torch
from striate.interop.weights import load_weights
from striate.network import inspect
from striate.network.operators import AveragePool, Conv, Dropout, Gemm, GlobalAveragePool


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.bn = nn.BatchNorm2d(3)
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(self.bn(self.conv(x)) + x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 3, 1)
        self.layers = nn.Sequential(Block(), Block())
        self.drop = nn.Dropout(0.3)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(3, 2)
        self.stem.weight.requires_grad = False

    def forward(self, image):
        x = self.layers(F.relu(self.stem(image)))
        return self.fc(self.drop(torch.flatten(self.pool(x), 1)))


def test_nodes_bear_the_modules_paths():
    network = from_torch(Net(), (1, 3, 8, 8))
    assert network.name == "Net"
    assert [node.name for node in network.graph.nodes] == [
        "stem",
        "relu",
        "layers.0.conv",
        "layers.0.bn",
        "layers.0.add",
        "layers.0.relu",
        "layers.1.conv",
        "layers.1.bn",
        "layers.1.add",
        "layers.1.relu",
        "pool",
        "flatten",
        "drop",
        "fc",
    ]
    kinds = [type(network.graph.nodes[place].operator) for place in (0, 10, 12, 13)]
    assert kinds == [Conv, GlobalAveragePool, Dropout, Gemm]
    assert network.graph.nodes[12].operator.rate == 0.3
    assert [(v.name, v.shape, v.kind) for v in network.graph.inputs] == [
        ("image", (None, 3, 8, 8), "float")
    ]


def test_parameters_bear_the_state_dictionarys_names():
    module = Net()
    network = from_torch(module, (1, 3, 8, 8))
    state = {k: v for k, v in module.state_dict().items() if "num_batches" not in k}
    assert set(network.weights) == set(state)
    for name, tensor in state.items():
        np.testing.assert_array_equal(network.weights[name], tensor.numpy())
    fixed = {p.name for p in network.graph.parameters if not p.trainable}
    statistics = {name for name in state if "running" in name}
    assert fixed == {"stem.weight", *statistics}


def test_the_module_stays_as_it_was(fails):
    module = Net()
    module.layers[0].eval()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    flags = [part.training for part in module.modules()]
    network = from_torch(module, (2, 3, 8, 8))
    assert [part.training for part in module.modules()] == flags
    with torch.no_grad():
        module.fc.bias.fill_(7)
    assert (network.weights["fc.bias"] == before["fc.bias"].numpy()).all()
    fails(ShapeError, module, (2, 4, 8, 8))
    assert [part.training for part in module.modules()] == flags


def test_a_shared_weight_is_one_parameter():
    module = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4, bias=False))
    module[1].weight = module[0].weight
    network = from_torch(module, (1, 4))
    assert list(network.weights) == ["0.weight", "0.bias"]
    assert [node.inputs[1] for node in network.graph.nodes] == ["0.weight", "0.weight"]
    loaded = load_weights(network, module.state_dict())
    assert list(loaded.weights) == ["0.weight", "0.bias"]


def test_a_layer_called_twice_is_two_nodes(module_of):
    def forward(self, x):
        return self.relu(self.relu(x) - 1)

    module = module_of(forward)
    module.relu = nn.ReLU()
    names = [node.name for node in from_torch(module, (1, 4)).graph.nodes]
    assert names == ["relu", "sub", "relu_1"]


def test_several_inputs_and_named_outputs(module_of):
    def forward(self, image, mask, scale=None):
        return {"masked": image * mask, "rest": (image - mask, [mask * scale])}

    module = module_of(forward)
    shapes = {"mask": (2, 4), "image": (2, 4), "scale": (2, 1)}
    network = from_torch(module, shapes)
    assert [value.name for value in network.graph.inputs] == ["image", "mask", "scale"]
    assert network.graph.outputs == ("masked", "rest.0", "rest.1.0")
    image, mask, scale = (torch.randn(3, n) for n in (4, 4, 1))
    wanted = module(image, mask, scale)
    found = to_torch(network)(image, scale=scale, mask=mask)
    torch.testing.assert_close(found, (wanted["masked"], wanted["rest"][0], *wanted["rest"][1]))
    again = from_torch(module, inputs=(image, mask, scale))
    assert again.graph.inputs == network.graph.inputs
    assert from_torch(module, ((2, 4), (2, 4), (2, 1))).graph == network.graph


def test_arguments_that_are_no_tensors_become_part_of_the_network(module_of):
    module = module_of(lambda self, x, times, flip=False: x.flip(1) * times if flip else x * times)
    network = from_torch(module, inputs={"x": torch.ones(2, 3), "times": 3, "flip": True})
    assert [node.operator.onnx for node in network.graph.nodes] == ["Slice", "Mul"]


def test_whole_numbers_in():
    network = from_torch(nn.Embedding(5, 3), inputs=torch.tensor([[0, 4]]))
    assert network.graph.inputs[0].kind == "int64"
    found = to_torch(network)(torch.tensor([[1, 2], [3, 4]]))
    np.testing.assert_array_equal(found.detach(), network.weights["weight"][[[1, 2], [3, 4]]])


def test_halves_are_widened():
    module = nn.Conv2d(1, 2, 3).half()
    network = from_torch(module, (1, 1, 4, 4))
    assert network.weights["weight"].dtype == np.float32
    np.testing.assert_array_equal(network.weights["weight"], module.weight.detach().float())


def test_double_precision():
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh()).double()
    network = from_torch(module, (1, 1, 4, 4))
    x = torch.randn(2, 1, 4, 4, dtype=torch.float64)
    torch.testing.assert_close(to_torch(network)(x), module(x), rtol=1e-14, atol=1e-14)


def test_an_exported_program():
    module = nn.Conv2d(1, 2, 3).eval()
    program = torch.export.export(
        module, (torch.zeros(2, 1, 4, 4),), dynamic_shapes=({0: torch.export.Dim.AUTO},)
    )
    network = from_torch(program)
    assert network.graph.inputs[0].shape == (None, 1, 4, 4)
    assert list(network.weights) == ["weight", "bias"]


def test_the_batch_is_fixed_where_the_module_fixes_it(module_of):
    network = from_torch(module_of(lambda self, x: x.reshape(2, 6) * 2), (3, 4))
    assert network.graph.inputs[0].shape == (3, 4)


def test_adaptive_poolings():
    pools = [nn.AdaptiveAvgPool2d(size) for size in (1, 4, (2, 8), 3)]
    found = [
        [node.operator.onnx for node in from_torch(pool, (1, 2, 8, 8)).graph.nodes]
        for pool in pools
    ]
    assert found[:3] == [["GlobalAveragePool"], ["AveragePool"], ["AveragePool"]]
    assert found[3] == ["AveragePool", "Concat", "Gather"] * 2 or found[3].count("Gather") == 2
    network = from_torch(pools[1], (1, 2, 8, 8))
    operator = network.graph.nodes[0].operator
    assert isinstance(operator, AveragePool)
    assert operator.window.kernel == (2, 2)


def test_functional_dropout_stays(module_of):
    module = module_of(lambda self, x: F.dropout(x, 0.3, self.training))
    (node,) = from_torch(module, (1, 4)).graph.nodes
    assert node.operator == Dropout(0.3)


@pytest.mark.parametrize("shape", [(6,), (2, 6), (2, 7, 6), (2, 3, 4, 6)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear_layers_are_one_node_each(shape, bias):
    module = nn.Sequential(nn.Linear(6, 5, bias=bias), nn.ReLU())
    network = from_torch(module, shape)
    linear, _ = network.graph.nodes
    assert linear.operator == Gemm()
    assert linear.inputs[1:] == tuple(module.state_dict())
    layer = inspect(network, shape).layers[0]
    places = int(np.prod(shape[:-1]))
    each = int(np.prod(shape[1:-1])) * 5
    assert (layer.macs, layer.parameters) == (places * 30, 30 + 5 * bias)
    assert (layer.units, layer.connections) == (each, each * (6 + bias))
    assert layer.read_bytes == 4 * (places * 6 + 30 + 5 * bias)
    x = torch.randn(shape)
    np.testing.assert_allclose(
        striate.compile(network)(x.numpy()), module(x).detach(), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(network.to_torch()(x).detach(), module(x).detach(), rtol=1e-6)


def test_functions_of_the_linear_layer(module_of):
    """A weight of one axis is a vector; a bias of more axes than one is added."""

    def forward(self, x):
        return F.linear(x, self.matrix, self.bias) + F.linear(x, self.vector).unsqueeze(-1)

    module = module_of(forward)
    module.matrix, module.vector = (nn.Parameter(torch.randn(s)) for s in ((5, 6), (6,)))
    module.bias = nn.Parameter(torch.randn(7, 5))
    network = from_torch(module, (2, 7, 6))
    kinds = [node.operator.onnx for node in network.graph.nodes]
    assert kinds == ["Gemm", "Add", "MatMul", "Unsqueeze", "Add"]
    x = torch.randn(2, 7, 6)
    np.testing.assert_allclose(
        striate.compile(network)(x.numpy()), module(x).detach(), rtol=1e-4, atol=1e-5
    )


def test_spectral_norms_are_inspected():
    """Their norm is a product of two vectors: a single number, with no example of its own."""
    module = torch.nn.utils.parametrizations.spectral_norm(nn.Conv2d(3, 4, 3)).eval()
    report = inspect(from_torch(module, (1, 3, 8, 8)))
    (single,) = [x for x in report.layers if x.operator == "MatMul" and not x.output_shape]
    assert (single.macs, single.units, single.connections) == (4, 1, 4)
