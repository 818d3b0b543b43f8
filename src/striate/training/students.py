"""What takes the steps of a run, and which process leads where several train together."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from striate.errors import ParameterError
from striate.network import Graph, Network, Shape
from striate.runtime.learning import Descent, Learner, learner
from striate.runtime.learning.descent import factors_of
from striate.training.forms import form_of, frozen, frozen_names
from striate.training.settings import Settings

__all__ = ["descent_of", "leads", "student_of"]


def leads(device: str) -> bool:
    """Return whether this process writes and prints: the first, where torchrun started several."""
    if "WORLD_SIZE" not in os.environ:
        return True
    if device == "cpu":
        raise ParameterError(
            'device "cpu" trains in one process, but torchrun (WORLD_SIZE) starts several: '
            'take "torch" or "cuda", or start it without torchrun'
        )
    from striate.training.torch_learner import distributed

    place = distributed()
    return place is None or place.leads


def descent_of(graph: Graph, settings: Settings) -> Descent:
    """Return how the parameters of a graph that are not frozen follow their gradients.

    Rates of those that are frozen are passed over.

    Raises
    ------
    UnknownNameError, ParameterError
        If rates or patterns belong to no parameter, or one has no rate.
    """
    names = frozen_names(graph, settings.freeze)
    descent = settings.descent
    if names and descent.factors is not None:
        kept = {name: rate for name, rate in descent.factors.items() if name not in names}
        descent = replace(descent, factors=kept)
    factors_of(frozen(graph, names), descent)
    return descent


def student_of(network: Network, image_shape: Shape, settings: Settings) -> Learner:
    """Return what trains a network, in the form in which it can learn."""
    alike: dict[str, Any] = {
        "loss": settings.loss,
        "batch_size": settings.batch_size,
        "descent": descent_of(network.graph, settings),
        "seed": settings.seed,
    }
    graph = form_of(network.graph, settings.loss, image_shape)
    network = replace(network, graph=frozen(graph, frozen_names(graph, settings.freeze)))
    if settings.device == "cpu":
        exact = settings.precision == "exact"
        return learner(network, **alike, threads=settings.threads, exact=exact)
    from striate.training.torch_learner import torch_learner

    precision = "float32" if settings.precision == "auto" else settings.precision
    return torch_learner(network, **alike, device=settings.device, precision=precision)
