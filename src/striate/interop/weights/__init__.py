"""Weights in files: safetensors in and out, PyTorch's checkpoints in; nothing that could run."""

from striate.interop.weights.loading import load_weights, save_weights
from striate.interop.weights.notes import noted_classes, notes_of
from striate.interop.weights.tensor_files import (
    BESIDES,
    read_notes,
    read_tensors,
    require_safetensors,
    write_tensors,
)

__all__ = [
    "BESIDES",
    "load_weights",
    "noted_classes",
    "notes_of",
    "read_notes",
    "read_tensors",
    "require_safetensors",
    "save_weights",
    "write_tensors",
]
