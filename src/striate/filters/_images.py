"""The front of every filter: stacks of images, alpha and linear light, ahead of its own work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial, wraps
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from striate.errors import ParameterError, explained
from striate.filters import light
from striate.filters._again import Calls
from striate.filters._apply import as_image, as_stack, fill_value, target_dtype
from striate.filters.alpha import has_alpha, keep_alpha, sharpen_by_alpha
from striate.filters.large.lazy import filter_lazily, is_lazy
from striate.ops.filtering import round_into

__all__ = ["image_filter"]

Image = NDArray[Any]
Way = Callable[[Image, Callable[[Image], Image]], Image]
Function = TypeVar("Function", bound=Callable[..., Any])
FRONT = frozenset({"stack", "alpha", "linear_light"})


def image_filter(way: Way | None) -> Callable[[Function], Function]:
    """Return the decorator that gives a filter the options `stack`, `alpha` and `linear_light`.

    Parameters
    ----------
    way : function of `striate.filters.alpha`, or None
        How the filter treats alpha; None refuses it. Derivatives (an ``order`` other than 0) keep
        alpha, whatever is said here.
    """

    def decorate(function: Function) -> Function:
        calls = Calls(function)

        @wraps(function)
        def front(image: Any, *arguments: Any, **options: Any) -> Any:
            plain = not options or FRONT.isdisjoint(options)
            if plain and type(image) is np.ndarray:
                return calls(image, arguments, options)
            if is_lazy(image):
                return filter_lazily(front, image, arguments, options)
            if plain:
                return function(image, *arguments, **options)
            with explained(function.__name__):
                stack, alpha, linear_light = (
                    flag(name, options.pop(name, False))
                    for name in ("stack", "alpha", "linear_light")
                )
            chosen = keep_alpha if np.any(options.get("order", 0)) else way
            call = Call(function, arguments, options, chosen, alpha, linear_light)
            return call.on_stack(image) if stack else call.on_image(image)

        return cast(Function, front)

    return decorate


def flag(name: str, value: Any) -> bool:
    """Return `value` if it is a truth value."""
    if not isinstance(value, (bool, np.bool_)):
        raise ParameterError(f"{name} is {value!r}; it must be True or False")
    return bool(value)


@dataclass(frozen=True)
class Call:
    """A filter's call: its arguments and own options, and what the front was asked for."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    way: Way | None
    alpha: bool
    linear_light: bool

    def plain(self, image: Image) -> Any:
        """Call the filter itself."""
        return self.function(image, *self.arguments, **self.options)

    def given(self, **options: Any) -> Call:
        """Return the call with other options."""
        return replace(self, options=self.options | options)

    def on_stack(self, images: Any) -> Any:
        """Filter each image of a stack, straight into its place in the result."""
        with explained(self.function.__name__):
            stack = as_stack(images)
            dtype = target_dtype(stack, self.options)
        out: Image | None = self.options.get("out")
        target = np.empty(stack.shape, dtype) if out is None or shifted(out, stack) else out
        results = [
            self.given(out=part, dtype=None).on_image(image)
            for image, part in zip(stack, target, strict=True)
        ]
        if isinstance(results[0], tuple):  # gradients: their directions lie beside `out`
            return delivered(target, out), np.stack([direction for _, direction in results])
        return delivered(target, out)

    def on_image(self, image: Any) -> Any:
        """Filter one image with regard to its alpha, in linear light, both or neither."""
        with explained(self.function.__name__):
            pixels = as_image(image)
            way = self.way_of(pixels) if self.alpha and has_alpha(pixels) else None
        if way is None and not self.linear_light:
            return self.plain(pixels)
        with explained(self.function.__name__):
            dtype = target_dtype(pixels, self.options)
        if way is keep_alpha:
            colours = replace(self.given(out=None, dtype=dtype), alpha=False)
            return delivered(keep_alpha(pixels, colours.on_image), self.options.get("out"))
        return self.in_floats(pixels, way, dtype)

    def in_floats(self, pixels: Image, way: Way | None, dtype: np.dtype[Any]) -> Any:
        """Filter an image as light, or as plain numbers, and round once at the end."""
        with explained(self.function.__name__):
            inner = self.given(out=None, dtype=None, cval=self.outside(pixels, dtype))
        numbers = light.decode(pixels) if self.linear_light else pixels.astype(np.float64, "C")
        filtered = way(numbers, inner.plain) if way else inner.plain(numbers)
        values, *directions = filtered if isinstance(filtered, tuple) else (filtered,)
        if self.linear_light:
            result = light.encode(values, dtype, white=light.full_scale(pixels.dtype))
        else:
            result = np.empty(values.shape, dtype)
            round_into(result, values)
        result = delivered(result, self.options.get("out"))
        return (result, *directions) if directions else result

    def way_of(self, pixels: Image) -> Way:
        """Return how the filter treats the image's alpha."""
        if self.way is None:
            raise ParameterError(
                "alpha is True, but a direction has no alpha; filter image[..., :-1]"
            )
        if self.way is sharpen_by_alpha:
            return partial(sharpen_by_alpha, opaque=light.full_scale(pixels.dtype))
        return self.way

    def outside(self, pixels: Image, dtype: np.dtype[Any]) -> float:
        """Return `cval` as the filter itself needs it: as light, where that is what it filters."""
        cval = fill_value(self.options.get("cval", 0.0), dtype)
        if cval and self.options.get("border") == "constant" and has_alpha(pixels):
            raise ParameterError(
                f"cval is {cval:g}, but beyond an image with alpha all is transparent; "
                f"leave cval out"
            )
        white = light.full_scale(pixels.dtype)
        return float(light.decode(np.array([[cval / white]]))[0, 0]) if self.linear_light else cval


def shifted(out: Image, stack: Image) -> bool:
    """Whether the result for one image may fall on another one, which is not yet filtered."""
    same = (out.ctypes.data, out.strides) == (stack.ctypes.data, stack.strides)
    return not same and np.may_share_memory(out, stack)


def delivered(result: Image, out: Image | None) -> Image:
    """Return the result, in `out` where the caller gave one."""
    if out is None:
        return result
    if out is not result:
        out[...] = result
    return out
