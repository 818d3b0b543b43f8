"""Examples on their way to the device: each process sends its share of every batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from striate.training.torch_learner.place import Place

__all__ = ["Batch", "batches", "laid_out", "sent"]


class Batch(NamedTuple):
    """One process's part of a batch, on its device.

    Attributes
    ----------
    images, labels : tensors
        Of the share; of one example that counts for nothing where the share is empty.
    own : slice
        The share's places in the lesson.
    whole : int
        The examples of the whole batch.
    """

    images: Tensor
    labels: Tensor
    own: slice
    whole: int


def batches(
    place: Place,
    device: torch.device,
    images: NDArray[np.float32],
    labels: NDArray[np.int64],
    batch_size: int,
) -> Iterator[Batch]:
    """Send a process's examples of a lesson at once, and yield its part of each batch."""
    begins = range(0, len(labels), batch_size)
    ends = [min(begin + batch_size, len(labels)) for begin in begins]
    shares = [place.share(begin, end) for begin, end in zip(begins, ends, strict=True)]
    taken = [(a, b) if b > a else (c, c + 1) for (a, b), c in zip(shares, begins, strict=True)]
    x, truth = sent(device, images, taken), sent(device, labels, taken)
    at = 0
    for begin, end, (a, b), (c, d) in zip(begins, ends, shares, taken, strict=True):
        part = slice(at, at := at + d - c)
        yield Batch(laid_out(x[part]), truth[part], slice(a, b), end - begin)


def sent(device: torch.device, array: NDArray[Any], parts: list[tuple[int, int]]) -> Tensor:
    """Return these parts of an array, one after the other, on a device.

    They go through memory that the GPU reads by itself, so that nobody waits for the copy.
    """
    count = sum(stop - start for start, stop in parts)
    kind = torch.int64 if array.dtype.kind in "iu" else torch.float32
    pinned = device.type == "cuda"
    staged = torch.empty((count, *array.shape[1:]), dtype=kind, pin_memory=pinned)
    filled, at = staged.numpy(), 0
    for start, stop in parts:
        filled[at : (at := at + stop - start)] = array[start:stop]
    return staged.to(device, non_blocking=pinned)


def laid_out(x: Tensor) -> Tensor:
    """Return images, or weights, with channels last in memory, which CUDA's convolutions want.

    PyTorch has that order for four axes alone; others stay as they are.
    """
    if x.device.type != "cuda" or x.dim() != 4:
        return x
    return x.contiguous(memory_format=torch.channels_last)
