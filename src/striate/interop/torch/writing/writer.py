"""`to_torch`: a network as a module that runs its graph, node after node."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from striate.errors import GraphError, ParameterError, explained
from striate.interop.torch.writing import axes, elementwise, layers, windows  # noqa: F401
from striate.interop.torch.writing.table import FUNCTIONS, How
from striate.network import Graph, Network, Node, Operator, infer_shapes, settings_inputs, settled
from striate.network.defined import Deferred
from striate.network.graph import FLOAT
from striate.network.operators import BatchNormalization

__all__ = ["NetworkModule", "check_writable", "write"]


def write(network: Network) -> NetworkModule:
    """Return a network as a module; see `striate.interop.torch.to_torch`."""
    check_writable(network)
    return NetworkModule(network).eval()


def check_writable(network: Network) -> None:
    """Raise unless a network has weights, and each operator a counterpart in PyTorch."""
    if not isinstance(network, Network):
        raise ParameterError(
            f"to_torch: network is {type(network).__name__}; give what striate.load returns"
        )
    if not network.has_weights:
        raise ParameterError(
            f"to_torch: {network.name} has no weights: load_weights or initialize(seed) it first"
        )
    for node in network.graph.nodes:
        kind = (
            node.operator.operator if isinstance(node.operator, Deferred) else type(node.operator)
        )
        if kind not in FUNCTIONS:
            raise GraphError(
                f"{network.name}: {node.name} ({node.operator.onnx}) has no counterpart in "
                "PyTorch; save it as .onnx"
            )


class _Part(nn.Module):
    """Holds parameters whose names have a prefix in common."""


class NetworkModule(nn.Module):
    """A network's graph and weights; see `striate.interop.torch.to_torch`.

    Parameters
    ----------
    network : Network

    Attributes
    ----------
    graph : Graph
        What it computes.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.graph = network.graph
        statistics = {
            name
            for node in network.graph.nodes
            if isinstance(node.operator, BatchNormalization)
            for name in node.inputs[3:]
        }
        for parameter in network.graph.parameters:
            # a copy: training must not change the network
            tensor = torch.from_numpy(np.array(network.weights[parameter.name]))
            learnt = parameter.name not in statistics and tensor.is_floating_point()
            self._keep(parameter.name, tensor, learnt, parameter.trainable)

    def _keep(self, name: str, tensor: Tensor, learnt: bool, trainable: bool) -> None:
        *path, leaf = name.split(".")
        part: nn.Module = self
        for word in path:
            if not isinstance(part._modules.get(word), _Part):
                part._modules[word] = _Part()
            part = part._modules[word]  # type: ignore[assignment]
        # put in place directly: a weight may bear the name of an attribute, as "type"
        if learnt:
            part._parameters[leaf] = nn.Parameter(tensor, requires_grad=trainable)
        else:
            part._buffers[leaf] = tensor

    def _kept(self) -> Iterator[tuple[str, Tensor]]:
        yield from self.named_parameters(remove_duplicate=False)
        yield from self.named_buffers(remove_duplicate=False)

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """Return the output, or a tuple of all outputs."""
        values = dict(self._kept())
        given = self._given(inputs, named)
        how = self._how([*values.values(), *given.values()])
        given = self._widened(given, how)
        values.update(given)
        graph = self._settled(given)
        values.update(self._constants(graph, how))
        for node in graph.nodes:
            with explained(f"{graph.name}: {node.name} ({node.operator.onnx})"):
                self._run(node, how, values)
        results = tuple(values[name] for name in graph.outputs)
        return results[0] if len(results) == 1 else results

    def _given(self, inputs: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Tensor]:
        names = [value.name for value in self.graph.inputs]
        if len(inputs) > len(names):
            raise ParameterError(
                f"{self.graph.name}: takes {len(names)} inputs ({', '.join(names)}), "
                f"not {len(inputs)}"
            )
        given = dict(zip(names, inputs, strict=False)) | named
        if set(given) != set(names):
            raise ParameterError(
                f"{self.graph.name}: takes the inputs {', '.join(names)}, not {', '.join(given)}"
            )
        return given

    def _how(self, tensors: list[Tensor]) -> How:
        floating = [tensor for tensor in tensors if tensor.is_floating_point()]
        like = (floating or tensors or [torch.zeros(())])[0]
        dtype = like.dtype if floating else torch.float32
        return How(self.training, dtype, like.device)

    def _widened(self, given: dict[str, Tensor], how: How) -> dict[str, Tensor]:
        """Return inputs in double precision where the weights are: no number changes by that."""
        if how.dtype != torch.float64:
            return given
        kinds = {value.name: value.kind for value in self.graph.inputs}
        single = {n for n, x in given.items() if kinds[n] == FLOAT and x.is_floating_point()}
        return {name: x.double() if name in single else x for name, x in given.items()}

    def _settled(self, given: dict[str, Tensor]) -> Graph:
        shapes = {name: tuple(tensor.shape) for name, tensor in given.items()}
        wanted = settings_inputs(self.graph)
        found = {name: given[name].detach().cpu().numpy() for name in wanted}
        graph = settled(self.graph, shapes, found)
        if any(shapes[value.name][1:] != value.shape[1:] for value in self.graph.inputs):
            infer_shapes(graph, shapes)  # which refuses what would mix examples
        return graph

    def _constants(self, graph: Graph, how: How) -> dict[str, Tensor]:
        return {
            constant.name: torch.as_tensor(
                np.array(constant.array), dtype=how.dtype_of(constant.kind), device=how.device
            )
            for constant in graph.constants
        }

    def _run(self, node: Node, how: How, values: dict[str, Tensor]) -> None:
        operands = [values[name] for name in node.inputs]
        found = self._found(node.operator, how, operands)
        outputs = found if isinstance(found, tuple) else (found,)
        values.update(zip(node.outputs, outputs, strict=False))

    def _found(self, operator: Operator, how: How, operands: list[Tensor]) -> Any:
        return FUNCTIONS[type(operator)](operator, how, *operands)
