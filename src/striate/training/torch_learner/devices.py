"""Devices, and how exactly they compute."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from striate.errors import ParameterError, UnknownNameError
from striate.training.torch_learner.place import Place

__all__ = ["PRECISIONS", "arithmetic", "device_name", "device_of", "multiplying"]

PRECISIONS = ("float32", "tf32", "bf16")


def device_of(name: str, place: Place | None) -> torch.device:
    """Return PyTorch's device for a name of `striate.training.torch_learner.torch_learner`.

    Raises
    ------
    UnknownNameError, ParameterError
        If there is no such device, here or at all.

    Examples
    --------
    >>> device_of("torch", None)
    device(type='cpu')
    """
    kind, _, number = name.partition(":")
    if kind not in ("torch", "cuda", "mps") or (number and not (kind == "cuda" and _whole(number))):
        raise UnknownNameError.of("device of PyTorch", name, ("torch", "cuda", "cuda:1", "mps"))
    if kind == "torch":
        return torch.device("cpu")
    if kind == "mps":
        if not torch.backends.mps.is_available():
            raise ParameterError(_absent(name, "no GPU of Apple's"))
        if place is not None and place.size > 1:
            raise ParameterError(
                f"device {name!r} cannot train with {place.size} processes: start one, "
                'or take device="torch"'
            )
        return torch.device("mps")
    if number and place is not None:
        raise ParameterError(
            f'device {name!r}: under torchrun each process has its own GPU: write device="cuda"'
        )
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    index = int(number) if number else place.local if place else 0
    if index >= count:
        raise ParameterError(_absent(name if not place else f"cuda:{index}", f"{count} GPUs"))
    return torch.device("cuda", index)


def _whole(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _absent(name: str, seen: str) -> str:
    return (
        f"device {name!r}: PyTorch {torch.__version__} sees {seen}: install a driver and a PyTorch "
        'that fit them (https://pytorch.org), or take device="cpu"'
    )


def device_name(device: torch.device) -> str:
    """Return what a device is called, such as "NVIDIA H100 80GB HBM3".

    Examples
    --------
    >>> device_name(torch.device("cpu"))
    'cpu'
    """
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return device.type


@contextmanager
def arithmetic(device: torch.device, precision: str) -> Iterator[None]:
    """Have CUDA compute as `precision` says, and the same bits each time, while in here.

    PyTorch alone would let cuDNN convolve in TF32, and in whatever order of sums. These settings
    are the process's, so they are put back.
    """
    if device.type != "cuda":
        yield
        return
    wanted = "tf32" if precision == "tf32" else "ieee"
    cudnn: Any = torch.backends.cudnn
    matmul = torch.backends.cuda.matmul
    convolving, multiplied = cudnn.conv.fp32_precision, matmul.fp32_precision
    deterministic, benchmark = cudnn.deterministic, cudnn.benchmark
    try:
        cudnn.conv.fp32_precision = matmul.fp32_precision = wanted
        cudnn.deterministic, cudnn.benchmark = True, False
        yield
    finally:
        cudnn.conv.fp32_precision, matmul.fp32_precision = convolving, multiplied
        cudnn.deterministic, cudnn.benchmark = deterministic, benchmark


def multiplying(device: torch.device, precision: str) -> torch.autocast:
    """Return the context of forward passes: bfloat16 for products, where it is asked for."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")
