"""Convolution in Python, from one kernel to a trained network.

>>> import numpy as np
>>> import striate as st
>>> x = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
>>> st.conv2d(x, np.ones((1, 1, 3, 3), np.float32))[0, 0]
array([[45., 54.],
       [81., 90.]], dtype=float32)

Nothing heavy is loaded before it is used: the compiler comes with the first operation.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "avg_pool1d": "striate.ops",
    "avg_pool2d": "striate.ops",
    "avg_pool3d": "striate.ops",
    "batch_norm": "striate.ops",
    "compile": "striate.runtime",
    "conv1d": "striate.ops",
    "conv2d": "striate.ops",
    "conv3d": "striate.ops",
    "conv_transpose1d": "striate.ops",
    "conv_transpose2d": "striate.ops",
    "conv_transpose3d": "striate.ops",
    "dropout": "striate.ops",
    "fit": "striate.training",
    "inspect": "striate.network",
    "linear": "striate.ops",
    "load": "striate.interop.loading",
    "max_pool1d": "striate.ops",
    "max_pool2d": "striate.ops",
    "max_pool3d": "striate.ops",
    "relu": "striate.ops",
    "sigmoid": "striate.ops",
    "softmax": "striate.ops",
    "tanh": "striate.ops",
}
_ROOMS = (
    "drawing",
    "errors",
    "filters",
    "geometry",
    "interop",
    "network",
    "ops",
    "runtime",
    "training",
)

__all__ = [
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "batch_norm",
    "compile",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "drawing",
    "dropout",
    "errors",
    "filters",
    "fit",
    "geometry",
    "inspect",
    "interop",
    "linear",
    "load",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "network",
    "ops",
    "relu",
    "runtime",
    "sigmoid",
    "softmax",
    "tanh",
    "training",
]

if TYPE_CHECKING:
    from striate import (
        drawing,
        errors,
        filters,
        geometry,
        interop,
        network,
        ops,
        runtime,
        training,
    )
    from striate.interop.loading import load
    from striate.network import inspect
    from striate.ops import (
        avg_pool1d,
        avg_pool2d,
        avg_pool3d,
        batch_norm,
        conv1d,
        conv2d,
        conv3d,
        conv_transpose1d,
        conv_transpose2d,
        conv_transpose3d,
        dropout,
        linear,
        max_pool1d,
        max_pool2d,
        max_pool3d,
        relu,
        sigmoid,
        softmax,
        tanh,
    )
    from striate.runtime import compile
    from striate.training import fit


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"striate.{name}")
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'striate' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
