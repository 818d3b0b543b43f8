"""What people read of a run: what it was asked for, its figures, and its curves.

``settings.json``  everything that is needed to repeat the run, and each time it was gone on with
``log.csv``        one row for each epoch
``curves.png``     losses, errors and the learning rate; ``curves.svg`` is the same
``events``         the same for TensorBoard, if tensorboardX or TensorBoard is installed
"""

from __future__ import annotations

import csv
import io
import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from striate.errors import FileError
from striate.files import write_whole
from striate.training.curves import draw_curves, require_matplotlib
from striate.training.events import Events
from striate.training.result import Epoch

__all__ = ["SETTINGS", "Records"]

FORMAT = 1
SETTINGS = "settings.json"
PAUSE = 30.0  # seconds between two drawings


class Records:
    """What is written for people into the folder of a run.

    Parameters
    ----------
    folder : path
    title : str
        Of the curves.
    about : mapping
        What the run is, as JSON can say it.
    """

    def __init__(self, folder: Path, title: str, about: Mapping[str, Any]) -> None:
        require_matplotlib()
        self._folder, self._title, self._about = folder, title, about
        self._drawn_at = monotonic()
        self._drawn = 0
        self._events: Events | None = None

    def begin(self, history: tuple[Epoch, ...]) -> None:
        """Say what is about to be done, after these epochs."""
        sessions: list[Any] = self._sessions() if history else []
        now = datetime.now(UTC).isoformat(timespec="seconds")
        sessions.append(
            {"begun": now, "command": shlex.join(sys.orig_argv), "machine": self._machine()}
        )
        settings = {"format": FORMAT, **self._about, "sessions": sessions}
        write_whole(self._folder / SETTINGS, json.dumps(settings, indent=1))
        self._events = Events.into(self._folder / "events", len(history))
        self._drawn = len(history)

    def ended(self, history: tuple[Epoch, ...]) -> None:
        """Write the figures of a pass that has ended."""
        write_whole(self._folder / "log.csv", _table(history))
        if self._events is not None:
            self._events.add(history[-1])
        if monotonic() - self._drawn_at > PAUSE:
            self._draw(history)

    def close(self, history: tuple[Epoch, ...]) -> None:
        """Draw what is not yet drawn."""
        if len(history) > self._drawn:
            self._draw(history)

    def release(self) -> None:
        """Write what TensorBoard is still to get."""
        if self._events is not None:
            self._events.close()

    def _draw(self, history: tuple[Epoch, ...]) -> None:
        for kind in ("png", "svg"):
            write_whole(self._folder / f"curves.{kind}", draw_curves(self._title, history, kind))
        self._drawn, self._drawn_at = len(history), monotonic()

    def _machine(self) -> Mapping[str, Any]:
        from striate.training.recipes.machine import describe

        return describe(self._about["settings"]["device"])

    def _sessions(self) -> list[Any]:
        """Return what the folder says of the times before."""
        place = self._folder / SETTINGS
        try:
            found = json.loads(place.read_bytes())["sessions"]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise FileError(
                f"{place}: cannot be read ({error}); remove it, and it is written anew"
            ) from None
        return found if isinstance(found, list) else []


def _table(history: tuple[Epoch, ...]) -> str:
    text = io.StringIO()
    names = [field.name for field in fields(Epoch)]
    rows = csv.DictWriter(text, ["epoch", *names[1:]], lineterminator="\n")
    rows.writeheader()
    for epoch in history:
        row = asdict(epoch)
        rows.writerow({"epoch": row.pop("number"), **row})
    return text.getvalue()
