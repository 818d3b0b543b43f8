"""Several processes as one: what they tell each other."""

from __future__ import annotations

import atexit
from time import sleep

import torch
import torch.distributed as dist
from torch import Tensor

from striate.errors import TrainingError
from striate.training.torch_learner.meeting import meeting
from striate.training.torch_learner.place import Place

__all__ = ["World"]

PAUSE = 1.0  # seconds in which Gloo's threads let go of the last tensors


class World:
    """The processes that train together; one alone has nobody to talk to.

    Parameters
    ----------
    place : Place or None
    device : torch.device
        NCCL connects GPUs, Gloo the rest.

    Attributes
    ----------
    counts : tuple of int
        How many examples of the batch that is being learnt each process has; one that has none
        computes on one that counts for nothing.
    """

    def __init__(self, place: Place | None, device: torch.device) -> None:
        self.place, self._device = place or Place(), device
        self.counts: tuple[int, ...] = (0,) * self.place.size
        if self.alone or dist.is_initialized():
            return
        if device.type == "cuda":
            torch.cuda.set_device(device)
            dist.init_process_group("nccl", device_id=device, **meeting(self.place))
        else:
            dist.init_process_group("gloo", **meeting(self.place))
        atexit.register(_leave)

    @property
    def restarted(self) -> bool:
        """Whether any of the processes was started again.

        Only torchrun on the machine whose process failed counts that as a restart.
        """
        return self.greatest(self.place.restarts) > 0

    @property
    def alone(self) -> bool:
        """Whether there is one process."""
        return self.place.size == 1

    @property
    def has_examples(self) -> bool:
        """Whether this process has a share of the batch."""
        return self.counts[self.place.rank] > 0

    def divide(self, count: int) -> tuple[int, int]:
        """Return which examples of a batch of `count` are this process's, and note `counts`."""
        shares = [self.place.share(0, count, rank) for rank in range(self.place.size)]
        self.counts = tuple(stop - start for start, stop in shares)
        return shares[self.place.rank]

    def require_one_course(self, steps: int, count: int) -> None:
        """Raise unless all processes have taken as many steps and have as many examples.

        Raises
        ------
        TrainingError
        """
        if self.alone:
            return
        here = torch.tensor([steps, count], device=self._device)
        found = {tuple(row) for row in self.each(here).tolist()}
        if len(found) > 1:
            told = " and ".join(f"{s} steps, {n} examples next" for s, n in sorted(found))
            raise TrainingError(
                f"the {self.place.size} processes are not at the same place ({told}): "
                "give all of them the same arguments, data and folder (out, --out), "
                "on a disk that every machine sees"
            )

    def total(self, values: Tensor) -> Tensor:
        """Add up what each process has, in place, for all of them."""
        if not self.alone:
            dist.all_reduce(values)
        return values

    def greatest(self, number: int) -> int:
        """Return the greatest of the numbers that processes have."""
        if self.alone:
            return number
        return int(self.each(torch.tensor([number], device=self._device)).max())

    def each(self, values: Tensor) -> Tensor:
        """Return what each process has, one row for each."""
        rows = [torch.empty_like(values) for _ in range(self.place.size)]
        dist.all_gather(rows, values)
        return torch.stack(rows)


def _leave() -> None:
    """End what connects the processes, and let Gloo's threads finish before Python does.

    They let go of a tensor after the call that gave it to them has returned, and need Python for
    it. Up to Python 3.13 a thread that asks for Python when it is ending aborts the process, which
    torchrun takes for a failure. DistributedDataParallel keeps the threads, so they cannot be
    joined; while this sleeps, Python is free for them.
    """
    threads = dist.get_backend() == "gloo"
    dist.destroy_process_group()
    if threads:
        sleep(PAUSE)
