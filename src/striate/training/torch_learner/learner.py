"""Learning by PyTorch, on one device or, under torchrun, on several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from inspect import signature
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from striate.errors import UnknownNameError
from striate.interop.torch.writing.writer import check_writable
from striate.network import FLOAT, Network
from striate.runtime.learning import Assignment, Lesson
from striate.runtime.learning.losses import LossName
from striate.training.torch_learner.descending import Descending
from striate.training.torch_learner.devices import (
    PRECISIONS,
    arithmetic,
    device_name,
    device_of,
    multiplying,
)
from striate.training.torch_learner.feeding import Batch, batches, laid_out, sent
from striate.training.torch_learner.module import LearningModule
from striate.training.torch_learner.place import distributed
from striate.training.torch_learner.world import World

__all__ = ["TorchLearner"]

SCORED = 64
"""How many examples are scored at a time, unless a batch is larger."""


class TorchLearner:
    """A `striate.runtime.learning.Learner`; parameters as for `torch_learner`.

    No step waits for the device: losses stay there until the end of a lesson. Only then does it
    show whether one was not finite; the lesson is then begun again, and ended before that step.

    Attributes
    ----------
    about : dict of str to str
        What belongs to a record of a run: device, precision, PyTorch's version, processes.

    restarted : bool
        Whether torchrun started all processes again, because one had failed.
    """

    plain_because = ""

    def __init__(self, assignment: Assignment, *, device: str, precision: str) -> None:
        if precision not in PRECISIONS:
            raise UnknownNameError.of("precision", precision, PRECISIONS)
        place = distributed()
        self.batch_size, self._loss = assignment.batch_size, assignment.loss
        self._seed, self._precision = assignment.seed, precision
        self._device = device_of(device, place)
        network = assignment.start()
        check_writable(network)
        self._network = replace(network, weights=_single(network))
        self._world = World(place, self._device)
        self.restarted = self._world.restarted
        self._module = LearningModule(self._network, self._device, self._world)
        self._descending = Descending(network.graph, self._module.kept, assignment.descent)
        self._running = self._parallel()
        self.about = {
            "device": device_name(self._device),
            "precision": precision,
            "torch": torch.__version__,
            "processes": str(self._world.place.size),
        }

    def _parallel(self) -> torch.nn.Module:
        """Return what to call: it adds up the gradients of all processes, where there are some."""
        learnt = any(p.requires_grad for p in self._module.parameters())
        if self._world.alone or not learnt:
            return self._module
        # buffers stay as they are: every process computes the same statistics
        known = signature(DistributedDataParallel).parameters
        syncing = "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers"
        options: dict[str, Any] = {syncing: False}
        return DistributedDataParallel(
            self._module,
            gradient_as_bucket_view=True,
            find_unused_parameters=_unread(self._network),
            **options,
        )

    def learn(
        self,
        images: NDArray[np.float32],
        labels: NDArray[np.int64],
        rates: NDArray[np.float32],
    ) -> Lesson:
        """Step through examples; see `striate.runtime.learning.Learner`."""
        self._world.require_one_course(self._descending.steps, len(labels))
        before = self._copies()
        losses, hits = self._steps(images, labels, rates)
        if np.isfinite(losses).all():
            return Lesson(losses, hits, len(rates))
        steps = int(np.flatnonzero(~np.isfinite(losses))[0]) // self.batch_size
        self._go_back(before)
        done = steps * self.batch_size
        if steps:
            self._steps(images[:done], labels[:done], rates[:steps])
        return Lesson(losses, hits, steps)

    def _steps(
        self, images: NDArray[np.float32], labels: NDArray[np.int64], rates: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Take all steps, and return each example's loss and whether it was a hit."""
        found = torch.zeros(2, len(labels), device=self._device)
        place, rate = self._world.place, iter(rates)
        with arithmetic(self._device, self._precision):
            for batch in batches(place, self._device, images, labels, self.batch_size):
                losses, hits = self._step(batch, float(next(rate)))
                if self._world.has_examples:
                    found[0, batch.own], found[1, batch.own] = losses, hits
        results = self._world.total(found).cpu().numpy()
        return results[0], results[1] > 0.5

    def _step(self, batch: Batch, rate: float) -> tuple[Tensor, Tensor]:
        """Learn from one batch; return losses and hits of this process's part of it."""
        self._world.divide(batch.whole)
        if self._module.drops:  # a step's numbers follow from the seed, the process and its number
            entropy = (self._seed, self._world.place.rank, self._descending.steps)
            (seed,) = np.random.SeedSequence(entropy).generate_state(1, np.uint64)
            self._module.random.manual_seed(int(seed) >> 1)
        self._descending.clear()
        with multiplying(self._device, self._precision):
            y = self._running(batch.images)
        losses = _losses(self._loss, y.float(), batch.labels)
        # processes' gradients are averaged, and each knows the sum over its own examples only
        weight = self._world.place.size / batch.whole if self._world.has_examples else 0.0
        if losses.requires_grad:
            (losses.sum() * weight).backward()  # type: ignore[no-untyped-call]
        self._descending.step(rate)
        return losses.detach(), y.detach().argmax(1) == batch.labels

    def agreed(self, number: int) -> int:
        """Return the greatest number that a process has; all of them must ask at once."""
        return self._world.greatest(number)

    def scores(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the outputs in inference mode; each process computes those of its share."""
        first, last = self._world.place.share(0, len(images))
        size, rows = max(self.batch_size, SCORED), []
        self._module.eval()
        with torch.no_grad(), arithmetic(self._device, self._precision):
            for start in range(first, max(last, first + 1), size):
                part = start, max(start + 1, min(start + size, last))
                x = laid_out(sent(self._device, images, [part]))
                with multiplying(self._device, self._precision):
                    rows.append(self._module(x).float())
        self._module.train()
        scores = torch.zeros(len(images), rows[0].shape[1], device=self._device)
        scores[first:last] = torch.cat(rows)[: last - first]
        found: NDArray[np.float32] = self._world.total(scores).cpu().numpy()
        return found

    def network(self) -> Network:
        """Return the network as it is now."""
        weights = {
            name: np.array(tensor.detach().cpu().contiguous().numpy())
            for name, tensor in self._module.kept.items()
        }
        order = {p.name: weights[p.name] for p in self._network.graph.parameters}
        return replace(self._network, weights=order)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return copies of the optimiser's vectors and its count of steps.

        Dropout has no state: what it draws follows from the seed, the process and the step.
        """
        return self._descending.state()

    def restore(
        self, weights: Mapping[str, NDArray[Any]], state: Mapping[str, NDArray[Any]]
    ) -> None:
        """Go back to where `network` and `state` said this."""
        self._descending.restore(state)
        with torch.no_grad():
            for name, tensor in self._module.kept.items():
                tensor.copy_(torch.tensor(weights[name]))

    def _copies(self) -> tuple[dict[str, Tensor], tuple[int, list[dict[str, Tensor]]]]:
        weights = {name: t.detach().clone() for name, t in self._module.kept.items()}
        return weights, self._descending.copies()

    def _go_back(
        self, copies: tuple[dict[str, Tensor], tuple[int, list[dict[str, Tensor]]]]
    ) -> None:
        weights, descent = copies
        self._descending.go_back(descent)
        with torch.no_grad():
            for name, tensor in self._module.kept.items():
                tensor.copy_(weights[name])


def _single(network: Network) -> dict[str, NDArray[Any]]:
    """Return a network's weights in float32, but for those that are no fractions."""
    kinds = {p.name: p.kind for p in network.graph.parameters}
    return {
        name: array.astype(np.float32) if kinds[name] == FLOAT else array
        for name, array in network.weights.items()
    }


def _unread(network: Network) -> bool:
    """Return whether a parameter is learnt that no output depends on."""
    wanted = set(network.graph.outputs)
    for node in reversed(network.graph.nodes):
        if wanted.intersection(node.outputs):
            wanted.update(node.inputs)
    return any(p.trainable and p.name not in wanted for p in network.graph.parameters)


def _losses(name: LossName, y: Tensor, labels: Tensor) -> Tensor:
    """Return the loss of each example; see `striate.training.losses`."""
    if name == "cross-entropy":
        return F.cross_entropy(y, labels, reduction="none")
    wanted = torch.full_like(y, -1.0).scatter_(1, labels[:, None], 1.0)
    return 0.5 * (y - wanted).square().sum(1)
