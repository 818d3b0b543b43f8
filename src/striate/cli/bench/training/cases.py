"""What is trained: networks of the zoo on noise, with labels drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import ParameterError, UnknownNameError
from striate.geometry.text import size_text
from striate.network import Graph, Input, Network, infer_shapes, inspect, zoo
from striate.network.operators import Dropout
from striate.runtime.learning import Descent, Learner, learner

__all__ = ["DESCENT", "KNOWN", "RATE", "TrainingCase", "training_case", "training_cases"]

KNOWN = {  # batch, and the image's side
    "all-cnn-c": (64, 32),
    "vgg16": (8, 224),
    "resnet18": (16, 112),
    "resnet50": (8, 224),
    "mobilenet-v2": (16, 224),
    "densenet121": (8, 224),
    "lenet-5": (64, 32),
}
USUAL = ("all-cnn-c", "vgg16", "resnet18")
POOL = 4  # batches that follow each other, so that no step finds its images in the cache
DESCENT = Descent(momentum=0.9)
RATE = 1e-4  # small: hundreds of steps on noise must not lead to numbers that are not finite


@dataclass(frozen=True)
class TrainingCase:
    """A network, the examples of a step, and the side of their images."""

    name: str
    batch: int
    side: int

    @cached_property
    def network(self) -> Network:
        """The network for such images, its weights drawn from seed 0."""
        return self.untrained.initialize(0)

    @cached_property
    def untrained(self) -> Network:
        """The network without weights."""
        network = zoo.load(self.name)
        (given,) = network.graph.inputs
        inputs = (Input(given.name, (None, *self.shape[1:])),)
        return Network(replace(network.graph, inputs=inputs))

    @cached_property
    def still(self) -> Network:
        """The network without dropout, whose numbers no two engines draw alike."""
        return Network(without_dropout(self.network.graph), self.network.weights)

    def learner(self, network: Network, threads: int, method: Any = "auto") -> Learner:
        """Return what trains one of these networks as all engines do."""
        return learner(
            network,
            loss="cross-entropy",
            batch_size=self.batch,
            descent=DESCENT,
            threads=threads,
            method=method,
        )

    @property
    def size(self) -> str:
        """A batch's shape in words: ``16x3x112x112``."""
        return size_text(self.shape)

    def __str__(self) -> str:
        return f"{self.name}, {self.size}"

    @property
    def shape(self) -> tuple[int, ...]:
        """A batch's (N, C, *spatial)."""
        channels, *spatial = zoo.load(self.name).input_shape[1:]
        return (self.batch, channels or 1, *(self.side for _ in spatial))

    @cached_property
    def batches(self) -> list[tuple[NDArray[np.float32], NDArray[np.int64]]]:
        """Images and labels of some steps, the same in every run."""
        random = np.random.default_rng(0)
        _, classes = infer_shapes(self.untrained.graph, self.shape)[self.untrained.graph.outputs[0]]
        return [
            (
                random.standard_normal(self.shape, np.float32),
                random.integers(0, classes, self.batch, np.int64),
            )
            for _ in range(POOL)
        ]

    @cached_property
    def macs(self) -> int:
        """Multiply-adds of a step by the definition: forward, and twice as many back."""
        return 3 * inspect(self.untrained, self.shape).totals.macs


def without_dropout(graph: Graph) -> Graph:
    """Return the graph with a rate of 0 wherever it drops."""
    nodes = tuple(
        replace(node, operator=replace(node.operator, rate=0.0))
        if isinstance(node.operator, Dropout)
        else node
        for node in graph.nodes
    )
    return replace(graph, nodes=nodes)


def training_cases(texts: Sequence[str]) -> list[TrainingCase]:
    """Return the cases that were asked for, or the usual ones; see `training_case`."""
    return [training_case(text) for text in texts or USUAL]


def training_case(text: str) -> TrainingCase:
    """Return the case of a text: a network's name, and batch and side if they are not the usual.

    Raises
    ------
    UnknownNameError
        If there is no network of that name.
    ParameterError
        If batch and side read as none, or the network has no usual ones.

    Examples
    --------
    >>> training_case("resnet18")
    TrainingCase(name='resnet18', batch=16, side=112)
    >>> training_case("vgg11:2x64").shape
    (2, 3, 64, 64)
    """
    name, given, sizes = text.partition(":")
    if name not in zoo.names():
        raise UnknownNameError.of("network", name, zoo.names())
    numbers = sizes.split("x")
    if given:
        if len(numbers) != 2 or not all(n.isdecimal() and int(n) > 0 for n in numbers):
            raise ParameterError(f"{sizes!r} must be a batch and a side as in {name}:16x112")
        return TrainingCase(name, int(numbers[0]), int(numbers[1]))
    if name not in KNOWN:
        raise ParameterError(f"say the batch and the side of images, as in {name}:16x112")
    return TrainingCase(name, *KNOWN[name])
