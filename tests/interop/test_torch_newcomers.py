"""What modules from elsewhere have: other precisions, whole numbers, foreign operators."""

import numpy as np
import pytest
import torch
from torch import nn

import striate as st
from striate.errors import GraphError, ParameterError
from striate.interop.torch import from_torch


class Double(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3).double()

    def forward(self, x):
        return self.conv(x.double())


def test_weights_in_double_precision_take_single_inputs():
    module = Double().eval()
    x = torch.randn(1, 3, 8, 8)
    back = st.load(module, input_shape=(1, 3, 8, 8)).to_torch()
    assert torch.equal(back(x), module(x))
    assert torch.equal(back(x.double()), module(x.double()))


def test_rrelu_has_the_mean_of_its_slopes():
    module = nn.RReLU(0.1, 0.4).eval()
    network = st.load(module, input_shape=(1, 3, 8, 8))
    assert [node.operator.onnx for node in network.graph.nodes] == ["LeakyRelu"]
    x = torch.randn(1, 3, 8, 8)
    np.testing.assert_allclose(st.compile(network)(x.numpy()), module(x).numpy(), rtol=1e-6)


def test_whole_numbers_are_given_as_examples():
    module = nn.Sequential(nn.Embedding(10, 6))
    with pytest.raises(ParameterError) as error:
        st.load(module, input_shape=(1, 8))
    assert str(error.value) == (
        "Sequential: takes whole numbers, and a shape alone makes floating ones; give examples: "
        "striate.interop.torch.from_torch(module, inputs=torch.zeros((1, 8), dtype=torch.int64))"
    )
    network = from_torch(module, inputs=torch.zeros((1, 8), dtype=torch.int64))
    assert network.graph.inputs[0].kind == "int64"


@torch.library.custom_op("striate_test::dbl", mutates_args=())
def doubled(x: torch.Tensor) -> torch.Tensor:
    return x * 2


@doubled.register_fake
def _(x):
    return torch.empty_like(x)


class Foreign(nn.Module):
    def forward(self, x):
        return torch.ops.striate_test.dbl(x)


def test_operators_of_other_libraries_are_near_to_none():
    line = Foreign.forward.__code__.co_firstlineno + 1
    with pytest.raises(GraphError) as error:
        st.load(Foreign(), input_shape=(1, 3))
    assert str(error.value) == (
        "Foreign: forward calls striate_test.dbl.default, which has no counterpart "
        f"({__file__}, line {line}: return torch.ops.striate_test.dbl(x)); "
        "write it with convolutions, matrix products and element-wise operators"
    )
