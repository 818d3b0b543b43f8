"""OpenVINO: latency hint, one stream, float32, input shared; threads pinned to cores or not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.cli.bench.case import Case
from striate.cli.bench.peers.runner import Runner
from striate.interop import to_onnx

__all__ = ["NAME", "runners"]

NAME = "OpenVINO"


def runners(case: Case, threads: int) -> Iterator[Runner]:
    """Yield the network with the threads pinned, as by default, and free to move."""
    import openvino

    core: Any = openvino.Core()
    model = core.read_model(to_onnx(case.fixed).SerializeToString())
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
    request.set_input_tensor(openvino.Tensor(case.x, shared_memory=True))

    def result() -> NDArray[Any]:
        return np.array(request.get_output_tensor().data)

    return Runner("latency hint, " + ("pinned" if pinned else "not pinned"), request.infer, result)
