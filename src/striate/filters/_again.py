"""Calls like an earlier one: what was checked and planned for it is not checked and planned again.

A filter's way follows from its parameters and from the image's shape, strides and dtype alone. So
where a call came down to one pass over the image itself, the pass is kept under these, and the
next call like it goes straight there. On small images that is most of the time.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate.filters._footprints import listening
from striate.ops.images.calls import Pass, run

__all__ = ["called", "note_pass"]

MOST = 256  # calls that are kept


class Done(NamedTuple):
    """A pass that was run, from where and to where."""

    one: Pass
    image: NDArray[Any]
    result: NDArray[Any]


_done: ContextVar[list[Done] | None] = ContextVar("passes", default=None)
_kept: dict[Any, tuple[Pass, np.dtype[Any]]] = {}


def note_pass(one: Pass, image: NDArray[Any], result: NDArray[Any]) -> None:
    """Tell who listens that a pass was run."""
    done = _done.get()
    if done is not None:
        done.append(Done(one, image, result))


def called(
    function: Callable[..., Any], image: Any, arguments: tuple[Any, ...], options: dict[str, Any]
) -> Any:
    """Return ``function(image, *arguments, **options)``."""
    if type(image) is not np.ndarray or listening():
        return function(image, *arguments, **options)
    out = None
    values = arguments
    # 1, 1.0 and True are equal, but not to a filter's checks.
    about = function, image.shape, image.strides, image.dtype, *map(type, arguments)
    if options:
        named = dict(options)
        out = named.pop("out", None)
        values = (*arguments, *named.values())
        about = (*about, layout_of(out), *named, *map(type, named.values()))
    try:
        key = key_of(about, values)
        found = _kept.get(key)
    except TypeError:  # lists among the arguments
        return function(image, *arguments, **options)
    if found is None:
        return first_call(function, image, arguments, options, key)
    one, dtype = found
    if out is None:
        out = np.empty(image.shape, dtype)
    elif np.may_share_memory(image, out):
        return function(image, *arguments, **options)
    run(one, image, out)
    return out


def layout_of(image: Any) -> Any:
    """Return how an array lies in memory, or what is no array itself."""
    if type(image) is not np.ndarray:
        return image
    return image.shape, image.strides, image.dtype, image.flags.writeable


def key_of(about: tuple[Any, ...], values: tuple[Any, ...]) -> Any:
    """Return what calls have in common that are alike: kernels of the same weights are."""
    key = about, values
    try:
        hash(key)
    except TypeError:
        key = about, tuple(weights_of(value) for value in values)
    return key


def weights_of(value: Any) -> Any:
    """Return what tells an array from another; other arguments stay as they are."""
    return (layout_of(value), value.tobytes()) if type(value) is np.ndarray else value


def first_call(
    function: Callable[..., Any],
    image: Any,
    arguments: tuple[Any, ...],
    options: dict[str, Any],
    key: Any,
) -> Any:
    """Call a filter, and keep what it ran if that was one pass from its image to its result."""
    token = _done.set([])
    try:
        result = function(image, *arguments, **options)
        done = _done.get() or []
    finally:
        _done.reset(token)
    if len(done) == 1 and repeats(done[0], image, result):
        if len(_kept) >= MOST:
            _kept.clear()
        _kept[key] = done[0].one, result.dtype
    return result


def repeats(done: Done, image: Any, result: Any) -> bool:
    """Whether a pass alone is what became of an image, whatever its pixels."""
    if type(result) is not np.ndarray:
        return False
    looked_at = image.dtype.kind == "f" and result.dtype.kind != "f"  # for NaN and infinity
    return not looked_at and same(done.image, image) and same(done.result, result)


def same(rows: NDArray[Any], image: NDArray[Any]) -> bool:
    """Whether rows of numbers are an image's own memory."""
    return (
        rows.size == image.size
        and rows.dtype == image.dtype
        and rows.__array_interface__["data"][0] == image.__array_interface__["data"][0]
        and rows.strides[0] == image.strides[0]
    )
