"""Networks as PyTorch modules: they behave as such, and compute what striate does."""

import io
import pickle
from copy import deepcopy

import numpy as np
import pytest
import torch

import striate as st
from striate.errors import ParameterError
from striate.interop.torch import from_torch, to_torch
from striate.network import Builder, Network
from striate.network import operators as ops

RANDOM = np.random.default_rng(0)


def small():
    b = Builder("small", (None, 1, 6, 6))
    x = b.batch_norm(b.conv(b.input, "block.conv", channels=4, kernel=3), "block.norm")
    x = b.add(ops.Dropout(0.5), b.add(ops.Relu(), x, name="relu"), name="drop")
    return Network(b.graph(b.linear(x, "scores", features=3))).initialize(seed=1)


def test_the_state_dictionary_bears_the_networks_names():
    network = small()
    module = to_torch(network)
    assert set(module.state_dict()) == set(network.weights)
    for name, tensor in module.state_dict().items():
        np.testing.assert_array_equal(tensor, network.weights[name])
    learnt = {name for name, _ in module.named_parameters()}
    assert learnt == {p.name for p in network.graph.parameters if p.trainable}


def test_it_computes_what_striate_does():
    network, x = small(), RANDOM.standard_normal((3, 1, 6, 6)).astype(np.float32)
    found = to_torch(network)(torch.from_numpy(x)).detach()
    np.testing.assert_allclose(found, st.compile(network)(x), rtol=1e-5, atol=1e-5)


def test_state_dictionaries_can_be_kept():
    module, again = to_torch(small()), to_torch(small())
    with torch.no_grad():
        module.block.conv.weight.fill_(0.25)
    kept = io.BytesIO()
    torch.save(module.state_dict(), kept)
    again.load_state_dict(torch.load(io.BytesIO(kept.getvalue()), weights_only=True))
    x = torch.ones(1, 1, 6, 6)
    torch.testing.assert_close(again(x), module(x))
    whole = io.BytesIO()
    torch.save(module, whole)
    saved = torch.load(io.BytesIO(whole.getvalue()), weights_only=False)
    for other in (pickle.loads(pickle.dumps(module)), deepcopy(module), saved):
        torch.testing.assert_close(other(x), module(x))
    assert set(vars(module)) - set(vars(torch.nn.Module())) == {"graph"}


def test_gradients_flow_and_training_trains():
    network = small()
    module = to_torch(network)
    assert not module.training
    x = torch.randn(8, 1, 6, 6, requires_grad=True)
    module(x).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters())
    assert x.grad.abs().sum() > 0
    module.train()
    assert not torch.equal(module(x), module(x))  # dropout
    mean = dict(module.named_buffers())["block.norm.mean"]
    assert mean.abs().sum() > 0
    assert network.weights["block.norm.mean"].sum() == 0


def test_double_precision_and_other_devices():
    module = to_torch(small())
    x = torch.randn(2, 1, 6, 6)
    single = module(x)
    double = module.double()(x.double())
    assert double.dtype == torch.float64
    torch.testing.assert_close(double.float(), single, rtol=1e-5, atol=1e-5)
    assert module.to("meta")(x.double().to("meta")).shape == (2, 3)


def test_names_that_are_attributes_of_modules():
    b = Builder("odd", (None, 2, 4))
    x = b.conv(b.input, "forward", channels=2, kernel=1)
    network = Network(b.graph(b.conv(x, "type.float", channels=2, kernel=1))).initialize()
    module = to_torch(network)
    assert set(module.state_dict()) == set(network.weights)
    assert module(torch.zeros(1, 2, 4)).shape == (1, 2, 4)


def test_wrong_calls():
    with pytest.raises(ParameterError) as error:
        to_torch(st.load("lenet-5"))
    assert str(error.value) == (
        "to_torch: lenet-5 has no weights: load_weights or initialize(seed) it first"
    )
    with pytest.raises(ParameterError) as error:
        to_torch("lenet-5")
    assert str(error.value) == "to_torch: network is str; give what striate.load returns"
    module, x = to_torch(small()), torch.zeros(1, 1, 6, 6)
    with pytest.raises(ParameterError) as error:
        module(x, x)
    assert str(error.value) == "small: takes 1 inputs (input), not 2"
    with pytest.raises(ParameterError) as error:
        module(image=x)
    assert str(error.value) == "small: takes the inputs input, not image"


@pytest.mark.parametrize("name", ["mlp", "all-cnn-c", "squeezenet", "mobilenet-v2"])
def test_networks_of_the_zoo_there_and_back(name):
    network = st.load(name).initialize(seed=1)
    shape = tuple(size or 1 for size in network.input_shape)
    module = to_torch(network)
    again = from_torch(module, shape)
    assert set(again.weights) == set(network.weights)
    x = torch.rand(shape)
    torch.testing.assert_close(to_torch(again)(x), module(x), rtol=1e-5, atol=1e-5)
    report, repeated = st.inspect(network, shape), st.inspect(again, shape)
    assert report.totals.parameters == repeated.totals.parameters
    assert report.totals.macs == repeated.totals.macs


def test_connection_tables_are_spelt_out():
    module = to_torch(st.load("lenet-1989").initialize(seed=1))
    x = torch.rand(2, 1, 16, 16)
    network = from_torch(module, (1, 1, 16, 16))
    np.testing.assert_allclose(
        st.compile(network)(x.numpy()), module(x).detach(), rtol=1e-5, atol=1e-6
    )
