"""What others count of the same layer: FLOPs, and the numbers of torchinfo, fvcore and thop.

Each convention is a function of one application of an operator, and says its sum in numbers. Those
of the tools follow their source: torchinfo 1.8.0 (`layer_info.py`), fvcore 0.1.5 (`jit_handles.py`)
and thop 0.1.1 (`vision/basic_hooks.py`). torchinfo and thop see modules alone, and a graph does not
tell nn.Softmax from F.softmax: every layer is counted as if it were a module, and where that is in
doubt, the sum says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from striate.errors import UnknownNameError
from striate.geometry import CONVENTION
from striate.network.graph import Shape

__all__ = ["CONVENTIONS", "Applied", "Convention", "convention"]


@dataclass(frozen=True, slots=True)
class Applied:
    """One application of an operator.

    Parameters
    ----------
    operator : Operator
    shapes : sequence of Shape
        Of what it reads.
    output : Shape
    parameters : sequence of Shape
        Of those that it reads, without running statistics.
    """

    operator: Any
    shapes: Sequence[Shape]
    output: Shape
    parameters: Sequence[Shape]

    @property
    def macs(self) -> int:
        """The multiply-adds, as striate counts them."""
        return int(self.operator.macs(self.shapes, self.output))

    @property
    def name(self) -> str:
        """What ONNX calls the operator."""
        return str(self.operator.onnx)

    @property
    def numbers(self) -> int:
        """The numbers in all its parameters."""
        return sum(map(prod, self.parameters))


Counted = tuple[int, str]
"""How many, and how they come about; "" where they are the multiply-adds."""


@dataclass(frozen=True, slots=True)
class Convention:
    """A way of counting.

    Parameters
    ----------
    name : str
    title : str
        The heading of its column.
    text : str
        What it counts.
    count : callable
        Returns the number for an application, and its sum.
    """

    name: str
    title: str
    text: str
    count: Callable[[Applied], Counted]


NORMS = ("InstanceNormalization", "GroupNormalization", "LayerNormalization")


VIEWS = ("Concat", "Expand", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze")
"""What arranges a parameter for another layer, and is no module."""

IF_MODULE = "(a function counts nothing)"


def _macs(use: Applied) -> Counted:
    return use.macs, ""


def _flops(use: Applied) -> Counted:
    return 2 * use.macs, f"2 x {use.macs:,}" if use.macs else ""


def _with_biases(use: Applied) -> Counted:
    biases = prod(use.output) if use.macs and len(use.shapes) > 2 else 0
    if not biases:
        return _flops(use)
    return 2 * use.macs + biases, f"2 x {use.macs:,} + {biases:,} biases added"


def _torchinfo(use: Applied) -> Counted:
    numbers, examples = use.numbers, use.output[0] if use.output else 1
    if use.name == "PRelu":
        numbers = prod(use.shapes[1])
    if not numbers or use.name in VIEWS:
        return 0, "no parameters" if use.macs else ""
    if use.name not in ("Conv", "ConvTranspose"):
        return examples * numbers, f"{numbers:,} parameters x {examples} (examples)"
    places = prod(use.output[2:])
    text = f"{numbers:,} parameters x {examples * places:,} (examples x places of the output)"
    return numbers * examples * places, text


def _fvcore(use: Applied) -> Counted:
    x, y = prod(use.shapes[0]) if use.shapes else 0, prod(use.output)
    if use.name == "BatchNormalization":
        each = 2 if use.parameters else 1
        return each * x, f"{each} x {x:,} elements"
    if use.name in NORMS:
        each = 5 if use.parameters else 4
        return each * x, f'{each} x {x:,} elements ("a rough estimate")'
    if use.shapes and len(use.shapes[0]) == 4:
        return _fvcore_samples(use, x, y)
    return _macs(use)


def _fvcore_samples(use: Applied, x: int, y: int) -> Counted:
    """Return what fvcore counts of pooling and resizing images; it knows no other volumes."""
    if use.name == "GlobalAveragePool":
        return x, f"1 x {x:,} elements read"
    if use.name == "AveragePool" and _maybe_adaptive(use):
        return 0, f"nothing (if adaptive, 1 x {x:,} elements read)"
    if use.name == "Resize" and use.operator.mode in ("nearest", "linear"):
        each = 1 if use.operator.mode == "nearest" else 4
        return each * y, f"{each} x {y:,} elements written"
    return _macs(use)


def _maybe_adaptive(use: Applied) -> bool:
    """Tell whether windows lie as those that adaptive pooling becomes."""
    axes = use.operator.window.at(use.shapes[0][2:]).axes
    plain = all(axis.before == axis.after == 0 and axis.dilation == 1 for axis in axes)
    return plain and all(axis.stride in (1, axis.kernel) for axis in axes)


def _thop(use: Applied) -> Counted:
    x, y = prod(use.shapes[0]) if use.shapes else 0, prod(use.output)
    if use.name == "ConvTranspose":
        weight = use.shapes[1]
        each = weight[0] // use.operator.groups * prod(weight[2:])
        return each * y, f"{each:,} x {y:,} elements written, as if it were no transpose"
    if use.name in ("BatchNormalization", "InstanceNormalization", "LayerNormalization"):
        each = 4 if use.parameters else 2
        return each * x, f"{each} x {x:,} elements"
    if use.name == "PRelu":
        return x, f"1 x {x:,} elements"
    if use.name == "Softmax":
        size = use.shapes[0][use.operator.axis]
        rows = x // max(size, 1)
        return rows * (3 * size - 1), f"{rows:,} rows x (3 x {size:,} - 1) {IF_MODULE}"
    if use.name == "MatMul" and not use.parameters:
        return 0, "no module, so it is missed"
    return _thop_samples(use, x, y)


def _thop_samples(use: Applied, x: int, y: int) -> Counted:
    """Return what thop counts of pooling and resizing."""
    if use.name == "AveragePool":
        text = f"1 x {y:,} elements written"
        if not _maybe_adaptive(use):
            return y, f"{text} {IF_MODULE}"
        return y, f"{text} (if adaptive, more; a function counts nothing)"
    if use.name == "GlobalAveragePool":
        each = x // max(y, 1) + 1
        return each * y, f"({each - 1:,} + 1) x {y:,} elements written {IF_MODULE}"
    if use.name == "Resize":
        way = use.operator.mode, len(use.output) - 2
        if way == ("linear", 3):
            return 0, "trilinear, which it does not know"
        each = {("linear", 1): 5, ("linear", 2): 11, ("cubic", 2): 259}.get(way, 1)
        return each * y, f"{each} x {y:,} elements written {IF_MODULE}"
    return _macs(use)


CONVENTIONS = {
    one.name: one
    for one in (
        Convention("macs", "MACs", CONVENTION, _macs),
        Convention(
            "flops",
            "FLOPs",
            "1 MAC = 2 FLOPs; padding counts as data; biases, normalisation, activations and "
            "pooling are not counted",
            _flops,
        ),
        Convention(
            "flops-bias",
            "FLOPs",
            "1 MAC = 2 FLOPs, and 1 for each bias added; padding counts as data; normalisation, "
            "activations and pooling are not counted",
            _with_biases,
        ),
        Convention(
            "torchinfo",
            "mult-adds",
            "torchinfo's mult-adds: each parameter, biases included, once for each place of the "
            "output of a convolution (of its transpose too), else once for each example; what has "
            "no parameters counts nothing; as if every layer were a module",
            _torchinfo,
        ),
        Convention(
            "fvcore",
            "fvcore flops",
            "fvcore's flops: 1 for a multiply-add; 2 for each element of a batch normalisation, 5 "
            "of other normalisations, 1 of global average pooling, 1 or 4 of resizing images",
            _fvcore,
        ),
        Convention(
            "thop",
            "thop MACs",
            "thop's MACs: multiply-adds, of a transposed convolution as if it were none; 4 for "
            "each element of a normalisation (none of group normalisation), 1 of average pooling, "
            "3 n - 1 of a softmax over n; as if every layer were a module, but products of two "
            "computed values, which it misses",
            _thop,
        ),
    )
}
"""All ways of counting, by name; the first is striate's own."""


def convention(name: str) -> Convention:
    """Return a convention by name.

    Raises
    ------
    UnknownNameError
        With the nearest known names.

    Examples
    --------
    >>> convention("torchinfo").title
    'mult-adds'
    """
    if name not in CONVENTIONS:
        raise UnknownNameError.of("convention", name, CONVENTIONS)
    return CONVENTIONS[name]
