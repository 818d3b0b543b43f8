"""ONNX Runtime: all optimisations, threads set, input and output bound in advance.

Its own layout (NCHWc) is chosen by its optimiser. Its threads may spin: `turns.settle` waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

from striate.cli.bench.case import Case
from striate.cli.bench.peers.runner import Runner
from striate.interop import to_onnx

__all__ = ["NAME", "runners"]

NAME = "ONNX Runtime"


def runners(case: Case, threads: int) -> Iterator[Runner]:
    """Yield the one setting."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    session: Any = onnxruntime.InferenceSession(
        to_onnx(case.fixed).SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    binding = session.io_binding()
    binding.bind_cpu_input(session.get_inputs()[0].name, case.x)
    binding.bind_output(session.get_outputs()[0].name, "cpu")

    def result() -> NDArray[Any]:
        array: NDArray[Any] = binding.copy_outputs_to_cpu()[0]
        return array

    yield Runner("all optimisations", lambda: session.run_with_iobinding(binding), result)
