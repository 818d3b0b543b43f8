"""Every error that striate raises on purpose.

::

    StriateError
    ├── GeometryError    (ValueError)   a window that cannot be: stride 0, kernel beyond its input
    ├── ShapeError       (ValueError)   arrays that do not fit each other or the operation
    ├── DTypeError       (TypeError)    an element type the operation does not take
    ├── ParameterError   (ValueError)   an argument outside its range: sigma, border, method, ...
    ├── GraphError       (ValueError)   a graph that is cyclic, dangling or inconsistent
    ├── UnknownNameError (LookupError)  no such network, filter, data set, operator
    ├── FileError        (OSError)      a file that is missing, corrupt or cannot be written
    ├── TrainingError    (RuntimeError) training that cannot go on: a loss that is not finite
    └── MissingExtraError (ImportError) an optional dependency that is not installed

Each message gives the value, the rule and the way out in one line.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

__all__ = [
    "DTypeError",
    "FileError",
    "GeometryError",
    "GraphError",
    "MissingExtraError",
    "ParameterError",
    "ShapeError",
    "StriateError",
    "TrainingError",
    "UnknownNameError",
]


class StriateError(Exception):
    """The root of the tree: catch it to catch everything striate raises on purpose."""

    def __str__(self) -> str:
        """Return the message as written (LookupError and OSError would quote or number it)."""
        return str(self.args[0]) if self.args else ""


class GeometryError(StriateError, ValueError):
    """A window that cannot be: stride 0, a kernel larger than its padded input."""


class ShapeError(StriateError, ValueError):
    """Arrays that do not fit each other or the operation."""


class DTypeError(StriateError, TypeError):
    """An element type that the operation does not take."""


class ParameterError(StriateError, ValueError):
    """An argument outside its range."""


class GraphError(StriateError, ValueError):
    """A graph that is cyclic, dangling or inconsistent."""


class UnknownNameError(StriateError, LookupError):
    """A name that is in no catalogue."""

    @classmethod
    def of(cls, kind: str, name: object, known: Iterable[str]) -> UnknownNameError:
        """Return the error for `name`, with the nearest known names, or all of them.

        Upper and lower case count as the same; a name that differs in nothing else stands alone.
        """
        names = sorted(known)
        near = _nearest(str(name).casefold(), names)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(names)}"
        return cls(f"no {kind} is called {name!r}; {hint}")


def _nearest(text: str, names: Iterable[str]) -> list[str]:
    """Return the names that may be meant; half alike will do where the first letter is right."""
    folded = {name.casefold(): name for name in names}
    if text in folded:
        return [folded[text]]
    close = difflib.get_close_matches(text, folded, n=3, cutoff=0.5)
    sure = set(difflib.get_close_matches(text, close, cutoff=0.6))
    return sorted(folded[name] for name in close if name in sure or name[:1] == text[:1])


class FileError(StriateError, OSError):
    """A file that is missing, corrupt or cannot be written."""


class TrainingError(StriateError, RuntimeError):
    """Training that cannot go on."""


class MissingExtraError(StriateError, ImportError):
    """An optional dependency that is not installed."""

    @classmethod
    def of(cls, package: str, extra: str, purpose: str) -> MissingExtraError:
        """Return the error that says how to install the extra."""
        return cls(f"{purpose} needs {package}: pip install 'striate[{extra}]'")


def one_line(error: BaseException) -> str:
    r"""Return what an error says, in one line, or its name where it says nothing.

    Examples
    --------
    >>> one_line(ValueError("bad\n  number")), one_line(KeyError())
    ('bad number', 'KeyError')
    """
    return " ".join(str(error).split()) or type(error).__name__


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Prefix every striate error raised inside with `where`, as the caller would name it."""
    try:
        yield
    except StriateError as error:
        raise type(error)(f"{where}: {error}") from None
