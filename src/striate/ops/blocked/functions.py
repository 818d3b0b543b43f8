"""Functions of single elements, in registers: the activations that networks have.

Each takes registers and numbers (in all lanes of a register) and returns a register. NaN stays
NaN, and infinities go where the definition sends them.
"""

from __future__ import annotations

from collections.abc import Callable
from math import factorial, inf, pi, sqrt

from striate.ops.blocked.exponential import (
    exponential,
    exponential_less_one,
    exponential_of_any,
    logistic,
    tangent,
)
from striate.ops.blocked.lanes import choose_lanes
from striate.ops.blocked.logarithm import less, log_of_more, logarithm, polynomial
from striate.ops.codegen import Vector
from striate.ops.codegen.values import I32, ir

__all__ = ["FUNCTIONS"]

EXACT = 2.0**23
"""Numbers from here on are whole."""

ERF_TERMS = 11
"""Of Taylor's series of erf for |x| < 1: the next is less than 1e-9."""

ERF_TAIL = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)
"""Abramowitz and Stegun 1964, 7.1.26: erf(x) for x >= 0 to 1.5e-7, with 0.3275911."""


def absolute(x: Vector) -> Vector:
    """Return |x|."""
    return x.writer.intrinsic("llvm.fabs", x)


def root(x: Vector) -> Vector:
    """Return the square root; NaN below 0."""
    return x.writer.intrinsic("llvm.sqrt", x)


def with_sign(size: Vector, x: Vector) -> Vector:
    """Return a size with the sign of x."""
    return x.writer.intrinsic("llvm.copysign", size, x)


def minimum(one: Vector, other: Vector) -> Vector:
    """Return the smaller elements; NaN where either is NaN."""
    return one.writer.intrinsic("llvm.minimum", one, other)


def nearest(x: Vector) -> Vector:
    """Return the nearest whole number, the even one of two."""
    size = absolute(x)
    rounded = with_sign((size + EXACT) - EXACT, x)
    return choose_lanes(less(size, EXACT), rounded, x)


def floor(x: Vector) -> Vector:
    """Return the largest whole number that is not above x."""
    whole = nearest(x)
    return choose_lanes(less(x, whole), whole - 1.0, whole)


def ceiling(x: Vector) -> Vector:
    """Return the smallest whole number that is not below x."""
    whole = nearest(x)
    return choose_lanes(less(whole, x), with_sign(whole + 1.0, x), whole)


def sign(x: Vector) -> Vector:
    """Return -1, 0 or 1."""
    w = x.writer
    below = choose_lanes(less(x, 0.0), w.constant(-1.0), x)
    return choose_lanes(less(w.constant(0.0), x), w.constant(1.0), below)


def error(x: Vector) -> Vector:
    """Return erf(x): Taylor's series up to 1, from there on what the tail leaves of 1."""
    w, size, square = x.writer, absolute(x), x * x
    terms = [2 / sqrt(pi) * (-1) ** n / (factorial(n) * (2 * n + 1)) for n in range(ERF_TERMS)]
    near = polynomial(square, terms) * x
    t = w.constant(1.0) / size.multiply_add(w.constant(0.3275911), w.constant(1.0))
    tail = polynomial(t, [0.0, *ERF_TAIL]) * exponential(square * -1.0)
    return choose_lanes(less(size, 1.0), near, with_sign(w.constant(1.0) - tail, x))


def softplus(x: Vector) -> Vector:
    """Return log(1 + exp(x))."""
    decay = exponential(absolute(x) * -1.0)
    return log_of_more(decay) + x.maximum(x.writer.constant(0.0))


def mish(x: Vector) -> Vector:
    """Return x tanh(softplus(x)): with e = exp(x), x e (e + 2) / (e (e + 2) + 2)."""
    w = x.writer
    power = exponential_of_any(x.clip(w.constant(-inf), w.constant(20.0)))
    product = power * (power + 2.0)
    share = product / (product + 2.0)
    tiny = less(x, -100.0)
    return choose_lanes(tiny, w.constant(-0.0), x * share)


def swish(x: Vector, alpha: Vector) -> Vector:
    """Return x / (1 + exp(-alpha x))."""
    w, share = x.writer, logistic(x.writer, x * alpha)
    nothing = w.constant(0.0)
    none = w.builder.fcmp_ordered("==", share.value, nothing.value)
    return choose_lanes(none, nothing, x * share)


def gelu(x: Vector) -> Vector:
    """Return x (1 + erf(x / sqrt(2))) / 2."""
    return (x * 0.5) * (error(x * sqrt(0.5)) + 1.0)


def gelu_by_tanh(x: Vector) -> Vector:
    """Return the formula of Hendrycks and Gimpel 2016 with tanh."""
    cube = x * x * x
    inner = cube.multiply_add(x.writer.constant(0.044715), x) * sqrt(2 / pi)
    return (x * 0.5) * (tangent(x.writer, inner) + 1.0)


def elu(x: Vector, alpha: Vector, gamma: Vector) -> Vector:
    """Return gamma x above 0, gamma alpha (exp(x) - 1) below."""
    below = less(x, 0.0)
    return gamma * choose_lanes(below, alpha * exponential_less_one(x), x)


