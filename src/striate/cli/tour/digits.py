"""Chapters 3 and 4: LeCun's 1989 network, trained and looked into."""

from __future__ import annotations

import os
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from striate.cli.tour.inspection import print_rows
from striate.cli.tour.page import Chapter, picture, table
from striate.geometry.text import size_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.console import Console

    from striate.drawing import Example, Scene
    from striate.network import Network
    from striate.runtime import Program
    from striate.training import Dataset, Epoch

__all__ = ["load_digits", "looked_into", "trained_lenet"]

LIMIT = 1.716
"""Of the scaled tanh, 1.7159 tanh(2x / 3)."""

SPAN = 4
"""How many times the last pass's error the chart of errors reaches."""

LAYERS = {"H1": "H1.tanh", "H2": "H2.tanh", "H3": "H3.tanh"}
"""What is drawn, and the value of the graph that it is."""


def trained_lenet(
    console: Console, folder: Path, data: Dataset, passes: int, seed: int
) -> tuple[Chapter, Network]:
    """Repeat the experiment of 1989; return its chapter and the network.

    Writes ``errors.png``.
    """
    from striate import drawing
    from striate.training.recipes import lenet_1989

    shape = size_text(data.train_images.shape[2:])
    console.print(
        f"data set {data.name}: {len(data.train_labels):,} digits of {shape}, one at a time, "
        f"{passes} passes"
    )
    found = lenet_1989.once(data, seed=seed, passes=passes)
    card, history = found.card, found.result.history
    print_rows(console, card.rows())
    lead = (
        "LeCun and his colleagues trained this network in three days to read the zip codes of the "
        "U.S. mail. Published is what their paper prints, computed is counted from the network and "
        "the data, measured is what came out just now."
    )
    notes = "".join(f"<li>{escape(note)}</li>" for note in map(str, card.assumptions))
    curve = drawing.write(folder / "errors.png", _curves(history))
    body = table(card.rows(), numbers=frozenset({1, 2, 3})) + picture(curve, "Errors by pass")
    body += f"<p>{escape(_caption(history))}</p>"
    body += f"<p>{escape(card.source)}. What it leaves open, and what is done here:</p>"
    chapter = Chapter("LeCun's 1989 network, trained", lead, f"{body}<ul>{notes}</ul>")
    return chapter, found.result.network


def load_digits(name: str | None) -> Dataset:
    """Return the data set asked for, or USPS where STRIATE_DATA has it, or scikit-learn's.

    Its images have the size of the network's input.
    """
    from striate.training import data
    from striate.training.recipes import lenet_1989

    if name is None:
        folder = os.environ.get("STRIATE_DATA")
        has_usps = folder is not None and (Path(folder) / "usps" / "zip.train.gz").is_file()
        name = "usps" if has_usps else "digits"
    return data.load(name, lenet_1989.SIZE)


def looked_into(network: Network, data: Dataset, folder: Path) -> Chapter:
    """Run the network on digits it never saw; draw a few, right and wrong, as ``digits.png``.

    Writes one of them as ``digit.png``, for ``striate run``.
    """
    import striate
    from striate import drawing
    from striate.filters import files

    run = striate.compile(network)
    scores = run(data.test_images)
    wrong = scores.argmax(axis=1) != data.test_labels
    chosen = [index for which in (~wrong, wrong) for index in _some(data.test_labels, which, 4)]
    examples = [
        _example(run, data.test_images[i : i + 1], int(data.test_labels[i])) for i in chosen
    ]
    title = "Input, H1, H2, H3 and output on unseen digits"
    path = drawing.write(folder / "digits.png", drawing.feature_maps(examples, title=title))
    surest = _surest(scores, data.test_labels)
    files.write(folder / "digit.png", _pixels(data.test_images[surest, 0]))
    lead = (
        f"{len(wrong) - wrong.sum():,} of {len(wrong):,} unseen digits are read right. Orange "
        "units are positive, blue ones negative; each layer's colours reach to its largest "
        f"activation, which cannot pass {LIMIT}. The outputs should be +1 for the digit and -1 "
        "for the others; the largest is the answer."
    )
    body = (
        f"{picture(path, title)}<p>digit.png holds a {data.classes[data.test_labels[surest]]} "
        "among them, for you to try:</p><pre>striate run lenet-1989 digit.png --weights "
        "lenet-1989.safetensors</pre>"
    )
    return Chapter("What the layers see", lead, body)


def _surest(scores: NDArray[np.float32], labels: NDArray[np.int64]) -> int:
    """Return the example whose true class leads the others by most."""
    import numpy as np

    examples = np.arange(len(labels))
    true = scores[examples, labels]
    others = scores.copy()
    others[examples, labels] = -np.inf
    return int((true - others.max(axis=1)).argmax())


def _pixels(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return an image of [-1, 1] as ink on paper, black for 1, as ``striate run`` reads it."""
    import numpy as np

    levels: NDArray[np.uint8] = np.rint((1 - image) * 127.5).astype(np.uint8)
    return levels


def _curves(history: Sequence[Epoch]) -> Scene:
    """Draw the errors of those passes that one scale shows; see `_first_shown`."""
    from striate import drawing

    shown = history[_first_shown(history) :]
    passes = {
        "training, while learning": [(e.number, 100 * e.train_error) for e in shown],
        "test, after the pass": [(e.number, 100 * _test_error(e)) for e in shown],
    }
    return drawing.curves(
        passes, title="Digits read wrong", x_label="pass", y_label="%", y_from_zero=True
    )


def _caption(history: Sequence[Epoch]) -> str:
    """Return what the curves count, and the errors of the passes they leave out."""
    hidden = history[: _first_shown(history)]
    errors = ", ".join(
        f"{100 * e.train_error:.0f} and {100 * _test_error(e):.0f} %" for e in hidden
    )
    many = f"passes 1 to {len(hidden)} are" if len(hidden) > 1 else "pass 1 is"
    left_out = f" Not drawn, for the sake of the scale, {many}: {errors}." if hidden else ""
    return (
        "In the curve, a training digit counts as it is read just before the network learns from "
        f"it; in the table, as the trained network reads it.{left_out}"
    )


def _first_shown(history: Sequence[Epoch]) -> int:
    """Return the first pass from which on errors are at most `SPAN` times the last one.

    The first passes are wrong many times more often, and would press the last ones to the axis.
    """
    errors = [max(epoch.train_error, _test_error(epoch)) for epoch in history]
    beyond = [i for i, error in enumerate(errors) if error > SPAN * errors[-1]]
    return beyond[-1] + 1 if beyond else 0


def _test_error(epoch: Epoch) -> float:
    if epoch.test_error is None:
        raise TypeError("the tour's data sets have test digits")
    return epoch.test_error


def _some(labels: NDArray[np.int64], allowed: NDArray[np.bool_], count: int) -> list[int]:
    """Return the first allowed example of each of the first classes that have one."""
    found: dict[int, int] = {}
    for index, label in enumerate(labels):
        if allowed[index]:
            found.setdefault(int(label), index)
    return [found[label] for label in sorted(found)][:count]


def _example(run: Program, image: NDArray[np.float32], truth: int) -> Example:
    from striate.drawing import Example

    values = run.values(image, [*LAYERS.values(), "output.tanh"])
    return Example(
        input=image[0, 0],
        layers=[(name, values[value][0]) for name, value in LAYERS.items()],
        scores=[float(score) for score in values["output.tanh"][0]],
        truth=truth,
    )
