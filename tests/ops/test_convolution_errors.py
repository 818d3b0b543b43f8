from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from striate import ops
from striate.errors import DTypeError, GeometryError, ParameterError, ShapeError, StriateError
from striate.geometry import TransposedWindow, Window

X = np.zeros((1, 4, 28, 28), np.float32)
W = np.zeros((8, 4, 5, 5), np.float32)


def zeros(*shape: int, dtype: Any = np.float32) -> Any:
    return np.zeros(shape, dtype)


@pytest.mark.parametrize(
    ("x", "weight", "options", "error", "message"),
    [
        (
            X,
            zeros(8, 3, 5, 5),
            {},
            ShapeError,
            "conv2d: weight has 3 input channels but x has 4 "
            "(x: (1, 4, 28, 28), weight: (8, 3, 5, 5), groups=1)",
        ),
        (
            X,
            W,
            {"groups": 2},
            ShapeError,
            "conv2d: weight has 4 input channels but x has 4 / groups = 2 "
            "(x: (1, 4, 28, 28), weight: (8, 4, 5, 5), groups=2)",
        ),
        (
            X[0],
            W,
            {},
            ShapeError,
            "conv2d: x must have 4 axes (N, C, H, W), but its shape is (4, 28, 28)",
        ),
        (
            X,
            W[0],
            {},
            ShapeError,
            "conv2d: weight must have 4 axes (M, C / groups, H, W), but its shape is (4, 5, 5)",
        ),
        (
            X.astype(np.int64),
            W,
            {},
            DTypeError,
            "conv2d: x must be float32 or float64, not int64: convert it with x.astype(np.float32)",
        ),
        (
            X,
            W.astype(np.float16),
            {},
            DTypeError,
            "conv2d: weight must be float32 or float64, not float16: "
            "convert it with weight.astype(np.float32)",
        ),
        (
            X,
            W.astype(np.float64),
            {},
            DTypeError,
            "conv2d: arrays must share one dtype, not x: float32, weight: float64: "
            "convert one with astype",
        ),
        (
            X.tolist(),
            W,
            {},
            DTypeError,
            "conv2d: x must be a NumPy array, not list: convert it with np.asarray",
        ),
        (X, W, {"groups": 3}, ShapeError, "conv2d: groups=3 must divide the 4 input channels"),
        (
            zeros(1, 6, 9, 9),
            zeros(8, 2, 5, 5),
            {"groups": 3},
            ShapeError,
            "conv2d: groups=3 must divide the 8 output channels",
        ),
        (
            X,
            W,
            {"groups": 0},
            ParameterError,
            "conv2d: groups must be a whole number of at least 1, not 0",
        ),
        (
            X,
            W,
            {"groups": 1.5},
            ParameterError,
            "conv2d: groups must be a whole number of at least 1, not 1.5",
        ),
        (
            X,
            W,
            {"groups": [1]},
            ParameterError,
            "conv2d: groups must be a whole number of at least 1, not [1]",
        ),
        (
            zeros(1, 4, 4, 4),
            W,
            {},
            GeometryError,
            "conv2d: kernel 5 is larger than the padded input 4 + 0 + 0: "
            "pad by 1 more or use a smaller kernel",
        ),
        (X, W, {"stride": 0}, GeometryError, "conv2d: stride must be at least 1, not 0"),
        (
            X,
            W,
            {"stride": 1.5},
            GeometryError,
            "conv2d: stride must be a whole number or 2 of them, not 1.5",
        ),
        (
            zeros(1, 4, 0, 28),
            W,
            {},
            GeometryError,
            "conv2d: an axis must have at least 1 element, not 0",
        ),
        (
            X,
            zeros(0, 4, 5, 5),
            {},
            ShapeError,
            "conv2d: weight must not be empty, but its shape is (0, 4, 5, 5)",
        ),
        (
            X,
            W,
            {"bias": zeros(7)},
            ShapeError,
            "conv2d: bias must have shape (8,), one for each map, or (8, 24, 24), "
            "one for each unit, not (7,)",
        ),
        (
            X,
            W,
            {"bias": zeros(8, dtype=np.float64)},
            DTypeError,
            "conv2d: arrays must share one dtype, not x: float32, weight: float32, "
            "bias: float64: convert one with astype",
        ),
        (
            X,
            W,
            {"method": "magic"},
            ParameterError,
            "conv2d: method must be one of auto, direct, reference, sliding, winograd, not 'magic'",
        ),
        (
            X,
            W,
            {"method": "winograd", "stride": (2, 1)},
            ParameterError,
            "conv2d: method 'winograd' needs a kernel (3, 3) with stride (1, 1) and dilation "
            "(1, 1), not kernel (5, 5), stride (2, 1), dilation (1, 1): use method='auto'",
        ),
    ],
)
def test_small_messages_of_convolution(
    x: Any, weight: Any, options: dict[str, Any], error: type[StriateError], message: str
) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        ops.conv2d(x, weight, **options)


