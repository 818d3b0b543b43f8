"""The figures of a run for TensorBoard."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from striate.training.result import Epoch

__all__ = ["Events"]

WRITERS = {"tensorboardX": "tensorboardX", "tensorboard": "torch.utils.tensorboard"}
"""What has to be installed, and the module whose SummaryWriter then writes."""


class Events:
    """Writes figures, epoch by epoch."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer

    @classmethod
    def into(cls, folder: Path, done: int) -> Self | None:
        """Return one that writes to a folder after `done` epochs; None if nothing can.

        What an interrupted run wrote of later epochs no longer counts.
        """
        for package, module in WRITERS.items():
            if find_spec(package) and find_spec(module.partition(".")[0]):
                writer = import_module(module).SummaryWriter
                # a name of its own, for sessions that begin in the same second
                suffix = f".after-{done}"
                return cls(writer(str(folder), purge_step=done + 1, filename_suffix=suffix))
        return None

    def add(self, epoch: Epoch) -> None:
        """Write the figures of an epoch."""
        for part in ("train", "validation", "test"):
            for what in ("loss", "error"):
                value = getattr(epoch, f"{part}_{what}")
                if value is not None:
                    self._writer.add_scalar(f"{what}/{part}", value, epoch.number)
        self._writer.add_scalar("rate", epoch.rate, epoch.number)
        self._writer.add_scalar("examples_per_second", epoch.examples_per_second, epoch.number)
        self._writer.flush()

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()