def celu(x: Vector, alpha: Vector) -> Vector:
    """Return x above 0, alpha (exp(x / alpha) - 1) below."""
    return choose_lanes(less(x, 0.0), alpha * exponential_less_one(x / alpha), x)


def leaky(x: Vector, slope: Vector) -> Vector:
    """Return x above 0, slope x below."""
    return choose_lanes(less(x, 0.0), slope * x, x)


def hard_sigmoid(x: Vector, alpha: Vector, beta: Vector) -> Vector:
    """Return alpha x + beta, moved into [0, 1]."""
    w = x.writer
    return x.multiply_add(alpha, beta).clip(w.constant(0.0), w.constant(1.0))


def hard_swish(x: Vector) -> Vector:
    """Return x times x / 6 + 1 / 2 moved into [0, 1]."""
    w = x.writer
    return x * hard_sigmoid(x, w.constant(1 / 6), w.constant(0.5))


def shrink(x: Vector, bound: Vector, bias: Vector) -> Vector:
    """Return x moved by the bias towards 0 beyond the bounds, 0 within."""
    w = x.writer
    above = choose_lanes(less(bound, x), x - bias, choose_lanes(_nan(x), x, w.constant(0.0)))
    return choose_lanes(less(x, bound * -1.0), x + bias, above)


def threshold(x: Vector, bound: Vector) -> Vector:
    """Return x above the bound, 0 below."""
    w = x.writer
    kept = w.builder.fcmp_unordered(">", x.value, bound.value)
    return choose_lanes(kept, x, w.constant(0.0))


def any_power(x: Vector, exponent: Vector) -> Vector:
    """Return x to an exponent that is no whole number: NaN below 0, but not of -inf."""
    w = x.writer
    endless = w.builder.fcmp_ordered("==", x.value, w.constant(-inf).value)
    size = choose_lanes(endless, w.constant(inf), x)
    return exponential_of_any(exponent * logarithm(size))


def gate(dy: Vector, y: Vector, low: Vector, high: Vector) -> Vector:
    """Return dy where low < y < high, 0 elsewhere: the gradient of clipping, from its result.

    NaN has not been clipped, and so lets dy pass.
    """
    w = y.writer
    above = w.builder.fcmp_unordered(">", y.value, low.value)
    below = w.builder.fcmp_unordered("<", y.value, high.value)
    return choose_lanes(w.builder.and_(above, below), dy, w.constant(0.0))


def gate_leaky(dy: Vector, y: Vector, slope: Vector) -> Vector:
    """Return dy where y > 0, slope dy elsewhere: the gradient of `leaky`, from its result."""
    w = y.writer
    above = w.builder.fcmp_unordered(">", y.value, w.constant(0.0).value)
    return choose_lanes(above, dy, slope * dy)


def gate_sigmoid(dy: Vector, y: Vector) -> Vector:
    """Return dy y (1 - y), from the sigmoid's result y."""
    return dy * (y * (y.writer.constant(1.0) - y))


def gate_tanh(dy: Vector, y: Vector, most: Vector, curve: Vector) -> Vector:
    """Return dy (most - curve y^2); of alpha tanh(beta x), that is alpha beta and beta / alpha."""
    return dy * (most - curve * y * y)


def _nan(x: Vector) -> object:
    return x.writer.builder.fcmp_unordered("uno", x.value, x.value)


def negated(x: Vector) -> Vector:
    """Return -x, of zeros too."""
    w = x.writer
    kind = ir.VectorType(I32, w.lanes)
    bits = w.builder.bitcast(x.value, kind)
    turned = w.builder.xor(bits, ir.Constant(kind, [-(2**31)] * w.lanes))
    return Vector(w, w.builder.bitcast(turned, w.vector))


FUNCTIONS: dict[str, Callable[..., Vector]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "multiply_add": lambda x, factor, term: x.multiply_add(factor, term),
    "max": lambda x, y: x.maximum(y),
    "min": minimum,
    "clip": lambda x, low, high: x.clip(low, high),
    "abs": absolute,
    "neg": negated,
    "sqrt": root,
    "reciprocal": lambda x: x.writer.constant(1.0) / x,
    "floor": floor,
    "ceil": ceiling,
    "round": nearest,
    "sign": sign,
    "exp": exponential_of_any,
    "any_pow": any_power,
    "log": logarithm,
    "erf": error,
    "tanh": lambda x: tangent(x.writer, x),
    "sigmoid": lambda x: logistic(x.writer, x),
    "softplus": softplus,
    "softsign": lambda x: x / (absolute(x) + 1.0),
    "mish": mish,
    "swish": swish,
    "gelu": gelu,
    "gelu_tanh": gelu_by_tanh,
    "elu": elu,
    "celu": celu,
    "leaky": leaky,
    "hard_sigmoid": hard_sigmoid,
    "hard_swish": hard_swish,
    "shrink": shrink,
    "threshold": threshold,
    "gate": gate,
    "gate_leaky": gate_leaky,
    "gate_sigmoid": gate_sigmoid,
    "gate_tanh": gate_tanh,
}
"""Functions by the names that expressions use."""
