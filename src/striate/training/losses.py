"""Losses: what a network's outputs cost, and the gradient that training goes down.

Both are means over the examples of a batch, so a learning rate means the same for every batch
size.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import DTypeError, ParameterError, ShapeError
from striate.runtime.learning.losses import LOSSES, Loss, LossName
from striate.runtime.learning.losses import find_loss as find

__all__ = ["LOSSES", "Loss", "LossName", "cross_entropy", "find", "squared_error", "targets"]

Floats = NDArray[Any]


def targets(labels: NDArray[Any], classes: int, off: float = -1.0) -> NDArray[np.float32]:
    """Return what the outputs should be: 1 for the label's class, `off` for the others.

    Parameters
    ----------
    labels : integer array, shape (N,)
    classes : int
        K.
    off : float
        -1 for outputs of a tanh (LeCun et al. 1989), 0 for probabilities.

    Returns
    -------
    float32 array, shape (N, K)

    Raises
    ------
    ParameterError
        If a label is not in 0 to K - 1.

    Examples
    --------
    >>> targets(np.array([2, 0]), 3)
    array([[-1., -1.,  1.],
           [ 1., -1., -1.]], dtype=float32)
    """
    if labels.size and not 0 <= labels.min() <= labels.max() < classes:
        raise ParameterError(
            f"labels {labels.min()} to {labels.max()} for {classes} outputs: "
            f"they must be 0 to {classes - 1}"
        )
    wanted = np.full((len(labels), classes), off, np.float32)
    wanted[np.arange(len(labels)), labels] = 1
    return wanted


def squared_error(outputs: Floats, wanted: Floats) -> tuple[float, Floats]:
    """Return half the sum of squares over the outputs, averaged over the batch, and its gradient.

    L = 1/(2N) sum_n sum_k (y_nk - t_nk)^2, dL/dy = (y - t) / N. LeCun et al. 1989 use the mean
    over the K outputs, without the half: 2L / K; its gradient is 2 / K times this one.

    Parameters
    ----------
    outputs : float array, shape (N, K)
    wanted : float array, shape (N, K)
        See `targets`.

    Returns
    -------
    loss : float
    gradient : float array, shape (N, K)

    Raises
    ------
    ShapeError, DTypeError

    Examples
    --------
    >>> squared_error(np.array([[0.5, 1.0]]), np.array([[1.0, -1.0]]))
    (2.125, array([[-0.5,  2. ]]))
    """
    _check("squared_error", outputs, wanted)
    loss = LOSSES["squared"]
    return _mean(loss.values(outputs, wanted)), loss.gradient(outputs, wanted)


def cross_entropy(scores: Floats, wanted: Floats) -> tuple[float, Floats]:
    """Return the cross-entropy of softmax(scores), averaged over the batch, and its gradient.

    L = -1/N sum_n sum_k p_nk log softmax(s_n)_k, dL/ds = (softmax(s) - p) / N, where each row of
    p adds up to 1. The largest score is subtracted first, so that no exponential overflows.

    Parameters
    ----------
    scores : float array, shape (N, K)
        Before the softmax (logits).
    wanted : float array, shape (N, K)
        Probabilities: ``targets(labels, K, off=0)``.

    Returns
    -------
    loss : float
    gradient : float array, shape (N, K)

    Raises
    ------
    ShapeError, DTypeError

    Examples
    --------
    >>> loss, gradient = cross_entropy(np.array([[1000.0, 1000.0]]), np.array([[1.0, 0.0]]))
    >>> round(loss, 4), gradient
    (0.6931, array([[-0.5,  0.5]]))
    """
    _check("cross_entropy", scores, wanted)
    loss = LOSSES["cross-entropy"]
    return _mean(loss.values(scores, wanted)), loss.gradient(scores, wanted)


def _mean(losses: Floats) -> float:
    return float(losses.mean(dtype=np.float64))


def _check(where: str, outputs: Floats, wanted: Floats) -> None:
    if outputs.ndim != 2 or outputs.size == 0:
        raise ShapeError(f"{where}: outputs {outputs.shape} must be (N, K), not empty")
    if outputs.shape != wanted.shape:
        raise ShapeError(f"{where}: outputs {outputs.shape} but targets {wanted.shape}: one each")
    if outputs.dtype.kind != "f" or wanted.dtype.kind != "f":
        raise DTypeError(f"{where}: outputs {outputs.dtype}, targets {wanted.dtype}: floats only")
