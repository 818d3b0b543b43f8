"""One operation a file: its definition, its gradient, its fast kernels. Arrays in, arrays out.

Arrays are (N, C, *spatial) with one to three spatial axes, float32 or float64. A public
operation checks its arguments, looks up its plan and applies it; ``*_plan`` hands the plan out
for those who call an operation many times. Plans and ``*_gradient`` functions check nothing.

The compiler is loaded with the first operation that is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from striate.ops._dropout import dropout, dropout_gradient
    from striate.ops._linear import linear, linear_gradients, matrix_product
    from striate.ops._pool_plans import average_pool_plan, max_pool_plan
    from striate.ops._threads import thread_count
    from striate.ops.activation import (
        relu,
        relu_gradient,
        sigmoid,
        sigmoid_gradient,
        softmax,
        softmax_gradient,
        tanh,
        tanh_gradient,
    )
    from striate.ops.convolution import conv1d, conv2d, conv3d, convolution_plan
    from striate.ops.normalization import (
        batch_norm,
        batch_norm_gradients,
        batch_norm_training,
        batch_norm_training_gradients,
    )
    from striate.ops.pooling import (
        avg_pool1d,
        avg_pool2d,
        avg_pool3d,
        max_pool1d,
        max_pool2d,
        max_pool3d,
    )
    from striate.ops.transposed import (
        conv_transpose1d,
        conv_transpose2d,
        conv_transpose3d,
        transposed_convolution_plan,
    )

_HOMES = {
    "average_pool_plan": "striate.ops._pool_plans",
    "avg_pool1d": "striate.ops.pooling",
    "avg_pool2d": "striate.ops.pooling",
    "avg_pool3d": "striate.ops.pooling",
    "batch_norm": "striate.ops.normalization",
    "batch_norm_gradients": "striate.ops.normalization",
    "batch_norm_training": "striate.ops.normalization",
    "batch_norm_training_gradients": "striate.ops.normalization",
    "conv1d": "striate.ops.convolution",
    "conv2d": "striate.ops.convolution",
    "conv3d": "striate.ops.convolution",
    "conv_transpose1d": "striate.ops.transposed",
    "conv_transpose2d": "striate.ops.transposed",
    "conv_transpose3d": "striate.ops.transposed",
    "convolution_plan": "striate.ops.convolution",
    "dropout": "striate.ops._dropout",
    "dropout_gradient": "striate.ops._dropout",
    "linear": "striate.ops._linear",
    "linear_gradients": "striate.ops._linear",
    "matrix_product": "striate.ops._linear",
    "max_pool1d": "striate.ops.pooling",
    "max_pool2d": "striate.ops.pooling",
    "max_pool3d": "striate.ops.pooling",
    "max_pool_plan": "striate.ops._pool_plans",
    "relu": "striate.ops.activation",
    "relu_gradient": "striate.ops.activation",
    "sigmoid": "striate.ops.activation",
    "sigmoid_gradient": "striate.ops.activation",
    "softmax": "striate.ops.activation",
    "softmax_gradient": "striate.ops.activation",
    "tanh": "striate.ops.activation",
    "tanh_gradient": "striate.ops.activation",
    "thread_count": "striate.ops._threads",
    "transposed_convolution_plan": "striate.ops.transposed",
}

__all__ = [
    "average_pool_plan",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "batch_norm",
    "batch_norm_gradients",
    "batch_norm_training",
    "batch_norm_training_gradients",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "convolution_plan",
    "dropout",
    "dropout_gradient",
    "linear",
    "linear_gradients",
    "matrix_product",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "max_pool_plan",
    "relu",
    "relu_gradient",
    "sigmoid",
    "sigmoid_gradient",
    "softmax",
    "softmax_gradient",
    "tanh",
    "tanh_gradient",
    "thread_count",
    "transposed_convolution_plan",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(_HOMES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
