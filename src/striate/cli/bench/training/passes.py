"""LeNet of 1989 on one example at a time, as its paper trains it: a pass over 7,291 digits."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import cycle
from math import ceil, isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.cli.bench.measure import OURS, Entry
from striate.cli.bench.training.checking import set_threads
from striate.cli.bench.training.steps import PYTORCH
from striate.cli.bench.turns import Spread, spread, take_turns
from striate.errors import TrainingError
from striate.network import zoo
from striate.runtime.learning import Descent, learner
from striate.training.data.sources import place_of
from striate.training.data.usps import load_usps
from striate.training.recipes.lenet_1989_steps import PASSES, learning_rates

__all__ = ["DIGITS", "Examples", "PassRow", "examples", "measured_pass"]

DIGITS = 7291
PIECE = 256  # steps of a turn
CHECKED = 64  # steps whose losses are compared with float64's
TOLERANCE = 1e-3  # relative to the largest loss
WAYS = tuple(
    (update, fast)
    for update in ("by hand", "SGD, foreach=False", "SGD, fused")
    for fast in (True, False)
)
"""How PyTorch moves the weights, and whether by oneDNN, which takes long to begin."""


@dataclass(frozen=True)
class Examples:
    """Digits, and where they are from."""

    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    source: str


@dataclass(frozen=True)
class PassRow:
    """One pass, a step for each digit.

    Attributes
    ----------
    entries : dict
        Engine -> `Entry`, in seconds a step; the error is that of losses over the first steps.
    ratio : Spread or None
        PyTorch's time over ours, piece by piece.
    """

    source: str
    steps: int
    passes: int
    entries: dict[str, Entry] = field(default_factory=dict)
    ratio: Spread | None = None

    @property
    def wrong(self) -> bool:
        """Whether our own losses were wrong."""
        return self.entries[OURS].seconds is None

    def whole(self, engine: str) -> float | None:
        """Return the seconds of all passes."""
        taken = self.entries[engine].seconds
        return taken.median * self.steps * self.passes if taken else None


def examples(count: int = DIGITS) -> Examples:
    """Return digits of USPS, or noise of their shape where there are none on this machine."""
    if not all(place_of(file, ["usps"]) for file in ("zip.train.gz", "zip.test.gz")):
        random = np.random.default_rng(0)
        images = random.uniform(-1, 1, (count, 1, 16, 16)).astype(np.float32)
        return Examples(images, random.integers(0, 10, count, np.int64), "noise")
    data = load_usps()
    images = np.asarray(data.train_images[:count], np.float32)
    return Examples(images, np.asarray(data.train_labels[:count], np.int64), "USPS")


def measured_pass(found: Examples, *, beside_torch: bool) -> PassRow:
    """Return the row: both checked, then in turns through a whole pass, on one thread."""
    pieces = _pieces(found)
    row = PassRow(found.source, len(found.labels), PASSES)
    names, runs = [OURS], [_through(_ours(), pieces)]
    right = _torch_losses(pieces[0], "by hand", double=True) if beside_torch else None
    images, labels = pieces[0]
    losses = _ours()(images[:CHECKED], labels[:CHECKED])
    errors, settings = {OURS: _error(losses, right)}, {OURS: "compiled"}
    if beside_torch:
        set_threads(1)
        settings[PYTORCH], errors[PYTORCH], run = _best(pieces, right)
        if errors[PYTORCH] <= TOLERANCE:
            names.append(PYTORCH)
            runs.append(run)
    for name, error in errors.items():
        if error > TOLERANCE:
            row.entries[name] = Entry(refused=f"losses are off by {error:.1e} of the largest")
    if OURS in row.entries:
        return row
    times = take_turns(runs, 0.0, rounds=ceil(len(found.labels) / PIECE))
    for name, taken in zip(names, times, strict=True):
        each = [time / len(pieces[0][1]) for time in taken]
        row.entries[name] = Entry(settings[name], errors[name], spread(each))
    if len(times) == 1:
        return row
    ratio = spread([theirs / mine for mine, theirs in zip(*times, strict=True)])
    return replace(row, ratio=ratio)


Piece = tuple[NDArray[np.float32], NDArray[np.int64]]
Learn = Callable[[NDArray[np.float32], NDArray[np.int64]], NDArray[Any]]


def _pieces(found: Examples) -> list[Piece]:
    """Return as many pieces of equal size as the digits fill."""
    size = min(PIECE, len(found.labels))
    starts = range(0, len(found.labels) - size + 1, size)
    return [(found.images[s : s + size], found.labels[s : s + size]) for s in starts]


def _through(learn: Learn, pieces: list[Piece]) -> Callable[[], object]:
    """Return what learns from the next piece, then the one after."""
    turns = cycle(pieces)
    return lambda: learn(*next(turns))


def _ours() -> Learn:
    network = zoo.load("lenet-1989").initialize(0)
    descent = Descent(factors=learning_rates(network.graph))
    student = learner(network, loss="squared", batch_size=1, descent=descent, threads=1)
    rates = np.ones(PIECE, np.float32)

    def learn(images: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[Any]:
        lesson = student.learn(images, labels, rates[: len(labels)])
        if lesson.steps != len(labels):
            raise TrainingError("lenet-1989: the loss of a step was not finite")
        return lesson.losses

    return learn


def _best(
    pieces: list[Piece], right: NDArray[Any] | None
) -> tuple[str, float, Callable[[], object]]:
    """Return PyTorch's fastest way, its error, and what runs it."""
    runs = [_torch(update, pieces, fast) for update, fast in WAYS]
    times = take_turns(runs, 0.0, rounds=3)
    best = min(range(len(runs)), key=lambda i: min(times[i]))
    update, fast = WAYS[best]
    error = _error(_torch_losses(pieces[0], update, double=False), right)
    return update + ("" if fast else ", without oneDNN"), error, runs[best]


