"""ONNX: networks as files that other programs write and run."""

from importlib import import_module
from typing import Any

from striate.interop.onnx.reading import from_onnx, load_onnx
from striate.interop.onnx.writer import save_onnx, to_onnx

__all__ = ["Backend", "from_onnx", "load_onnx", "save_onnx", "to_onnx"]


def __getattr__(name: str) -> Any:
    if name == "Backend":  # its base class is ONNX's, which is loaded when it is needed
        return import_module("striate.interop.onnx.backend").Backend
    raise AttributeError(f"module 'striate.interop.onnx' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
