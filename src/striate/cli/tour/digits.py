"""Chapters 3 and 4: LeCun's 1989 network, trained and looked into."""

from __future__ import annotations

import os
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from striate.cli.tour.inspection import print_rows
from striate.cli.tour.page import Chapter, picture, table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.console import Console

    from striate.drawing import Example, Scene
    from striate.network import Network
    from striate.runtime import Program
    from striate.training import Dataset, Result

__all__ = ["looked_into", "trained_lenet"]

LAYERS = {"H1": "H1.tanh", "H2": "H2.tanh", "H3": "H3.tanh"}
"""What is drawn, and the value of the graph that it is."""


def trained_lenet(
    console: Console, folder: Path, name: str | None, passes: int, seed: int
) -> tuple[Chapter, Network, Dataset]:
    """Repeat the experiment of 1989; return its chapter, the network and the data.

    Writes ``errors.png``.
    """
    from striate import drawing
    from striate.training.recipes import lenet_1989

    data = _digits(name).resized(lenet_1989.SIZE)
    shape = "x".join(map(str, data.train_images.shape[2:]))
    console.print(
        f"data set {data.name}: {len(data.train_labels):,} digits of {shape}, one at a time, "
        f"{passes} passes"
    )
    card = lenet_1989.run(data, seed=seed, passes=passes)
    print_rows(console, card.rows())
    lead = (
        "LeCun and his colleagues trained this network in three days to read the zip codes of the "
        "U.S. mail. Published is what their paper prints, computed is counted from the network and "
        "the data, measured is what came out just now."
    )
    notes = "".join(f"<li>{escape(note)}</li>" for note in card.notes())
    curve = drawing.write(folder / "errors.png", _curves(card.result))
    body = table(card.rows(), numbers=frozenset({1, 2, 3})) + picture(curve, "Errors by pass")
    body += f"<p>{escape(card.source)}. What it leaves open, and what is done here:</p>"
    chapter = Chapter("LeCun's 1989 network, trained", lead, f"{body}<ul>{notes}</ul>")
    return chapter, card.result.network, data


def _digits(name: str | None) -> Dataset:
    """Return the data set asked for, or USPS where STRIATE_DATA has it, or scikit-learn's."""
    from striate.training import data

    if name is not None:
        return data.load(name)
    folder = os.environ.get("STRIATE_DATA")
    has_usps = folder is not None and (Path(folder) / "usps" / "zip.train.gz").is_file()
    return data.load("usps" if has_usps else "digits")


def looked_into(network: Network, data: Dataset, folder: Path) -> Chapter:
    """Run the network on digits it never saw; draw a few, right and wrong, as ``digits.png``."""
    import striate
    from striate import drawing

    run = striate.compile(network)
    scores = run(data.test_images)
    wrong = scores.argmax(axis=1) != data.test_labels
    chosen = [index for which in (~wrong, wrong) for index in _some(data.test_labels, which, 4)]
    examples = [
        _example(run, data.test_images[i : i + 1], int(data.test_labels[i])) for i in chosen
    ]
    title = "Input, H1, H2, H3 and output on unseen digits"
    path = drawing.write(folder / "digits.png", drawing.feature_maps(examples, title=title))
    lead = (
        f"{len(wrong) - wrong.sum():,} of {len(wrong):,} unseen digits are read right. Orange "
        "units are near +1, blue ones near -1; the winning output is the answer."
    )
    return Chapter("What the layers see", lead, picture(path, title))


def _curves(result: Result) -> Scene:
    from striate import drawing

    passes = {
        "training": [(e.number, 100 * e.train_error) for e in result.history],
        "test": [(e.number, 100 * (e.test_error or 0)) for e in result.history],
    }
    return drawing.curves(
        passes, title="Digits read wrong", x_label="pass", y_label="%", y_from_zero=True
    )


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
