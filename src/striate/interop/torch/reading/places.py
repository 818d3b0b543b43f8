"""Where in the user's own source something happened: file, line and statement."""

from __future__ import annotations

import linecache
import re
import sysconfig
from pathlib import Path
from types import TracebackType

import torch
from torch.fx import Node as FxNode

__all__ = ["place_of", "raised_at"]

_FRAME = re.compile(r'File "([^"]+)", line (\d+), in .*')
_FOREIGN = (
    str(Path(torch.__file__).parent),
    str(Path(__file__).parents[3]),
    sysconfig.get_path("stdlib"),
    "<",
)


def _own(file: str) -> bool:
    return not file.startswith(_FOREIGN) and not file.startswith("torch/")


def _told(file: str, line: int) -> str:
    statement = linecache.getline(file, line).strip()
    return f"{file}, line {line}" + (f": {statement}" if statement else "")


def place_of(node: FxNode) -> str:
    """Return " (file, line: statement)" of the call that made a node, "" where unknown."""
    frames = _FRAME.findall(node.meta.get("stack_trace") or "")
    own = [(file, int(line)) for file, line in frames if _own(file)]
    return f" ({_told(*own[-1])})" if own else ""


def raised_at(traceback: TracebackType | None) -> str:
    """Return "file, line: statement" of the innermost own line of a traceback, "" for none."""
    found = ""
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if _own(file):
            found = _told(file, traceback.tb_lineno)
        traceback = traceback.tb_next
    return found
