"""Checkpoints: all that training needs to go on to the same bits, in one folder.

``weights-0004.safetensors``  the network after four passes, as `load_weights` reads it
``momentum-0004.safetensors`` the optimiser's velocity, where there is momentum
``state.json``                settings, history, the state of the random stream

The arrays are written first and `state.json` is replaced last, so that whatever interrupts, it
names a complete pass; only then are the arrays of the pass before deleted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import FileError, ParameterError
from striate.files import write_whole
from striate.interop.weights import (
    load_weights,
    read_tensors,
    require_safetensors,
    write_tensors,
)
from striate.network import Network
from striate.training.result import Epoch, Settings

__all__ = ["Checkpoints", "Saved", "fingerprint"]

FORMAT = 1
STATE = "state.json"


@dataclass(frozen=True, eq=False)
class Saved:
    """What a checkpoint holds."""

    network: Network
    velocity: NDArray[np.float32]
    random: Mapping[str, Any]
    history: tuple[Epoch, ...]


class Checkpoints:
    """A folder that holds the last complete pass of one run.

    Parameters
    ----------
    folder : path
        Made with the first checkpoint, if need be.
    settings : Settings
    network, data : str
        The network's name, and the data's `fingerprint`: what a run must share to be resumed.
    """

    def __init__(self, folder: Path, settings: Settings, network: str, data: str) -> None:
        require_safetensors("keeping checkpoints", "train")
        self.folder = folder
        self._run = {"network": network, "data": data, **asdict(settings)}

    def require_new(self) -> None:
        """Raise FileError if the folder holds a run."""
        if (self.folder / STATE).exists():
            raise FileError(
                f"{self.folder}: holds a run already; resume it (resume=True, --resume) "
                "or name another folder"
            )

    def load(self, network: Network) -> Saved:
        """Return the last complete pass, if it belongs to this run.

        Raises
        ------
        FileError
            If there is none, or it is damaged.
        ParameterError
            If it was made with other settings.
        """
        state = self._read()
        try:
            for name, value in self._run.items():
                found = state["run"][name]
                if name != "epochs" and found != value:
                    raise ParameterError(
                        f"{self.folder}: its run has {name} {found!r}, not {value!r}: "
                        "resume with the same settings, or name another folder"
                    )
            history = tuple(Epoch(**epoch) for epoch in state["history"])
            random, last = dict(state["random"]), history[-1].number
            np.random.default_rng().bit_generator.state = random  # raises unless it is one
        except (LookupError, TypeError, ValueError, ArithmeticError) as error:
            if isinstance(error, ParameterError):
                raise
            raise self._damaged(error) from None
        if last > self._run["epochs"]:
            raise ParameterError(
                f"{self.folder}: its run has {last} epochs, more than the {self._run['epochs']} "
                "asked for: ask for more, or name another folder"
            )
        weights = load_weights(network, self._place("weights", last))
        return Saved(weights, self._velocity(network, last), random, history)

    def _velocity(self, network: Network, epoch: int) -> NDArray[np.float32]:
        """Return the optimiser's velocity, which is empty without momentum."""
        if not self._run["momentum"]:
            return np.empty(0, np.float32)
        place = self._place("momentum", epoch)
        found = read_tensors(place).get("momentum")
        count = sum(prod(p.shape) for p in network.graph.parameters if p.trainable)
        if found is None or found.shape != (count,):
            shape = None if found is None else found.shape
            raise FileError(
                f"{place}: holds a momentum of shape {shape}, not {(count,)}; "
                "begin again in another folder"
            )
        return found

    def save(
        self,
        network: Network,
        velocity: NDArray[np.float32],
        random: Mapping[str, Any],
        history: Sequence[Epoch],
    ) -> None:
        """Write the pass that `history` ends with."""
        last = history[-1].number
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError(
                f"{self.folder}: cannot be made ({error.strerror}); name another folder"
            ) from None
        notes = {"network": network.name, "epoch": str(last)}
        write_tensors(self._place("weights", last), network.weights, notes)
        if velocity.size:
            write_tensors(self._place("momentum", last), {"momentum": velocity}, notes)
        state = {
            "format": FORMAT,
            "run": self._run,
            "random": random,
            "history": [asdict(epoch) for epoch in history],
        }
        write_whole(self.folder / STATE, json.dumps(state, indent=1))
        for kind in ("weights", "momentum"):
            for old in self.folder.glob(f"{kind}-[0-9]*.safetensors"):
                if old != self._place(kind, last):
                    old.unlink(missing_ok=True)

    def _place(self, kind: str, epoch: int) -> Path:
        return self.folder / f"{kind}-{epoch:04d}.safetensors"

    def _read(self) -> dict[str, Any]:
        place = self.folder / STATE
        if not place.is_file():
            raise FileError(
                f"{self.folder}: holds no run to resume; begin one without resume (--resume)"
            )
        try:
            state = json.loads(place.read_bytes())
        except (OSError, ValueError) as error:
            raise self._damaged(error) from None
        if not isinstance(state, dict) or state.get("format") != FORMAT:
            raise self._damaged("not of format 1")
        return state

    def _damaged(self, reason: object) -> FileError:
        return FileError(
            f"{self.folder / STATE}: cannot be read ({reason}); begin again in another folder"
        )


def fingerprint(*arrays: NDArray[Any]) -> str:
    """Return a short digest of arrays, their shapes included."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.shape}{array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]
