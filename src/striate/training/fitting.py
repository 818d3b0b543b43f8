"""Training a network: `fit`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import ParameterError, TrainingError, explained
from striate.network import Network
from striate.runtime import Trainable
from striate.runtime.program import check_network
from striate.training import data as datasets
from striate.training import losses
from striate.training.checkpoints import Checkpoints, fingerprint
from striate.training.data.dataset import Dataset, check_examples
from striate.training.evaluation import check_labels, evaluate, output_count
from striate.training.loop import run_pass
from striate.training.optimizer import SGD
from striate.training.progress import Display, waiting
from striate.training.result import Epoch, Result, Settings

__all__ = ["Data", "fit"]

Examples = tuple[NDArray[np.float32], NDArray[Any]]
Data = str | Dataset | Examples


def fit(
    network: Network,
    data: Data,
    *,
    epochs: int,
    learning_rate: float | Mapping[str, float],
    batch_size: int = 1,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    loss: losses.LossName = "squared",
    seed: int = 0,
    shuffle: bool = True,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: bool | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> Result:
    """Train a network by stochastic gradient descent; the same call gives the same weights.

    Parameters
    ----------
    network : Network
        With an output (N, K). Without weights, it starts with those of ``initialize(seed)``.
    data : str, Dataset or (images, labels)
        A data set's name (`striate.training.data.names`), a data set, or float32 images
        (N, C, *spatial) with integer labels (N,), 0 to K - 1, and nothing to be tested on.
    epochs : int
        Passes through the training examples.
    learning_rate : float or mapping
        The step is this times the gradient of the batch's mean loss; one number, or one for each
        trainable parameter by its name.
    batch_size : int
        Examples for each step; 1 is LeCun's way.
    momentum, weight_decay : float
        As `striate.training.SGD` defines them.
    loss : "squared" or "cross-entropy"
        Half the sum of squares against targets of +-1, or the cross-entropy of the softmax.
    seed : int
        Of the initial weights, the shuffling and dropout.
    shuffle : bool
        Whether each pass has an order of its own, or the data's.
    out : path, optional
        A folder in which each complete pass is saved (needs ``striate[train]``).
    resume : bool
        Go on from the last pass saved in `out`, to the same bits as without the interruption.
        All settings but `epochs` must be those of the run.
    progress : bool, optional
        Show a progress bar; by default if stderr is a terminal.
    on_epoch : function, optional
        Called with each `Epoch` when it is complete.

    Returns
    -------
    Result
        The trained network, and the history of its epochs.

    Raises
    ------
    ShapeError, DTypeError, ParameterError, UnknownNameError
        If arguments do not fit each other, before anything is computed.
    FileError
        If `out` holds a run and `resume` is not set, or the other way round.
    TrainingError
        If the loss is no longer finite.
    KeyboardInterrupt
        On Ctrl-C; its text says what is saved.

    Examples
    --------
    >>> import striate as st
    >>> digits = st.training.data.load("digits", size=16)
    >>> examples = digits.train_images[:50], digits.train_labels[:50]
    >>> result = st.fit(st.load("lenet-1989"), examples, epochs=2, learning_rate=0.01)
    >>> result.history[1].train_loss < result.history[0].train_loss
    True
    """
    with explained("fit"):
        check_network(network)
        settings = Settings(
            *(epochs, batch_size, learning_rate, momentum, weight_decay, loss, seed, shuffle)
        )
        train, test = _parts(data)
        outputs = output_count("data", network, train[0].shape[1:])
        wanted = losses.targets(np.arange(outputs), outputs, losses.find(loss).off)
        for _, labels in (train, *([test] if test else [])):
            check_labels("data", labels, outputs, network)
        kept = _checkpoints(out, settings, network, train, resume=resume)
        run = _Run(network, settings, train, test, wanted, kept, resume=resume)
        display = Display(epochs, len(train[1]), len(run.history), progress)
        try:
            return run.to_the_end(display, on_epoch)
        finally:
            display.close()


class _Run:
    """A network in training, between two passes."""

    def __init__(
        self,
        network: Network,
        settings: Settings,
        train: Examples,
        test: Examples | None,
        wanted: NDArray[np.float32],
        checkpoints: Checkpoints | None,
        *,
        resume: bool,
    ) -> None:
        self.settings, self.train, self.test, self.wanted = settings, train, test, wanted
        self.checkpoints = checkpoints
        self.untrained = [p.name for p in network.graph.parameters if not p.trainable]
        self.history: tuple[Epoch, ...] = ()
        saved = checkpoints.load(network) if checkpoints and resume else None
        self.learner = Trainable(saved.network if saved else network, settings.seed)
        self.descent = SGD(
            self.learner.parameters,
            self.learner.gradients,
            _rates(network, settings.learning_rate),
            settings.momentum,
            settings.weight_decay,
        )
        if saved:
            self.history = saved.history
            self.descent.velocity[...] = saved.velocity
            self.learner.random.bit_generator.state = saved.random

    def to_the_end(self, display: Display, on_epoch: Callable[[Epoch], None] | None) -> Result:
        """Run the passes that are left."""
        try:
            if len(self.history) < self.settings.epochs:
                with waiting("compiling kernels (first run only)", display.shown):
                    self.warm_up()
            while len(self.history) < self.settings.epochs:
                epoch = self.next_epoch(len(self.history) + 1, display)
                if on_epoch:
                    on_epoch(epoch)
        except TrainingError as error:
            rate = self.settings.learning_rate
            highest = max(rate.values()) if isinstance(rate, Mapping) else rate
            raise TrainingError(
                f"{error} in epoch {len(self.history) + 1}: it must stay finite; try a lower "
                f"learning_rate than {highest}, and pixels within [-1, 1]{self._kept()}"
            ) from None
        except KeyboardInterrupt:
            done = f"after epoch {len(self.history)}" if self.history else "in the first epoch"
            raise KeyboardInterrupt(f"stopped {done}{self._kept()}") from None
        return Result(self.learner.network(), self.history, self.settings)

    def warm_up(self) -> None:
        """Compile the kernels before the clock starts, and leave no trace in the learner."""
        weights, generator = self.learner.weights, self.learner.random.bit_generator
        state = generator.state
        before = {name: weights[name].copy() for name in self.untrained}
        with np.errstate(all="ignore"):
            y = self.learner.forward(self.train[0][: self.settings.batch_size])
            self.learner.backward(np.zeros_like(y))
        generator.state = state
        for name, array in before.items():
            weights[name][...] = array

    def next_epoch(self, number: int, display: Display) -> Epoch:
        """Run one pass, test, and save."""
        images, labels = self.train
        order = None
        if self.settings.shuffle:  # a pass's order follows from the seed and its number alone
            seeds = np.random.SeedSequence(self.settings.seed, spawn_key=(number,))
            order = np.random.default_rng(seeds).permutation(len(labels))
        begin = perf_counter()
        course = run_pass(
            self.learner,
            self.descent,
            losses.find(self.settings.loss),
            images,
            labels,
            self.wanted,
            batch_size=self.settings.batch_size,
            order=order,
            report=lambda done, loss, error: display.update(number, done, loss, error),
        )
        seconds = perf_counter() - begin
        network = self.learner.network()
        error = evaluate(network, *self.test).error if self.test else None
        speed = len(labels) / seconds
        epoch = Epoch(number, course.loss, course.error, error, seconds, speed)
        history = (*self.history, epoch)
        if self.checkpoints:
            random = self.learner.random.bit_generator.state
            self.checkpoints.save(network, self.descent.velocity, random, history)
        self.history = history
        return epoch

    def _kept(self) -> str:
        if self.checkpoints is None:
            return "; nothing is kept, since no folder was given (out, --out)"
        if not self.history:
            return "; no epoch was complete, so nothing is saved"
        return (
            f"; epoch {len(self.history)} is saved in {self.checkpoints.folder}: "
            "resume (resume=True, --resume) goes on from it"
        )


def _parts(data: Data) -> tuple[Examples, Examples | None]:
    """Return the examples to train on, and those to test on if there are any."""
    if isinstance(data, str):
        data = datasets.load(data)
    if isinstance(data, Dataset):
        return (data.train_images, data.train_labels), (data.test_images, data.test_labels)
    if not (isinstance(data, tuple | list) and len(data) == 2):
        raise ParameterError(
            f"data is {type(data).__name__}, but must be a data set's name, a Dataset or a tuple "
            "(images, labels)"
        )
    images, labels = (np.asarray(part) for part in data)
    check_examples("data", images, labels)
    return (images, labels), None


def _rates(network: Network, rate: float | Mapping[str, float]) -> float | NDArray[np.float32]:
    """Return one learning rate for all, or one for each number that is trained."""
    if not isinstance(rate, Mapping):
        return rate
    trained = {p.name: prod(p.shape) for p in network.graph.parameters if p.trainable}
    for name in {**trained, **rate}:
        if name not in trained or name not in rate:
            lack = "has no rate" if name in trained else f"is none of {network.name}'s"
            raise ParameterError(
                f"learning_rate: parameter {name!r} {lack}: "
                "give one number, or one for each trainable parameter by name"
            )
    parts = [np.full(count, rate[name], np.float32) for name, count in trained.items()]
    return np.concatenate(parts)


def _checkpoints(
    out: str | os.PathLike[str] | None,
    settings: Settings,
    network: Network,
    train: Examples,
    *,
    resume: bool,
) -> Checkpoints | None:
    """Return the folder to save to, if it may be."""
    if out is None:
        if resume:
            raise ParameterError("resume needs the folder of the run: give it as out (--out)")
        return None
    checkpoints = Checkpoints(Path(out), settings, network.name, fingerprint(*train))
    if not resume:
        checkpoints.require_new()
    return checkpoints
