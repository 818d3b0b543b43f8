"""Networks of minima and maxima: fixed lists of comparisons, which lanes go through side by side.

Source: K. E. Batcher, "Sorting networks and their applications", AFIPS Spring Joint Computing
Conference, 1968 (merging).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TypeVar

__all__ = ["Network"]

Value = TypeVar("Value")


class Network:
    """Minima and maxima of pairs; values are numbers of nodes.

    Attributes
    ----------
    nodes : list of (str, int, int)
        ("leaf", line, shift), or ("least" or "most", node, node).
    """

    def __init__(self) -> None:
        self.nodes: list[tuple[str, int, int]] = []
        self._known: dict[tuple[str, int, int], int] = {}

    def leaf(self, line: int, shift: int = 0) -> int:
        """Return the value that lies so many pixels on in a line."""
        return self._node("leaf", line, shift)

    def least(self, a: int, b: int) -> int:
        """Return the smaller of two values."""
        return self._node("least", min(a, b), max(a, b))

    def most(self, a: int, b: int) -> int:
        """Return the larger of two values."""
        return self._node("most", min(a, b), max(a, b))

    def _node(self, kind: str, a: int, b: int) -> int:
        node = (kind, a, b)
        if node not in self._known:
            self._known[node] = len(self.nodes)
            self.nodes.append(node)
        return self._known[node]

    def live(self, outputs: Sequence[int]) -> list[int]:
        """Return the nodes that the outputs depend on, in order."""
        needed = set(outputs)
        for place in range(len(self.nodes) - 1, -1, -1):
            kind, a, b = self.nodes[place]
            if place in needed and kind != "leaf":
                needed.update((a, b))
        return sorted(needed)

    def cost(self, outputs: Sequence[int]) -> int:
        """Return how many minima and maxima the outputs take."""
        return sum(self.nodes[place][0] != "leaf" for place in self.live(outputs))

    def values(
        self,
        outputs: Sequence[int],
        load: Callable[[int, int], Value],
        least: Callable[[Value, Value], Value],
        most: Callable[[Value, Value], Value],
    ) -> list[Value]:
        """Return what the outputs are, of any kind of values."""
        known: dict[int, Value] = {}

        def value(place: int) -> Value:
            kind, a, b = self.nodes[place]
            if kind == "leaf":
                return load(a, b)
            return (least if kind == "least" else most)(known[a], known[b])

        for place in self.live(outputs):
            known[place] = value(place)
        return [known[place] for place in outputs]

    # sorting -----------------------------------------------------------------------------

    def sort(self, values: Sequence[int]) -> list[int]:
        """Return the values in order."""
        if len(values) < 2:
            return list(values)
        half = (len(values) + 1) // 2
        return self.merge(self.sort(values[:half]), self.sort(values[half:]))

    def merge(self, a: Sequence[int], b: Sequence[int]) -> list[int]:
        """Return the values of two sorted lists in order: Batcher's odd-even merge."""
        if not a or not b:
            return [*a, *b]
        if len(a) == len(b) == 1:
            return [self.least(a[0], b[0]), self.most(a[0], b[0])]
        even = self.merge(a[0::2], b[0::2])
        odd = self.merge(a[1::2], b[1::2])
        merged = even[:1]
        for low, high in zip(odd, even[1:], strict=False):
            merged += [self.least(low, high), self.most(low, high)]
        pairs = min(len(odd), len(even) - 1)
        return merged + odd[pairs:] + even[pairs + 1 :]

    def merged_part(self, a: Sequence[int], b: Sequence[int], low: int, high: int) -> list[int]:
        """Return places low ... high - 1 of the merged list."""
        if not 0 <= low < high <= len(a) + len(b):
            raise ValueError(f"{len(a) + len(b)} values have no places {low} to {high - 1}")
        while True:  # drop what is certainly before, or after, what is asked for
            before = [max(0, low - len(b)), max(0, low - len(a))]
            if not any(before) and len(a) <= high and len(b) <= high:
                break
            a, b = a[before[0] : high], b[before[1] : high]
            low, high = low - sum(before), high - sum(before)
        if high - low == 1:
            return [self._one_of(a, b, low)]
        return self.merge(a, b)[low:high]

    def _one_of(self, a: Sequence[int], b: Sequence[int], place: int) -> int:
        """Return one place of the merged list: the least, over all splits, of the largest."""
        splits = []
        for count in range(max(0, place + 1 - len(b)), min(place + 1, len(a)) + 1):
            ends = [one[n - 1] for one, n in ((a, count), (b, place + 1 - count)) if n]
            splits.append(functools.reduce(self.most, ends))
        return functools.reduce(self.least, splits)
