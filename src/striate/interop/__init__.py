"""Networks to and from other frameworks, one folder each."""

from striate.interop.loading import load, save
from striate.interop.onnx import from_onnx, load_onnx, save_onnx, to_onnx

__all__ = ["from_onnx", "load", "load_onnx", "save", "save_onnx", "to_onnx"]
