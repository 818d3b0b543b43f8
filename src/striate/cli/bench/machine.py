"""What a measurement was taken on."""

from __future__ import annotations

import os
import platform
import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

__all__ = ["describe", "processors"]

TELLING = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_bf16", "amx_tile", "asimd", "sve")
"""The features that decide which kernels run."""
TUNING = (
    *("ATEN_", "DNNL_", "GOMP_", "KMP_", "MKL_", "NUMBA_", "OMP_", "ONEDNN_"),
    *("STRIATE_ISA", "STRIATE_NUM"),
)
"""How the environment variables begin that change what engines do."""


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def describe(packages: tuple[str, ...]) -> dict[str, Any]:
    """Return the processor, its features, the load, and the versions of these packages."""
    model, flags = _processor()
    compiler = import_module("llvmlite.binding")
    return {
        "processor": model,
        "features": [flag for flag in TELLING if flag in flags],
        "llvm": compiler.get_host_cpu_name(),
        "processors": processors(),
        "load": [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else [],
        "system": f"{platform.system()} {platform.release()}",
        "python": sys.version.split()[0],
        "versions": {name: _version(name) for name in ("striate", "numpy", "numba", *packages)},
        "environment": {
            name: value for name, value in sorted(os.environ.items()) if name.startswith(TUNING)
        },
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> tuple[str, frozenset[str]]:
    """Return the model's name and the flags, as Linux tells them; elsewhere less is known."""
    cpuinfo = Path("/proc/cpuinfo")
    known: dict[str, str] = {}
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            name, _, value = line.partition(":")
            known.setdefault(name.strip(), value.strip())
    model = known.get("model name") or platform.processor() or platform.machine()
    return model, frozenset((known.get("flags") or known.get("Features") or "").split())
