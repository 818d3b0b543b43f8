"""How each operator is written in ONNX: a table for each family of them."""

from striate.interop.onnx.writing import convolutions, elementwise, reductions, structure
from striate.interop.onnx.writing.emission import Emission, undeferred
from striate.interop.onnx.writing.form import Writer
from striate.interop.onnx.writing.known import known_shapes
from striate.network import Operator

__all__ = ["WRITERS", "Emission", "Writer", "known_shapes", "undeferred"]

WRITERS: dict[type[Operator], Writer] = {
    **convolutions.WRITERS,
    **elementwise.WRITERS,
    **reductions.WRITERS,
    **structure.WRITERS,
}
