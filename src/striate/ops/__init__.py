"""One operation a file: its definition, its gradient, its fast kernels. Arrays in, arrays out.

Arrays are (N, C, *spatial) with one to three spatial axes, float32 or float64. A public
operation checks its arguments, looks up its plan and applies it; ``*_plan`` hands the plan out
for those who call an operation many times. Plans and ``*_gradient`` functions check nothing.
"""

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
from striate.ops.dropout import dropout, dropout_gradient
from striate.ops.linear import linear, linear_gradients, matrix_product
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
