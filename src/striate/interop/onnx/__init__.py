"""ONNX: networks as files that other programs run."""

from striate.interop.onnx.writer import save_onnx, to_onnx

__all__ = ["save_onnx", "to_onnx"]
