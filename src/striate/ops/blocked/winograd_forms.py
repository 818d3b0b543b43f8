"""Which of Winograd's formulas an axis of a convolution takes, and which there are to choose from.

A kernel of many taps is a sum of kernels of fewer taps, its pieces: F(5, 4) for the two halves of
7 taps takes 2 * 8 / 5 multiplications for an output, and F(2, 7) takes 8 / 2. The sum is done
with that over channels, before outputs are transformed.
"""

from __future__ import annotations

import functools
from itertools import product
from typing import NamedTuple

from striate.ops.blocked.winograd_transforms import POINTS

__all__ = ["Form", "Forms", "forms_of", "square"]

MOST_BOTH = 8  # inputs of a tile along each of two axes: more would round too much


class Form(NamedTuple):
    """F(m, r) for the pieces of an axis.

    Attributes
    ----------
    m : outputs of a tile
    r : taps of a piece; the last piece has taps of zero where the one before reaches into it
    kernel : taps of the kernel
    dilation : pixels from one tap to the next; outputs of a tile are as far from each other
    """

    m: int
    r: int
    kernel: int
    dilation: int = 1

    @property
    def n(self) -> int:
        """Inputs of a tile."""
        return self.m + self.r - 1

    @property
    def starts(self) -> tuple[int, ...]:
        """The first tap of each piece: none of them reads what the kernel does not."""
        return tuple(min(at, self.kernel - self.r) for at in range(0, self.kernel, self.r))


Forms = tuple[Form, ...]
"""One for each axis. Of three axes, the first is not transformed: each tap is a piece."""


def square(m: int, r: int, rank: int, dilation: int = 1) -> Forms:
    """Return F(m x m, r x r) for a kernel of r x r taps, or F(m, r) for one axis."""
    return (Form(m, r, r, dilation),) * rank


@functools.cache
def forms_of(kernel: tuple[int, ...], dilations: tuple[int, ...]) -> tuple[Forms, ...]:
    """Return what a kernel can be computed by, for stride 1; nothing for a single tap.

    Examples
    --------
    >>> for forms in forms_of((3, 3), (1, 1)):
    ...     print([(form.m, form.r) for form in forms])
    [(2, 3), (2, 3)]
    [(4, 3), (4, 3)]
    [(6, 3), (6, 3)]
    """
    flat = zip(kernel[-2:], dilations[-2:], strict=True)
    each = [_forms(taps, dilation) for taps, dilation in flat]
    deep = tuple(Form(1, 1, k, d) for k, d in zip(kernel[:-2], dilations[:-2], strict=True))
    return tuple(deep + forms for forms in product(*each) if _suits(forms))


def _forms(kernel: int, dilation: int) -> list[Form]:
    if kernel == 1:
        return [Form(1, 1, 1, dilation)]
    found = []
    for n in POINTS:
        forms = [Form(n + 1 - r, r, kernel, dilation) for r in _taps(kernel) if 1 < r < n]
        costs = [len(form.starts) * n / form.m for form in forms]
        least = min(costs, default=kernel)
        found += [f for f, c in zip(forms, costs, strict=True) if c == least < kernel]
    return found


def _taps(kernel: int) -> list[int]:
    """Return how many taps the pieces of a kernel may have."""
    return sorted({-(-kernel // pieces) for pieces in range(1, kernel)})


def _suits(forms: Forms) -> bool:
    """Tell whether axes may be computed by these together; one at least is transformed."""
    turned = [form for form in forms if form.n > 1]
    if len(turned) < 2:
        return bool(turned)
    first, second = turned
    alike = first.m == second.m or first.kernel != second.kernel
    return alike and first.n == second.n <= MOST_BOTH
