"""Kernels that reach the processor's limits do what they count."""

import numpy as np
import pytest

from striate.ops.blocked.probes import multiply_adds, stream


def test_every_line_is_changed_once(target, run):
    x = np.arange(16 * 37, dtype=np.float32)
    before = x.copy()
    run(stream(target, "x", 16 * 36 + 5, blocks=7), {"x": x})
    np.testing.assert_array_equal(x[: 16 * 36], -before[: 16 * 36])
    np.testing.assert_array_equal(x[16 * 36 :], before[16 * 36 :])


@pytest.mark.parametrize("times", [1, 5])
def test_work_counts_multiply_adds(target, run, times):
    task = multiply_adds(target, times, blocks=2)
    chains = min(target.registers - 2, 24)
    assert task.work == 2 * times * chains * target.lanes
    assert task.scratch >= chains * target.lanes
    run(task, {})
