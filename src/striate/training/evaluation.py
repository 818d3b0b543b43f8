"""How often a network is right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import ParameterError, ShapeError, StriateError, explained
from striate.geometry.text import open_text, size_text
from striate.network import Network
from striate.runtime import compile
from striate.runtime.learning.losses import Loss, LossName, find_loss
from striate.runtime.program import check_network
from striate.training.data.dataset import check_examples
from striate.training.examples import Examples, Prepare
from striate.training.forms import form_of, shapes_for
from striate.training.wording import count_text

__all__ = ["Evaluation", "check_labels", "evaluate", "judged", "output_count"]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a network said about examples whose classes are known.

    Attributes
    ----------
    labels, predictions : (N,) integer arrays
    classes : int
        The network's outputs, K.
    loss : float or None
        The mean loss, where one was named.
    """

    labels: NDArray[np.int64]
    predictions: NDArray[np.int64]
    classes: int
    loss: float | None = None

    @property
    def wrong(self) -> NDArray[np.int64]:
        """The indices of the examples it got wrong."""
        return np.flatnonzero(self.predictions != self.labels)

    @property
    def errors(self) -> int:
        """How many it got wrong."""
        return len(self.wrong)

    @property
    def error(self) -> float:
        """The share it got wrong, 0 to 1."""
        return self.errors / len(self.labels)

    @property
    def confusion(self) -> NDArray[np.int64]:
        """Counts (K, K): row = the true class, column = the predicted one."""
        pairs = self.labels * self.classes + self.predictions
        return np.bincount(pairs, minlength=self.classes**2).reshape(self.classes, self.classes)

    def __repr__(self) -> str:
        return f"Evaluation({self.errors} of {len(self.labels)} wrong, {100 * self.error:.2f} %)"


def evaluate(
    network: Network,
    images: NDArray[np.float32],
    labels: NDArray[Any],
    *,
    batch_size: int = 256,
    loss: LossName | None = None,
    prepare: Prepare | None = None,
    threads: int | None = None,
) -> Evaluation:
    """Return how often the largest output is the label's.

    Parameters
    ----------
    network : Network
        With weights, and an output (N, K).
    images : float32 array, shape (N, C, *spatial)
    labels : integer array, shape (N,)
        0 to K - 1.
    batch_size : int
        Examples at a time: more take more memory, and change no result by more than rounding.
    loss : "squared" or "cross-entropy", optional
        A loss to take the mean of, as `fit` does.
    prepare : function of images, optional
        What makes float32 images of those given, batch by batch: `Dataset.prepared`.
    threads : int, optional
        As for `striate.compile`.

    Returns
    -------
    Evaluation

    Raises
    ------
    ShapeError, DTypeError, ParameterError
        If the network has no weights, or the examples do not fit it.

    Examples
    --------
    >>> import striate as st
    >>> from striate.training import data
    >>> digits = data.load("digits", size=16)
    >>> untrained = st.load("lenet-1989").initialize(seed=0)
    >>> evaluate(untrained, digits.test_images, digits.test_labels).error > 0.5
    True
    """
    with explained("evaluate"):
        check_network(network)
    if not network.has_weights:
        raise ParameterError(f"evaluate: {network.name} has no weights: train or load it first")
    if batch_size < 1:
        raise ParameterError(f"evaluate: batch_size {batch_size} must be at least 1")
    if prepare is None:
        check_examples("evaluate", images, labels)
    classes = output_count("evaluate", network, images.shape[1:])
    check_labels("evaluate", labels, classes, network.name)
    examples = Examples(images, np.asarray(labels, np.int64), prepare)
    graph = form_of(network.graph, loss, images.shape[1:])
    program = compile(replace(network, graph=graph), threads=threads)
    return judged(program, examples, batch_size, loss and find_loss(loss))


def judged(
    scores: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    examples: Examples,
    batch_size: int,
    loss: Loss | None,
    between: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Return what comes of examples, batch by batch; `between` is called after each.

    Parameters
    ----------
    scores : function of images that returns outputs (N, K)
    """
    predictions, losses, classes = [], [], 0
    for begin in range(0, len(examples), batch_size):
        images, labels = examples.take(slice(begin, begin + batch_size))
        outputs = scores(images)
        classes = outputs.shape[1]
        predictions.append(outputs.argmax(axis=1))
        if loss is not None:
            with np.errstate(all="ignore"):  # what overflows shows
                losses.append(loss.values(outputs, loss.targets(classes)[labels]))
        between()
    mean = float(np.concatenate(losses).mean(dtype=np.float64)) if losses else None
    return Evaluation(examples.all_labels(), np.concatenate(predictions), classes, mean)


def output_count(where: str, network: Network, image_shape: tuple[int, ...]) -> int:
    """Return the number K of the network's outputs, if it takes such images and gives (N, K)."""
    wanted = network.input_shape[1:]
    try:
        shapes = shapes_for(network.graph, image_shape)
    except StriateError as error:
        raise ShapeError(
            f"{where}: images {image_shape} do not fit {network.name}, which takes "
            f"{open_text(wanted)}: {_advice(wanted, image_shape)} ({error})"
        ) from None
    output = shapes[network.graph.outputs[0]]
    if len(output) != 2:
        raise ShapeError(
            f"{where}: {network.name} gives {output}, not (N, classes): flatten its output"
        )
    return output[1]


def _advice(wanted: Sequence[int | None], found: tuple[int, ...]) -> str:
    """Return what to do about images (C, H, W) that do not fit a network."""
    if len(wanted) != 3 or len(found) != 3:
        return "give images of that shape, or choose another network"
    channels, *sizes = wanted
    if wanted[2] in (1, 3) and channels not in (1, 3):
        return "it has the channels last: give images so, or export it with channels first"
    if channels not in (None, found[0]):
        return f"give images of {count_text(channels, 'channel')}, or choose another network"
    height, width = sizes
    if height is None or width is None:
        return "give images of another size (data.load(name, size=...)), or choose another network"
    if height != width:
        return f"bring them to {size_text((height, width))}, or choose another network"
    return "resize them (data.load(name, size=...), --resize) or choose another network"


def check_labels(where: str, labels: NDArray[Any], classes: int, network: str) -> None:
    """Raise ParameterError if a label has no output of its own."""
    if labels.max() >= classes:
        raise ParameterError(
            f"{where}: label {labels.max()} for the {classes} outputs of {network}: "
            f"labels must be 0 to {classes - 1}"
        )
