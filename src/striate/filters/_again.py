"""Calls like an earlier one: what was checked and planned for it is not checked and planned again.

A filter's way follows from its parameters and from the image's shape, strides and dtype alone. So
where a call came down to one pass over the image itself, the pass is kept under these, and the
next call like it goes straight there. On small images that is most of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate.filters._footprints import listening
from striate.ops.images.calls import Pass, run

__all__ = ["Calls", "note_pass"]

MOST = 64  # calls of a filter that are kept
WEIGHTS = 4096  # of a kernel of one's own that calls are told apart by


class Done(NamedTuple):
    """A pass that was run, from where and to where."""

    one: Pass
    image: NDArray[Any]
    result: NDArray[Any]


_done: ContextVar[list[Done] | None] = ContextVar("passes", default=None)


def note_pass(one: Pass, image: NDArray[Any], result: NDArray[Any]) -> None:
    """Tell who listens that a pass was run."""
    done = _done.get()
    if done is not None:
        done.append(Done(one, image, result))


class Calls:
    """A filter's calls on arrays, and the plans of those that were made before."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._kept: dict[Any, tuple[Pass, np.dtype[Any], bool]] = {}

    def __call__(
        self, image: NDArray[Any], arguments: tuple[Any, ...], options: dict[str, Any]
    ) -> Any:
        """Return ``function(image, *arguments, **options)``."""
        if listening():
            return self._function(image, *arguments, **options)
        out = None
        kinds, values = kinds_of(arguments), arguments
        if np.ndarray in kinds:
            values = tuple(map(weights_of, arguments))
        key: Any = image.shape, image.strides, image.dtype, aligned(image), kinds, values
        if options:
            out = options.get("out")
            kinds, values = kinds_of(options.values()), tuple(options.values())
            if np.ndarray in kinds:
                values = tuple(layout_of(one) if one is out else weights_of(one) for one in values)
            key = key, *options, kinds, values
        try:
            found = self._kept.get(key)
        except TypeError:  # lists among the arguments
            return self._function(image, *arguments, **options)
        if found is None:
            return self._first(image, arguments, options, key)
        one, dtype, finite = found
        if out is None:
            out = np.empty(image.shape, dtype)
        elif overlap(image, out):
            return self._function(image, *arguments, **options)
        if finite and not np.isfinite(image).all():  # which the filter refuses
            return self._function(image, *arguments, **options)
        run(one, image, out)
        return out

    def _first(
        self, image: NDArray[Any], arguments: tuple[Any, ...], options: dict[str, Any], key: Any
    ) -> Any:
        """Call the filter, and keep what it ran if that was one pass from image to result."""
        token = _done.set([])
        try:
            result = self._function(image, *arguments, **options)
            done = _done.get() or []
        finally:
            _done.reset(token)
        if len(done) == 1 and repeats(done[0], image, result):
            if len(self._kept) >= MOST:
                self._kept.clear()
            # Integers cannot show NaN and infinity, for which every image is looked through.
            finite = image.dtype.kind == "f" and result.dtype.kind != "f"
            self._kept[key] = done[0].one, result.dtype, finite
        return result


def kinds_of(values: Iterable[Any]) -> tuple[Any, ...]:
    """Return what tells 1, 1.0 and True apart: they are equal, but not to a filter's checks."""
    kinds = tuple(map(type, values))
    if tuple not in kinds:
        return kinds
    return tuple(kinds_of(one) if type(one) is tuple else type(one) for one in values)


def overlap(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether arrays may share memory; two that own theirs do not."""
    if one.base is None and other.base is None:
        return one is other
    return np.may_share_memory(one, other)


def weights_of(value: Any) -> Any:
    """Return what tells a small array from another; other arguments stay as they are."""
    if type(value) is not np.ndarray or value.size > WEIGHTS:
        return value
    return layout_of(value), value.tobytes()


def layout_of(image: Any) -> Any:
    """Return how an array lies in memory, or what is no array itself."""
    if type(image) is not np.ndarray:
        return image
    return image.shape, image.strides, image.dtype, aligned(image), image.flags.writeable


def aligned(image: NDArray[Any]) -> bool:
    """Whether numbers lie at multiples of their size; arrays that own their memory have them so."""
    return image.base is None or image.flags.aligned


def repeats(done: Done, image: Any, result: Any) -> bool:
    """Whether a pass alone is what became of an image."""
    return type(result) is np.ndarray and same(done.image, image) and same(done.result, result)


def same(rows: NDArray[Any], image: NDArray[Any]) -> bool:
    """Whether rows of numbers are an image's own memory."""
    return (
        rows.size == image.size
        and rows.dtype == image.dtype
        and rows.__array_interface__["data"][0] == image.__array_interface__["data"][0]
        and rows.strides[0] == image.strides[0]
    )
