"""Learning in NumPy, step by step: what the machine code is measured by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.network import FLOAT, Network
from striate.network import operators as op
from striate.runtime.learning.assignment import Assignment
from striate.runtime.learning.descent import factors_of
from striate.runtime.learning.learner import Lesson, check_state
from striate.runtime.learning.losses import find_loss
from striate.runtime.learning.stepping import Stepping
from striate.runtime.program import Program, compile
from striate.runtime.trainable import Trainable

__all__ = ["PlainLearner"]

RANDOM = "random"


class PlainLearner:
    """A `Learner` that does one operation after the other; parameters as for `learner`.

    `reason` is why no other takes the steps.
    """

    def __init__(
        self,
        assignment: Assignment,
        reason: str = "",
        *,
        threads: int | None = None,
        exact: bool = False,
    ) -> None:
        graph, descent = assignment.network.graph, assignment.descent
        self.batch_size, self.plain_because = assignment.batch_size, reason
        self._loss, self._threads, self._exact = find_loss(assignment.loss), threads, exact
        self._trainable = Trainable(assignment.network, assignment.seed, exact=exact)
        shapes = {p.name: p.shape for p in graph.parameters}
        factors = factors_of(graph, descent)
        rates = [np.full(shapes[name], factor, np.float32) for name, factor in factors.items()]
        self._stepping = Stepping(
            descent,
            self._trainable.parameters,
            self._trainable.gradients,
            None if descent.factors is None else np.concatenate([r.ravel() for r in rates]),
        )
        self._drops = any(isinstance(node.operator, op.Dropout) for node in graph.nodes)
        self._gathered = [  # statistics of batches, which a forward pass changes
            self._trainable.weights[p.name]
            for p in graph.parameters
            if p.kind == FLOAT and p.name not in factors
        ]
        self._program: Program | None = None

    def learn(
        self,
        images: NDArray[np.float32],
        labels: NDArray[np.int64],
        rates: NDArray[np.float32],
    ) -> Lesson:
        """Step through examples; see `Learner`."""
        self._program = None
        losses, hits = np.empty(len(labels), np.float32), np.empty(len(labels), np.bool_)
        forward, backward = self._trainable.forward, self._trainable.backward
        targets: NDArray[np.float32] | None = None
        with np.errstate(all="ignore"):  # what overflows shows in the loss, which is looked at
            for step, rate in enumerate(rates):
                batch = slice(step * self.batch_size, (step + 1) * self.batch_size)
                before = self._before()
                y = forward(images[batch])
                if targets is None:
                    targets = self._loss.targets(y.shape[1])
                wanted = targets[labels[batch]]
                losses[batch] = self._loss.values(y, wanted)
                hits[batch] = y.argmax(axis=1) == labels[batch]
                if not np.isfinite(losses[batch]).all():
                    self._go_back(*before)
                    return Lesson(losses, hits, step)
                backward(self._loss.gradient(y, wanted))
                self._stepping.step(rate)
        return Lesson(losses, hits, len(rates))

    def scores(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the outputs in inference mode."""
        if self._program is None:
            self._program = compile(
                self.network(),
                precision="exact" if self._exact else "auto",
                threads=self._threads,
            )
        scores: NDArray[np.float32] = self._program(images)
        return scores

    def network(self) -> Network:
        """Return the network as it is now."""
        return self._trainable.network()

    def state(self) -> dict[str, NDArray[Any]]:
        """Return copies of the optimiser's vectors, and the state of dropout's numbers."""
        return {**self._stepping.state(), RANDOM: _packed(self._trainable.random.bit_generator)}

    def restore(
        self, weights: Mapping[str, NDArray[Any]], state: Mapping[str, NDArray[Any]]
    ) -> None:
        """Go back to where `network` and `state` said this."""
        check_state(state, self.state())
        for name, array in self._trainable.weights.items():
            array[...] = weights[name]
        self._stepping.restore(state)
        _unpack(state[RANDOM], self._trainable.random.bit_generator)
        self._program = None

    def _before(self) -> tuple[list[NDArray[Any]], Any]:
        """Return copies of what a forward pass changes."""
        random = self._trainable.random.bit_generator.state if self._drops else None
        return [array.copy() for array in self._gathered], random

    def _go_back(self, gathered: list[NDArray[Any]], random: Any) -> None:
        for array, before in zip(self._gathered, gathered, strict=True):
            array[...] = before
        if random is not None:
            self._trainable.random.bit_generator.state = random


def _packed(generator: np.random.BitGenerator) -> NDArray[np.uint64]:
    """Return the state of a PCG64: its two numbers of 128 bits, and half a draw left over."""
    state: Any = generator.state
    numbers = (state["state"]["state"], state["state"]["inc"])
    halves = [part for n in numbers for part in (n >> 64, n & (2**64 - 1))]
    return np.array([*halves, state["has_uint32"], state["uinteger"]], np.uint64)


def _unpack(packed: NDArray[np.uint64], generator: np.random.BitGenerator) -> None:
    a, b, c, d, has, left = (int(number) for number in packed)
    generator.state = {
        "bit_generator": "PCG64",
        "state": {"state": a << 64 | b, "inc": c << 64 | d},
        "has_uint32": has,
        "uinteger": left,
    }
