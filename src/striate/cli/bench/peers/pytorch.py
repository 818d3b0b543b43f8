"""PyTorch: its own layout or channels last, eager or traced and frozen for inference.

Batch norms are folded and ReLUs overwrite their input, as a careful user would have it. The
input lies in the layout of the network beforehand: converting it is not timed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.cli.bench.case import Case
from striate.cli.bench.files import FileCase
from striate.cli.bench.peers.runner import Result, Runner, one_or_all
from striate.cli.bench.peers.torch_operators import TorchNetwork

__all__ = ["NAME", "exact", "runners"]

NAME = "PyTorch"


def runners(case: Case, threads: int) -> Iterator[Runner]:
    """Yield two layouts, each eager and frozen; sets the number of PyTorch's threads."""
    import torch

    torch.set_num_threads(threads)
    if isinstance(case, FileCase):
        module = case.network.to_torch().eval()
        given = [torch.from_numpy(array) for array in case.inputs.values()]
        yield _runner("as it is, eager", module, *given)
        return
    layouts = {3: None, 4: torch.channels_last, 5: torch.channels_last_3d}
    last = layouts[len(case.shape)]
    for layout, name in ((torch.contiguous_format, "NCHW"), (last, "channels last")):
        if layout is None:
            continue
        network = TorchNetwork(case.network, case.shape, torch.float32, layout)
        x = torch.from_numpy(case.x).contiguous(memory_format=layout)
        yield _runner(f"{name}, eager", network, x)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch.jit says that it grows old
            with torch.inference_mode():
                jit: Any = torch.jit
                traced = jit.trace(network, x, check_trace=False)
            frozen = jit.optimize_for_inference(jit.freeze(traced.eval()))
            for _ in range(3):  # the profiling executor settles in its first calls
                with torch.inference_mode():
                    frozen(x)
        yield _runner(f"{name}, frozen", frozen, x)


def _runner(setting: str, network: Callable[..., Any], *inputs: Any) -> Runner:
    import torch

    last: list[Any] = [None]

    def run() -> None:
        with torch.inference_mode():
            last[0] = network(*inputs)

    def result() -> Result:
        made = last[0] if isinstance(last[0], tuple | list) else [last[0]]
        return one_or_all([np.array(output.contiguous().numpy()) for output in made])

    return Runner(setting, run, result)


def exact(case: Case) -> NDArray[np.float64]:
    """Return what the case computes in float64."""
    import torch

    network = TorchNetwork(case.network, case.shape, torch.float64, torch.contiguous_format)
    with torch.inference_mode():
        y: NDArray[np.float64] = network(torch.from_numpy(case.x).double()).numpy()
    return y
