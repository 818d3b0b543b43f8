"""How weights follow their gradients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from numbers import Real
from typing import Any, Literal, TypeGuard, get_args

from striate.errors import ParameterError, UnknownNameError, explained
from striate.network import FLOAT, Graph

__all__ = ["Descent", "Method", "check_rate", "factors_of"]

Method = Literal["sgd", "adam", "adamw"]


@dataclass(frozen=True, slots=True)
class Descent:
    """A method of gradient descent, as PyTorch defines it.

    With w the weights, g their gradient, r the learning rate and d the weight decay, a step of
    ``sgd`` with momentum m is::

        g += d w
        v = m v + g            (v = 0 at first)
        w -= r v               or, with Nesterov's momentum, w -= r (g + m v)

    and the t-th step of ``adam``, with betas b and c::

        g += d w               (adamw: w -= r d w instead)
        p = b p + (1 - b) g    (p = 0 at first)
        q = c q + (1 - c) g^2  (q = 0 at first)
        w -= r p / (1 - b^t) / (sqrt(q / (1 - c^t)) + epsilon)

    Parameters
    ----------
    method : "sgd", "adam" or "adamw"
    momentum : float
        Of sgd, in [0, 1).
    nesterov : bool
        Whether it is Nesterov's, which needs momentum.
    betas : two floats
        Of adam and adamw, each in [0, 1).
    epsilon : float
        Of adam and adamw, above 0.
    weight_decay : float
        At least 0. In sgd and adam it is added to the gradient, in adamw taken from the weights.
    clip_norm : float, optional
        Before all that, gradients are scaled down so that their joint norm is at most this.
    factors : mapping of name to float, optional
        What the learning rate is multiplied by for each trainable parameter; 1 for all by default.

    Raises
    ------
    ParameterError, UnknownNameError

    Notes
    -----
    Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013;
    Kingma and Ba, "Adam", 2015; Loshchilov and Hutter, "Decoupled weight decay", 2019.

    Examples
    --------
    >>> Descent(momentum=0.9, nesterov=True).nesterov
    True
    >>> Descent("adamw", weight_decay=0.01).betas
    (0.9, 0.999)
    """

    method: Method = "sgd"
    momentum: float = 0.0
    nesterov: bool = False
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    clip_norm: float | None = None
    factors: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise UnknownNameError.of("optimizer", self.method, get_args(Method))
        if not (_number(self.momentum) and 0 <= self.momentum < 1):
            raise ParameterError(
                f"momentum {self.momentum!r} must be at least 0 and less than 1: try 0.9"
            )
        if self.momentum and self.method != "sgd":
            raise ParameterError(
                f"momentum {self.momentum!r} is for sgd: {self.method} has betas instead"
            )
        if self.nesterov and not self.momentum:
            raise ParameterError("nesterov needs momentum with sgd: try momentum=0.9")
        self._check_betas()
        if not (_number(self.epsilon) and self.epsilon > 0):
            raise ParameterError(f"epsilon {self.epsilon!r} must be a finite number above 0")
        if not (_number(self.weight_decay) and self.weight_decay >= 0):
            raise ParameterError(
                f"weight_decay {self.weight_decay!r} must be a finite number of at least 0: "
                "try 0 or 5e-4"
            )
        if self.clip_norm is not None and not (_number(self.clip_norm) and self.clip_norm > 0):
            raise ParameterError(
                f"clip_norm {self.clip_norm!r} must be a finite number above 0: "
                "try 1, or None for no clipping"
            )

    def _check_betas(self) -> None:
        pair = isinstance(self.betas, tuple) and len(self.betas) == 2
        if not (pair and all(_number(beta) and 0 <= beta < 1 for beta in self.betas)):
            raise ParameterError(
                f"betas {self.betas!r} must be two numbers of at least 0 and less than 1: "
                "try (0.9, 0.999)"
            )


def factors_of(graph: Graph, descent: Descent) -> dict[str, float]:
    """Return what the learning rate is multiplied by for each parameter that is trained.

    Raises
    ------
    UnknownNameError
        If `descent` has a factor for none of them.
    ParameterError
        If it has none for one of them.

    Examples
    --------
    >>> from striate.network import Builder
    >>> b = Builder("tiny", (None, 1, 4))
    >>> graph = b.graph(b.conv(b.input, "conv", channels=1, kernel=2, bias=False))
    >>> factors_of(graph, Descent())
    {'conv.weight': 1.0}
    """
    trained = [p.name for p in graph.parameters if p.trainable and p.kind == FLOAT]
    if descent.factors is None:
        return dict.fromkeys(trained, 1.0)
    for name in descent.factors:  # first, since a misspelt name also leaves one without a rate
        if name not in trained:
            with explained("learning_rate"):
                raise UnknownNameError.of(f"trainable parameter of {graph.name}", name, trained)
    for name in trained:
        if name not in descent.factors:
            raise ParameterError(
                f"learning_rate: parameter {name!r} has no rate: "
                "give one number, or one for each trainable parameter by name"
            )
    for rate in descent.factors.values():
        check_rate(rate)
    return {name: float(descent.factors[name]) for name in trained}


def check_rate(rate: Any) -> None:
    """Raise ParameterError unless a learning rate can train anything.

    Examples
    --------
    >>> check_rate(0.1)
    """
    if not (_number(rate) and rate > 0):
        raise ParameterError(f"learning_rate {rate!r} must be a finite number above 0: try 0.01")


def _number(value: object) -> TypeGuard[float]:
    return isinstance(value, Real) and isfinite(value)
