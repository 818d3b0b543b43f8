"""Convolutions beside PyTorch's, on this machine: `make bench`.

Both are checked against float64 first; then they take turns in one process, so that a noisy
machine slows both. Quote the ratio, never a time. `--threads 1`, `--json FILE`, `--seconds 0.5`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

LAYERS = {  # name: (input, weight, stride, padding)
    "VGG conv1_1": ((1, 3, 224, 224), (64, 3, 3, 3), 1, 1),
    "VGG conv1_2": ((1, 64, 224, 224), (64, 64, 3, 3), 1, 1),
    "VGG conv2_1": ((1, 64, 112, 112), (128, 64, 3, 3), 1, 1),
    "VGG conv2_2": ((1, 128, 112, 112), (128, 128, 3, 3), 1, 1),
    "VGG conv3_1": ((1, 128, 56, 56), (256, 128, 3, 3), 1, 1),
    "VGG conv3_2": ((1, 256, 56, 56), (256, 256, 3, 3), 1, 1),
    "VGG conv4_1": ((1, 256, 28, 28), (512, 256, 3, 3), 1, 1),
    "VGG conv4_2": ((1, 512, 28, 28), (512, 512, 3, 3), 1, 1),
    "VGG conv5": ((1, 512, 14, 14), (512, 512, 3, 3), 1, 1),
    "All-CNN 96 to 96, batch 32": ((32, 96, 32, 32), (96, 96, 3, 3), 1, 1),
    "All-CNN, stride 2": ((32, 96, 32, 32), (96, 96, 3, 3), 2, 1),
    "7x7 stride 2": ((1, 3, 224, 224), (64, 3, 7, 7), 2, 3),
    "1x1": ((1, 256, 56, 56), (64, 256, 1, 1), 1, 0),
    "LeNet-1989 H1": ((1, 1, 19, 19), (12, 1, 5, 5), 2, 0),
}


@dataclass(frozen=True)
class Result:
    """One layer: medians in milliseconds, rate in GFLOP/s, and PyTorch's time over ours."""

    layer: str
    striate_ms: float
    torch_ms: float
    striate_gflops: float
    ratio: float
    error: float


def take_turns(runs: list[Callable[[], object]], seconds: float) -> list[float]:
    """Return the median time of each, taken in turn."""
    for run in runs:
        run()
    times: list[list[float]] = [[] for _ in runs]
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[0]) < 5:
        for run, taken in zip(runs, times, strict=True):
            start = time.perf_counter()
            run()
            taken.append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in times]


def measure(name: str, seconds: float) -> Result:
    """Check, then time, one layer."""
    import numpy as np
    import torch

    import striate as st

    x_shape, w_shape, stride, padding = LAYERS[name]
    random = np.random.default_rng(0)
    x = random.standard_normal(x_shape, np.float32)
    weight = random.standard_normal(w_shape, np.float32)
    bias = random.standard_normal(w_shape[0], np.float32)
    tensors = [torch.from_numpy(a) for a in (x, weight, bias)]
    doubles = [t.double() for t in tensors]
    exact = torch.nn.functional.conv2d(*doubles, stride=stride, padding=padding).numpy()

    def ours() -> object:
        return st.conv2d(x, weight, bias, stride=stride, padding=padding)

    def theirs() -> object:
        return torch.nn.functional.conv2d(*tensors, stride=stride, padding=padding)

    error = float(np.abs(ours() - exact).max() / np.abs(exact).max())
    if error > 2e-6:
        raise SystemExit(f"{name}: error {error:.1e} of the largest output; not timed")
    with torch.no_grad():
        mine, peer = take_turns([ours, theirs], seconds)
    flops = 2 * exact.size * np.prod(w_shape[1:])
    return Result(name, mine * 1e3, peer * 1e3, float(flops / mine / 1e9), peer / mine, error)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seconds", type=float, default=1.0, help="for each layer")
    parser.add_argument("--json", type=Path, help="also write the results here")
    arguments = parser.parse_args()
    os.environ["STRIATE_NUM_THREADS"] = str(arguments.threads)

    import numba
    import numpy
    import torch

    import striate

    torch.set_num_threads(arguments.threads)
    machine = {
        "processor": platform.processor() or platform.machine(),
        "threads": arguments.threads,
        "python": sys.version.split()[0],
        "versions": {m.__name__: m.__version__ for m in (striate, numpy, numba, torch)},
    }
    print(json.dumps(machine))
    print(f"{'layer':28}{'striate ms':>12}{'torch ms':>12}{'GFLOP/s':>10}{'ratio':>8}{'error':>10}")
    results = []
    for name in LAYERS:
        result = measure(name, arguments.seconds)
        results.append(result)
        print(
            f"{result.layer:28}{result.striate_ms:12.3f}{result.torch_ms:12.3f}"
            f"{result.striate_gflops:10.1f}{result.ratio:8.2f}{result.error:10.1e}",
            flush=True,
        )
    print(
        f"geometric mean of the ratios: {statistics.geometric_mean(r.ratio for r in results):.2f}"
    )
    if arguments.json:
        text = json.dumps({"machine": machine, "results": [asdict(r) for r in results]}, indent=2)
        arguments.json.write_text(text)


if __name__ == "__main__":
    main()
