"""What nodes compute: shape, cost and receptive field of each operator, named as in ONNX."""

from striate.network.operators.convolution import Conv, ConvTranspose
from striate.network.operators.elementwise import (
    Add,
    BatchNormalization,
    Clip,
    Dropout,
    Identity,
    Mul,
    Relu,
    ScaledTanh,
    Sigmoid,
    Softmax,
    Tanh,
)
from striate.network.operators.pooling import (
    AveragePool,
    GlobalAveragePool,
    GlobalMaxPool,
    MaxPool,
)
from striate.network.operators.structure import Concat, Flatten, Gemm, Pad

__all__ = [
    "Add",
    "AveragePool",
    "BatchNormalization",
    "Clip",
    "Concat",
    "Conv",
    "ConvTranspose",
    "Dropout",
    "Flatten",
    "Gemm",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "Identity",
    "MaxPool",
    "Mul",
    "Pad",
    "Relu",
    "ScaledTanh",
    "Sigmoid",
    "Softmax",
    "Tanh",
]
