"""Checkpoints: all that training needs to go on to the same bits, in one file.

``last.safetensors`` holds the weights, as `load_weights` reads them, and beside them what the
learner, the history and the pass under way need. It is written beside its place and renamed, so
that whatever interrupts, it is whole. ``last.json`` says in plain text how far it is.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import FileError, ParameterError
from striate.files import write_whole
from striate.interop.weights import (
    BESIDES,
    load_weights,
    notes_of,
    read_notes,
    read_tensors,
    require_safetensors,
    write_tensors,
)
from striate.network import Network
from striate.training.loop import Pass
from striate.training.result import Epoch
from striate.training.settings import Settings
from striate.training.wording import count_text

__all__ = ["LAST", "Checkpoints", "Saved"]

FORMAT = 2
LAST = "last.safetensors"
OLD = "state.json"
"""What folders of format 1 hold."""

BESIDE = ("last.json", "settings.json", "log.csv", "best.safetensors")
"""What a run has beside it; the first of them comes after it."""

LOSSES = "losses"
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Saved:
    """What a checkpoint holds."""

    weights: Arrays
    state: Arrays
    history: tuple[Epoch, ...]
    course: Pass | None
    """The pass under way; None between two passes."""
    epochs: int
    """How many the run was to have."""


class Checkpoints:
    """The checkpoint of one run, in its folder.

    Parameters
    ----------
    folder : path
        Made with the first checkpoint, if need be.
    settings : Settings
    run : mapping of str to str
        What besides settings a run must share to be resumed: network, data, learner.
    classes : sequence of str
        Names to be told beside the weights.
    """

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        run: Mapping[str, str],
        classes: Sequence[str] = (),
    ) -> None:
        require_safetensors("keeping checkpoints", "train")
        self.folder, self.place = folder, folder / LAST
        self._settings, self._run, self.classes = settings, dict(run), classes
        if (folder / OLD).exists():
            raise FileError(
                f"{folder}: holds a run of an earlier striate ({OLD}), which cannot go on here; "
                "name another folder"
            )

    @property
    def begun(self) -> bool:
        """Whether there is a checkpoint."""
        return self.place.exists()

    def require_new(self) -> None:
        """Raise FileError if the folder holds a run, or what is left of one."""
        self._require_whole()
        if self.begun:
            raise FileError(
                f"{self.folder}: holds a run already; resume it (resume=True, --resume) "
                "or name another folder"
            )

    def _require_whole(self) -> None:
        """Raise FileError if others of a run's files are there, which a new one would replace."""
        rest = [name for name in BESIDE if (self.folder / name).exists()]
        if rest and not self.begun:
            raise FileError(
                f"{self.folder}: holds {rest[0]} of a run, but not its {LAST}: bring that back, "
                "or name another folder"
            )

    def load(self, network: Network, examples: int) -> Saved:
        """Return what is saved, if it belongs to this run.

        Raises
        ------
        FileError
            If there is nothing, or it is damaged.
        ParameterError
            If it was made with other settings.
        """
        self._require_whole()
        if not self.begun:
            raise FileError(
                f"{self.folder}: holds no run to resume; name its folder, or leave resume "
                "(--resume) out to begin one"
            )
        try:
            notes = json.loads(read_notes(self.place)["training"])
            if notes["format"] != FORMAT:
                raise self._damaged(f"of format {notes['format']!r}, not {FORMAT}")
            history = tuple(Epoch(**epoch) for epoch in notes["history"])
            self._check_run(notes["run"])
            settings = Settings.of(notes["settings"])
            self._check_settings(settings, history)
            arrays = read_tensors(self.place)
            if notes["check"] != _check_sum(arrays):
                raise self._damaged("its numbers are not those that were written")
            course = notes["pass"] and _course(notes["pass"], arrays, examples)
        except (LookupError, TypeError, ValueError) as error:
            if isinstance(error, ParameterError):
                raise
            raise self._damaged(error) from None
        weights = load_weights(network, self.place).weights
        start = len(BESIDES)
        state = {name[start:]: array for name, array in arrays.items() if name.startswith(BESIDES)}
        state.pop(LOSSES, None)
        return Saved(weights, state, history, course, settings.epochs)

    def _check_run(self, found: Mapping[str, str]) -> None:
        for name, value in self._run.items():
            if found[name] != value:
                raise self._other(name, found[name], value)

    def _check_settings(self, found: Settings, history: tuple[Epoch, ...]) -> None:
        wanted = self._settings
        name = found.difference(wanted)
        if name is not None:
            raise self._other(name, getattr(found, name), getattr(wanted, name))
        if len(history) > wanted.epochs:
            raise ParameterError(
                f"{self.folder}: its run has {count_text(len(history), 'epoch')}, more than the "
                f"{wanted.epochs} asked for: ask for more, or name another folder"
            )

    def _other(self, name: str, found: object, wanted: object) -> ParameterError:
        return ParameterError(
            f"{self.folder}: its run has {name} {found!r}, not {wanted!r}: "
            "resume with the same settings, or name another folder"
        )

    def save(
        self, network: Network, state: Arrays, history: tuple[Epoch, ...], course: Pass | None
    ) -> None:
        """Write everything as it is now."""
        self.make_folder()
        arrays = {**network.weights, **{BESIDES + name: a for name, a in state.items()}}
        if course is not None:
            arrays[BESIDES + LOSSES] = course.losses[: course.done]
        notes = {
            "format": FORMAT,
            "run": self._run,
            "settings": self._settings.as_json,
            "history": [asdict(epoch) for epoch in history],
            "pass": course and _position(course),
            "check": _check_sum(arrays),
        }
        told = {**notes_of(network, self.classes), "training": json.dumps(notes)}
        write_tensors(self.place, arrays, told)
        write_whole(self.folder / "last.json", json.dumps(notes, indent=1))

    def make_folder(self) -> None:
        """Make the folder, unless there is one."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError(
                f"{self.folder}: cannot be made ({error.strerror}); name another folder"
            ) from None

    def _damaged(self, reason: object) -> FileError:
        return FileError(f"{self.place}: cannot be read ({reason}); begin again in another folder")


def _position(course: Pass) -> dict[str, Any]:
    return {
        "number": course.number,
        "done": course.done,
        "wrong": course.wrong,
        "seconds": course.seconds,
    }


def _course(position: Mapping[str, Any], arrays: Arrays, examples: int) -> Pass:
    losses, known = np.zeros(examples, np.float32), arrays[BESIDES + LOSSES]
    course = Pass(losses=losses, **position)
    losses[: course.done] = known
    return course


def _check_sum(arrays: Arrays) -> int:
    """Return a number that changes with every bit of the arrays."""
    found = 0
    for name in sorted(arrays):
        found = zlib.crc32(name.encode(), found)
        found = zlib.crc32(np.ascontiguousarray(arrays[name]).data, found)
    return found