def _student(update: str, *, double: bool) -> Any:
    import torch

    from striate.cli.bench.peers.torch_training import TorchTraining

    network = zoo.load("lenet-1989").initialize(0)
    return TorchTraining(
        network,
        (1, 1, 16, 16),
        loss="squared",
        factors=learning_rates(network.graph),
        update=update,
        dtype=torch.float64 if double else torch.float32,
    )


def _given(piece: Piece, *, double: bool) -> list[tuple[Any, Any]]:
    """Return each example as a batch, and its targets: nothing is left to do but steps."""
    import torch

    from striate.cli.bench.peers.torch_training import prepared

    dtype = torch.float64 if double else torch.float32
    images, labels = piece
    wanted = prepared(labels, "squared", 10, dtype)
    given = torch.from_numpy(np.array(images)).to(dtype)
    return [(given[i : i + 1], wanted[i : i + 1]) for i in range(len(labels))]


@contextmanager
def _backend(fast: bool) -> Iterator[None]:
    """Let PyTorch compute by oneDNN or by itself."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says what GPUs could do
        with torch.backends.mkldnn.flags(enabled=fast):
            yield


def _torch(update: str, pieces: list[Piece], fast: bool) -> Callable[[], None]:
    student = _student(update, double=False)
    turns = cycle([_given(piece, double=False) for piece in pieces])

    def run() -> None:
        with _backend(fast):
            for images, wanted in next(turns):
                student.step(images, wanted, 1.0)

    return run


def _torch_losses(piece: Piece, update: str, *, double: bool) -> NDArray[Any]:
    student = _student(update, double=double)
    steps = _given((piece[0][:CHECKED], piece[1][:CHECKED]), double=double)
    return np.array([float(student.step(images, wanted, 1.0)) for images, wanted in steps])


def _error(losses: NDArray[Any], right: NDArray[Any] | None) -> float:
    """Return the largest error relative to the largest loss; 0 where nobody says what is right."""
    if right is None:
        return 0.0
    error = float(np.abs(losses - right).max() / np.abs(right).max())
    return error if isfinite(error) else float("inf")
