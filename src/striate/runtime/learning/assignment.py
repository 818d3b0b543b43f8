"""What a learner is given to do, whoever it is."""

from __future__ import annotations

from dataclasses import dataclass

from striate.errors import ParameterError, StriateError
from striate.network import Graph, Network, infer_shapes
from striate.runtime.learning.descent import Descent
from striate.runtime.learning.losses import LossName, find_loss
from striate.runtime.program import check_network

__all__ = ["Assignment"]


@dataclass(frozen=True, slots=True)
class Assignment:
    """A network, and how it is to be trained; parameters as for `learner`.

    Raises
    ------
    ParameterError, UnknownNameError

    Examples
    --------
    >>> import striate as st
    >>> given = Assignment(st.load("lenet-1989"), "squared", 1, Descent())
    >>> given.network.has_weights, given.start().has_weights
    (False, True)
    """

    network: Network
    loss: LossName
    batch_size: int
    descent: Descent
    seed: int = 0

    def __post_init__(self) -> None:
        check_network(self.network)
        find_loss(self.loss)
        if not isinstance(self.batch_size, int) or self.batch_size < 1:
            raise ParameterError(
                f"batch_size {self.batch_size!r} must be a whole number of at least 1"
            )
        _check_scores(self.network.graph)

    def start(self) -> Network:
        """Return the network with the weights that it starts with."""
        return self.network if self.network.has_weights else self.network.initialize(self.seed)


def _check_scores(graph: Graph) -> None:
    """Raise ParameterError unless a graph makes scores (N, K) of images, as far as it tells."""
    if len(graph.inputs) != 1:
        raise ParameterError(
            f"{graph.name} has {len(graph.inputs)} inputs, and examples are images alone: "
            "train a network of one input"
        )
    if len(graph.outputs) != 1:
        raise ParameterError(
            f"{graph.name} has {len(graph.outputs)} outputs, and a loss is of one: "
            "train a network that ends in the scores alone"
        )
    try:
        shape = infer_shapes(graph)[graph.outputs[0]]
    except StriateError:  # only the images' own size can tell: the first pass over them does
        return
    if len(shape) != 2:
        raise ParameterError(
            f"{graph.name} gives {shape}, and a loss is of scores (N, K): flatten its output"
        )
