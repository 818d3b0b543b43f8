"""ONNX Runtime: all optimisations, threads set, input and output bound in advance.

Its own layout (NCHWc) is chosen by its optimiser. Its threads may spin: `turns.settle` waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from striate.cli.bench.case import Case
from striate.cli.bench.peers.runner import Result, Runner, one_or_all

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
        case.model, options, providers=["CPUExecutionProvider"]
    )
    binding = session.io_binding()
    for name, array in case.inputs.items():
        binding.bind_cpu_input(name, array)
    for output in session.get_outputs():
        binding.bind_output(output.name, "cpu")

    def result() -> Result:
        return one_or_all(binding.copy_outputs_to_cpu())

    yield Runner("all optimisations", lambda: session.run_with_iobinding(binding), result)
