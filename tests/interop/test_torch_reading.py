"""What a PyTorch module becomes: names, weights, shapes; and what it says when it cannot."""

import inspect
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from striate.errors import GraphError, ParameterError, ShapeError
from striate.interop.torch import from_torch, to_torch
from striate.interop.weights import load_weights
from striate.network.operators import AveragePool, Conv, Dropout, Gemm, GlobalAveragePool

HERE = str(Path(__file__))


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


def make(function):
    """A module whose forward is this function of (self, *inputs)."""
    return type("Module", (nn.Module,), {"forward": function})()


def line(function, text):
    """The number of the line of a function that has this text."""
    source, first = inspect.getsourcelines(function)
    return first + next(i for i, code in enumerate(source) if text in code)


def fails(kind, module, *args, **kwargs):
    with pytest.raises(kind) as error:
        from_torch(module, *args, **kwargs)
    assert "\n" not in str(error.value)
    return str(error.value)


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


def test_the_module_stays_as_it_was():
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


def test_a_layer_called_twice_is_two_nodes():
    def forward(self, x):
        return self.relu(self.relu(x) - 1)

    module = make(forward)
    module.relu = nn.ReLU()
    names = [node.name for node in from_torch(module, (1, 4)).graph.nodes]
    assert names == ["relu", "sub", "relu_1"]


def test_several_inputs_and_named_outputs():
    def forward(self, image, mask, scale=None):
        return {"masked": image * mask, "rest": (image - mask, [mask * scale])}

    module = make(forward)
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


def test_arguments_that_are_no_tensors_become_part_of_the_network():
    module = make(lambda self, x, times, flip=False: x.flip(1) * times if flip else x * times)
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


def test_the_batch_is_fixed_where_the_module_fixes_it():
    network = from_torch(make(lambda self, x: x.reshape(2, 6) * 2), (3, 4))
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


class Branching(nn.Module):
    def forward(self, x):
        x = x * 2
        if x.sum() > 0:
            return x
        return -x


def test_a_way_that_depends_on_data():
    place = line(Branching, "if x.sum()")
    assert fails(GraphError, Branching(), (1, 4)) == (
        f"Branching: cannot be exported: its way depends on data at {HERE}, line {place}: "
        "if x.sum() > 0: (GuardOnDataDependentSymNode); write both ways and choose with "
        "torch.where, or export a module without the branch"
    )


class Rotating(nn.Module):
    def forward(self, x):
        return torch.fft.rfft(x).abs()


def test_an_operator_without_counterpart():
    place = line(Rotating, "fft")
    assert fails(GraphError, nn.Sequential(Rotating()), (1, 4)) == (
        "Sequential: 0 calls aten._fft_r2c.default, which has no counterpart "
        f"({HERE}, line {place}: return torch.fft.rfft(x).abs()); write it with convolutions, "
        "matrix products and element-wise operators"
    )


def test_the_nearest_operators_are_named():
    assert fails(GraphError, make(lambda self, x: x.cummax(1)[0]), (1, 4)).endswith(
        "; the nearest that have one are max, cumsum, clamp_max: write it with these"
    )


class Numbering(nn.Module):
    def forward(self, x):
        return x * x.sum().item()


def test_a_number_read_out_of_a_tensor():
    place = line(Numbering, "item")
    assert fails(GraphError, Numbering(), (1, 4)) == (
        f"Numbering: forward reads a number out of a tensor ({HERE}, line {place}: "
        "return x * x.sum().item()); keep it a tensor"
    )


class Drawing(nn.Module):
    def forward(self, x):
        return x + torch.rand(4)


def test_random_numbers():
    place = line(Drawing, "rand")
    assert fails(GraphError, Drawing(), (1, 4)) == (
        f"Drawing: forward draws random numbers ({HERE}, line {place}: "
        "return x + torch.rand(4)); give them as an input, or keep them in a buffer"
    )


class Masking(nn.Module):
    def forward(self, x):
        return x[x > 0]


def test_a_shape_that_depends_on_data():
    place = line(Masking, "x > 0")
    assert fails(GraphError, Masking(), (1, 4)) == (
        "Masking: index (aten.index.Tensor): indexing by a mask gives a shape that depends on "
        f"data; use torch.where or masked_fill ({HERE}, line {place}: return x[x > 0])"
    )


class Counting(nn.Module):
    def forward(self, x):
        self.count += 1
        return x * self.count


def test_a_module_that_keeps_state():
    module = Counting()
    module.register_buffer("count", torch.zeros(()))
    assert fails(GraphError, module, (1, 4)) == (
        "Counting: forward changes its buffer 'count': a network keeps no state; "
        "compute a new tensor in place of changing it"
    )
    assert module.count == 0


def test_a_module_that_changes_its_input():
    assert fails(GraphError, make(lambda self, x: x.add_(1)), (1, 4)) == (
        "Module: forward changes its input 'x': a network keeps no state; "
        "compute a new tensor in place of changing it"
    )


def test_functional_dropout_stays():
    module = make(lambda self, x: F.dropout(x, 0.3, self.training))
    (node,) = from_torch(module, (1, 4)).graph.nodes
    assert node.operator == Dropout(0.3)


def test_inputs_that_do_not_fit():
    module = nn.Sequential(nn.Linear(4, 2))
    assert fails(ShapeError, module, (1, 5)).startswith(
        "Sequential: fails on inputs of shape (1, 5): "
    )
    assert fails(ParameterError, module) == (
        "from_torch: the input's shape of Sequential is not known; give input_shape, as "
        "(1, 3, 224, 224), or inputs, tensors to call the module with"
    )
    assert fails(ShapeError, module, (1, None)) == (
        "from_torch: input shape (1, None) must be of whole numbers; only the first, the batch, "
        "may be None"
    )
    assert fails(ParameterError, nn.Bilinear(2, 2, 2), (1, 2)).endswith(
        '; give one shape for each input, as ((1, 3, 32, 32), (1, 8)) or {"name": shape}, or inputs'
    )
    assert fails(ParameterError, "resnet18", (1, 2)) == (
        "from_torch: module is str; give a torch.nn.Module or a torch.export.ExportedProgram"
    )


def test_nothing_that_is_a_tensor_comes_out():
    assert fails(GraphError, make(lambda self, x: 3), (1, 4)) == (
        "Module: forward returns no tensor; return one, a tuple or a dictionary"
    )


def test_pytorch_prints_nothing(capfd):
    fails(GraphError, Branching(), (1, 4))
    assert capfd.readouterr() == ("", "")
