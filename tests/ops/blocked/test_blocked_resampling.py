from __future__ import annotations

import numpy as np
import pytest

from striate.errors import ShapeError
from striate.ops.blocked.resampling import resample


def nearest(outputs, inputs):
    matrix = np.zeros((outputs, inputs))
    matrix[np.arange(outputs), np.arange(outputs) * inputs // outputs] = 1
    return matrix


def mixed(outputs, inputs):
    """Return whole numbers, up to three in a row; one row has none."""
    matrix = np.zeros((outputs, inputs))
    for row in range(1, outputs):
        for tap in range(3):
            matrix[row, (row + 2 * tap) % inputs] = row + tap
    return matrix


@pytest.mark.parametrize("kind", [nearest, mixed])
@pytest.mark.parametrize(
    ("shape", "spatial"),
    [
        ((2, 5, 7), (14,)),
        ((1, 33, 4, 5), (8, 10)),
        ((2, 16, 6, 3), (3, 7)),
        ((1, 3, 2, 3, 4), (4, 2, 9)),
    ],
    ids=str,
)
def test_axes_are_multiplied_by_matrices(target, run, value, put, get, kind, shape, spatial):
    x = np.random.default_rng(0).integers(-9, 9, shape).astype(np.float32)
    matrices = [kind(y, x) for y, x in zip(spatial, shape[2:], strict=True)]
    source = value("x", target, shape, 1, 1)
    result = value("y", target, (*shape[:2], *spatial), 2, 0, (0, 1))
    buffers = {"x": put(source.layout, x)}
    buffers["y"] = np.full(result.layout.size, np.nan, np.float32)
    run(resample(target, source, result, matrices), buffers)
    wanted = x
    for axis, matrix in enumerate(matrices, 2):
        wanted = np.moveaxis(np.tensordot(wanted, matrix, (axis, 1)), -1, axis)
    np.testing.assert_array_equal(get(result.layout, buffers["y"]), wanted)


def test_matrices_that_do_not_fit_are_refused(target, value):
    source, result = value("x", target, (1, 2, 3)), value("y", target, (1, 2, 5))
    message = r"^matrices \(\(5, 4\),\) do not go from \(3,\) to \(5,\)$"
    with pytest.raises(ShapeError, match=message):
        resample(target, source, result, [np.zeros((5, 4))])