@pytest.mark.parametrize(
    ("x", "weight", "options", "error", "message"),
    [
        (
            zeros(1, 4, 9),
            zeros(3, 8, 5),
            {},
            ShapeError,
            "conv_transpose1d: weight has 3 input channels but x has 4 "
            "(x: (1, 4, 9), weight: (3, 8, 5), groups=1)",
        ),
        (
            zeros(1, 4, 9),
            zeros(4, 8, 5),
            {"groups": 3},
            ShapeError,
            "conv_transpose1d: groups=3 must divide the 4 input channels",
        ),
        (
            zeros(1, 4, 9, 9),
            zeros(4, 8, 5),
            {},
            ShapeError,
            "conv_transpose1d: x must have 3 axes (N, C, W), but its shape is (1, 4, 9, 9)",
        ),
        (
            zeros(1, 4, 9),
            zeros(4, 0, 5),
            {},
            ShapeError,
            "conv_transpose1d: weight must not be empty, but its shape is (4, 0, 5)",
        ),
        (
            zeros(1, 4, 9),
            zeros(4, 2, 5),
            {"bias": zeros(3), "groups": 2},
            ShapeError,
            "conv_transpose1d: bias must have shape (4,), one for each map, or (4, 13), "
            "one for each unit, not (3,)",
        ),
        (
            zeros(1, 4, 9),
            zeros(4, 2, 5),
            {"output_padding": 1},
            GeometryError,
            "conv_transpose1d: output_padding must be at least 0 and less than the larger of "
            "stride 1 and dilation 1, not 1",
        ),
    ],
)
def test_small_messages_of_transposed_convolution(
    x: Any, weight: Any, options: dict[str, Any], error: type[StriateError], message: str
) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        ops.conv_transpose1d(x, weight, **options)


def test_small_message_of_plans_whose_window_is_another_kernels() -> None:
    message = "weight's kernel (5, 5) is not the window's (3, 3)"
    with pytest.raises(ShapeError, match=f"^{re.escape(message)}$"):
        ops.convolution_plan(X.shape, W.shape, Window.parse(3, rank=2), 1, "float32")
    window = TransposedWindow.parse(3, rank=2)
    with pytest.raises(ShapeError, match=f"^{re.escape(message)}$"):
        ops.transposed_convolution_plan((1, 8, 9, 9), W.shape, window, 1, "float32")


def test_small_message_of_exact_winograd() -> None:
    message = "method 'winograd' rounds and is not exact: use 'auto' or 'direct'"
    shapes, window = ((1, 4, 9, 9), (8, 4, 3, 3)), Window.parse(3, rank=2)
    with pytest.raises(ParameterError, match=f"^{re.escape(message)}$"):
        ops.convolution_plan(*shapes, window, 1, "float32", "winograd", exact=True)
