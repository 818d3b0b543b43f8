"""Training a network: `fit`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from striate.errors import explained
from striate.network import Network
from striate.runtime.learning.losses import LossName
from striate.runtime.program import check_network
from striate.training import schedules
from striate.training.data.augmentation import Augmentation, augmentation
from striate.training.evaluation import check_labels, output_count
from striate.training.examples import Data, Parts, Validation, parts_of
from striate.training.keeping import Keeper
from striate.training.opening import check_keeping, open_folder
from striate.training.progress import Display
from striate.training.result import Epoch, Result
from striate.training.run import Run
from striate.training.sense import check_sense
from striate.training.settings import Settings
from striate.training.students import descent_of, leads, student_of

__all__ = ["fit"]

TOGETHER = 16  # steps between two looks at the clock, where processes must look at once


def fit(
    network: Network,
    data: Data,
    *,
    epochs: int,
    learning_rate: float | Mapping[str, float],
    batch_size: int = 32,
    optimizer: Literal["sgd", "adam", "adamw"] = "sgd",
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
    schedule: str | schedules.Schedule | None = None,
    clip_norm: float | None = None,
    loss: LossName = "cross-entropy",
    freeze: str | Sequence[str] = (),
    augment: str | Augmentation | None = None,
    validation: Validation = None,
    patience: int | None = None,
    seed: int = 0,
    shuffle: bool = True,
    device: str = "cpu",
    precision: Literal["auto", "exact", "float32", "tf32", "bf16"] = "auto",
    threads: int | None = None,
    out: str | os.PathLike[str] | None = None,
    resume: bool | Literal["auto"] = False,
    checkpoint_every: float = 60.0,
    progress: bool | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> Result:
    """Train a network by gradient descent; the same call gives the same weights.

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
        One number, or one for each trainable parameter by its name.
    batch_size : int
        Examples of each step; the gradient is that of their mean loss.
    optimizer, momentum, nesterov, weight_decay, clip_norm
        As `striate.training.Descent` defines them.
    schedule : str or Schedule, optional
        What the learning rate is multiplied by in the course of time: "cosine", "one-cycle",
        "step:200,250", or another that `striate.training.schedules.schedule` knows.
    loss : "squared" or "cross-entropy"
        Half the sum of squares against targets of +-1, or the cross-entropy of the softmax; a
        softmax at the network's end is that one, and not a second.
    freeze : sequence of str
        Parameters that stay as they are, by names or patterns: "features.*".
    augment : str or augmentation, optional
        How images are changed at random before each is learnt from: "flip,shift:4".
    validation : float or (images, labels), optional
        The share of the training examples that is held out, or others: the network is judged by
        them after each epoch, and the best one is kept.
    patience : int, optional
        Stop after so many epochs without a smaller validation error.
    seed : int
        Of the initial weights, the shuffling, the augmentation and dropout.
    shuffle : bool
        Whether each pass has an order of its own, or the data's.
    device : str
        "cpu" is machine code of our own; "torch", "cuda", "cuda:1" and "mps" are PyTorch, on the
        processor, a GPU or Apple's (needs ``striate[torch]``).
    precision : str
        "auto", or "exact" for convolutions that only add up products; with PyTorch "float32"
        (which "auto" is), "tf32" or "bf16".
    threads : int, optional
        By default ``STRIATE_NUM_THREADS``, or the processors.
    out : path, optional
        A folder in which the run is kept (needs ``striate[train]``).
    resume : bool or "auto"
        Go on from what was last saved in `out`, to the same bits as without the interruption;
        "auto" does so if there is a run, and else begins one, but not where a run has lost its
        ``last.safetensors``. Settings must be those of the run;
        `epochs` may be more unless the schedule depends on them, `patience` and `threads` others.
    checkpoint_every : float
        Seconds between two checkpoints within an epoch, so what a crash can cost.
    progress : bool, optional
        Show a progress bar; by default if stderr is a terminal.
    on_epoch : function, optional
        Called with each `Epoch` when it is complete and saved.

    Returns
    -------
    Result
        The trained network, and the history of its epochs.

    Raises
    ------
    ShapeError, DTypeError, ParameterError, UnknownNameError
        If arguments do not fit each other, before anything is computed.
    FileError
        If `out` holds a run and `resume` is not set, or the other way round, or a file cannot be
        written.
    TrainingError
        If the loss is no longer finite: where that began.
    KeyboardInterrupt
        On Ctrl-C, between two steps; its text says what is saved.

    Examples
    --------
    >>> import striate as st
    >>> digits = st.training.data.load("digits", size=16)
    >>> examples = digits.train_images[:50], digits.train_labels[:50]
    >>> result = st.fit(
    ...     st.load("lenet-1989"),
    ...     examples,
    ...     epochs=2,
    ...     learning_rate=0.01,
    ...     batch_size=1,
    ...     loss="squared",
    ... )
    >>> result.history[1].train_loss < result.history[0].train_loss
    True
    """
    with explained("fit"):
        check_network(network)
        course, changes = schedules.schedule(schedule), _changes(augment)
        settings = Settings(
            epochs=epochs,
            learning_rate=learning_rate,
            batch_size=batch_size,
            optimizer=optimizer,
            momentum=momentum,
            nesterov=nesterov,
            weight_decay=weight_decay,
            schedule=course.text,
            clip_norm=clip_norm,
            loss=loss,
            freeze=freeze,
            augment="none" if changes is None else changes.text,
            validation=_named(validation),
            patience=patience,
            seed=seed,
            shuffle=shuffle,
            device=device,
            precision=precision,
            threads=threads,
        )
        descent_of(network.graph, settings)
        parts = parts_of(data, validation, seed)
        _check_examples(network, parts)
        check_sense(epochs, course, changes, parts.image_shape, threads)
        check_keeping(out, resume, checkpoint_every)
        keeper = Keeper(checkpoint_every, leads=leads(device))
        student = student_of(network, parts.image_shape, settings)
        run = Run(network, student, parts, settings, course, changes, keeper)
        run.block = TOGETHER if device != "cpu" else None
        if out is not None:
            if getattr(student, "restarted", False):  # by torchrun, after a process failed
                resume = resume or "auto"
            open_folder(run, Path(out), resume=resume)
        shown = progress if keeper.leads else False
        display = Display(epochs, len(parts.train), run.begun_at, shown)
        try:
            return run.to_the_end(display, on_epoch)
        finally:
            display.close()


def _changes(augment: str | Augmentation | None) -> Augmentation | None:
    """Return the augmentation that is asked for."""
    if augment is None or augment == "none":
        return None
    return augmentation(augment)


def _named(validation: Validation) -> float | str | None:
    """Return what settings say of it."""
    if validation is None or isinstance(validation, int | float):
        return validation
    return "given"


def _check_examples(network: Network, parts: Parts) -> None:
    """Raise unless the examples fit the network."""
    outputs = output_count("data", network, parts.image_shape)
    for examples in (parts.train, parts.validation, parts.test):
        if examples is not None:
            check_labels("data", examples.all_labels(), outputs, network.name)
