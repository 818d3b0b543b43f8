"""Kinds of numbers: filtering from one to another, and what to say where it loses something."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from striate.errors import DTypeError, ParameterError, ShapeError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "Scaled",
    "in_parts",
    "notices_of_kinds",
    "notices_of_white",
    "positive_weights",
    "refuse_unheld",
    "shape_written",
]

BALANCED = 0.05  # of the positive weights: truncated kernels add up to a little more than 0
CLIPPED = 0.01  # share of an image's numbers that may become white without a word


@dataclass(frozen=True)
class Scaled:
    """A filter whose `dtype` makes white of white: it is summed in floats, scaled and rounded.

    Attributes
    ----------
    function : function
        The filter.
    positive : float or None
        The sum of its positive weights, where 0 is to become the middle grey: a result that this
        many whites make is white, and its opposite black. None leaves signs as they are.
    """

    function: Callable[..., NDArray[Any]]
    positive: float | None = None

    def __call__(self, image: NDArray[Any], *, dtype: Any, **options: Any) -> NDArray[Any]:
        """Return the filtered image in another dtype; None is that of the image."""
        from striate.filters.alpha import has_alpha
        from striate.filters.files import scaled
        from striate.filters.light import full_scale

        white = full_scale(image.dtype)
        result = self.function(image, dtype=floats(image.dtype), **options)
        if self.positive is not None:
            colours = result[..., :-1] if has_alpha(result) else result
            colours /= 2 * self.positive
            colours += white / 2
        return scaled(result, image.dtype if dtype is None else dtype, white=white)


def positive_weights(name: str, function: Callable[..., Any], options: dict[str, Any]) -> float:
    """Return the sum of a filter's positive weights, as it shows them of a single point.

    Raises
    ------
    ParameterError
        Its results are no differences: they have no sign, or follow the brightness.
    """
    import numpy as np

    from striate.filters import large

    found = large.reach(function, **options)
    side = max(*found.before, *found.after) + 1
    point = np.zeros((2 * side + 1, 2 * side + 1))
    point[side, side] = 1
    dark, bright = (function(value * point, border="constant", **options) for value in (-1.0, 1.0))
    positive = float(bright[bright > 0].sum())
    if not np.allclose(dark, -bright) or abs(bright.sum()) > BALANCED * positive or not positive:
        raise ParameterError(
            f"--signed is for filters whose weights add up to 0, and {name} is none with these "
            "options; leave it out, or give sobel, scharr and prewitt an --axis, "
            "roberts a --diagonal"
        )
    return positive


def floats(dtype: np.dtype[Any]) -> str:
    """Return the dtype in which the numbers of an image are summed."""
    return "float64" if dtype.name == "float64" else "float32"


def in_parts(apply: partial[Any], source: Path) -> partial[Any]:
    """Return a filter as `filters.large` takes it: what is no filter itself, with its reach."""
    from striate.filters import large

    if not isinstance(apply.func, Scaled):
        return apply
    layout = large.layout(source)
    options = {**apply.keywords, "dtype": floats(layout.dtype)}
    reach = large.reach(apply.func.function, layout.dtype, layout.channels, **options)
    return partial(apply.func, **apply.keywords, reach=reach)


def notices_of_kinds(before: np.dtype[Any], after: np.dtype[Any], *, scaled: bool) -> Iterator[str]:
    """Yield what to say where numbers were kept in a dtype with another white."""
    from striate.filters.light import full_scale

    old, new = full_scale(before), full_scale(after)
    if old != new and not scaled:
        yield (
            f"numbers of {before} are kept in {after}, where white is {new:g} and not {old:g}; "
            "add --scale to scale them"
        )


def notices_of_white(image: NDArray[Any], result: NDArray[Any]) -> Iterator[str]:
    """Yield what to say where much of a result is at the end of its dtype, and was not before."""
    if share_at_end(result) > share_at_end(image) + CLIPPED:
        from striate.filters.light import full_scale

        yield (
            f"more than 1 % of its numbers were beyond {result.dtype} and became "
            f"{full_scale(result.dtype):g}; --dtype float32 keeps them in a TIFF file"
        )


def share_at_end(image: NDArray[Any]) -> float:
    """Return the share of numbers that are the largest of their dtype; floats have no end."""
    import numpy as np

    if image.dtype.kind == "f":
        return 0.0
    # Alpha, mostly opaque, is as it was: it counts alike before and after.
    return float(np.count_nonzero(image == np.iinfo(image.dtype).max)) / image.size


def refuse_unheld(target: Path, image: NDArray[Any]) -> None:
    """Raise the error that says which options or formats do, where a format cannot hold it."""
    from striate.filters.files.formats import COLOURS, HELD, another, channels_of, format_of

    name, dtype = format_of(target), image.dtype
    held, channels = HELD[name], channels_of(image)
    if dtype.name not in held:
        advice = "--dtype float32" if dtype.kind == "i" and "float32" in held else ""
        raise DTypeError(
            f"{target}: {name} cannot hold {dtype}; it holds {' or '.join(held)}: "
            f"add {advice or '--dtype uint8 --scale'}, or choose another format"
        )
    many = name == "TIFF" and channels > COLOURS
    if channels not in (1, *held[dtype.name]) and not many:
        raise ShapeError(
            f"{target}: {name} cannot hold {channels} channels of {dtype}; "
            f"choose {another(dtype, channels)}"
        )


def shape_written(target: Path, image: NDArray[Any]) -> tuple[int, ...]:
    """Return the shape in a file that was written: WebP makes colours of greys, and drops alpha
    where all is opaque.
    """
    from PIL import Image

    from striate.filters.files import format_of

    if format_of(target) != "WEBP":
        return image.shape[:2] if image.shape[2:] == (1,) else image.shape
    with Image.open(target, formats=("WEBP",)) as picture:
        return (*image.shape[:2], len(picture.getbands()))
