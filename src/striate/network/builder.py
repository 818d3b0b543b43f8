"""Build graphs a layer at a time; channel counts and weight shapes follow from the input."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from math import prod, sqrt
from typing import TYPE_CHECKING

from striate.errors import ParameterError, ShapeError, UnknownNameError, explained
from striate.geometry import PaddingLike, Sizes, TransposedWindow, Window
from striate.network.graph import (
    Constant,
    Graph,
    Initial,
    Input,
    Node,
    Operator,
    Parameter,
    Shape,
)
from striate.network.operators import (
    AveragePool,
    BatchNormalization,
    Conv,
    ConvTranspose,
    Flatten,
    Gemm,
    MaxPool,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["Builder"]

STAND_INS = 512, 1024
"""Sizes that open axes are taken as; what changes between the two depends on them."""

ZEROS, ONES = Initial("constant", 0.0), Initial("constant", 1.0)


class Builder:
    """Collects nodes and parameters, and returns the finished `Graph`.

    Every method takes the name of the value it reads and returns the name of the one it makes;
    a layer's name is the prefix of its parameters: ``conv1.weight``, ``conv1.bias``.

    Parameters
    ----------
    name : str
        The network's name.
    input_shape : sequence of int or None
        (N, C, *spatial); None stands for any size: to infer shapes, the batch is taken as 1 and
        other axes as 512, large enough for windows and poolings to fit.

    Examples
    --------
    >>> b = Builder("tiny", (None, 1, 8, 8))
    >>> y = b.conv(b.input, "conv", channels=4, kernel=3, padding=1)
    >>> b.shape(y)
    (1, 4, 8, 8)
    >>> [p.name for p in b.graph(y).parameters]
    ['conv.weight', 'conv.bias']
    """

    def __init__(self, name: str, input_shape: Sequence[int | None]) -> None:
        self.name = name
        self.input = "input"
        self._input = Input("input", tuple(input_shape))
        self._shapes, self._larger = ({"input": _filled(input_shape, size)} for size in STAND_INS)
        self._parameters: list[Parameter] = []
        self._nodes: list[Node] = []
        self._constants: list[Constant] = []

    def shape(self, value: str) -> Shape:
        """Return the shape of a value, with stand-ins for the sizes that the input leaves open."""
        if value not in self._shapes:
            raise UnknownNameError.of("value", value, self._shapes)
        return self._shapes[value]

    def parameter(
        self, name: str, shape: Sequence[int], initial: Initial, *, trainable: bool = True
    ) -> str:
        """Add a parameter."""
        self._parameters.append(Parameter(name, tuple(shape), initial, trainable))
        self._shapes[name] = self._larger[name] = tuple(shape)
        return name

    def constant(self, name: str, values: ArrayLike) -> str:
        """Add a small array that belongs to the graph, such as indices."""
        self._constants.append(Constant.of(name, values))
        self._shapes[name] = self._larger[name] = self._constants[-1].shape
        return name

    def add(self, operator: Operator, *inputs: str, name: str) -> str:
        """Add a node of one output."""
        with self._at(name, operator.onnx):
            for value in inputs:
                self.shape(value)
            for shapes in (self._shapes, self._larger):
                shapes[name] = operator.infer([shapes[value] for value in inputs])
        self._nodes.append(Node(name, operator, inputs, (name,)))
        return name

    def conv(
        self,
        x: str,
        name: str,
        *,
        channels: int,
        kernel: Sizes,
        stride: Sizes = 1,
        padding: PaddingLike = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        table: tuple[tuple[int, ...], ...] | None = None,
        bias: bool = True,
        bias_per_unit: bool = False,
        initial: Initial | None = None,
        bias_initial: Initial = ZEROS,
    ) -> str:
        """Add a convolution to `channels` maps; weights start as He et al. 2015 unless told.

        `table` lists the input channels that each map sees; `bias_per_unit` gives every unit of a
        map its own bias (both as in LeCun et al. 1989).
        """
        with self._at(name, "Conv"):
            _, seen, *spatial = self._volume(x)
            window = Window.parse(kernel, stride, padding, dilation, rank=len(spatial))
            output = window.output_shape(spatial)
            operator = Conv(window, groups, table)
            _check_channels(seen, channels, groups)
            for axis in range(1, 2 + len(spatial) if bias_per_unit else 2):
                self._check_fixed(x, axis)
        read = len(table[0]) if table else seen // groups
        fan_in = read * prod(window.kernel)
        shape = (channels, read, *window.kernel)
        inputs = [x, self.parameter(f"{name}.weight", shape, initial or _he(fan_in))]
        if bias:
            units = (channels, *output) if bias_per_unit else (channels,)
            inputs.append(self.parameter(f"{name}.bias", units, bias_initial))
        return self.add(operator, *inputs, name=name)

    def conv_transpose(
        self,
        x: str,
        name: str,
        *,
        channels: int,
        kernel: Sizes,
        stride: Sizes = 1,
        padding: PaddingLike = 0,
        output_padding: Sizes = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> str:
        """Add a transposed convolution to `channels` maps."""
        with self._at(name, "ConvTranspose"):
            _, seen, *spatial = self._volume(x)
            window = TransposedWindow.parse(
                kernel, stride, padding, dilation, output_padding, rank=len(spatial)
            )
            operator = ConvTranspose(window, groups)
            _check_channels(seen, channels, groups)
            self._check_fixed(x, 1)
        fan_in = max(1, seen // groups * prod(window.kernel) // prod(window.strides))
        shape = (seen, channels // groups, *window.kernel)
        inputs = [x, self.parameter(f"{name}.weight", shape, _he(fan_in))]
        if bias:
            inputs.append(self.parameter(f"{name}.bias", (channels,), ZEROS))
        return self.add(operator, *inputs, name=name)

    def linear(
        self,
        x: str,
        name: str,
        *,
        features: int,
        initial: Initial | None = None,
        bias_initial: Initial = ZEROS,
    ) -> str:
        """Add a fully connected layer (Gemm); a value with spatial axes is flattened first."""
        with self._at(name, "Gemm"):
            _check_count("features", features)
            flat = len(self.shape(x)) == 2
        if not flat:
            x = self.add(Flatten(), x, name=f"{name}.flatten")
        seen = self.shape(x)[1]
        with self._at(name, "Gemm"):
            self._check_fixed(x, 1)
        weight = self.parameter(f"{name}.weight", (features, seen), initial or _he(seen))
        bias = self.parameter(f"{name}.bias", (features,), bias_initial)
        return self.add(Gemm(), x, weight, bias, name=name)

    def max_pool(
        self,
        x: str,
        name: str,
        *,
        kernel: Sizes,
        stride: Sizes | None = None,
        padding: PaddingLike = 0,
        ceil: bool = False,
    ) -> str:
        """Add a max pooling; the stride is the kernel unless told."""
        with self._at(name, "MaxPool"):
            operator = MaxPool(self._pool(x, kernel, stride, padding, ceil))
        return self.add(operator, x, name=name)

    def average_pool(
        self,
        x: str,
        name: str,
        *,
        kernel: Sizes,
        stride: Sizes | None = None,
        padding: PaddingLike = 0,
        ceil: bool = False,
    ) -> str:
        """Add an average pooling; the stride is the kernel unless told."""
        with self._at(name, "AveragePool"):
            operator = AveragePool(self._pool(x, kernel, stride, padding, ceil))
        return self.add(operator, x, name=name)

    def _pool(
        self, x: str, kernel: Sizes, stride: Sizes | None, padding: PaddingLike, ceil: bool
    ) -> Window:
        rank = len(self._volume(x)) - 2
        steps = kernel if stride is None else stride
        return Window.parse(kernel, steps, padding, rank=rank, ceil=ceil)

    def _volume(self, x: str) -> Shape:
        shape = self.shape(x)
        if len(shape) < 3:
            raise ShapeError(f"{x!r} {shape} must be (N, C) and at least one spatial axis")
        return shape

    def _check_fixed(self, x: str, axis: int) -> None:
        """Raise ShapeError if a size that decides how many weights there are is open."""
        if self._shapes[x][axis] != self._larger[x][axis]:
            raise ShapeError(
                f"axis {axis} of {x!r} changes with the sizes that the network's input leaves "
                "open, but the number of weights follows from it: fix them, or pool globally before"
            )

    def _at(self, name: str, onnx: str) -> AbstractContextManager[None]:
        return explained(f"{self.name}: {name} ({onnx})")

    def batch_norm(self, x: str, name: str, *, epsilon: float = 1e-5) -> str:
        """Add a batch normalisation over the channels."""
        channels = (self.shape(x)[1],)
        with self._at(name, "BatchNormalization"):
            self._check_fixed(x, 1)
        inputs = (
            self.parameter(f"{name}.scale", channels, ONES),
            self.parameter(f"{name}.bias", channels, ZEROS),
            self.parameter(f"{name}.mean", channels, ZEROS, trainable=False),
            self.parameter(f"{name}.variance", channels, ONES, trainable=False),
        )
        return self.add(BatchNormalization(epsilon), x, *inputs, name=name)

    def graph(self, *outputs: str) -> Graph:
        """Return the finished graph, with these values as its outputs: ``graph(a, b)`` for two."""
        for output in outputs:
            if not isinstance(output, str):
                raise ParameterError(
                    f"{self.name}: output {output!r} must be the name of a value; give several one "
                    "by one, as in graph(a, b)"
                )
        parts = tuple(self._parameters), tuple(self._nodes), outputs, tuple(self._constants)
        return Graph(self.name, (self._input,), *parts)


def _filled(shape: Sequence[int | None], size: int) -> Shape:
    """Return a shape with a batch of 1 and this size for other axes, where they are open."""
    first, *others = shape
    return (first or 1, *(other or size for other in others))


def _check_count(what: str, value: int) -> None:
    if value < 1:
        raise ParameterError(f"{what} must be at least 1, not {value}")


def _check_channels(seen: int, channels: int, groups: int) -> None:
    _check_count("channels", channels)
    if seen % groups or channels % groups:
        raise ShapeError(
            f"{seen} input and {channels} output channels must both be divisible by groups={groups}"
        )


def _he(fan_in: int) -> Initial:
    """Normal of deviation sqrt(2 / fan-in): He et al., arXiv:1502.01852, equation 10."""
    return Initial("normal", sqrt(2 / fan_in))
