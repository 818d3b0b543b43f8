"""The folder of a run, opened: as a new one, or where it was left."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from striate.errors import ParameterError
from striate.network import Network
from striate.training.checkpoints import Checkpoints
from striate.training.fingerprints import fingerprint, fingerprint_of
from striate.training.records import Records
from striate.training.run import Run

__all__ = ["open_folder"]


def open_folder(run: Run, folder: Path, network: Network, *, resume: bool | str) -> None:
    """Give a run its folder, and go back to where it was left, if it is to be resumed."""
    identity = {
        "network": network.name,
        "graph": fingerprint(network.graph),
        "data": fingerprint_of(run.parts),
        "learner": type(run.learner).__name__,
    }
    if run.keeper.leads:
        title = f"{network.name} on {run.parts.name}"
        run.keeper.records = Records(folder, title, _about(run, network, identity))
    checkpoints = Checkpoints(folder, run.settings, identity)
    if resume is False or (resume == "auto" and not checkpoints.begun):
        if run.keeper.leads:
            checkpoints.require_new()
    else:
        saved = checkpoints.load(network, len(run.parts.train))
        _require_same_course(folder, run, saved.epochs)
        run.learner.restore(saved.weights, saved.state)
        run.history, run.course = saved.history, saved.course
        run.keeper.saved_at = len(saved.history), saved.course.done if saved.course else 0
    run.keeper.checkpoints = checkpoints
    run.best = run.keeper.best_of(run, network)


def _about(run: Run, network: Network, identity: Mapping[str, str]) -> dict[str, Any]:
    """Return what a run is, as JSON can say it."""
    parts, student = run.parts, run.learner
    kinds = {"train": parts.train, "validation": parts.validation, "test": parts.test}
    counts = {name: len(examples) for name, examples in kinds.items() if examples is not None}
    return {
        "network": {
            "name": network.name,
            "graph": identity["graph"],
            "parameters": sum(prod(p.shape) for p in network.graph.parameters if p.trainable),
            "begins_with": "given weights" if network.has_weights else "random weights of the seed",
        },
        "data": {
            "name": parts.name,
            "fingerprint": identity["data"],
            "preparation": parts.preparation,
            "image_shape": parts.image_shape,
            **counts,
        },
        "settings": run.settings.as_json,
        "learner": {
            "name": identity["learner"],
            "plain_because": student.plain_because,
            **getattr(student, "about", {}),
        },
    }


def _require_same_course(folder: Path, run: Run, epochs: int) -> None:
    """Raise ParameterError if the rates so far would have been others."""
    if run.schedule.depends_on_epochs and epochs != run.settings.epochs:
        raise ParameterError(
            f"{folder}: its run has epochs {epochs}, not {run.settings.epochs}, and its schedule "
            f"{run.schedule.text} depends on them: resume with the same, or name another folder"
        )
