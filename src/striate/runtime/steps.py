"""How each operator of a graph runs: one table from operator to step, forward and backward.

A step is bound to the shapes of its inputs, so that running it parses and checks nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate import ops
from striate.errors import UnknownNameError
from striate.geometry import Window
from striate.network import Operator, Shape
from striate.network import operators as op

__all__ = ["Array", "Binding", "Step", "bind"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Binding:
    """What a step is bound to.

    `needs` tells which inputs want a gradient; `random` is given in training only, when dropout
    drops and batch normalisation uses the statistics of its batch.
    """

    shapes: tuple[Shape, ...]
    output: Shape
    dtype: np.dtype[Any]
    needs: tuple[bool, ...]
    random: np.random.Generator | None = None


class Step:
    """A bound operator. Gradients are asked for right after the forward pass that they follow."""

    def __init__(self, operator: Any, to: Binding) -> None:
        self.operator, self.to = operator, to

    def forward(self, *inputs: Array) -> Array:
        """Return the output for these inputs."""
        raise NotImplementedError

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        """Return the gradient for each input, None where none is needed."""
        raise NotImplementedError


class Convolution(Step):
    """Conv; a connection table becomes a dense weight with zeros where nothing is connected."""

    def __init__(self, operator: op.Conv, to: Binding) -> None:
        super().__init__(operator, to)
        x, weight = to.shapes[:2]
        self.dense_shape = (weight[0], x[1] // operator.groups, *weight[2:])
        window = operator.window.at(x[2:])
        self.plan = ops.convolution_plan(x, self.dense_shape, window, operator.groups, to.dtype)
        if operator.table is not None:
            self.rows = np.arange(weight[0])[:, None]
            self.columns = np.array(operator.table)

    def _dense(self, weight: Array) -> Array:
        if self.operator.table is None:
            return weight
        dense = np.zeros(self.dense_shape, weight.dtype)
        dense[self.rows, self.columns] = weight
        return dense

    def forward(self, *inputs: Array) -> Array:
        x, weight, *bias = inputs
        return self.plan.forward(x, self._dense(weight), bias[0] if bias else None)

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        x, weight, *bias = inputs
        dx = self.plan.input_gradient(dy, self._dense(weight)) if self.to.needs[0] else None
        dw = self.plan.weight_gradient(dy, x) if self.to.needs[1] else None
        if dw is not None and self.operator.table is not None:
            dw = dw[self.rows, self.columns]
        return dx, dw, *(_bias_gradient(dy, b) for b in bias)


def _bias_gradient(dy: Array, bias: Array) -> Array:
    """Sum over the examples and, unless every unit has a bias of its own, over the positions."""
    summed: Array = dy.sum(axis=0 if bias.ndim > 1 else (0, *range(2, dy.ndim)))
    return summed


class TransposedConvolution(Step):
    """ConvTranspose."""

    def __init__(self, operator: op.ConvTranspose, to: Binding) -> None:
        super().__init__(operator, to)
        self.plan = ops.transposed_convolution_plan(
            to.shapes[0], to.shapes[1], operator.window, operator.groups, to.dtype
        )

    def forward(self, *inputs: Array) -> Array:
        x, weight, *bias = inputs
        return self.plan.forward(x, weight, bias[0] if bias else None)

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        x, weight, *bias = inputs
        dx = self.plan.input_gradient(dy, weight) if self.to.needs[0] else None
        dw = self.plan.weight_gradient(dy, x) if self.to.needs[1] else None
        return dx, dw, *(_bias_gradient(dy, b) for b in bias)


class MaxPooling(Step):
    """MaxPool and, over a window as large as the input, GlobalMaxPool."""

    def __init__(self, operator: op.MaxPool | op.GlobalMaxPool, to: Binding) -> None:
        super().__init__(operator, to)
        self.plan = ops.max_pool_plan(to.shapes[0], _pool_window(operator, to), to.dtype)

    def forward(self, *inputs: Array) -> Array:
        return self.plan.forward(inputs[0])

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        return (self.plan.input_gradient(dy, inputs[0], y),)


class AveragePooling(Step):
    """AveragePool and, over a window as large as the input, GlobalAveragePool."""

    def __init__(self, operator: op.AveragePool | op.GlobalAveragePool, to: Binding) -> None:
        super().__init__(operator, to)
        padding_counts = getattr(operator, "count_include_pad", True)
        window = _pool_window(operator, to)
        self.plan = ops.average_pool_plan(to.shapes[0], window, to.dtype, padding_counts)

    def forward(self, *inputs: Array) -> Array:
        return self.plan.forward(inputs[0])

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        return (self.plan.input_gradient(dy),)


def _pool_window(operator: Operator, to: Binding) -> Window:
    spatial = to.shapes[0][2:]
    window: Window | None = getattr(operator, "window", None)
    return window.at(spatial) if window else Window.parse(spatial, rank=len(spatial))


class BatchNormalization(Step):
    """BatchNormalization; in training it gathers the running statistics in its own inputs."""

    def forward(self, *inputs: Array) -> Array:
        x, scale, bias, mean, variance = inputs
        if self.to.random is None:
            return ops.batch_norm(x, scale, bias, mean, variance, self.operator.epsilon)
        y, self.mean, self.variance = ops.batch_norm_training(x, scale, bias, self.operator.epsilon)
        for running, batch in ((mean, self.mean), (variance, self.variance)):
            running *= self.operator.momentum
            running += (1 - self.operator.momentum) * batch
        return y

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        x, scale, *_ = inputs
        dx, dscale, dbias = ops.batch_norm_training_gradients(
            dy, x, scale, self.mean, self.variance, self.operator.epsilon
        )
        return dx, dscale, dbias, None, None


class Linear(Step):
    """Gemm."""

    def forward(self, *inputs: Array) -> Array:
        x, weight, *bias = inputs
        y = x @ weight.T
        if bias:
            y += bias[0]
        return y

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        x, weight, *bias = inputs
        dx = dy @ weight if self.to.needs[0] else None
        return dx, dy.T @ x, *(dy.sum(axis=0) for _ in bias)


class Activation(Step):
    """An element-wise function whose gradient follows from its output."""

    def __init__(
        self,
        operator: Operator,
        to: Binding,
        function: Callable[[Array], Array],
        gradient: Callable[[Array, Array], Array],
    ) -> None:
        super().__init__(operator, to)
        self.function, self.gradient = function, gradient

    def forward(self, *inputs: Array) -> Array:
        return self.function(inputs[0])

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        return (self.gradient(dy, y),)


class ScaledTanh(Step):
    """ScaledTanh: y = a tanh(b x), so dy/dx = b (a - y^2 / a)."""

    def __init__(self, operator: op.ScaledTanh, to: Binding) -> None:
        super().__init__(operator, to)
        self.alpha, self.beta = to.dtype.type(operator.alpha), to.dtype.type(operator.beta)

    def forward(self, *inputs: Array) -> Array:
        y: Array = inputs[0] * self.beta
        np.tanh(y, out=y)
        y *= self.alpha
        return y

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        slope = y * y
        slope *= -self.beta / self.alpha
        slope += self.alpha * self.beta
        slope *= dy
        return (slope,)


class Softmax(Step):
    """Softmax."""

    def forward(self, *inputs: Array) -> Array:
        return ops.softmax(inputs[0], axis=self.operator.axis)

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        return (ops.softmax_gradient(dy, y, axis=self.operator.axis),)


class Dropout(Step):
    """Dropout; nothing is dropped outside training."""

    def forward(self, *inputs: Array) -> Array:
        if self.to.random is None:
            return inputs[0]
        y, self.mask = ops.dropout(inputs[0], self.operator.rate, self.to.random)
        return y

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        return (ops.dropout_gradient(dy, self.mask),)


class Identity(Step):
    """Identity and Flatten: the same elements, perhaps in another shape."""

    def forward(self, *inputs: Array) -> Array:
        return inputs[0].reshape(self.to.output)

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        return (dy.reshape(self.to.shapes[0]),)


class Pad(Step):
    """Pad."""

    def __init__(self, operator: op.Pad, to: Binding) -> None:
        super().__init__(operator, to)
        pairs = zip(operator.before, to.shapes[0][2:], strict=True)
        inside = (slice(before, before + size) for before, size in pairs)
        self.inside: tuple[slice, ...] = (slice(None), slice(None), *inside)

    def forward(self, *inputs: Array) -> Array:
        y = np.full(self.to.output, self.operator.value, self.to.dtype)
        y[self.inside] = inputs[0]
        return y

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        return (np.ascontiguousarray(dy[self.inside]),)


class Addition(Step):
    """Add, broadcast."""

    def forward(self, *inputs: Array) -> Array:
        y: Array = inputs[0] + inputs[1]
        return y

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        return [_unbroadcast(dy, shape) for shape in self.to.shapes]


class Multiplication(Step):
    """Mul, broadcast."""

    def forward(self, *inputs: Array) -> Array:
        y: Array = inputs[0] * inputs[1]
        return y

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        products = (dy * inputs[1], dy * inputs[0])
        shapes = self.to.shapes
        return [_unbroadcast(product, s) for product, s in zip(products, shapes, strict=True)]


def _unbroadcast(gradient: Array, shape: Shape) -> Array:
    """Sum a gradient over the axes along which its value was repeated."""
    extra = gradient.ndim - len(shape)
    repeated = [axis + extra for axis, size in enumerate(shape) if size == 1]
    summed: Array = gradient.sum(axis=(*range(extra), *repeated), keepdims=True)
    return summed.reshape(shape)


class Concatenation(Step):
    """Concat."""

    def __init__(self, operator: op.Concat, to: Binding) -> None:
        super().__init__(operator, to)
        self.ends = np.cumsum([shape[operator.axis] for shape in to.shapes])[:-1]

    def forward(self, *inputs: Array) -> Array:
        return np.concatenate(inputs, axis=self.operator.axis)

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        parts = np.split(dy, self.ends, axis=self.operator.axis)
        return [np.ascontiguousarray(part) for part in parts]


def _activation(
    function: Callable[[Array], Array], gradient: Callable[[Array, Array], Array]
) -> Callable[[Any, Binding], Step]:
    return lambda operator, to: Activation(operator, to, function, gradient)


STEPS: dict[type[Operator], Callable[[Any, Binding], Step]] = {
    op.Add: Addition,
    op.AveragePool: AveragePooling,
    op.BatchNormalization: BatchNormalization,
    op.Concat: Concatenation,
    op.Conv: Convolution,
    op.ConvTranspose: TransposedConvolution,
    op.Dropout: Dropout,
    op.Flatten: Identity,
    op.Gemm: Linear,
    op.GlobalAveragePool: AveragePooling,
    op.GlobalMaxPool: MaxPooling,
    op.Identity: Identity,
    op.MaxPool: MaxPooling,
    op.Mul: Multiplication,
    op.Pad: Pad,
    op.Relu: _activation(ops.relu, ops.relu_gradient),
    op.ScaledTanh: ScaledTanh,
    op.Sigmoid: _activation(ops.sigmoid, ops.sigmoid_gradient),
    op.Softmax: Softmax,
    op.Tanh: _activation(ops.tanh, ops.tanh_gradient),
}


def bind(operator: Operator, to: Binding) -> Step:
    """Return the step that runs this operator on these shapes."""
    if type(operator) not in STEPS:
        known = [known.onnx for known in STEPS]
        raise UnknownNameError.of("operator that can run", operator.onnx, known)
    return STEPS[type(operator)](operator, to)
