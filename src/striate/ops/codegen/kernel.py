"""Kernels: compiled functions that take their arguments as named words."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from striate.ops.codegen.library import library
from striate.ops.codegen.target import Target
from striate.ops.codegen.values import STEP, Index
from striate.ops.codegen.writer import Writer

__all__ = ["Kernel", "Template", "template"]


class Kernel(NamedTuple):
    """A compiled step: ``f(words, begin, end, scratch)`` does blocks begin ... end - 1."""

    name: str
    address: int
    fields: tuple[str, ...]

    def words(self, **values: Any) -> list[Any]:
        """Return the arguments in their order; all of them must be given."""
        if set(values) != set(self.fields):
            wrong = sorted(set(values) ^ set(self.fields))
            raise TypeError(f"{self.name} takes {', '.join(self.fields)}; differing: {wrong}")
        return [values[name] for name in self.fields]


class Arguments:
    """The words of a step by name, each read once where the function begins."""

    def __init__(self, writer: Writer, fields: tuple[str, ...]) -> None:
        table = writer.argument(0)
        for place, name in enumerate(fields):
            setattr(self, name, writer.word(table, place))

    def __getattr__(self, name: str) -> Index:
        raise AttributeError(f"the kernel has no field {name}")


class Template(NamedTuple):
    """A step to be compiled for a processor and for constants, which its code depends on."""

    name: str
    fields: tuple[str, ...]
    body: Callable[..., None]

    def kernel(self, target: Target, **constants: Any) -> Kernel:
        """Return the compiled step."""
        return _kernel(self, target, tuple(sorted(constants.items())))

    def write(self, target: Target, constants: dict[str, Any], module: Any, symbol: str) -> None:
        """Write the step into a module of LLVM IR."""
        writer = Writer(module, symbol, STEP, target)
        self.body(writer, Arguments(writer, self.fields), **constants)
        writer.builder.ret_void()


def template(*fields: str) -> Callable[[Callable[..., None]], Template]:
    """Make a template of ``body(writer, arguments, **constants)``, which writes one step.

    `fields` name the words it takes. Blocks to do are `writer.begin` to `writer.end` - 1, and
    `writer.scratch` is memory of this thread's own.
    """
    return lambda body: Template(body.__name__, fields, body)


@functools.cache
def _kernel(of: Template, target: Target, constants: tuple[tuple[str, Any], ...]) -> Kernel:
    values = ", ".join(f"{name}={value}" for name, value in constants)
    name = f"{of.name}({values})"
    write = functools.partial(of.write, target, dict(constants))
    *_, folder, _ = ("blocked", *of.body.__module__.split("."))
    address = library(target).address(name, write, folder)
    return Kernel(name, address, of.fields)
