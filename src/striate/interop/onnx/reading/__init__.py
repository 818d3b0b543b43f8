"""Reading ONNX: models of any exporter as networks of striate."""

from striate.interop.onnx.reading.model import NEWEST, OLDEST, from_onnx, load_onnx

__all__ = ["NEWEST", "OLDEST", "from_onnx", "load_onnx"]
