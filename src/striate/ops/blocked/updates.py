"""Steps of optimisers over flat vectors.

The formulas are those of PyTorch's SGD, Adam and AdamW; one pass reads gradients and changes
weights, velocities and moments. What changes from step to step is read from buffers: the learning
rate, the clipping's factor, and the clock's corrections.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from striate.errors import ParameterError
from striate.ops.blocked.clipping import DOUBLE, double_bits, root
from striate.ops.blocked.lanes import first_lanes, load_first, store_first
from striate.ops.blocked.layout import Place
from striate.ops.blocked.task import Task, Word, bits
from striate.ops.blocked.walk import cut_task, row_template, span
from striate.ops.codegen import Index, Pointer, Target, Vector, Writer, template
from striate.ops.codegen.values import FLOAT, ir

__all__ = ["CLOCK_SIZE", "Method", "advance", "clock", "update"]

Method = Literal["sgd", "adam", "adamw"]

UNIT = 1024
"""Elements that a thread gets at least."""

CLOCK_SIZE = 16
"""Elements of a clock: int64 steps, float64 beta1^t and beta2^t, float32 corrections."""

CORRECTIONS = 6
"""Where a clock has 1 / (1 - beta1^t); after it is 1 / sqrt(1 - beta2^t)."""


def clock(betas: tuple[float, float] = (0.9, 0.999), steps: int = 0) -> NDArray[np.float32]:
    """Return a clock after so many steps, bit for bit as `advance` leaves it.

    >>> clock((0.5, 0.5), 2).view(np.float64)[1:3]
    array([0.25, 0.25])
    """
    words = np.zeros(CLOCK_SIZE // 2, np.float64)
    powers = [1.0, 1.0]
    for _ in range(steps):
        powers = [power * beta for power, beta in zip(powers, betas, strict=True)]
    words.view(np.int64)[0] = steps
    words[1:3] = powers
    numbers = words.view(np.float32)
    if steps:
        first, second = (1 - power for power in powers)
        numbers[CORRECTIONS : CORRECTIONS + 2] = 1 / first, 1 / np.sqrt(second)
    return numbers


def advance(target: Target, at: Place, betas: tuple[float, float] = (0.9, 0.999)) -> Task:
    """Return what advances a clock by a step, before the update that belongs to it."""
    numbers = {f"beta{i}": double_bits(beta) for i, beta in enumerate(betas)}
    words: dict[str, Word] = {"clock": at, **numbers}
    return Task(advance_clock.kernel(target), words, 1, 1)


@template("clock", "beta0", "beta1")
def advance_clock(w: Writer, a: Any) -> None:
    """Write the clock."""
    builder, at = w.builder, w.pointer(a.clock)

    def place(word: int) -> Any:
        return (at + 2 * word).value

    builder.store((w.word(at, 0) + 1).value, place(0))
    one = ir.Constant(DOUBLE, 1.0)
    for i, beta in enumerate((a.beta0, a.beta1)):
        power = builder.load(place(1 + i), typ=DOUBLE)
        power = builder.fmul(power, builder.bitcast(beta.value, DOUBLE))
        builder.store(power, place(1 + i))
        left = builder.fsub(one, power)
        left = root(w, left) if i else left
        at.put_scalar(builder.fptrunc(builder.fdiv(one, left), FLOAT), CORRECTIONS + i)


def update(
    target: Target,
    method: Method,
    count: int,
    weights: Place,
    gradients: Place,
    rate: Place,
    *,
    velocity: Place | None = None,
    squares: Place | None = None,
    clock: Place | None = None,
    factor: Place | None = None,
    factors: Place | NDArray[np.float32] | None = None,
    momentum: float = 0.0,
    nesterov: bool = False,
    betas: tuple[float, float] = (0.9, 0.999),
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
) -> Task:
    """Return what takes a step of an optimiser over `count` weights.

    Parameters
    ----------
    weights, gradients : (count,); weights change, gradients do not
    rate : one float32, the learning rate
    velocity : (count,), zeros at first: of sgd with momentum, and the first moments of Adam
    squares, clock : (count,), zeros at first, the second moments of Adam; its clock
    factor : one float32 that multiplies gradients, such as `clip_norm` writes
    factors : (count,), which multiply the learning rate

    Raises
    ------
    ParameterError
        If the method lacks one of its vectors.
    """
    adam = method != "sgd"
    if (velocity is None and (adam or momentum)) or (adam and (squares is None or clock is None)):
        needs = "velocity, squares and a clock" if adam else "a velocity for its momentum"
        raise ParameterError(f"{method} needs {needs}")
    optional: dict[str, Word | None] = {"velocity": velocity, "squares": squares, "clock": clock}
    optional |= {"factor": factor, "factors": factors}
    words: dict[str, Word] = {"weights": weights, "gradients": gradients, "rate": rate}
    words |= {name: 0 if place is None else place for name, place in optional.items()}
    numbers = (1 - betas[0], betas[1], 1 - betas[1]) if adam else (momentum, 0.0, 0.0)
    words |= {f"n{i}": bits(number) for i, number in enumerate(numbers)}
    words |= {"epsilon": bits(epsilon), "decay": bits(weight_decay), "count": count}
    kernel = update_elements.kernel(
        target,
        method=method,
        moving=bool(momentum) and not adam,
        nesterov=nesterov,
        decays=bool(weight_decay),
        clipped=factor is not None,
        factored=factors is not None,
    )
    return cut_task(kernel, words, -(-count // UNIT), count * (40 if adam else 16))


@row_template(
    *("weights", "gradients", "velocity", "squares", "clock", "rate", "factor", "factors"),
    *("n0", "n1", "n2", "epsilon", "decay", "count"),
)
def update_elements(
    w: Writer,
    a: Any,
    method: str,
    moving: bool,
    nesterov: bool,
    decays: bool,
    clipped: bool,
    factored: bool,
) -> None:
    """Write elements: those of all registers, then the rest."""
    begin, end = span(w, a)
    numbers = [w.float_of(each) for each in (a.n0, a.n1, a.n2)]
    epsilon, decay = w.float_of(a.epsilon), w.float_of(a.decay)
    rate = w.pointer(a.rate).broadcast()
    factor = w.pointer(a.factor).broadcast() if clipped else None
    corrections = []
    if method != "sgd":
        corrections = [w.pointer(a.clock).broadcast(CORRECTIONS + i) for i in range(2)]

    def step(at: _Elements) -> None:
        x, g = at.load(a.weights), at.load(a.gradients)
        g = g if factor is None else g * factor
        own_rate = rate * at.load(a.factors) if factored else rate
        if decays and method == "adamw":
            x = x - x * (own_rate * decay)
        elif decays:
            g = x.multiply_add(decay, g)
        if method == "sgd":
            if moving:
                v = at.load(a.velocity) * numbers[0] + g
                at.store(a.velocity, v)
                g = g + v * numbers[0] if nesterov else v
            at.store(a.weights, x - g * own_rate)
            return
        m, v = at.load(a.velocity), at.load(a.squares)
        m = m + (g - m) * numbers[0]
        v = v * numbers[1] + (g * g) * numbers[2]
        at.store(a.velocity, m)
        at.store(a.squares, v)
        size = w.intrinsic("llvm.sqrt", v) * corrections[1] + epsilon
        at.store(a.weights, x - (m * (own_rate * corrections[0])) / size)

    first, last = begin * UNIT, (end * UNIT).least(a.count)
    whole = last - (last - first) % w.lanes
    with w.loop(first, whole, w.lanes) as i:
        step(_Elements(w, i, None))
    with w.when(last > whole):
        step(_Elements(w, whole, first_lanes(w, last - whole)))


class _Elements:
    """A register of each vector, or the lanes of a mask."""

    def __init__(self, w: Writer, place: Index, mask: Any) -> None:
        self._w, self._place, self._mask = w, place, mask

    def _at(self, word: Index) -> Pointer:
        return self._w.pointer(word) + self._place

    def load(self, word: Index) -> Vector:
        """Return elements of the vector that a word is the address of."""
        if self._mask is None:
            return self._at(word).load()
        return load_first(self._w, self._at(word), self._mask)

    def store(self, word: Index, vector: Vector) -> None:
        """Write them."""
        if self._mask is None:
            self._at(word).store(vector)
        else:
            store_first(self._w, self._at(word), vector, self._mask)
