"""Texts such as ``flip,shift:4:reflect``: names with what follows their colons."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from striate.errors import ParameterError, UnknownNameError
from striate.training.wording import count_text

__all__ = ["Phrase", "phrases"]


@dataclass(frozen=True, slots=True)
class Phrase:
    """One name and the words after it."""

    kind: str
    name: str
    words: tuple[str, ...]

    def numbers(self) -> tuple[float, ...]:
        """Return the words, all of them numbers."""
        return tuple(self.number(word) for word in self.words)

    def number(self, word: str) -> float:
        """Return a word that is a finite number."""
        try:
            number = float(word)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise ParameterError(f"{self.kind}: {word!r} in {self.text} must be a number")
        return number

    def whole(self, word: str) -> int:
        """Return a word that is a whole number."""
        number = self.number(word)
        if number != int(number):
            raise ParameterError(f"{self.kind}: {word!r} in {self.text} must be a whole number")
        return int(number)

    @property
    def text(self) -> str:
        """The phrase as it was written."""
        return ":".join((self.name, *self.words))


def phrases(kind: str, text: str, names: Mapping[str, tuple[int, int]]) -> tuple[Phrase, ...]:
    """Return the phrases of a text, divided by commas.

    Parameters
    ----------
    kind : str
        What the text describes, for the messages.
    text : str
    names : mapping
        Each name that may stand there, with the least and most words after it.

    Examples
    --------
    >>> [(p.name, p.words) for p in phrases("augmentation", "shift:4", {"shift": (1, 2)})]
    [('shift', ('4',))]
    """
    found = []
    for part in text.split(","):
        name, *words = (word.strip() for word in part.split(":"))
        if name not in names:
            raise UnknownNameError.of(kind, name, names)
        least, most = names[name]
        if not least <= len(words) <= most:
            wanted = f"{least}" if least == most else f"{least} to {most}"
            raise ParameterError(
                f"{kind}: {part.strip()!r} has {count_text(len(words), 'value')}, but {name} takes "
                f"{wanted}, each after a colon"
            )
        found.append(Phrase(kind, name, tuple(words)))
    return tuple(found)
