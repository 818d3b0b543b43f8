"""How windows of equal weights are cut."""

from __future__ import annotations

import pytest

from striate.ops.images.box_chain import chain_of
from striate.ops.images.box_stages import box_grid


@pytest.mark.parametrize("size", [*range(1, 70), 255, 341, 1000])
@pytest.mark.parametrize("exact", [True, False])
def test_a_chain_makes_the_sum_of_its_window(size: int, exact: bool) -> None:
    """Sums hold each of the window's numbers once, and of others nothing."""
    held = {0: 1}
    for way, shift in chain_of(size, exact):
        others = held if way == "double" else {0: -1 if way == "subtract" else 1}
        total = dict(held)
        for place, times in others.items():
            total[place + shift] = total.get(place + shift, 0) + times
        held = {place: times for place, times in total.items() if times}
        assert exact or all(link != "subtract" for link, _ in chain_of(size, exact))
    assert held == dict.fromkeys(range(size), 1)


@pytest.mark.parametrize(("size", "rows"), [(1, 1), (2, 2), (3, 2), (7, 4), (8, 8), (2048, 16)])
def test_rows_made_together_are_no_more_than_those_of_a_window(size: int, rows: int) -> None:
    assert box_grid(size) == rows
