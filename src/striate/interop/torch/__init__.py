"""PyTorch: modules read as networks, and networks written as modules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from striate.errors import MissingExtraError
from striate.network import Network

if TYPE_CHECKING:
    import torch

__all__ = ["from_torch", "to_torch"]

Shape = Sequence[int | None]


def from_torch(
    module: torch.nn.Module | torch.export.ExportedProgram,
    input_shape: Shape | Sequence[Shape] | Mapping[str, Shape] | None = None,
    *,
    inputs: torch.Tensor | Sequence[Any] | Mapping[str, Any] | None = None,
) -> Network:
    """Return a PyTorch module as a network.

    The module is exported by `torch.export` as it computes in eval mode, and is left as it was.
    Nodes are named after its modules ("layer1.0.conv1"), parameters as in its state dictionary;
    parameters that need no gradient are not trainable, and a weight that two layers share is one
    parameter that two nodes read. The batch is left open where the module works for any.

    Parameters
    ----------
    module : Module or ExportedProgram
        With float32 or float64 weights; halves are widened to float32.
    input_shape : sequence of int, optional
        As (1, 3, 224, 224), or (None, 3, 224, 224); several inputs have a sequence of shapes, or a
        mapping of `forward`'s names to shapes. An ExportedProgram needs none.
    inputs : tensors, optional
        In place of shapes, what to call the module with: a tensor, a tuple of arguments, or a
        mapping of names to arguments. Arguments that are no tensors become part of the network.

    Raises
    ------
    GraphError
        If the module cannot be exported, because its way depends on data, or uses an operator that
        has no counterpart: with the file, line and statement.
    ShapeError
        If the module fails on inputs of this shape.
    ParameterError
        If neither shape nor inputs are given, or too few.
    MissingExtraError
        If PyTorch is not installed.

    Examples
    --------
    >>> import torch
    >>> layers = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU())
    >>> network = from_torch(layers, (1, 1, 8, 8))
    >>> [(node.name, node.operator.onnx) for node in network.graph.nodes]
    [('0', 'Conv'), ('1', 'Relu')]
    >>> network.graph.inputs[0].shape, list(network.weights)
    ((None, 1, 8, 8), ['0.weight', '0.bias'])
    """
    _require_torch("reading a PyTorch module")
    from striate.interop.torch.reading.reader import read

    return read(module, input_shape, inputs)


def to_torch(network: Network) -> torch.nn.Module:
    """Return a network as a PyTorch module, in eval mode.

    Its parameters have the network's names, so that `state_dict` is the network's weights; what is
    not trainable, such as running statistics, are buffers. It takes the network's inputs in their
    order, or by name, and returns a tensor, or a tuple where the network has several outputs.
    Gradients flow through it; after `train()` dropout and batch normalisation train.

    Parameters
    ----------
    network : Network
        With weights.

    Raises
    ------
    ParameterError
        If the network has no weights.
    GraphError
        If an operator has no counterpart in PyTorch.
    MissingExtraError
        If PyTorch is not installed.

    Examples
    --------
    >>> import striate as st
    >>> import torch
    >>> module = to_torch(st.load("lenet-5").initialize(seed=1))
    >>> module(torch.zeros(2, 1, 32, 32)).shape
    torch.Size([2, 10])
    >>> sorted(module.state_dict())[:2]
    ['C1.bias', 'C1.weight']
    """
    _require_torch("writing a PyTorch module")
    from striate.interop.torch.writing.writer import write

    return write(network)


def _require_torch(purpose: str) -> None:
    try:
        import torch  # noqa: F401  (only whether it is there)
    except ImportError:
        raise MissingExtraError.of("PyTorch", "torch", purpose) from None
