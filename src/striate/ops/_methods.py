"""The methods of convolution, and which one to take."""

from __future__ import annotations

from collections.abc import Callable

from striate.errors import ParameterError
from striate.ops._checks import check_method
from striate.ops._plans import Convolution, Direct, Plan, Reference, Sliding
from striate.ops._winograd_plan import Winograd, pays, takes

__all__ = ["plan_for"]

METHODS: dict[str, Callable[[Convolution, int], Plan]] = {
    "direct": Direct,
    "reference": Reference,
    "sliding": Sliding,
    "winograd": Winograd,
}

FEW_MAPS = 2  # in a group: more of them make packing patches worth its while


def best_method(convolution: Convolution, exact: bool) -> str:
    """Return the fastest method for these shapes; an `exact` one only adds up products."""
    s = convolution.sizes
    if s.maps <= FEW_MAPS:
        return "sliding"
    if exact or not takes(convolution):
        return "direct"
    return "winograd" if pays(s, convolution.output_shape[2:]) else "direct"


def plan_for(convolution: Convolution, method: str, threads: int, exact: bool) -> Plan:
    """Return the plan of the chosen method.

    Raises
    ------
    ParameterError
        If there is no such method, or it cannot compute this convolution.
    """
    check_method(method, {"auto", *METHODS})
    if method == "winograd":
        check_winograd(convolution, exact)
    chosen = best_method(convolution, exact) if method == "auto" else method
    return METHODS[chosen](convolution, threads)


def check_winograd(convolution: Convolution, exact: bool) -> None:
    """Raise if Winograd's method cannot compute this convolution, or not exactly."""
    if exact:
        raise ParameterError("method 'winograd' rounds and is not exact: use 'auto' or 'direct'")
    if not takes(convolution):
        w = convolution.window
        raise ParameterError(
            "method 'winograd' needs a kernel (3, 3) with stride (1, 1) and dilation (1, 1), not "
            f"kernel {w.kernel}, stride {w.strides}, dilation {w.dilations}: use method='auto'"
        )
