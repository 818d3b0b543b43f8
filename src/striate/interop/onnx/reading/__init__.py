"""Reading ONNX: models of any exporter as networks of striate."""

from striate.interop.onnx.reading.model import (
    NEWEST,
    OLDEST,
    from_onnx,
    load_onnx,
    working_precision,
)

__all__ = ["NEWEST", "OLDEST", "from_onnx", "load_onnx", "working_precision"]
