"""A diagnosis as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from striate.geometry.text import size_text
from striate.network.doctor.advice import Advice
from striate.network.graph import Shape

if TYPE_CHECKING:
    from striate.network.doctor.diagnosis import Diagnosis

__all__ = ["lines", "trail_text"]

TRAIL = 10  # sizes on the way to a failure that are told
SHOWN = 4  # of each topic of advice
NAMED = 3  # layers of one advice, outputs of one repair


def trail_text(steps: Sequence[tuple[str, Shape]]) -> str:
    """Return the shapes on the way, where they change.

    >>> trail_text([("input", (1, 3, 8)), ("conv", (1, 4, 6)), ("relu", (1, 4, 6))])
    'input 1x3x8 -> conv 1x4x6'
    """
    texts: list[str] = []
    last: Shape | None = None
    for name, shape in steps:
        if shape != last:
            texts.append(f"{name} {size_text(shape)}")
            last = shape
    if len(texts) > TRAIL:
        texts = [texts[0], "...", *texts[2 - TRAIL :]]
    return " -> ".join(texts)


def lines(found: Diagnosis) -> Iterator[str]:
    """Yield the lines of a diagnosis."""
    title = f"{found.network} on {size_text(found.input_shape)}"
    if found.failure is None:
        count = len(found.advice)
        yield f"{title}: all shapes fit" + ("" if count else ", and nothing looks doubtful")
        yield from _advice_lines(found.advice)
        return
    failure = found.failure
    yield f"{title}: {failure.layer} ({failure.operator}) does not fit"
    yield f"  {failure.message}"
    yield from (f"  {line}" for line in failure.arithmetic)
    if not found.repairs:
        yield "repairs: none of those tried lets all shapes fit"
        return
    yield "repairs, each inferred to the end:"
    for number, repair in enumerate(found.repairs, 1):
        gives = ", ".join(map(size_text, repair.output_shapes[:NAMED]))
        gives += f" and {len(repair.output_shapes) - NAMED} more" * (
            len(repair.output_shapes) > NAMED
        )
        yield f"{number:3}. {repair}; gives {gives}"


def _advice_lines(advice: Sequence[Advice]) -> Iterator[str]:
    topics: dict[str, list[Advice]] = {}
    for one in advice:
        topics.setdefault(one.topic, []).append(one)
    for topic, found in topics.items():
        yield f"{topic}:"
        shown = found if len(found) <= SHOWN + 1 else found[:SHOWN]
        for one in shown:
            yield f"  {_who(one.layers)}{one.text}"
        if len(shown) < len(found):
            yield f"  and {len(found) - len(shown)} more such layers; JSON lists all"


def _who(layers: Sequence[str]) -> str:
    if not layers:
        return ""
    names = ", ".join(layers[:NAMED])
    more = f" and {len(layers) - NAMED} more" * (len(layers) > NAMED)
    return f"{names}{more}: "
