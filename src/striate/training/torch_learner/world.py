"""Several processes as one: what they tell each other."""

from __future__ import annotations

import atexit

import torch
import torch.distributed as dist
from torch import Tensor

from striate.training.torch_learner.place import Place

__all__ = ["World"]


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
        self.place = place or Place()
        self.counts: tuple[int, ...] = (0,) * self.place.size
        if self.alone or dist.is_initialized():
            return
        if device.type == "cuda":
            torch.cuda.set_device(device)
            dist.init_process_group("nccl", device_id=device)
        else:
            dist.init_process_group("gloo")
        atexit.register(dist.destroy_process_group)

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

    def total(self, values: Tensor) -> Tensor:
        """Add up what each process has, in place, for all of them."""
        if not self.alone:
            dist.all_reduce(values)
        return values

    def each(self, values: Tensor) -> Tensor:
        """Return what each process has, one row for each."""
        rows = [torch.empty_like(values) for _ in range(self.place.size)]
        dist.all_gather(rows, values)
        return torch.stack(rows)
