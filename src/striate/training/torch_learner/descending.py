"""`Descent` by PyTorch's own optimisers, with its state as striate keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from striate.network import Graph
from striate.runtime.learning import Descent
from striate.runtime.learning.descent import factors_of
from striate.runtime.learning.learner import check_state

__all__ = ["Descending"]

KEPT = {
    "sgd": {"velocity": "momentum_buffer"},
    "adam": {"first": "exp_avg", "second": "exp_avg_sq"},
    "adamw": {"first": "exp_avg", "second": "exp_avg_sq"},
}
"""What a method keeps for each parameter: striate's name -> PyTorch's."""

FUSED = ("cpu", "cuda")
"""Devices on which PyTorch updates all parameters in one kernel."""


class Descending:
    """Moves a module's parameters by their gradients.

    Parameters
    ----------
    graph : Graph
    weights : mapping of name to tensor
        Where the graph's parameters are.
    descent : Descent

    Attributes
    ----------
    steps : int
        How many were taken.
    """

    def __init__(self, graph: Graph, weights: Mapping[str, Tensor], descent: Descent) -> None:
        factors = factors_of(graph, descent)
        self.steps = 0
        self._learnt = [weights[name] for name in factors]
        self._clip = descent.clip_norm
        plain = descent.method == "sgd" and not descent.momentum
        self._kept = {} if plain else KEPT[descent.method]
        groups: dict[float, list[Tensor]] = {}
        for name, factor in factors.items():
            groups.setdefault(factor, []).append(weights[name])
        self._optimizer = _optimizer(descent, [{"params": group} for group in groups.values()])
        self._factors = list(groups)

    def clear(self) -> None:
        """Forget the gradients."""
        self._optimizer.zero_grad(set_to_none=True)

    def step(self, rate: float) -> None:
        """Move the parameters by the gradients that are in place now."""
        for parameter in self._learnt:
            if parameter.grad is None:  # no output depends on it: it decays, if anything
                parameter.grad = torch.zeros_like(parameter)
        if self._clip is not None:
            torch.nn.utils.clip_grad_norm_(self._learnt, self._clip)
        for group, factor in zip(self._optimizer.param_groups, self._factors, strict=True):
            group["lr"] = rate * factor
        self._optimizer.step()
        self.steps += 1

    def copies(self) -> tuple[int, list[dict[str, Tensor]]]:
        """Return what `go_back` takes, on the device."""
        found = [self._optimizer.state.get(parameter, {}) for parameter in self._learnt]
        return self.steps, [{name: t.clone() for name, t in state.items()} for state in found]

    def go_back(self, copies: tuple[int, list[dict[str, Tensor]]]) -> None:
        """Take over what `copies` returned."""
        self.steps, states = copies
        self._optimizer.state.clear()
        for parameter, state in zip(self._learnt, states, strict=True):
            if state:
                self._optimizer.state[parameter] = state

    def state(self) -> dict[str, NDArray[Any]]:
        """Return copies of what the next step depends on, as `PlainLearner` has them."""
        kept: dict[str, NDArray[Any]] = {}
        for name, theirs in self._kept.items():
            parts = [
                self._optimizer.state[p][theirs] if self.steps else torch.zeros_like(p)
                for p in self._learnt
            ]
            flat = [part.detach().reshape(-1) for part in parts]
            kept[name] = torch.cat(flat).cpu().numpy() if flat else np.empty(0, np.float32)
        return {**kept, "steps": np.array(self.steps, np.int64)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `state` returned.

        Raises
        ------
        ParameterError
            If it belongs to another method or network.
        """
        check_state(state, self.state())
        self.steps = int(state["steps"])
        self._optimizer.state.clear()
        if not self.steps:
            return
        start = 0
        for parameter in self._learnt:
            part = slice(start, start := start + parameter.numel())
            taken = self._optimizer.state[parameter]
            for name, theirs in self._kept.items():
                shaped = torch.tensor(state[name][part]).reshape(parameter.shape)
                taken[theirs] = torch.zeros_like(parameter).copy_(shaped)
            if "exp_avg" in taken:
                device = parameter.device if parameter.device.type in FUSED else "cpu"
                taken["step"] = torch.tensor(float(self.steps), device=device)


def _optimizer(descent: Descent, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    parameters = [p for group in groups for p in group["params"]]
    fused = all(p.device.type in FUSED for p in parameters)
    if descent.method == "sgd":
        return torch.optim.SGD(
            groups,
            lr=0.0,
            momentum=descent.momentum,
            nesterov=descent.nesterov,
            weight_decay=descent.weight_decay,
            fused=fused,
        )
    kind = torch.optim.Adam if descent.method == "adam" else torch.optim.AdamW
    return kind(
        groups,
        lr=0.0,
        betas=descent.betas,
        eps=descent.epsilon,
        weight_decay=descent.weight_decay,
        fused=fused,
    )
