"""Stochastic gradient descent on one flat vector."""

from __future__ import annotations

from math import isfinite
from numbers import Real
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from striate.errors import ParameterError, ShapeError

__all__ = ["SGD", "check_rates"]

Vector = NDArray[np.float32]


class SGD:
    """Stochastic gradient descent with momentum and weight decay, as PyTorch defines them.

    A step, with g the gradient, w the parameters, v the velocity (zero at first), m the momentum,
    d the weight decay and r the learning rate::

        g += d w
        v = m v + g
        w -= r v

    It works in place and allocates nothing.

    Parameters
    ----------
    parameters, gradients : float32 array, shape (P,)
        The parameters are changed; the gradients too, where there is weight decay.
    learning_rate : float or float32 array, shape (P,)
        One for all, or one for each parameter.
    momentum : float
        In [0, 1).
    weight_decay : float
        At least 0.

    Raises
    ------
    ShapeError, ParameterError

    Examples
    --------
    >>> w, g = np.array([1.0, 2.0], np.float32), np.array([0.5, -1.0], np.float32)
    >>> descent = SGD(w, g, learning_rate=0.5)
    >>> descent.step()
    >>> w
    array([0.75, 2.5 ], dtype=float32)
    """

    def __init__(
        self,
        parameters: Vector,
        gradients: Vector,
        learning_rate: float | Vector,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        if parameters.ndim != 1 or parameters.shape != gradients.shape:
            raise ShapeError(
                f"SGD: parameters {parameters.shape} and gradients {gradients.shape} "
                "must be flat and of one length"
            )
        if np.asarray(learning_rate).dtype.kind not in "fiu":
            raise ParameterError(
                f"SGD: learning_rate {learning_rate!r} must be a number or numbers"
            )
        rate = np.asarray(learning_rate, np.float32)
        if rate.shape not in ((), parameters.shape):
            raise ShapeError(
                f"SGD: learning_rate of shape {rate.shape} must be one number or {parameters.shape}"
            )
        check_rates(float(rate.min()), momentum, weight_decay)
        self.parameters, self.gradients = parameters, gradients
        self.learning_rate = rate
        self.momentum = np.float32(momentum)
        self.weight_decay = np.float32(weight_decay)
        self.velocity = np.zeros_like(parameters if momentum else parameters[:0])
        self._step = np.empty_like(parameters)

    def step(self) -> None:
        """Move the parameters by the gradients that are in place now."""
        update = self.gradients
        if self.weight_decay:
            np.multiply(self.parameters, self.weight_decay, out=self._step)
            update += self._step
        if self.momentum:
            self.velocity *= self.momentum
            self.velocity += update
            update = self.velocity
        np.multiply(update, self.learning_rate, out=self._step)
        np.subtract(self.parameters, self._step, out=self.parameters)


def check_rates(learning_rate: object, momentum: object, weight_decay: object) -> None:
    """Raise ParameterError unless these can train anything."""
    if not (_number(learning_rate) and learning_rate > 0):
        raise ParameterError(
            f"learning_rate {learning_rate!r} must be a finite number above 0: try 0.01"
        )
    if not (_number(momentum) and 0 <= momentum < 1):
        raise ParameterError(f"momentum {momentum!r} must be at least 0 and less than 1: try 0.9")
    if not (_number(weight_decay) and weight_decay >= 0):
        raise ParameterError(
            f"weight_decay {weight_decay!r} must be a finite number of at least 0: try 0 or 5e-4"
        )


def _number(value: object) -> TypeGuard[float]:
    return isinstance(value, Real) and isfinite(value)
