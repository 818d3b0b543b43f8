"""From arrays to machine code in one step: what starts a pass over small images quickly.

``launch(plan, image, result, team, threads)`` finds the memory of two arrays, lets other Python
threads run, and does a pass over it. Asking NumPy for an array's address from Python takes as long
as filtering a small image, so it is read where NumPy's C interface has it: the fields of an array
object that macros such as ``PyArray_DATA`` read have kept their places since NumPy 1.0.
"""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.ops.blocked.driver import RUN, run_function
from striate.ops.codegen import COMPILING, Index, Pointer, Target, Writer, library
from striate.ops.codegen.values import ADDRESS, I32, I64, STEP, VOID, ir

__all__ = ["launcher", "plan_of"]

# Words of a plan: its function, its blocks, a thread's bytes of scratch, what the launcher calls,
# whether others may not run meanwhile, and how many words follow.
STEP_OF, BLOCKS, SCRATCH, SERVICES, SHORT, COUNT = range(6)
PLAN = 6
LINE = 64
PAGE = 4096

# What of Python the launcher calls; all of it is in the stable ABI.
PYTHON = ("PyEval_SaveThread", "PyEval_RestoreThread", "PyMem_RawMalloc", "PyMem_RawFree")

# Where an array object has the address of its numbers, and that of its strides.
HEAD: int = object.__basicsize__
DATA, STRIDES = HEAD, HEAD + 24

LAUNCH = ir.FunctionType(I32, [ADDRESS, ADDRESS, ADDRESS, ADDRESS, I64])
ARGUMENTS = (
    ctypes.c_void_p,
    ctypes.py_object,
    ctypes.py_object,
    ctypes.c_void_p,
    ctypes.c_int64,
)


@functools.cache
def launcher(target: Target) -> Any:
    """Return ``launch(plan, image, result, team or None, threads)``; it returns 0 without memory.

    The first two are arrays, whose memory it keeps to; their rows have their numbers side by side.
    """
    if not fields_are_where_they_were():
        raise ImportError(
            "NumPy's arrays are not laid out as its C interface says; install a released NumPy"
        )
    write = functools.partial(_write, target)
    address = library(target).address(f"launch({HEAD})", write, "images")
    return ctypes.PYFUNCTYPE(ctypes.c_int, *ARGUMENTS)(address)


def fields_are_where_they_were() -> bool:
    """Whether an array has its address and strides where we read them."""
    array = np.empty((2, 3), np.uint8)
    address, strides = (
        ctypes.c_void_p.from_address(id(array) + place).value for place in (DATA, STRIDES)
    )
    if address != array.ctypes.data or strides is None:
        return False
    return tuple((ctypes.c_int64 * 2).from_address(strides)) == array.strides


_services: dict[Target, NDArray[np.int64]] = {}


def services(target: Target) -> NDArray[np.int64]:
    """Return the addresses of Python's functions, and of the one that runs tasks.

    Plans keep the address of this array, so there is one, whoever asks first.
    """
    with COMPILING:
        if target not in _services:
            found = (getattr(ctypes.pythonapi, name) for name in PYTHON)
            words = [ctypes.cast(one, ctypes.c_void_p).value for one in found]
            _services[target] = np.array([*words, run_function(target)], np.int64)
        return _services[target]


def plan_of(
    target: Target, step: int, blocks: int, scratch: int, short: bool, words: list[Any]
) -> NDArray[np.int64]:
    """Return the plan of a pass: its step, blocks, bytes of scratch, and words.

    `short` says that it is done before another Python thread could well begin.
    """
    about = [step, blocks, scratch, services(target).ctypes.data, short, len(words)]
    return np.array([*about, *words], np.int64)


def _write(target: Target, module: Any, symbol: str) -> None:
    _Launch(Writer(module, symbol, LAUNCH, target)).write()


class _Launch:
    """The launcher's code."""

    def __init__(self, w: Writer) -> None:
        self.w = w
        self.plan, *arrays, self.team, self.threads = (w.argument(place) for place in range(5))
        self.arrays: list[Pointer] = arrays
        self.services = w.pointer(w.word(self.plan, SERVICES))

    def write(self) -> None:
        w = self.w
        words = self._filled()
        others = w.word(self.plan, SHORT).equals(0)
        state = w.variable(Pointer(w, ir.Constant(ADDRESS, None)))
        with w.when(others):
            state.set(Pointer(w, self._call("PyEval_SaveThread", ADDRESS)))
        each = (w.word(self.plan, SCRATCH) + (PAGE + LINE - 1)) // PAGE * PAGE
        memory = self._call("PyMem_RawMalloc", ADDRESS, (each * self.threads + LINE).value)
        some = w.builder.icmp_unsigned("!=", memory, ir.Constant(ADDRESS, None))
        with w.when(some):
            address = Index(w, w.builder.ptrtoint(memory, I64))
            self._run(words, w.pointer((address + (LINE - 1)) // LINE * LINE), each)
        self._call("PyMem_RawFree", VOID, memory)
        with w.when(others):
            self._call("PyEval_RestoreThread", VOID, state.get().value)
        w.builder.ret(w.builder.zext(some, I32))

    def _filled(self) -> Pointer:
        """Return the words of the pass, with the arrays' places in them."""
        w = self.w
        count = w.word(self.plan, COUNT)
        words = self._words(count)
        with w.loop(0, count) as place:
            self._put(words, place, w.word(self.plan, place + PLAN))
        for number, array in enumerate(self.arrays):
            self._put(words, 2 * number, w.word(array, DATA // 8))
            self._put(words, 2 * number + 1, w.word(w.pointer(w.word(array, STRIDES // 8)), 0))
        return words

    def _run(self, words: Pointer, scratch: Pointer, each: Index) -> None:
        """Do the pass, alone or with a team."""
        w = self.w
        step, blocks = w.word(self.plan, STEP_OF), w.word(self.plan, BLOCKS)
        with w.builder.if_else(self.team.is_null()) as (alone, together):
            with alone:
                w.call(step, STEP, words, w.index(0), blocks, scratch)
            with together:
                entry = self._words(w.index(4))
                for number, value in enumerate((step, words.word, blocks, w.index(1))):
                    self._put(entry, number, value)
                run = w.word(self.services, len(PYTHON))
                w.call(run, RUN, entry, w.index(1), self.team, scratch, each // 4)

    def _call(self, name: str, result: Any, *arguments: Any) -> Any:
        """Call one of Python's functions."""
        word = self.w.word(self.services, PYTHON.index(name))
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        function = self.w.builder.inttoptr(word.value, kind.as_pointer())
        return self.w.builder.call(function, arguments)

    def _words(self, count: Index) -> Pointer:
        """Return memory for words, of the function's own."""
        return Pointer(self.w, self.w.builder.alloca(I64, size=count.value))

    def _put(self, table: Pointer, place: Index | int, value: Index) -> None:
        where = [self.w.integer(place)]
        self.w.builder.store(value.value, self.w.builder.gep(table.value, where, source_etype=I64))
