"""Networks to and from other frameworks, one folder each."""

from striate.interop import pretrained
from striate.interop.loading import load, save
from striate.interop.onnx import from_onnx, load_onnx, save_onnx, to_onnx
from striate.interop.torch import from_torch, to_torch
from striate.interop.weights import load_weights, save_weights

__all__ = [
    "from_onnx",
    "from_torch",
    "load",
    "load_onnx",
    "load_weights",
    "pretrained",
    "save",
    "save_onnx",
    "save_weights",
    "to_onnx",
    "to_torch",
]
