"""The folder of a run, opened: as a new one, or where it was left."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from striate.errors import ParameterError
from striate.training.checkpoints import Checkpoints
from striate.training.fingerprints import fingerprint, fingerprint_of
from striate.training.forms import frozen, frozen_names, scores_of
from striate.training.records import Records
from striate.training.run import Run

__all__ = ["check_keeping", "open_folder"]


def check_keeping(out: object, resume: object, checkpoint_every: object) -> None:
    """Raise ParameterError unless it can be as asked for.

    Examples
    --------
    >>> check_keeping("runs/a", "auto", 60)
    """
    if resume not in (True, False, "auto"):
        raise ParameterError(f'resume {resume!r} must be True, False or "auto"')
    if not (isinstance(checkpoint_every, int | float) and checkpoint_every >= 0):
        raise ParameterError(
            f"checkpoint_every {checkpoint_every!r} must be a number of seconds, at least 0"
        )
    if out is None and resume:
        raise ParameterError("resume needs the folder of the run: give it as out (--out)")


def open_folder(run: Run, folder: Path, *, resume: bool | str) -> None:
    """Give a run its folder, and go back to where it was left, if it is to be resumed."""
    network = run.given
    scores = scores_of(network.graph, run.settings.loss, run.parts.image_shape)
    identity = {
        "network": network.name,
        "graph": fingerprint(scores),
        "data": fingerprint_of(run.parts),
        "learner": type(run.learner).__name__,
    }
    if run.keeper.leads:
        title = f"{network.name} on {run.parts.name}"
        run.keeper.records = Records(folder, title, _about(run, identity))
    checkpoints = Checkpoints(folder, run.settings, identity, run.parts.classes)
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
    run.best = run.keeper.best_of(run)


def _about(run: Run, identity: Mapping[str, str]) -> dict[str, Any]:
    """Return what a run is, as JSON can say it."""
    network, parts, student = run.given, run.parts, run.learner
    learnt = frozen(network.graph, frozen_names(network.graph, run.settings.freeze))
    kinds = {"train": parts.train, "validation": parts.validation, "test": parts.test}
    counts = {name: len(examples) for name, examples in kinds.items() if examples is not None}
    return {
        "network": {
            "name": network.name,
            "graph": identity["graph"],
            "parameters": sum(prod(p.shape) for p in learnt.parameters if p.trainable),
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
