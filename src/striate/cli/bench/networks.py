"""The networks that are measured: those of the zoo."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from striate.cli.bench.case import Case
from striate.errors import UnknownNameError
from striate.network import zoo

__all__ = ["NETWORKS", "network_case", "network_cases"]

NETWORKS = (
    *("lenet-1989", "lenet-5", "all-cnn-c", "squeezenet", "mobilenet-v1", "mobilenet-v2"),
    *("resnet18", "resnet50", "densenet121", "vgg16"),
)


def network_cases(names: Sequence[str], batches: Sequence[int]) -> Iterator[Case]:
    """Return each network with each batch size, its weights drawn from seed 0.

    Raises
    ------
    UnknownNameError
        If there is no network of a name, before the first is made.
    """
    for name in names:
        if name not in zoo.names():
            raise UnknownNameError.of("network", name, zoo.names())
    return (network_case(name, batch) for name in names for batch in batches)


def network_case(name: str, batch: int) -> Case:
    """Return one network of the zoo."""
    network = zoo.load(name).initialize(0)
    spatial = [size or 1 for size in network.input_shape[1:]]
    return Case(name, "network", network, (batch, *spatial))
