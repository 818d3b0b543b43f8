"""Plots of report cards: numbers on logarithmic axes have room."""

from itertools import pairwise

import pytest
from matplotlib.figure import Figure

from striate.training.recipes.plots import Panel, Series, draw


@pytest.mark.parametrize(
    ("heights", "some"), [((1e-6, 1.0, 30.0), ["1e-06", "1"]), ((0.6, 1.1, 2.5), ["1", "1.5", "2"])]
)
def test_ticks_of_logarithmic_axes_have_room(tmp_path, monkeypatch, heights, some):
    found = []
    save = Figure.savefig

    def kept(figure, *arguments, **options):
        save(figure, *arguments, **options)
        (axes,) = figure.axes
        low, high = axes.get_ylim()
        for label in axes.get_yticklabels():
            if low <= label.get_position()[1] <= high:
                found.append((label.get_text(), label.get_window_extent()))

    monkeypatch.setattr(Figure, "savefig", kept)
    series = Series("power", (1.0, 2.0, 3.0), heights)
    draw((Panel("spectrum", "x", "y", (series,), log_y=True),), tmp_path / "plot.png")
    texts, boxes = zip(*found, strict=True)
    assert set(some) <= set(texts)
    for lower, upper in pairwise(boxes):
        assert lower.y1 <= upper.y0
