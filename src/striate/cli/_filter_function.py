"""From a filter's name and its options to a function of an image."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from typing import TYPE_CHECKING, Any

from striate.cli._filter_kinds import Scaled, positive_weights
from striate.cli._filter_options import EVERY, FILTERS, RESIDUALS, parsed
from striate.errors import ParameterError, explained

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

__all__ = ["digest", "made", "outside", "parameters"]

AROUND = ("border", "cval", "dtype", "linear_light")  # what no filter's weights depend on


def parameters(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the filter's own parameters, parsed; refuse those of other filters."""
    needed, optional = FILTERS[name]
    takes = (*needed, *optional)
    chosen = {option: value for option, value in given.items() if value is not None}
    for option in chosen:
        if option not in takes:
            raise ParameterError(
                f"{name} takes no --{option}; it takes --{', --'.join((*takes, *EVERY))}"
            )
    for option in needed:
        if option not in chosen:
            raise ParameterError(f"{name} needs --{option}; see striate filter --help")
    return {option: parsed(name, option, value) for option, value in chosen.items()}


def outside(border: str, cval: float | None) -> dict[str, Any]:
    """Return the parameters of the border; a value that would not be looked at is refused."""
    if cval is not None and border != "constant":
        raise ParameterError(
            f"--cval is {cval:g}, but --border is {border}, which shows none of it; "
            "add --border constant or leave --cval out"
        )
    return {"border": border, "cval": 0.0 if cval is None else cval}


def made(
    name: str, chosen: dict[str, Any], *, scale: bool = False, signed: bool = False
) -> partial[NDArray[Any]]:
    """Return the filter with its parameters, tried on one pixel so that bad ones show now."""
    if scale and chosen.get("dtype") is None:
        raise ParameterError(
            "--scale is for another kind of numbers; add --dtype uint8, uint16, float32 or float64"
        )
    import numpy as np

    from striate import filters

    if signed and chosen["linear_light"]:
        raise ParameterError("--signed shows differences of levels, not of light; leave one out")
    own = name.replace("-", "_")
    if name in RESIDUALS:
        of_kernel = {key: chosen[key] for key in FILTERS[name][1] if key in chosen}
        rest = {key: value for key, value in chosen.items() if key not in of_kernel}
        with explained(name):
            chosen = {"kernel": getattr(filters.kernels, own)(**of_kernel), **rest}
        own = "correlate"
    found = getattr(filters, own)
    apply: Callable[..., NDArray[Any]] = Scaled(found) if scale else found
    if signed:
        weighing = {key: value for key, value in chosen.items() if key not in AROUND}
        apply = Scaled(found, positive_weights(name, found, weighing))
    function = partial(apply, alpha=True, **chosen)
    function(np.zeros((1, 1), dtype=np.uint8))
    return function


def digest(settings: Mapping[str, Any]) -> str:
    """Return what stands for settings: no two of them have the same.

    Examples
    --------
    >>> digest({"sigma": 2.0}) == digest({"sigma": 2.5})
    False
    """
    from striate import __version__

    text = json.dumps(
        {"version": __version__, **settings}, sort_keys=True, default=lambda array: array.tolist()
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]
