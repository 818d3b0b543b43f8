"""Operators that write into their operand: harmless where nothing else looks at it.

PyTorch can spell a program out without them, which takes most of the time that a large network
needs to be read. Where an operand has no other name and no view, the operator that gives a new
value says the same, and nothing needs to be spelt out.
"""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch.export import ExportedProgram
from torch.fx import Node as FxNode

from striate.interop.torch.reading.table import TABLE

__all__ = ["SAME", "is_known", "is_plain", "word_of", "writes"]

SAME = ("dropout.default", "feature_dropout.default")
"""Operators that in eval mode return their operand itself, though their schemas do not say so."""


def word_of(target: Any) -> str:
    """Return the name of an operator in `TABLE`: that of one without writing for one that does."""
    word = str(target).removeprefix("aten.")
    if word in TABLE or not writes(target):
        return word
    return word.replace("_.", ".", 1)


def writes(target: Any) -> bool:
    """Say whether an operator writes into its first operand, and into nothing else."""
    if not isinstance(target, torch._ops.OpOverload):
        return False
    marks = [argument.alias_info for argument in target._schema.arguments]
    written = [place for place, mark in enumerate(marks) if mark is not None and mark.is_write]
    return written == [0]


def is_known(node: FxNode) -> bool:
    """Say whether a call is in `TABLE`, or a size, a constant, or an assertion."""
    meta, target = node.meta.get("val"), node.target
    number = torch.SymInt | torch.SymBool | torch.SymFloat | int | float | bool
    if target is operator.getitem or isinstance(meta, number) or word_of(target) in TABLE:
        return True
    if meta is None:  # an assertion
        return True
    if not isinstance(target, torch._ops.OpOverload) or node.all_input_nodes:
        return False
    return torch.Tag.nondeterministic_seeded not in target.tags


def is_plain(program: ExportedProgram) -> bool:
    """Say whether a program can be translated as it is."""
    roots: dict[FxNode, FxNode] = {}
    written: set[FxNode] = set()
    seen: set[FxNode] = set()  # inputs, and whatever has a view or is one
    for node in program.graph.nodes:
        roots[node] = node
        if node.op == "placeholder":
            seen.add(node)
        if node.op != "call_function":
            continue
        if not is_known(node):
            return False
        behind = [roots[argument] for argument in node.all_input_nodes]
        if writes(node.target):
            roots[node] = roots[node.args[0]]
            written.add(roots[node])
        elif node.target is operator.getitem or word_of(node.target) in SAME:
            roots[node] = behind[0]
        elif _is_view(node.target):
            seen.update(behind, [node])
    return written.isdisjoint(seen)


def _is_view(target: Any) -> bool:
    if not isinstance(target, torch._ops.OpOverload):
        return False
    marked = any(returned.alias_info is not None for returned in target._schema.returns)
    return marked or "type_as" in str(target)
