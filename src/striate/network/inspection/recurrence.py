"""The recurrence of receptive fields, in numbers: Araujo et al., Distill 2019, equation 2."""

from __future__ import annotations

from striate.geometry import Axis, Field, TransposedAxis

__all__ = ["FIELD", "TRANSPOSED_FIELD", "recurrence"]

FIELD = "r = r_prev + (K - 1) D jump"
TRANSPOSED_FIELD = "r = r_prev + (inputs written to one output, first to last, - 1) jump"


def recurrence(before: Field, axis: Axis | TransposedAxis, after: Field) -> str:
    """Return r's recurrence in numbers; it holds wherever all outputs see equally much."""
    if isinstance(axis, TransposedAxis):
        spans = [seen[-1] - seen[0] for o in range(axis.stride) if (seen := axis.taps(o))]
        steps, text = max(spans), f"({max(spans) + 1} - 1) x {before.stride}"
    else:
        steps = axis.extent - 1
        text = f"({axis.kernel} - 1) x {axis.dilation} x {before.stride}"
    if before.size + steps * before.stride == after.size:
        return f"{before.size} + {text} = {after.size}"
    return f"{after.size}, the most that an output sees: they see unequally much"
