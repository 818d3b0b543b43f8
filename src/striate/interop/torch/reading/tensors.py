"""The module's tensors as arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch.export import ExportedProgram

from striate.network import Initial

__all__ = ["array_of", "identity_of", "initial_of", "working_dtype"]


def array_of(tensor: torch.Tensor) -> np.ndarray[Any, Any]:
    """Return a copy that nothing else writes to, halves widened."""
    tensor = tensor.detach().cpu()
    if tensor.dtype in (torch.float16, torch.bfloat16):
        tensor = tensor.float()
    array: np.ndarray[Any, Any] = tensor.numpy().copy()
    return array


def initial_of(array: np.ndarray[Any, Any], *, fixed: bool) -> Initial:
    """Return how fresh weights start: spread as these are, or all alike."""
    deviation = 0.0 if fixed or not array.size else float(array.std())
    if deviation > 0:
        return Initial("normal", deviation)
    first = float(array.flat[0]) if array.size else 0.0
    return Initial("constant", first if math.isfinite(first) else 0.0)


def identity_of(tensor: torch.Tensor) -> Any:
    """Return what two names of one tensor have in common."""
    place = tensor.untyped_storage().data_ptr(), tensor.storage_offset()
    return (*place, tuple(tensor.shape), tensor.stride()) if tensor.numel() else id(tensor)


def working_dtype(program: ExportedProgram) -> torch.dtype:
    """Return the dtype of the module's weights, or else of its inputs."""
    state: list[Any] = [tensor for _, tensor in program.named_parameters()]
    state += [tensor for _, tensor in program.named_buffers()]
    values = [node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder"]
    for tensor in [*state, *values]:
        if isinstance(tensor, torch.Tensor) and tensor.dtype.is_floating_point:
            return tensor.dtype
    return torch.float32
