"""Training in PyTorch, as a careful plain loop has it.

Eager, with ReLUs that overwrite their input where its maker does not need it, batch norms of
PyTorch's own, gradients that are set to None before the next step needs the memory, and nothing
asked of a step that would wait for its result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from striate.cli.bench.peers.torch_operators import IN_PLACE, MEANING
from striate.network import Network, infer_shapes
from striate.network import operators as op

__all__ = ["LAYOUTS", "TorchTraining", "prepared"]

Tensor = torch.Tensor

LAYOUTS = {"NCHW": torch.contiguous_format, "channels last": torch.channels_last}
UPDATES: dict[str, dict[str, Any] | None] = {
    "SGD, fused": {"fused": True},
    "SGD": {},
    "SGD, foreach=False": {"foreach": False},
    "by hand": None,
}
"""What PyTorch's optimizer is told; None for none."""

FORGETTING = (op.Conv, op.BatchNormalization, op.Add, op.Gemm)
"""Operators whose gradients do not need what they made."""


class TorchTraining:
    """A network of striate in training.

    Parameters
    ----------
    network : Network
        With weights, which are copied.
    shape : tuple of int
        Of a batch.
    loss : "cross-entropy" or "squared"
    momentum : float
    factors : mapping of name to float, optional
        What the learning rate of each parameter is multiplied by.
    update : str
        One of `UPDATES`. By hand, gradients are asked for and subtracted; no momentum.
    dtype, layout
        Of weights and images.
    """

    def __init__(
        self,
        network: Network,
        shape: tuple[int, ...],
        *,
        loss: str = "cross-entropy",
        momentum: float = 0.0,
        factors: Mapping[str, float] | None = None,
        update: str = "SGD, fused",
        dtype: torch.dtype = torch.float32,
        layout: str = "NCHW",
    ) -> None:
        self._graph, self._loss = network.graph, loss
        self._dtype, self._layout = dtype, LAYOUTS[layout]
        shapes = infer_shapes(self._graph, shape)
        dense = dict(network.weights)
        self._masks: dict[str, Tensor] = {}
        self._tables: dict[str, tuple[tuple[int, ...], ...]] = {}
        for node in self._graph.nodes:
            conv = node.operator
            if isinstance(conv, op.Conv) and conv.table is not None:
                name, channels = node.inputs[1], shapes[node.inputs[0]][1]
                self._tables[name] = conv.table
                self._masks[name] = self._tensor(conv.dense(np.ones_like(dense[name]), channels))
                dense[name] = conv.dense(dense[name], channels)
        self.tensors = {name: self._tensor(array) for name, array in dense.items()}
        self._learnt = {
            p.name: self.tensors[p.name].requires_grad_()
            for p in self._graph.parameters
            if p.trainable
        }
        self._factors = {name: (factors or {}).get(name, 1.0) for name in self._learnt}
        self._applies = self._compiled(shapes)
        how = UPDATES[update]
        self._optimizer = None if how is None else self._sgd(momentum, how)

    def _tensor(self, array: NDArray[Any]) -> Tensor:
        tensor = torch.from_numpy(np.array(array)).to(self._dtype)
        return tensor.contiguous(memory_format=self._layout) if tensor.ndim == 4 else tensor

    def _compiled(
        self, shapes: Mapping[str, tuple[int, ...]]
    ) -> list[tuple[Callable[..., Tensor], tuple[str, ...], str]]:
        readers = Counter(name for node in self._graph.nodes for name in node.inputs)
        makers = {name: node.operator for node in self._graph.nodes for name in node.outputs}
        applies = []
        for node in self._graph.nodes:
            read = node.inputs[0]
            over = readers[read] == 1 and isinstance(makers.get(read), FORGETTING)
            table = {**MEANING, **LEARNING, **(OVER if over else {})}
            apply = table[type(node.operator)](node.operator, shapes[read])
            applies.append((apply, node.inputs, node.outputs[0]))
        return applies

    def _sgd(self, momentum: float, how: dict[str, Any]) -> torch.optim.Optimizer:
        groups: dict[float, list[Tensor]] = {}
        for name, tensor in self._learnt.items():
            groups.setdefault(self._factors[name], []).append(tensor)
        listed = [{"params": some, "factor": factor} for factor, some in groups.items()]
        return torch.optim.SGD(listed, lr=0.0, momentum=momentum, **how)

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores of images in the layout."""
        values = {**self.tensors, self._graph.inputs[0].name: x}
        for apply, inputs, output in self._applies:
            values[output] = apply(*[values[name] for name in inputs])
        return values[self._graph.outputs[0]]

    def images(self, array: NDArray[np.float32]) -> Tensor:
        """Return images as `step` takes them."""
        return self._tensor(array)

    def step(self, images: Tensor, wanted: Tensor, rate: float) -> Tensor:
        """Learn from a batch; return the mean loss."""
        if self._loss == "squared":
            loss = 0.5 * (self.forward(images) - wanted).square().sum() / len(images)
        else:
            loss = F.cross_entropy(self.forward(images), wanted)
        if self._optimizer is None:
            self._by_hand(loss, rate)
        else:
            loss.backward()  # type: ignore[no-untyped-call]
            for name, mask in self._masks.items():
                gradient = self._learnt[name].grad
                if gradient is not None:
                    gradient.mul_(mask)
            for group in self._optimizer.param_groups:
                group["lr"] = rate * group["factor"]
            self._optimizer.step()
            self._optimizer.zero_grad(set_to_none=True)
        return loss.detach()

    def _by_hand(self, loss: Tensor, rate: float) -> None:
        gradients = torch.autograd.grad(loss, list(self._learnt.values()))
        with torch.no_grad():
            for (name, tensor), gradient in zip(self._learnt.items(), gradients, strict=True):
                if name in self._masks:
                    gradient.mul_(self._masks[name])
                tensor.sub_(gradient, alpha=rate * self._factors[name])

    def weights(self) -> dict[str, NDArray[Any]]:
        """Return the weights as striate has them."""
        found = {}
        for name, tensor in self.tensors.items():
            array = np.array(tensor.detach().contiguous().numpy())
            if name in self._tables:
                rows = np.arange(len(array))[:, None]
                array = array[rows, np.array(self._tables[name])]
            found[name] = array
        return found


def prepared(labels: NDArray[np.int64], loss: str, classes: int, dtype: torch.dtype) -> Tensor:
    """Return labels as a loss takes them: as they are, or as targets of +-1."""
    wanted = torch.from_numpy(labels)
    if loss == "cross-entropy":
        return wanted
    return torch.full((len(labels), classes), -1.0, dtype=dtype).scatter_(1, wanted[:, None], 1.0)


LEARNING: dict[type, Callable[[Any, tuple[int, ...]], Callable[..., Tensor]]] = {
    op.BatchNormalization: lambda o, seen: (
        lambda x, scale, bias, mean, variance: F.batch_norm(
            x, mean, variance, scale, bias, True, 1 - o.momentum, o.epsilon
        )
    ),
    op.Clip: lambda o, seen: lambda x: F.hardtanh(x, o.low, o.high),
    op.Dropout: lambda o, seen: lambda x: F.dropout(x, o.rate, True) if o.rate else x,
}
"""What differs from inference."""

OVER: dict[type, Callable[[Any, tuple[int, ...]], Callable[..., Tensor]]] = {
    **IN_PLACE,
    op.Clip: lambda o, seen: lambda x: F.hardtanh_(x, o.low, o.high),
}
"""For an input that nobody else reads, and whose maker does not need it."""
