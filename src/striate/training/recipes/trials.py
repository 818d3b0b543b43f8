"""Experiments of many runs: each is kept when it is done, and none is done twice.

A folder of an experiment holds ``runs/NAME.json`` for each finished run, what else the run leaves
(``runs/NAME.safetensors``), and in the end the report card.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from striate.errors import FileError
from striate.files import write_whole
from striate.training.recipes.learning import Advance
from striate.training.recipes.machine import describe
from striate.training.recipes.report_card import ReportCard, folder_made
from striate.training.recipes.watching import Watch
from striate.training.recipes.wording import duration_text
from striate.training.wording import count_text

__all__ = ["Experiment", "Trial", "conduct"]

Result = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Trial:
    """One run of an experiment: as a rule, one network trained from one seed.

    Attributes
    ----------
    name : str
        A file's stem: letters, digits, hyphens.
    settings : mapping
        All that decides what comes out, as JSON has it; a kept run of other settings is refused.
    work : function of (folder, advance) to dict
        Does the run and returns its results, as JSON has them. `folder` is where it may leave
        files whose names begin with the trial's, or None.
    kind : str
        Runs of one kind take equally long for a step.
    steps : int
        How many steps the run has.
    sample : function to float
        Does a few real steps of this kind, on this machine; returns the seconds one takes.
    """

    name: str
    settings: Mapping[str, Any]
    work: Callable[[Path | None, Advance], Result]
    kind: str
    steps: int
    sample: Callable[[], float]


@dataclass(frozen=True, eq=False)
class Experiment:
    """Trials, and the card that is made of what they come to.

    Attributes
    ----------
    name : str
    settings : mapping
        Of the whole: budget, seeds, data and device, as the card names them.
    trials : tuple of Trial
    card : function of a mapping to ReportCard
        Is given each trial's settings, result, seconds and machine by its name. The card's own
        settings, machine and trials are added to what it returns.
    """

    name: str
    settings: Mapping[str, Any]
    trials: tuple[Trial, ...]
    card: Callable[[Mapping[str, Result]], ReportCard]


def conduct(
    experiment: Experiment, *, out: Path | None = None, progress: bool | None = None
) -> ReportCard:
    """Do the trials that are not done yet, and return the report card.

    Before it starts, it says on stderr how long it will take, from a few steps of each kind.

    Parameters
    ----------
    experiment : Experiment
    out : path, optional
        The folder in which finished runs are kept, and found again, and to which the card is
        written; by default nothing is kept.
    progress : bool, optional
        Show how it goes, on stderr: by default a bar if that is a terminal, and the estimate
        anyway; False for silence.

    Raises
    ------
    FileError
        If `out` holds runs of other settings.
    KeyboardInterrupt
        On Ctrl-C; its text says what is kept.
    """
    runs = None if out is None else folder_made(out / "runs", "out, --out")
    done = {trial.name: _kept(runs, trial) for trial in experiment.trials}
    left = [trial for trial in experiment.trials if done[trial.name] is None]
    watch, device = Watch(experiment.name, progress), experiment.settings["device"]
    try:
        if left:
            each = _estimated(left, watch)
            watch.begin(len(done) - len(left), [each[trial.kind] * trial.steps for trial in left])
        for place, trial in enumerate(left):
            done[trial.name] = _done(trial, runs, device, watch.of(place, trial.name))
    except KeyboardInterrupt:
        count = sum(run is not None for run in done.values())
        kept = (
            f"they are kept in {runs}: the same command goes on from there"
            if runs
            else "nothing is kept, since no folder was given (out, --out)"
        )
        raise KeyboardInterrupt(
            f"stopped after {count} of {count_text(len(done), 'run')} of {experiment.name}; {kept}"
        ) from None
    finally:
        watch.close()
    found = {name: run for name, run in done.items() if run is not None}
    card = replace(
        experiment.card(found),
        settings=experiment.settings,
        machine=next(iter(found.values()))["machine"],
        trials=tuple({"name": name, **run} for name, run in found.items()),
    )
    if out is not None:
        card.write(out)
    return card


def _estimated(left: Sequence[Trial], watch: Watch) -> dict[str, float]:
    """Return the seconds of a step of each kind, and say what that comes to."""
    samples = {trial.kind: trial.sample for trial in left}
    with watch.measuring():
        each = {kind: sample() for kind, sample in samples.items()}
    seconds = sum(each[trial.kind] * trial.steps for trial in left)
    watch.say(
        f"{count_text(len(left), 'run')} to do, about {duration_text(seconds)} by a few steps of "
        "each kind here"
    )
    return each


def _kept(runs: Path | None, trial: Trial) -> Result | None:
    """Return a run that is done, if it is kept and was of the same settings."""
    place = None if runs is None else runs / f"{trial.name}.json"
    if place is None or not place.is_file():
        return None
    try:
        run: Result = json.loads(place.read_text(encoding="utf-8"))
        settings = run["settings"]
        complete = {"result", "seconds", "machine"} <= run.keys()
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise FileError(f"{place}: is no kept run ({error}); delete it") from None
    if not complete:
        raise FileError(f"{place}: is no whole run; delete it")
    wanted = _as_json(trial.settings)
    if settings != wanted:
        differing = sorted(
            name
            for name in {*settings, *wanted}
            if settings.get(name, ...) != wanted.get(name, ...)
        )
        raise FileError(
            f"{place}: was run with other settings ({', '.join(differing)}): "
            "name another folder (out, --out), or delete it"
        )
    return run


def _done(trial: Trial, runs: Path | None, device: str, advance: Advance) -> Result:
    """Do one run and keep it."""
    begin = perf_counter()
    result = trial.work(runs, advance)
    run = {
        "settings": _as_json(trial.settings),
        "result": _as_json(result),
        "seconds": perf_counter() - begin,
        "machine": describe(device),
    }
    if runs is not None:
        write_whole(runs / f"{trial.name}.json", json.dumps(run, indent=1) + "\n")
    return run


def _as_json(values: Mapping[str, Any]) -> Any:
    """Return what reading back from a file gives: lists for tuples, text for keys."""
    return json.loads(json.dumps(dict(values)))
