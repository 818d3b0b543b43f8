"""The course of training as a picture."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from striate.errors import MissingExtraError
from striate.training.result import Epoch

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_curves", "require_matplotlib"]

PARTS = {"train": "#2a78d6", "validation": "#e8791a", "test": "#2f9e62"}
"""What is drawn, and in which colour."""


def require_matplotlib() -> None:
    """Raise MissingExtraError unless Matplotlib is installed."""
    try:
        import matplotlib  # noqa: F401  (only whether it is there)
    except ImportError:
        raise MissingExtraError.of("matplotlib", "train", "drawing the curves of a run") from None


def _highest(axes: Axes) -> float:
    """Return the largest number that is drawn."""
    heights = [y for line in axes.lines for y in np.asarray(line.get_ydata(), float)]
    return max((y for y in heights if np.isfinite(y)), default=0.0)


def draw_curves(title: str, history: Sequence[Epoch], kind: str) -> bytes:
    """Return losses, errors and the learning rate of each epoch as a file.

    Parameters
    ----------
    title : str
    history : sequence of Epoch
    kind : "png" or "svg"
        The same history gives the same bytes.

    Raises
    ------
    MissingExtraError
        If Matplotlib is not installed.

    Examples
    --------
    >>> epoch = Epoch(
    ...     number=1,
    ...     steps=8,
    ...     rate=0.1,
    ...     train_loss=0.7,
    ...     train_error=0.2,
    ...     seconds=1.0,
    ...     examples_per_second=8.0,
    ... )
    >>> draw_curves("example", [epoch], "png")[1:4]
    b'PNG'
    """
    require_matplotlib()
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    numbers = [epoch.number for epoch in history]
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    figure.suptitle(title)
    panels = figure.subplots(1, 3)
    for part, colour in PARTS.items():
        for axes, what, scale in ((panels[0], "loss", 1), (panels[1], "error", 100)):
            values = [getattr(epoch, f"{part}_{what}") for epoch in history]
            if any(value is not None for value in values):
                heights = [float("nan") if v is None else scale * v for v in values]
                axes.plot(numbers, heights, color=colour, label=part, marker=".")
    panels[2].plot(numbers, [epoch.rate for epoch in history], color="#666666", marker=".")
    for axes, label in zip(panels, ("loss", "error in %", "learning rate"), strict=True):
        axes.set_xlabel("epoch")
        axes.set_title(label, fontsize="medium")
        axes.grid(alpha=0.3)
        axes.xaxis.get_major_locator().set_params(integer=True)
        if len(numbers) == 1:  # else there would be parts of epochs
            axes.set_xticks(numbers)
    panels[0].legend()
    for axes in panels[1:]:  # from 0, and some room above the highest
        axes.set_ylim(0, max(axes.get_ylim()[1], 1.08 * _highest(axes)))
    file = io.BytesIO()
    with rc_context({"svg.hashsalt": "striate", "svg.fonttype": "path"}):
        figure.savefig(file, format=kind, dpi=100, metadata={"Date": None} if kind == "svg" else {})
    return file.getvalue()
