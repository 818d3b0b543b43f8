"""Expressions of single elements: functions of values and numbers, written as one kernel.

An expression is an operand's place (an int), a number (a float), or a tuple of a function's name
and its arguments. Its form is the expression with its numbers named by their place: kernels are
compiled for a form, and get the numbers when they run.

>>> form_of(("clip", ("add", 0, 3.0), 0.0, 6.0))
(('clip', ('add', 0, '#0'), '#1', '#2'), (3.0, 0.0, 6.0))
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from striate.ops.blocked.functions import FUNCTIONS
from striate.ops.blocked.logarithm import power
from striate.ops.codegen import Vector

__all__ = [
    "MOST",
    "Expression",
    "Form",
    "form_of",
    "functions_of",
    "operands_of",
    "renumbered",
    "written",
]

MOST = 32
"""Functions of an expression that one kernel computes, parts that repeat counted each time."""

Expression = int | float | tuple[Any, ...]
Form = Any


def form_of(expression: Expression) -> tuple[Form, tuple[float, ...]]:
    """Return an expression's form and its numbers."""
    numbers: list[float] = []

    def form(part: Expression) -> Form:
        if isinstance(part, float):
            numbers.append(part)
            return f"#{len(numbers) - 1}"
        if isinstance(part, int):
            return part
        name, *arguments = part
        if name == "pow":  # exponents decide how powers are taken: they belong to the form
            return (name, form(arguments[0]), arguments[1])
        return (name, *map(form, arguments))

    return form(expression), tuple(numbers)


def operands_of(expression: Expression) -> int:
    """Return how many operands an expression has.

    >>> operands_of(("mul", 1, ("add", 0, 3.0)))
    2
    """
    if isinstance(expression, tuple):
        return max((operands_of(part) for part in expression[1:]), default=0)
    return expression + 1 if isinstance(expression, int) else 0


def functions_of(expression: Expression) -> int:
    """Return how many functions an expression is made of, parts that repeat counted each time.

    >>> functions_of(("mul", ("neg", 0), ("neg", 0)))
    3
    """
    if isinstance(expression, tuple):
        return 1 + sum(map(functions_of, expression[1:]))
    return 0


def renumbered(expression: Expression, places: Sequence[Expression]) -> Expression:
    """Return an expression with what is in `places` for its operands.

    >>> renumbered(("mul", 0, 1), [("neg", 2), 0])
    ('mul', ('neg', 2), 0)
    """
    if isinstance(expression, tuple):
        name, *parts = expression
        return (name, *(renumbered(part, places) for part in parts))
    return places[expression] if isinstance(expression, int) else expression


def written(form: Form, operands: Sequence[Vector], numbers: Sequence[Vector]) -> Vector:
    """Write a form; equal parts are computed once, as LLVM finds them."""
    if isinstance(form, int):
        return operands[form]
    if isinstance(form, str):
        return numbers[int(form[1:])]
    name, *arguments = form
    if name == "pow":
        return power(written(arguments[0], operands, numbers), arguments[1])
    return FUNCTIONS[name](*(written(part, operands, numbers) for part in arguments))
