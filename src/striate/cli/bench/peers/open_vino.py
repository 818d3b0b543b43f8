"""OpenVINO: latency hint, one stream, float32, input shared; threads pinned to cores or not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from striate.cli.bench.case import Case
from striate.cli.bench.peers.runner import Result, Runner, one_or_all

__all__ = ["NAME", "runners"]

NAME = "OpenVINO"


def runners(case: Case, threads: int) -> Iterator[Runner]:
    """Yield the network with the threads pinned, as by default, and free to move."""
    import openvino

    core: Any = openvino.Core()
    model = core.read_model(case.model)
    model.reshape({name: list(array.shape) for name, array in case.inputs.items()})
    for pinned in (True, False):
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": "f32",
            "ENABLE_CPU_PINNING": pinned,
        }
        yield _runner(core.compile_model(model, "CPU", settings), case, pinned)


def _runner(compiled: Any, case: Case, pinned: bool) -> Runner:
    import openvino

    request = compiled.create_infer_request()
    for name, array in case.inputs.items():
        request.set_tensor(name, openvino.Tensor(array, shared_memory=True))

    def result() -> Result:
        places = range(len(compiled.outputs))
        return one_or_all([np.array(request.get_output_tensor(i).data) for i in places])

    return Runner("latency hint, " + ("pinned" if pinned else "not pinned"), request.infer, result)
