"""One operation a file: its definition, its gradient, its fast kernels. Arrays in, arrays out.

Arrays are (N, C, *spatial) with one to three spatial axes, float32 or float64. A public
operation checks its arguments, looks up its plan and applies it; ``*_plan`` hands the plan out
for those who call an operation many times.
"""

from striate.ops.convolution import conv1d, conv2d, conv3d, convolution_plan
from striate.ops.transposed import (
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
    transposed_convolution_plan,
)

__all__ = [
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "convolution_plan",
    "transposed_convolution_plan",
]
