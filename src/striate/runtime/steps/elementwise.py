"""Steps that work on each element by itself: activations, normalisation, sums and products."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from striate import ops
from striate.network import Operator
from striate.network import operators as op
from striate.runtime.steps.broadcasting import unbroadcast
from striate.runtime.steps.step import Array, Binding, Step

__all__ = [
    "Activation",
    "Addition",
    "BatchNormalization",
    "Clip",
    "Dropout",
    "Multiplication",
    "ScaledTanh",
    "Softmax",
]


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


class Clip(Step):
    """Clip; as with ReLU, no gradient passes at a bound or beyond, and NaN stays NaN."""

    def __init__(self, operator: op.Clip, to: Binding) -> None:
        super().__init__(operator, to)
        self.low, self.high = to.dtype.type(operator.low), to.dtype.type(operator.high)

    def forward(self, *inputs: Array) -> Array:
        y: Array = np.clip(inputs[0], self.low, self.high)
        return y

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        return (np.where((y <= self.low) | (y >= self.high), dy.dtype.type(0), dy),)


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


class Dropout(Step):
    """Dropout; nothing is dropped outside training."""

    def forward(self, *inputs: Array) -> Array:
        if self.to.random is None:
            return inputs[0]
        y, self.mask = ops.dropout(inputs[0], self.operator.rate, self.to.random)
        return y

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        return (ops.dropout_gradient(dy, self.mask),)


class Addition(Step):
    """Add, broadcast."""

    def forward(self, *inputs: Array) -> Array:
        y: Array = inputs[0] + inputs[1]
        return y

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        return [unbroadcast(dy, shape) for shape in self.to.shapes]


class Multiplication(Step):
    """Mul, broadcast."""

    def forward(self, *inputs: Array) -> Array:
        y: Array = inputs[0] * inputs[1]
        return y

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        products = (dy * inputs[1], dy * inputs[0])
        shapes = self.to.shapes
        return [unbroadcast(product, s) for product, s in zip(products, shapes, strict=True)]
