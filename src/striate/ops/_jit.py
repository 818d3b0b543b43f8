"""The one place that knows Numba's flags, and where compiled kernels are kept.

Every kernel is declared with :func:`kernel`, or with :func:`summing` where its sums may be
reordered. It is compiled without the GIL (threads of `_threads` run it side by side), without
the ``fastmath`` flags that lose NaN and infinity, and with NumPy's rule that a division by zero
gives infinity or NaN.

Machine code is kept in the user's cache folder, one file for each kernel, signature,
processor and state of this package's sources. Numba's own cache is not enough: it does not
see a change in a helper from another file, and its shared index lets two processes that
compile different signatures at once overwrite each other's entries. Here a file's name is
the hash of everything that its content depends on, and the file carries its own checksum, so
there is nothing to keep in step; a damaged or unreadable file is compiled again.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import pickle
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar, cast

from numpy.typing import NDArray

from striate.ops._cache import cache_folder, discard, keep, kept, say_that_we_compile

__all__ = ["flat", "inlined", "kernel", "summing"]

Function = TypeVar("Function", bound=Callable[..., Any])

# Some releases of Numba carry type hints and some do not: none of them are relied upon here.
numba: Any = importlib.import_module("numba")
CompileResult: Any = importlib.import_module("numba.core.compiler").CompileResult
serialize: Any = importlib.import_module("numba.core.serialize")
llvmlite_version: str = importlib.import_module("llvmlite").__version__


def kernel(function: Function) -> Function:
    """Compile `function` on its first call for each signature, and keep the machine code.

    Under ``NUMBA_DISABLE_JIT=1`` the function stays plain Python; ``NUMBA_BOUNDSCHECK=1``
    checks every index.

    Examples
    --------
    >>> @kernel
    ... def double(x):
    ...     return x + x
    >>> double(2)
    4
    """
    return _compiled(function, forceinline=False, flags=set())


def summing(function: Function) -> Function:
    """Compile as `kernel` does, and let the compiler reorder its sums, to take lanes at a time.

    The order is fixed when it is compiled, so results do not depend on threads; NaN and infinity
    survive, as the flags that would lose them ("nnan", "ninf") are not given.

    Examples
    --------
    >>> @summing
    ... def total(x):
    ...     return x + x
    >>> total(2)
    4
    """
    return _compiled(function, forceinline=False, flags={"reassoc", "contract"})


def inlined(function: Function) -> Function:
    """Compile `function` as `kernel` does, and into the kernels that call it.

    For small steps of an inner loop: a call hands every size over on the stack, one by one.

    Examples
    --------
    >>> @inlined
    ... def half(x):
    ...     return x / 2
    >>> half(3)
    1.5
    """
    return _compiled(function, forceinline=True, flags=set())


def _compiled(function: Function, forceinline: bool, flags: set[str]) -> Function:
    compile_ = numba.njit(
        nogil=True, error_model="numpy", fastmath=flags or False, forceinline=forceinline
    )
    compiled = compile_(function)
    if not numba.config.DISABLE_JIT:
        compiled._cache = KernelCache(function)
    return cast(Function, compiled)  # callers see the parameters and the result they wrote


def flat(x: NDArray[Any]) -> NDArray[Any]:
    """Return the elements of x in a row, as kernels take their inputs: aligned and read-only.

    A view where x is contiguous. Always read-only, because Numba would compile every kernel
    once more for inputs that are.
    """
    row = x.ravel() if x.flags.aligned else x.flatten()
    row.flags.writeable = False
    return row


@functools.cache
def source_stamp() -> str:
    """Return a hash of all that machine code depends on besides kernel, signature and CPU."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    try:
        package = version("striate")
    except PackageNotFoundError:  # run from a source tree that is not installed
        package = "source"
    flags = (numba.config.BOUNDSCHECK, numba.config.OPT, numba.config.DEBUGINFO_DEFAULT)
    settings = (package, numba.__version__, llvmlite_version, sys.version_info[:3], flags)
    digest.update(repr(settings).encode())
    return digest.hexdigest()


class KernelCache:
    """The kept machine code of one kernel; a Numba dispatcher asks it before compiling."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.name = f"{function.__module__}.{function.__qualname__}"
        self.bytecode = function.__code__.co_code

    @property
    def folder(self) -> Path:
        """The folder of all kernels."""
        return cache_folder() / "kernels"

    @property
    def cache_path(self) -> str:
        """The folder, under the name by which Numba's statistics ask for it."""
        return str(self.folder)

    def path(self, signature: object, codegen: Any) -> Path:
        """Return the file for one signature on one processor.

        Numba's ``magic_tuple`` names the operating system, the processor and its features.
        """
        parts = (self.name, signature, self.bytecode, codegen.magic_tuple(), source_stamp())
        identity = hashlib.sha256(repr(parts).encode()).hexdigest()
        return self.folder / f"{self.name.rpartition('.')[2]}-{identity[:32]}.kernel"

    def load_overload(self, signature: object, target_context: Any) -> Any:
        """Return the compiled signature, or None where there is no sound file of it."""
        target_context.refresh()
        data = kept(self.path(signature, target_context.codegen()))
        if data is None:
            say_that_we_compile()
            return None
        return CompileResult._rebuild(target_context, *pickle.loads(data))

    def save_overload(self, signature: object, compiled: Any) -> None:
        """Keep one compiled signature; see `striate.ops._cache.keep`."""
        if compiled.library.has_dynamic_globals:
            return  # machine code that holds an address of this process
        keep(self.path(signature, compiled.library.codegen), serialize.dumps(compiled._reduce()))

    def flush(self) -> None:
        """Forget every signature of this kernel."""
        for path in self.folder.glob(f"{self.name.rpartition('.')[2]}-*.kernel"):
            discard(path)
