"""From Python objects to machine code in one step: what starts a pass over small images quickly.

``launch(services, plan, image, result, team, threads)`` asks two objects for their memory through
Python's buffer protocol, lets other Python threads run, and does a pass over it. Asking NumPy for
an array's address from Python takes as long as filtering a small image.
"""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.ops.blocked.driver import RUN, run_function
from striate.ops.codegen import Index, Pointer, Target, Writer, library
from striate.ops.codegen.values import ADDRESS, I32, I64, STEP, VOID, ir

__all__ = ["COUNT", "PLAN", "STEP_OF", "launcher"]

# Words of a plan: its function, its blocks, a thread's bytes of scratch, how many words follow.
STEP_OF, BLOCKS, SCRATCH, COUNT = range(4)
PLAN = 4
LINE = 64

# What of Python the launcher calls; all of it is in the stable ABI since Python 3.11.
SERVICES = (
    "PyObject_GetBuffer",
    "PyBuffer_Release",
    "PyEval_SaveThread",
    "PyEval_RestoreThread",
    "PyMem_RawMalloc",
    "PyMem_RawFree",
    "PyErr_NoMemory",
)
BUFFER = 10  # words of a Py_buffer: address, owner, ..., strides in the eighth
STRIDES = 7
READ, WRITE = 0x18, 0x19  # PyBUF_STRIDES, and PyBUF_WRITABLE with it

LAUNCH = ir.FunctionType(I32, [ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, I64])


@functools.cache
def launcher(target: Target) -> Any:
    """Return ``launch(plan, image, result, team or None, threads)``.

    It raises what the objects raise that will not show their memory.
    """
    address = library(target).address("launch()", functools.partial(_write, target), "images")
    kind = ctypes.PYFUNCTYPE(
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.py_object,
        ctypes.py_object,
        ctypes.c_void_p,
        ctypes.c_int64,
    )
    return functools.partial(kind(address), services(target).ctypes.data)


@functools.cache
def services(target: Target) -> NDArray[np.int64]:
    """Return the addresses of Python's functions, and of the one that runs tasks."""
    found = [ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p) for name in SERVICES]
    return np.array([*(one.value for one in found), run_function(target)], np.int64)


def _write(target: Target, module: Any, symbol: str) -> None:
    w = Writer(module, symbol, LAUNCH, target)
    _Launch(w).write()


class _Launch:
    """The launcher's code."""

    def __init__(self, w: Writer) -> None:
        self.w = w
        arguments = [w.argument(place) for place in range(6)]
        self.services, self.plan, self.image, self.result, self.team, self.threads = arguments
        self.buffers = [self._words(w.index(BUFFER)) for _ in range(2)]

    def write(self) -> None:
        w = self.w
        image, result = self.buffers
        self._leave_if_failed(self._ask(self.image, image, READ), [])
        self._leave_if_failed(self._ask(self.result, result, WRITE), [image])
        state = self._call("PyEval_SaveThread", ADDRESS)
        each = (w.word(self.plan, SCRATCH) + (LINE * 64 - 1)) // (LINE * 64) * (LINE * 64)
        memory = self._call("PyMem_RawMalloc", ADDRESS, (each * self.threads + LINE).value)
        some = w.builder.icmp_unsigned("!=", memory, ir.Constant(ADDRESS, None))
        with w.when(some):
            address = Index(w, w.builder.ptrtoint(memory, I64))
            self._run(w.pointer((address + (LINE - 1)) // LINE * LINE), each)
        self._call("PyMem_RawFree", VOID, memory)
        self._call("PyEval_RestoreThread", VOID, state)
        with w.when_not(some):
            self._call("PyErr_NoMemory", ADDRESS)
        for buffer in self.buffers:
            self._call("PyBuffer_Release", VOID, buffer.value)
        w.builder.ret(I32(0))

    def _run(self, scratch: Pointer, each: Index) -> None:
        """Fill in the words of the pass, and do it alone or with a team."""
        w, plan = self.w, self.plan
        count = w.word(plan, COUNT)
        words = self._words(count)
        with w.loop(0, count) as place:
            self._put(words, place, w.word(plan, place + PLAN))
        for number, buffer in enumerate(self.buffers):
            self._put(words, 2 * number, w.word(buffer, 0))
            stride = w.word(w.pointer(w.word(buffer, STRIDES)), 0)
            self._put(words, 2 * number + 1, stride)
        step, blocks = w.word(plan, STEP_OF), w.word(plan, BLOCKS)
        entry = self._words(w.index(4))
        for number, value in enumerate((step, words.word, blocks, w.index(1))):
            self._put(entry, number, value)
        with w.builder.if_else(self.team.is_null()) as (alone, together):
            with alone:
                w.call(step, STEP, words, w.index(0), blocks, scratch)
            with together:
                run = w.word(self.services, len(SERVICES))
                w.call(run, RUN, entry, w.index(1), self.team, scratch, each // 4)

    def _ask(self, thing: Pointer, buffer: Pointer, how: int) -> Any:
        return self._call("PyObject_GetBuffer", I32, thing.value, buffer.value, I32(how))

    def _leave_if_failed(self, status: Any, held: list[Pointer]) -> None:
        """Return where the status says that Python has an exception to raise."""
        with self.w.when(self.w.builder.icmp_signed("!=", status, I32(0))):
            for buffer in held:
                self._call("PyBuffer_Release", VOID, buffer.value)
            self.w.builder.ret(I32(-1))

    def _call(self, name: str, result: Any, *arguments: Any) -> Any:
        """Call one of Python's functions."""
        word = self.w.word(self.services, SERVICES.index(name))
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        function = self.w.builder.inttoptr(word.value, kind.as_pointer())
        return self.w.builder.call(function, arguments)

    def _words(self, count: Index) -> Pointer:
        """Return memory for words, of the function's own."""
        return Pointer(self.w, self.w.builder.alloca(I64, size=count.value))

    def _put(self, table: Pointer, place: Index | int, value: Index) -> None:
        where = [self.w.integer(place)]
        self.w.builder.store(value.value, self.w.builder.gep(table.value, where, source_etype=I64))
