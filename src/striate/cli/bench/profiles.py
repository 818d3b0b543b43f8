"""``striate bench profile``: where the time of a network goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer

from striate import compile as make_program
from striate.cli.bench.case import Case
from striate.cli.bench.files import file_case
from striate.cli.bench.job import headline
from striate.cli.bench.machine import describe, processors
from striate.cli.bench.networks import network_cases
from striate.cli.bench.report import SCHEMA, write_json
from striate.errors import ParameterError

__all__ = ["report_profile"]


def report_profile(network: str, batch: int, threads: int | None, json_file: Path | None) -> None:
    """Measure, print, write.

    Raises
    ------
    UnknownNameError
        If there is no network of that name.
    ParameterError
        If there are fewer processors than threads.
    """
    case: Case
    if Path(network.partition(":")[0]).suffix == ".onnx":
        case = file_case(network)
    else:
        (case,) = network_cases([network], [batch])
    count, available = threads or processors(), processors()
    if count > available:
        raise ParameterError(
            f"--threads must lie in 1 to {available}, the processors here, not {count}: more "
            "would take turns on one processor"
        )
    profile = make_program(case.network, threads=count).profile(tuple(case.inputs.values()))
    machine = describe(())
    typer.echo(headline(machine))
    typer.echo(str(profile))
    if json_file is not None:
        content: dict[str, Any] = {"schema": SCHEMA, "job": "profile", "machine": machine}
        write_json(json_file, {**content, **json.loads(profile.to_json())})
