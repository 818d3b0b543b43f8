"""Whole steps of learning as LLVM compiles them for ARM, on any machine. They are not run."""

from __future__ import annotations

import re

import pytest

import striate as st
from striate.ops.codegen import Target
from striate.runtime import Descent, learner

NETWORKS = {
    "lenet-1989": Descent(),
    "all-cnn-c": Descent(momentum=0.9, nesterov=True, weight_decay=1e-3, clip_norm=1.0),
    "mobilenet-v2": Descent("adamw", weight_decay=1e-2),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_steps_call_nothing_that_a_process_may_lack(name, arm, compiled, monkeypatch):
    """Tiles are called by their addresses, and LLVM makes `memset` of loops that write zeros."""
    monkeypatch.setattr(Target, "host", lambda: arm)
    network = st.load(name).initialize(seed=0)
    student = learner(
        network, loss="cross-entropy", batch_size=2, descent=NETWORKS[name], threads=1
    )
    course = student.course((2, *network.input_shape[1:]))
    assert len(course.tasks) > 10
    assert len(compiled) > 10
    for kernel, assembly in compiled.items():
        called = set(re.findall(r"^\tbl(?:r\tx\d+|\t(\w+))", assembly, re.MULTILINE))
        assert called <= {"", "memset"}, kernel
