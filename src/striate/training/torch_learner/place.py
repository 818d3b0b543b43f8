"""Which process of several this one is, as torchrun says it in the environment."""

from __future__ import annotations

import os
from typing import NamedTuple

from striate.errors import ParameterError

__all__ = ["Place", "distributed"]


class Place(NamedTuple):
    """A process among those that train one network together.

    Attributes
    ----------
    rank : int
        Its number, 0 to `size` - 1.
    size : int
        How many there are, on all machines.
    local : int
        Its number on its own machine, which is that of its GPU.
    restarts : int
        How often torchrun has started all of them again.
    """

    rank: int = 0
    size: int = 1
    local: int = 0
    restarts: int = 0

    @property
    def leads(self) -> bool:
        """Whether it is the one that writes and prints."""
        return self.rank == 0

    def share(self, start: int, stop: int, rank: int | None = None) -> tuple[int, int]:
        """Return which of the examples `start` to `stop` a process takes, this one by default.

        Examples
        --------
        >>> [Place(rank, 3).share(0, 10) for rank in range(3)]
        [(0, 3), (3, 6), (6, 10)]
        """
        rank, count = self.rank if rank is None else rank, stop - start
        return start + count * rank // self.size, start + count * (rank + 1) // self.size


def distributed() -> Place | None:
    """Return this process's place among those that torchrun started, None without torchrun.

    It reads the environment alone; PyTorch need not be installed.

    Raises
    ------
    ParameterError
        If the environment makes no sense.

    Examples
    --------
    >>> distributed() is None
    True
    """
    if "WORLD_SIZE" not in os.environ:
        return None
    place = Place(
        _number("RANK", "0"),
        _number("WORLD_SIZE", "1"),
        _number("LOCAL_RANK", os.environ.get("RANK", "0")),
        _number("TORCHELASTIC_RESTART_COUNT", "0"),
    )
    if not place.rank < place.size:
        raise ParameterError(
            f"RANK {place.rank} in the environment must be less than WORLD_SIZE {place.size}: "
            "start the processes with torchrun"
        )
    return place


def _number(name: str, default: str) -> int:
    text = os.environ.get(name, default)
    if not text.isdecimal():
        raise ParameterError(
            f"{name} {text!r} in the environment must be a whole number: "
            "start the processes with torchrun, or unset WORLD_SIZE"
        )
    return int(text)
