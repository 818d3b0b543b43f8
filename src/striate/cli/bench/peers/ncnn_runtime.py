"""ncnn: float32 with Winograd and packed layouts, threads set, the input a Mat in advance.

Networks are translated layer by layer (`ncnn_layers`), with batch norms folded and activations
fused as its own optimiser would. A batch is given as one Mat of many images, and as one image
after another; the better counts.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.cli.bench.case import Case
from striate.cli.bench.peers.ncnn_layers import translated
from striate.cli.bench.peers.runner import Refused, Runner

__all__ = ["NAME", "runners"]

NAME = "ncnn"


def runners(case: Case, threads: int) -> Iterator[Runner]:
    """Yield the batch as a whole and, if it has several images, one by one."""
    graph = case.network.graph
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise Refused("networks of several inputs or outputs are not translated")
    net = _net(case, threads)
    if len(case.shape) < 5:  # a Mat of many images has at most three axes in Python
        yield _runner("batch as one", net, [_mat(case.x)], case.output_shape)
    if case.shape[0] > 1 or len(case.shape) == 5:
        mats = [_mat(image[None]) for image in case.x]
        yield _runner("one by one", net, mats, case.output_shape)


def _net(case: Case, threads: int) -> Any:
    import ncnn

    parameters, weights = translated(case.network, case.shape)
    net = ncnn.Net()
    options = net.opt
    options.use_vulkan_compute = False
    options.num_threads = threads
    for name in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_storage", "bf16_packed"):
        if hasattr(options, f"use_{name}"):
            setattr(options, f"use_{name}", False)  # float32, as everyone computes here
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.bin"
        path.write_bytes(weights)
        if net.load_param_mem(parameters) != 0 or net.load_model(str(path)) != 0:
            raise Refused("does not take the network")
    return net


def _mat(images: NDArray[np.float32]) -> Any:
    import ncnn

    if len(images) == 1:
        return ncnn.Mat(np.ascontiguousarray(images[0])).clone()
    return ncnn.Mat(images, 0)


def _runner(setting: str, net: Any, mats: list[Any], shape: tuple[int, ...]) -> Runner:
    last: list[Any] = []

    def run() -> None:
        last.clear()
        for mat in mats:
            extractor = net.create_extractor()
            extractor.input("in", mat)
            code, output = extractor.extract("out")
            if code != 0:
                raise Refused(f"cannot run the network (code {code})")
            last.append(output)

    def result() -> NDArray[Any]:
        if len(mats) == shape[0]:
            arrays = [np.array(output) for output in last]
        else:
            arrays = [last[0].numpy("f", 0)]
        return np.concatenate([array.ravel() for array in arrays]).reshape(shape)

    return Runner(setting, run, result)
