"""Machine code from Python: a writer of LLVM IR, the processor it is for, and where it is kept."""

from striate.ops.codegen.kernel import Kernel, Template, template
from striate.ops.codegen.library import COMPILING, Library, library
from striate.ops.codegen.target import Target
from striate.ops.codegen.values import Index, Pointer, Vector
from striate.ops.codegen.writer import Writer

__all__ = [
    "COMPILING",
    "Index",
    "Kernel",
    "Library",
    "Pointer",
    "Target",
    "Template",
    "Vector",
    "Writer",
    "library",
    "template",
]
