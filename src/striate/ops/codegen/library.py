"""Compiled functions by name: taken from the user's cache folder, or compiled and put there.

A file holds the object code of one function after its checksum. Its name is the hash of all
that the code depends on, so there is nothing to keep in step; a damaged file is compiled again.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from striate.ops._cache import cache_folder, keep, kept, say_that_we_compile
from striate.ops.codegen.target import Target, binding
from striate.ops.codegen.values import ir

__all__ = ["COMPILING", "Library", "library"]

llvmlite_version: str = importlib.import_module("llvmlite").__version__


COMPILING = threading.RLock()
"""Held by whoever compiles, or plans what to compile: one thread of a process at a time.

It is held over a fork too, so that a child never finds it, or LLVM, in the hands of a thread
that it does not have.
"""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=COMPILING.acquire,
        after_in_parent=COMPILING.release,
        after_in_child=COMPILING.release,
    )


class Library:
    """The functions compiled for one processor, which stay in memory."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._machine = target.machine()
        empty = binding.parse_assembly("")
        self._engine = binding.create_mcjit_compiler(empty, self._machine)
        self._addresses: dict[str, int] = {}

    def address(self, name: str, write: Callable[[Any, str], None], folder: str = "blocked") -> int:
        """Return the address of a function.

        Parameters
        ----------
        name : what identifies it among all functions of this package's version
        write : called with a module and the symbol to define, where it must be compiled
        folder : the one beside this that holds the code that writes it
        """
        with COMPILING:
            if name not in self._addresses:
                self._addresses[name] = self._load(name, write, folder)
            return self._addresses[name]

    def _load(self, name: str, write: Callable[[Any, str], None], folder: str) -> int:
        parts = (name, *self.target, llvmlite_version, sources(folder))
        identity = hashlib.sha256(repr(parts).encode()).hexdigest()[:32]
        path = cache_folder() / "kernels" / f"{name.split('(')[0]}-{identity}.o"
        symbol = f"striate_{identity}"
        code = kept(path)
        if code is None:
            say_that_we_compile()
            code = self._compile(symbol, write)
            keep(path, code)
        self._engine.add_object_file(binding.ObjectFileRef.from_data(code))
        self._engine.finalize_object()
        found: int = self._engine.get_function_address(symbol)
        return found

    def _compile(self, symbol: str, write: Callable[[Any, str], None]) -> bytes:
        code: bytes = self._machine.emit_object(self.optimised(symbol, write))
        return code

    def optimised(self, symbol: str, write: Callable[[Any, str], None]) -> Any:
        """Return the module of a function as LLVM improved it."""
        module = ir.Module(symbol)
        module.triple = self._machine.triple
        write(module, symbol)
        parsed = binding.parse_assembly(str(module))
        parsed.verify()
        options = binding.create_pipeline_tuning_options(speed_level=2)
        options.loop_vectorization = options.slp_vectorization = False
        options.loop_unrolling = False
        passes = binding.create_pass_builder(self._machine, options)
        passes.getModulePassManager().run(parsed, passes)
        return parsed

    def assembly(self, write: Callable[[Any, str], None]) -> str:
        """Return the machine code of a function as text."""
        text: str = self._machine.emit_assembly(self.optimised("function", write))
        return text


_libraries: dict[Target, Library] = {}


def library(target: Target) -> Library:
    """Return the library of a processor, one for all threads."""
    if target not in _libraries:
        with COMPILING:
            if target not in _libraries:
                _libraries[target] = Library(target)
    return _libraries[target]


@functools.cache
def sources(folder: str) -> str:
    """Return a hash of the files that write the kernels of a folder."""
    digest = hashlib.sha256()
    for one in ("codegen", folder):
        for path in sorted((Path(__file__).parents[1] / one).glob("*.py")):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
