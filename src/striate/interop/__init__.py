"""Networks to and from other frameworks, one folder each."""

from striate.interop.onnx import save_onnx, to_onnx

__all__ = ["save_onnx", "to_onnx"]
