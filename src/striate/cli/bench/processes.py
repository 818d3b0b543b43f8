"""What only a new process can tell: how it starts, and the most memory that it has held."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from striate.errors import StriateError

__all__ = ["ProcessError", "answer_of", "peak_megabytes"]


class ProcessError(StriateError):
    """A new process failed."""


def answer_of(code: str, failed: str, **environment: str) -> dict[str, Any]:
    """Return the JSON that a new process prints as its last line.

    Parameters
    ----------
    code : what it runs
    failed : what is said if it fails, before the last line of its errors
    environment : variables that it has besides those of this process

    Raises
    ------
    ProcessError
        If it fails.
    """
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise ProcessError(f"{failed}: {last[0]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def peak_megabytes() -> float | None:
    """Return the most memory that this process has held, where the system tells.

    Not getrusage: Linux hands the parent's peak down to a new process.
    """
    status = Path("/proc/self/status")
    if not status.is_file():
        return None
    found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text())
    return int(found[1]) / 1e3 if found else None
