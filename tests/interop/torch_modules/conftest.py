"""What tests of whole modules share: modules that have seen data, images, and the way round."""

import numpy as np
import pytest
import torch
from torch import nn

import striate as st
from striate.interop.torch import from_torch, to_torch


def flat(answers):
    """All tensors of an answer, in order."""
    return [leaf for leaf in torch.utils._pytree.tree_leaves(answers) if leaf is not None]


def near(found, wanted):
    for one, two in zip(found, wanted, strict=True):
        one, two = np.asarray(one), two.detach().numpy()
        assert one.shape == two.shape
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-5 * max(1, np.abs(two).max()))


@pytest.fixture(scope="session")
def close():
    """Return close(found, wanted): fails unless all tensors of two answers are nearly the same."""
    return lambda found, wanted: near(flat(found), flat(wanted))


@pytest.fixture(scope="session")
def made():
    """Return made(kind): a module whose batch norms have seen data, in training mode."""

    def make(kind):
        torch.manual_seed(0)
        module = kind()
        for part in module.modules():
            if isinstance(part, nn.modules.batchnorm._BatchNorm):
                part.running_mean.normal_()
                part.running_var.uniform_(0.5, 2)
        return module.train()

    return make


@pytest.fixture(scope="session")
def images():
    """Return images(batch): the same ones each time."""
    return lambda batch: torch.randn(
        batch, 3, 24, 24, generator=torch.Generator().manual_seed(batch)
    )


@pytest.fixture
def check_there_and_back(made, images, close, tmp_path):
    """Check that striate, and PyTorch and ONNX after it, answer as a module does."""
    onnxruntime = pytest.importorskip("onnxruntime")

    def check(kind):
        module = made(kind)
        network = from_torch(module, (1, 3, 24, 24))
        assert all(part.training for part in module.modules())
        assert network.graph.inputs[0].shape == (None, 3, 24, 24)
        again, run = to_torch(network), st.compile(network)
        network.save(tmp_path / "module.onnx")
        session = onnxruntime.InferenceSession(tmp_path / "module.onnx")
        feed = session.get_inputs()[0].name
        module.eval()
        with torch.no_grad():
            for batch in (1, 3):
                x = images(batch)
                wanted = module(x)
                close(again(x), wanted)
                close(run(x.numpy()), wanted)
                close(session.run(None, {feed: x.numpy()}), wanted)

    return check
