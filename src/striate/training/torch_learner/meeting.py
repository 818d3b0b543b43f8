"""How processes find each other, also when torchrun has started them again."""

from __future__ import annotations

import os
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import torch.distributed as dist
from torch.distributed.rendezvous import rendezvous

from striate.errors import TrainingError
from striate.training.torch_learner.place import Place

__all__ = ["meeting"]

PAUSE = 0.01  # seconds between two looks for those who are still to come


def meeting(place: Place) -> dict[str, Any]:
    """Return what `init_process_group` needs beyond the environment.

    The store of torchrun, in which processes leave their addresses, still holds those of processes
    that have failed; new ones would call there. So they meet under a name that is new. The count
    of restarts will not do for it: each machine has its own.
    """
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True":
        return {}
    store, rank, size = next(rendezvous("env://"))
    name = _called(store, place) if place.leads else _heard(store, place)
    return {
        "store": dist.PrefixStore(name, store),  # type: ignore[attr-defined]
        "rank": rank,
        "world_size": size,
    }


def _called(store: Any, place: Place) -> str:
    """Make up a name, and answer with it all who say that they are here, until they have it."""
    name, missing = uuid4().hex, set(range(1, place.size))
    latest = monotonic() + store.timeout.total_seconds()
    while missing:
        for rank in tuple(missing):
            if store.check([f"striate/heard/{name}/{rank}"]):
                missing.discard(rank)
            elif store.check([f"striate/here/{rank}"]):
                caller = store.get(f"striate/here/{rank}").decode()  # maybe one that has failed
                store.set(f"striate/name/{caller}", name)
        if monotonic() > latest:
            raise TrainingError(
                f"processes {sorted(missing)} of {place.size} have not come: "
                "see what they printed, and start all of them again"
            )
        sleep(PAUSE)
    return name


def _heard(store: Any, place: Place) -> str:
    """Say that this process is here, and return the name that answers it."""
    caller = uuid4().hex
    store.set(f"striate/here/{place.rank}", caller)
    name: str = store.get(f"striate/name/{caller}").decode()  # waits for it
    store.set(f"striate/heard/{name}/{place.rank}", "yes")
    return name
