"""Short digests, by which a resumed run knows its network and its data again."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.network import Graph
from striate.training.examples import Examples, Parts

__all__ = ["fingerprint", "fingerprint_of"]

MOST = 2**28
"""Bytes of images that are looked at; of more, images at equal distances."""


def fingerprint(graph: Graph) -> str:
    """Return a digest of a graph: its values' names, shapes and kinds, and all settings.

    Examples
    --------
    >>> import striate as st
    >>> fingerprint(st.load("lenet-1989").graph) == fingerprint(st.load("lenet-1989").graph)
    True
    """
    parts = (graph.inputs, graph.parameters, graph.constants, graph.nodes, graph.outputs)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def fingerprint_of(parts: Parts) -> str:
    """Return a digest of a run's examples: those to learn from, and those that choose the best."""
    if parts.known is not None:
        return parts.known
    digest = hashlib.sha256()
    for examples in (parts.train, parts.validation):
        if examples is not None:
            _add(digest, examples)
    return digest.hexdigest()[:16]


def _add(digest: Any, examples: Examples) -> None:
    labels = examples.all_labels()
    digest.update(f"{examples.images.shape[1:]}{examples.images.dtype}{len(labels)}".encode())
    digest.update(np.ascontiguousarray(labels).data)
    each = examples.images.nbytes // len(examples.images)
    apart = max(1, -(-len(labels) * each // MOST))
    together = max(1, 2**24 // max(1, each))
    places: NDArray[np.int64] = np.arange(0, len(labels), apart)
    for start in range(0, len(places), together):
        here = places[start : start + together]
        chosen = here if examples.chosen is None else examples.chosen[here]
        digest.update(np.ascontiguousarray(examples.images[chosen]).data)
