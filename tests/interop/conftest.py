"""What tests of translations share: a network of one operator, modules of one function."""

import numpy as np
import pytest

from striate.interop.torch import from_torch
from striate.network import Graph, Initial, Input, Network, Node, Parameter


@pytest.fixture
def single():
    """Return single(operator, input_shape, *parameter shapes, dtype): a network of one node."""

    def build(operator, input_shape, *shapes, dtype=np.float32, inputs=None):
        random = np.random.default_rng(0)
        names = [f"p{i}" for i in range(len(shapes))]
        weights = {
            n: (0.5 + random.random(s)).astype(dtype) for n, s in zip(names, shapes, strict=True)
        }
        parameters = tuple(
            Parameter(n, s, Initial("normal", 1.0)) for n, s in zip(names, shapes, strict=True)
        )
        read = tuple(inputs or ["x", *names])
        nodes = (Node("y", operator, read, ("y",)),)
        graph = Graph("single", (Input("x", input_shape),), parameters, nodes, ("y",))
        return Network(graph, weights)

    return build


@pytest.fixture
def module_of():
    """Return module_of(function): a module whose forward is this function of (self, *inputs)."""
    torch = pytest.importorskip("torch")
    return lambda function: type("Module", (torch.nn.Module,), {"forward": function})()


@pytest.fixture
def fails():
    """Return fails(kind, module, ...): what `from_torch` says in one line of such an error."""

    def read(kind, *arguments, **settings):
        with pytest.raises(kind) as error:
            from_torch(*arguments, **settings)
        assert "\n" not in str(error.value)
        return str(error.value)

    return read
