"""Three networks of equal width: dense, locally connected, and convolutional layers.

All have a hidden layer of 8 maps of 11x11 units and one of 16 maps of 4x4, ReLU after each, and ten
outputs. They differ in what a unit reads and in what it shares:

======  ===========================================  ===========================================
kind    a unit reads                                 its weights
======  ===========================================  ===========================================
dense   all units of the layer before                its own
local   a 5x5 window of every map before             its own
shared  the same window                              those of its map, everywhere (convolution)
======  ===========================================  ===========================================

Windows are 2 apart, and none reaches over the border, so that layers of shared weights follow a
shift exactly where the shift is a multiple of their stride.

There is no operator for local layers, and none is needed: `Gather` lays the windows of all places
side by side, and what uses each weight once is then a convolution of 1x1 in as many groups as there
are places. Its channels are numbered by place, and within a place by map.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from striate.errors import UnknownNameError
from striate.geometry import Window
from striate.network import Builder, Network
from striate.network.operators import Flatten, Gather, Relu, Reshape

__all__ = ["FIELD", "JUMPS", "KINDS", "LAYERS", "activations", "as_maps", "network"]

KINDS = ("dense", "local", "shared")
FIELD = 25  # pixels: digits of 16x16 with room to move by 4 on every side
WINDOW = Window.parse(5, 2, rank=2)
MAPS = (8, 16)
CLASSES = 10
JUMPS = (2, 4)
"""Pixels between two units of the first and of the second layer."""

Maps = tuple[int, ...]


def _layers() -> tuple[Maps, ...]:
    spatial: tuple[int, ...] = (FIELD, FIELD)
    shapes = []
    for maps in MAPS:
        spatial = WINDOW.output_shape(spatial)
        shapes.append((maps, *spatial))
    return tuple(shapes)


LAYERS = _layers()
"""(maps, height, width) of the two hidden layers."""


def network(kind: str) -> Network:
    """Return an untrained network whose hidden layers are of this kind.

    Weights start as He et al. 2015 have it for the inputs that a unit reads, biases at zero.

    Raises
    ------
    UnknownNameError

    Examples
    --------
    >>> from striate.network import inspect
    >>> [inspect(network(kind).graph).totals.parameters for kind in KINDS]
    [856602, 79194, 5994]
    """
    if kind not in KINDS:
        raise UnknownNameError.of("kind of layer", kind, KINDS)
    b = Builder(f"{kind}-layers", (None, 1, FIELD, FIELD))
    x = b.input
    before: Maps = (1, FIELD, FIELD)
    for number, shape in enumerate(LAYERS, start=1):
        name = f"layer{number}"
        if kind == "dense":
            x = b.linear(x, name, features=prod(shape))
        elif kind == "local":
            x = _local(b, x, name, before, shape)
        else:
            x = b.conv(x, name, channels=shape[0], kernel=WINDOW.kernel, stride=WINDOW.strides)
        x = b.add(Relu(), x, name=f"{name}.relu")
        before = shape
    return Network(b.graph(b.linear(x, "output", features=CLASSES)))


def _local(b: Builder, x: str, name: str, before: Maps, shape: Maps) -> str:
    """Add a layer in which every unit has a window, as a convolution has, and its own weights."""
    places, read = prod(shape[1:]), before[0] * prod(WINDOW.kernel)
    x = b.add(Flatten(), x, name=f"{name}.flatten")
    indices = b.constant(f"{name}.indices", _windows(before, by_place=name != "layer1"))
    x = b.add(Gather(axis=1), x, indices, name=f"{name}.windows")
    x = b.add(Reshape((0, places * read, 1, 1)), x, name=f"{name}.places")
    return b.conv(x, name, channels=places * shape[0], kernel=1, groups=places)


def _windows(before: Maps, *, by_place: bool) -> NDArray[np.int64]:
    """Return the numbers of the units that each window of a flattened layer holds, by place.

    `by_place` tells whether the units of that layer are numbered by place or, as an image's, by
    map.
    """
    maps, height, width = before
    rows, columns = (
        np.array([list(axis.taps(i)) for i in range(axis.output_size(size))])
        for axis, size in zip(WINDOW.axes, (height, width), strict=True)
    )
    pixels = rows[:, None, None, :, None] * width + columns[None, :, None, None, :]
    each = np.arange(maps)[:, None, None]
    units = pixels * maps + each if by_place else each * height * width + pixels
    return np.asarray(units.ravel(), np.int64)


def activations(trained: Network) -> Network:
    """Return the network with both hidden layers as outputs too, before its scores."""
    graph = trained.graph
    outputs = ("layer1.relu", "layer2.relu", *graph.outputs)
    return Network(replace(graph, outputs=outputs), trained.weights)


def as_maps(kind: str, layer: int, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a hidden layer's values as maps (N, maps, height, width).

    The units of a dense layer stand in no order; they are taken to be numbered as the maps of the
    others are.
    """
    maps, height, width = LAYERS[layer]
    if kind != "local":
        return values.reshape(-1, maps, height, width)
    places = values.reshape(-1, height, width, maps)
    return np.ascontiguousarray(places.transpose(0, 3, 1, 2))
