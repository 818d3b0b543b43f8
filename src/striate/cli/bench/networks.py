"""The networks that are measured: those of the zoo."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from striate.cli.bench.case import Case
from striate.network import zoo

__all__ = ["NETWORKS", "network_case", "network_cases"]

NETWORKS = (
    *("lenet-1989", "lenet-5", "all-cnn-c", "squeezenet", "mobilenet-v1", "mobilenet-v2"),
    *("resnet18", "resnet50", "densenet121", "vgg16"),
)


def network_cases(names: Sequence[str], batches: Sequence[int]) -> Iterator[Case]:
    """Yield each network with each batch size, its weights drawn from seed 0."""
    for name in names:
        for batch in batches:
            yield network_case(name, batch)


def network_case(name: str, batch: int) -> Case:
    """Return one network of the zoo; UnknownNameError if there is none of that name."""
    network = zoo.load(name).initialize(0)
    spatial = [size or 1 for size in network.input_shape[1:]]
    return Case(name, "network", network, (batch, *spatial))
