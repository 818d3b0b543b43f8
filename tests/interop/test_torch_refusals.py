"""What striate says of PyTorch modules that it cannot read."""

import inspect
from pathlib import Path

import torch
from torch import nn

from striate.errors import GraphError, ParameterError, ShapeError

HERE = str(Path(__file__))


def line(function, text):
    """The number of the line of a function that has this text."""
    source, first = inspect.getsourcelines(function)
    return first + next(i for i, code in enumerate(source) if text in code)


class Branching(nn.Module):
    def forward(self, x):
        x = x * 2
        if x.sum() > 0:
            return x
        return -x


def test_a_way_that_depends_on_data(fails):
    place = line(Branching, "if x.sum()")
    assert fails(GraphError, Branching(), (1, 4)) == (
        f"Branching: cannot be exported: its way depends on data at {HERE}, line {place}: "
        "if x.sum() > 0: (GuardOnDataDependentSymNode); write both ways and choose with "
        "torch.where, or export a module without the branch"
    )


class Rotating(nn.Module):
    def forward(self, x):
        return torch.fft.rfft(x).abs()


def test_an_operator_without_counterpart(fails):
    place = line(Rotating, "fft")
    assert fails(GraphError, nn.Sequential(Rotating()), (1, 4)) == (
        "Sequential: 0 calls aten._fft_r2c.default, which has no counterpart "
        f"({HERE}, line {place}: return torch.fft.rfft(x).abs()); write it with convolutions, "
        "matrix products and element-wise operators"
    )


def test_what_resembles_no_operator_gets_no_hint(module_of, fails):
    assert fails(GraphError, module_of(lambda self, x: x.cummax(1)[0]), (1, 4)).endswith(
        "which has no counterpart; write it with convolutions, matrix products and element-wise "
        "operators"
    )


class Numbering(nn.Module):
    def forward(self, x):
        return x * x.sum().item()


def test_a_number_read_out_of_a_tensor(fails):
    place = line(Numbering, "item")
    assert fails(GraphError, Numbering(), (1, 4)) == (
        f"Numbering: forward reads a number out of a tensor ({HERE}, line {place}: "
        "return x * x.sum().item()); keep it a tensor"
    )


class Drawing(nn.Module):
    def forward(self, x):
        return x + torch.rand(4)


def test_random_numbers(fails):
    place = line(Drawing, "rand")
    assert fails(GraphError, Drawing(), (1, 4)) == (
        f"Drawing: forward draws random numbers ({HERE}, line {place}: "
        "return x + torch.rand(4)); give them as an input, or keep them in a buffer"
    )


class Masking(nn.Module):
    def forward(self, x):
        return x[x > 0]


def test_a_shape_that_depends_on_data(fails):
    place = line(Masking, "x > 0")
    assert fails(GraphError, Masking(), (1, 4)) == (
        "Masking: index (aten.index.Tensor): indexing by a mask gives a shape that depends on "
        f"data; use torch.where or masked_fill ({HERE}, line {place}: return x[x > 0])"
    )


class Counting(nn.Module):
    def forward(self, x):
        self.count += 1
        return x * self.count


def test_a_module_that_keeps_state(fails):
    module = Counting()
    module.register_buffer("count", torch.zeros(()))
    assert fails(GraphError, module, (1, 4)) == (
        "Counting: forward changes its buffer 'count': a network keeps no state; "
        "compute a new tensor in place of changing it"
    )
    assert module.count == 0


def test_a_module_that_changes_its_input(module_of, fails):
    assert fails(GraphError, module_of(lambda self, x: x.add_(1)), (1, 4)) == (
        "Module: forward changes its input 'x': a network keeps no state; "
        "compute a new tensor in place of changing it"
    )


def test_inputs_that_do_not_fit(fails):
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


def test_nothing_that_is_a_tensor_comes_out(module_of, fails):
    assert fails(GraphError, module_of(lambda self, x: 3), (1, 4)) == (
        "Module: forward returns no tensor; return one, a tuple or a dictionary"
    )


def test_pytorch_prints_nothing(capfd, fails):
    fails(GraphError, Branching(), (1, 4))
    assert capfd.readouterr() == ("", "")
