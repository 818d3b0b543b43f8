"""What a run was made on."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

__all__ = ["describe"]


def describe(device: str = "cpu") -> dict[str, Any]:
    """Return processor, processors usable, system, Python, versions, and the device asked for.

    Examples
    --------
    >>> sorted(describe())
    ['device', 'processor', 'processors', 'python', 'system', 'threads', 'versions']
    """
    packages = ("striate", "numpy", "numba") + (() if device == "cpu" else ("torch",))
    return {
        "device": device if device == "cpu" else _device(device),
        "processor": _processor(),
        "processors": _usable(),
        "threads": os.environ.get("STRIATE_NUM_THREADS") or "all",
        "system": f"{platform.system()} {platform.machine()}",
        "python": sys.version.split()[0],
        "versions": {name: _version(name) for name in packages},
    }


def _device(name: str) -> str:
    """Return a device of PyTorch's by what it is called in shops, where that can be told."""
    if not name.startswith("cuda"):
        return name
    import torch

    return f"{name}: {torch.cuda.get_device_name(name)}" if torch.cuda.is_available() else name


def _usable() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    """Return the processor's model, as Linux tells it; elsewhere less is known."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
