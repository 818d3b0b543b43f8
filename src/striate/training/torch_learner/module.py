"""A network as a module that learns: what differs from `Network.to_torch` in training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from striate.interop.torch.writing.table import How
from striate.interop.torch.writing.writer import NetworkModule
from striate.network import Graph, Network, Operator, settings_inputs
from striate.network import operators as ops
from striate.training.torch_learner.feeding import laid_out
from striate.training.torch_learner.norms import batch_norm
from striate.training.torch_learner.world import World

__all__ = ["LearningModule"]


class LearningModule(NetworkModule):
    """A network's graph and weights in training, on a device where they stay.

    Batch normalisation goes over the batch of all processes, dropout has a stream of its own, and
    what every call has in common is prepared once.

    Parameters
    ----------
    network : Network
    device : torch.device
    world : World

    Attributes
    ----------
    random : torch.Generator
        What dropout draws from.
    kept : dict of name to tensor
        The weights, running statistics included.
    drops : bool
        Whether there is dropout.
    """

    def __init__(self, network: Network, device: torch.device, world: World) -> None:
        super().__init__(network)
        self.to(device)
        self.random, self._world = torch.Generator(device), world
        self.kept = dict(super()._kept())
        for tensor in self.kept.values():
            tensor.data = laid_out(tensor.data)
        self.drops = any(isinstance(node.operator, ops.Dropout) for node in network.graph.nodes)
        self._hangs_on_values = bool(settings_inputs(network.graph))
        self._cases: dict[tuple[torch.Size, ...], Graph] = {}
        self._known: tuple[Graph, How, dict[str, Tensor]] | None = None

    def _kept(self) -> Iterator[tuple[str, Tensor]]:
        yield from self.kept.items()

    def _settled(self, given: dict[str, Tensor]) -> Graph:
        if self._hangs_on_values:
            return super()._settled(given)
        case = tuple(tensor.shape for tensor in given.values())
        if case not in self._cases:
            self._cases[case] = super()._settled(given)
        return self._cases[case]

    def _constants(self, graph: Graph, how: How) -> dict[str, Tensor]:
        if self._known is None or self._known[0] is not graph or self._known[1] != how:
            self._known = graph, how, super()._constants(graph, how)
        return self._known[2]

    def _found(self, operator: Operator, how: How, operands: list[Tensor]) -> Any:
        if isinstance(operator, ops.BatchNormalization):
            return batch_norm(self._world, operator, how, *operands)
        if isinstance(operator, ops.Dropout):
            return _dropout(self.random, operator, how, *operands)
        return super()._found(operator, how, operands)


def _dropout(random: torch.Generator, op: ops.Dropout, how: How, x: Tensor) -> Any:
    if not how.training or op.rate == 0:
        return (x, torch.ones_like(x, dtype=torch.bool)) if op.mask else x
    share = torch.empty_like(x).bernoulli_(1 - op.rate, generator=random)
    kept = share.bool() if op.mask else None
    y = x * share.div_(1 - op.rate)
    return y if kept is None else (y, kept)
