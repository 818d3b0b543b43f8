"""The processor that machine code is written for: its registers, and what LLVM calls it."""

from __future__ import annotations

import functools
import importlib
import os
import platform
from typing import Any, NamedTuple

from striate.errors import ParameterError

__all__ = ["LEVELS", "Target"]

binding: Any = importlib.import_module("llvmlite.binding")

LEVELS = {"sse": (4, 16), "avx2": (8, 16), "avx512": (16, 32), "neon": (4, 32)}
"""Instruction sets: float32 lanes of a register, and how many registers there are."""

GENERIC = {"sse": "x86-64", "avx2": "x86-64-v3", "avx512": "x86-64-v4", "neon": "generic"}


class Target(NamedTuple):
    """What kernels are generated for.

    Attributes
    ----------
    level : "sse", "avx2", "avx512" or "neon"
    cpu, features : LLVM's name of the processor, and its features
    lanes : float32 elements in a register, which is also the channels in a block of the layout
    registers : how many vector registers there are
    """

    level: str
    cpu: str
    features: str
    lanes: int
    registers: int

    @property
    def fused(self) -> bool:
        """Whether the processor multiplies and adds in one instruction."""
        return self.level != "sse"

    @classmethod
    def named(cls, level: str) -> Target:
        """Return the plainest processor of an instruction set."""
        return cls(level, GENERIC[level], "", *LEVELS[level])

    @classmethod
    def host(cls) -> Target:
        """Return this machine's processor, or a plainer one that ``STRIATE_ISA`` names."""
        return _host(os.environ.get("STRIATE_ISA", "").lower() or None)

    def machine(self) -> Any:
        """Return LLVM's description, which compiles modules."""
        _start()
        target = binding.Target.from_default_triple()
        return target.create_target_machine(
            cpu=self.cpu, features=self.features, opt=3, codemodel="jitdefault", jit=True
        )


@functools.cache
def _start() -> None:
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()


@functools.cache
def _host(wanted: str | None) -> Target:
    best = _best_level()
    if wanted is not None and wanted != best:
        possible = ["neon"] if best == "neon" else list(LEVELS)[: list(LEVELS).index(best) + 1]
        if wanted not in possible:
            raise ParameterError(
                f"STRIATE_ISA must be one of {', '.join(possible)} on this processor, "
                f"not {wanted!r}"
            )
        return Target.named(wanted)
    # Some processors prefer halves of their registers; kernels here are written for whole ones.
    features = dict(binding.get_host_cpu_features())
    features["prefer-256-bit"] = False
    known = ",".join(f"{'+' if have else '-'}{name}" for name, have in sorted(features.items()))
    if best == "neon":
        known = binding.get_host_cpu_features().flatten()
    return Target(best, binding.get_host_cpu_name(), known, *LEVELS[best])


def _best_level() -> str:
    if platform.machine().lower() in ("aarch64", "arm64"):
        return "neon"
    have = binding.get_host_cpu_features()
    if have.get("avx512f") and have.get("avx512vl") and have.get("avx512dq"):
        return "avx512"
    return "avx2" if have.get("avx2") and have.get("fma") else "sse"
