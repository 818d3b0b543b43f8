"""Networks by name, built from their papers' tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from striate.errors import ParameterError, UnknownNameError
from striate.network.graph import Graph
from striate.network.images.preprocessing import Preprocessing
from striate.network.model import Network
from striate.network.zoo.alexnet import alexnet
from striate.network.zoo.all_cnn import BASES, VARIANTS, all_cnn
from striate.network.zoo.densenet import densenet121
from striate.network.zoo.googlenet import googlenet
from striate.network.zoo.lenet import lenet_5, lenet_1989
from striate.network.zoo.mlp import mlp
from striate.network.zoo.mobilenet import mobilenet_v1, mobilenet_v2
from striate.network.zoo.resnet import BLOCKS, resnet
from striate.network.zoo.squeezenet import squeezenet
from striate.network.zoo.vgg import CONFIGURATIONS, vgg

__all__ = ["graph_of", "load", "names"]

_BUILDERS: dict[str, Callable[[], Graph]] = {
    "mlp": mlp,
    "lenet-1989": lenet_1989,
    "lenet-5": lenet_5,
    **{name: partial(vgg, name) for name in CONFIGURATIONS},
    **{f"{name}-bn": partial(vgg, name, batch_norm=True) for name in CONFIGURATIONS},
    **{
        f"{variant}-{base}": partial(all_cnn, base, variant)
        for variant in VARIANTS
        for base in BASES
    },
    "alexnet": alexnet,
    "googlenet": googlenet,
    **{name: partial(resnet, name) for name in BLOCKS},
    "squeezenet": squeezenet,
    "densenet121": densenet121,
    "mobilenet-v1": mobilenet_v1,
    "mobilenet-v2": mobilenet_v2,
}


def names() -> tuple[str, ...]:
    """Return the names that `load` knows.

    Examples
    --------
    >>> names()[:2]
    ('mlp', 'lenet-1989')
    """
    return tuple(_BUILDERS)


def load(name: str) -> Network:
    """Return the network of that name, without weights.

    Raises
    ------
    UnknownNameError
        With the nearest known names.

    Examples
    --------
    >>> load("vgg16").graph.nodes[0].name
    'conv1_1'
    """
    if not isinstance(name, str) or name not in _BUILDERS:
        raise UnknownNameError.of("network", name, _BUILDERS)
    graph = _BUILDERS[name]()
    return Network(graph, preprocessing=_preprocessing(graph))


def _preprocessing(graph: Graph) -> Preprocessing:
    """Return ImageNet's usual one for its networks; LeNets see black as -1, as their papers say."""
    shape = graph.inputs[0].shape
    if shape[1:] == (3, 224, 224):
        return Preprocessing.imagenet()
    plain = Preprocessing.fitting(shape)
    return replace(plain, range=(-1.0, 1.0)) if graph.name.startswith("lenet") else plain


def graph_of(network: Network | Graph | str) -> Graph:
    """Return the graph of a network, of itself, or of a name that `load` knows.

    Raises
    ------
    UnknownNameError
        With the nearest known names.
    ParameterError
        If it is neither a network nor a name.

    Examples
    --------
    >>> graph_of("lenet-5").name
    'lenet-5'
    """
    if isinstance(network, str):
        network = load(network)
    if isinstance(network, Network):
        return network.graph
    if not isinstance(network, Graph):
        raise ParameterError(
            f"network is {network!r}; give what striate.load returns, a Graph or a name as 'vgg16'"
        )
    return network
