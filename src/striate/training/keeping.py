"""What a run writes to its folder, and when."""

from __future__ import annotations

import json
from time import monotonic, perf_counter
from typing import TYPE_CHECKING

import numpy as np

from striate.files import write_whole
from striate.interop.weights import load_weights, notes_of, write_tensors
from striate.training.checkpoints import Checkpoints
from striate.training.result import Best

if TYPE_CHECKING:
    from striate.training.records import Records
    from striate.training.run import Run

__all__ = ["BEST", "Keeper"]

BEST = "best.safetensors"
SHARE = 20  # saving takes at most one part in so many of the time


class Keeper:
    """What is told about a run, and keeps it in a folder, if there is one.

    Parameters
    ----------
    every : float
        Seconds between checkpoints within a pass.
    leads : bool
        Whether this process is the one that writes.

    Attributes
    ----------
    checkpoints : Checkpoints or None
        Where there is a folder; of processes that train together, all read it.
    records : Records or None
        Where there is a folder, and this process leads.
    saved_at : (epochs, examples) or None
        What the last checkpoint has behind it: whole passes, and examples of the next.
    """

    def __init__(self, every: float, *, leads: bool = True) -> None:
        self.checkpoints: Checkpoints | None = None
        self.records: Records | None = None
        self.leads, self._every = leads, every
        self._due = 0.0
        self.saved_at: tuple[int, int] | None = None

    def begin(self, run: Run) -> None:
        """The first step is about to be taken."""
        if not run.history and run.course is None:
            self._save(run)
        if self.records is not None:
            self.records.begin(run.history)
        self._due = monotonic() + self._every

    def tick(self, run: Run) -> None:
        """Some steps were taken."""
        if monotonic() >= self._due:
            self._save(run)

    def ended(self, run: Run) -> None:
        """A pass has ended."""
        if run.best is not None and run.best.epoch is run.history[-1]:
            self._save_best(run.best)
        self._save(run)
        if self.records is not None:
            self.records.ended(run.history)

    def stopped(self, run: Run) -> None:
        """Somebody stops the run, between two steps."""
        self._save(run)
        self.close(run)

    def failed(self, run: Run) -> None:
        """The next step cannot be taken; what cannot be read back is not written."""
        weights = run.learner.network().weights.values()
        if all(np.isfinite(array).all() for array in weights if array.dtype.kind == "f"):
            self._save(run)
        self.close(run)

    def close(self, run: Run) -> None:
        """No more steps are taken."""
        if self.records is not None:
            self.records.close(run.history)

    def release(self) -> None:
        """Close what is open, whatever has happened."""
        if self.records is not None:
            self.records.release()

    def kept(self) -> str:
        """Return what is kept, as the end of a sentence."""
        if self.checkpoints is None:
            return "; nothing is kept, since no folder was given (out, --out)"
        if self.saved_at is None:
            return "; nothing is saved"
        return (
            f"; {self._place()} is saved in {self.checkpoints.folder}: "
            "resume (resume=True, --resume) goes on from it"
        )

    def left(self) -> str:
        """Return the same for a run that cannot go on as it is."""
        if self.checkpoints is None or self.saved_at is None:
            return self.kept()
        again = "; begin again in another folder, since this run, resumed, would fail as before"
        if self.saved_at == (0, 0):
            return again
        return (
            f"{again}; if the weights of {self._place()} are to be kept, begin with "
            f'load_weights(network, "{self.checkpoints.place}") (--weights)'
        )

    def _place(self) -> str:
        epochs, examples = self.saved_at or (0, 0)
        if examples:
            return f"epoch {epochs + 1} up to example {examples}"
        return f"epoch {epochs}" if epochs else "the beginning"

    def best_of(self, run: Run) -> Best | None:
        """Return the best network so far, as the folder of a resumed run has it."""
        judged = [epoch for epoch in run.history if epoch.validation_error is not None]
        if self.checkpoints is None or not judged:
            return None
        best = min(judged, key=lambda epoch: epoch.validation_error or 0.0)
        return Best(load_weights(run.given, self.checkpoints.folder / BEST), best)

    def _save(self, run: Run) -> None:
        if self.checkpoints is None or not self.leads:
            return
        begin = perf_counter()
        self.checkpoints.save(run.network(), run.learner.state(), run.history, run.course)
        took = perf_counter() - begin
        self.saved_at = len(run.history), run.course.done if run.course else 0
        self._due = monotonic() + max(self._every, SHARE * took)

    def _save_best(self, best: Best) -> None:
        if self.checkpoints is None or not self.leads:
            return
        folder, network = self.checkpoints.folder, best.network
        write_tensors(folder / BEST, network.weights, notes_of(network, self.checkpoints.classes))
        about = {"epoch": best.epoch.number, "validation_error": best.epoch.validation_error}
        write_whole(folder / "best.json", json.dumps(about, indent=1))
