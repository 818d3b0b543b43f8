"""ONNX: networks as files that other programs write and run."""

from striate.interop.onnx.reading import from_onnx, load_onnx
from striate.interop.onnx.writer import save_onnx, to_onnx

__all__ = ["from_onnx", "load_onnx", "save_onnx", "to_onnx"]
