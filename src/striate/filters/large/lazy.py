"""Filters of dask arrays: lazy in, lazy out, the same kernels chunk by chunk.

Chunks are extended by what the filter reaches into their neighbours (``dask.array.overlap``) and
trimmed afterwards. At the image's edges nothing is added but under ``border="wrap"``: there the
filter applies its own border. So the bits are those of the whole image, whatever the chunks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import MissingExtraError, ShapeError, explained
from striate.filters.large.trial import Reach, tried

if TYPE_CHECKING:
    import dask.array as da

__all__ = ["filter_lazily", "is_lazy"]

Chunks = tuple[int, ...]
Depth = int | tuple[int, int]  # how far a chunk is extended on either side, or on each


def is_lazy(image: object) -> bool:
    """Whether an image is a dask or Zarr array; neither library is imported to find out."""
    kind = type(image)
    return kind.__name__ == "Array" and kind.__module__.partition(".")[0] in ("dask", "zarr")


def filter_lazily(
    function: Callable[..., Any], image: Any, arguments: tuple[Any, ...], options: dict[str, Any]
) -> Any:
    """Return what ``function(image, *arguments, **options)`` would, as a dask array not computed.

    Parameters
    ----------
    function : function of `striate.filters`
        The filter.
    image : dask array, or Zarr array, which becomes one
        As the filter takes it; chunks may be of any size.
    arguments, options
        The filter's own.

    Returns
    -------
    dask array, or a tuple of them where the filter gives several images
        Chunks smaller than the filter's reach are merged, and channels lie in one chunk.
    """
    array = as_dask(image)
    work = Work(function, arguments, options)
    rows = 1 if options.get("stack") else 0
    with explained(function.__name__):
        pixel = single_pixel(array, rows)
        trial = tried(work, pixel, {"out": options.get("out")})
    wide, depth = extended(array, trial.reach, rows)
    boundary = dict.fromkeys(depth, "periodic" if trial.reach.wraps else "none")

    import dask.array as da

    overlap: Any = da.overlap  # untyped
    wide = overlap.overlap(wide, depth, boundary, allow_rechunk=False)
    if len(trial.results) == 1:
        images = [wide.map_blocks(work, **described(trial.results[0]))]
    else:
        several = wide.map_blocks(work, dtype=object, meta=np.empty((0,) * wide.ndim, object))
        images = [
            several.map_blocks(itemgetter(index), **described(one))
            for index, one in enumerate(trial.results)
        ]
    trimmed = tuple(overlap.trim_internal(one, depth, boundary) for one in images)
    return trimmed if len(trimmed) > 1 else trimmed[0]


@dataclass(frozen=True)
class Work:
    """A filter with its arguments, as what can be sent to other machines."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    options: dict[str, Any]

    def __call__(self, image: NDArray[Any], **more: Any) -> Any:
        return self.function(image, *self.arguments, **self.options | more)


def described(result: NDArray[Any]) -> dict[str, Any]:
    """Return a result's dtype and kind, as dask wants to know them."""
    return {"dtype": result.dtype, "meta": np.empty((0,) * result.ndim, result.dtype)}


def as_dask(image: Any) -> da.Array:
    """Return a dask array as it is, and a Zarr array as one."""
    try:
        import dask.array as da
    except ImportError:
        raise MissingExtraError.of("dask", "large", "filtering Zarr arrays lazily") from None
    return image if isinstance(image, da.Array) else da.from_zarr(image)  # type: ignore[no-untyped-call]


def single_pixel(array: da.Array, rows: int) -> NDArray[Any]:
    """Return one black pixel of an image or stack, if filters take its like."""
    from striate.filters._apply import as_image, as_stack

    if any(np.isnan(size) for size in array.shape):
        raise ShapeError(
            f"image has shape {array.shape}; its sizes must be known: "
            f"call compute_chunk_sizes() first"
        )
    likeness = np.broadcast_to(np.zeros((), array.dtype), array.shape)
    likeness = as_stack(likeness) if rows else as_image(likeness)
    return np.zeros((*(1,) * (rows + 2), *likeness.shape[rows + 2 :]), likeness.dtype)


def extended(array: da.Array, reach: Reach, rows: int) -> tuple[da.Array, dict[int, Depth]]:
    """Return an image in chunks that can be extended, and by how much along each axis.

    An axis in one chunk is not extended: the filter sees all of it. Elsewhere chunks are extended
    as far on either side, so that mirrored pixels lie in the same chunk; those of a filter that
    computes tiles are extended back to where a tile begins.
    """
    chunks: list[Chunks] = list(array.chunks)
    depth: dict[int, Depth] = {}
    for axis, before, after, step in zip(
        (rows, rows + 1), reach.before, reach.after, reach.step, strict=True
    ):
        if step == 1:
            far: Depth = max(before, after)
            chunks[axis] = merged(chunks[axis], max(before, after))
        else:
            far = (-(-before // step) * step, after)
            chunks[axis] = on_grid(chunks[axis], step, wraps=reach.wraps)
        depth[axis] = far if len(chunks[axis]) > 1 else 0
    chunks[rows + 2 :] = [(size,) for size in array.shape[rows + 2 :]]
    return array.rechunk(tuple(chunks)), depth  # type: ignore[no-untyped-call]


def merged(chunks: Sequence[int], least: int) -> Chunks:
    """Return chunks of which none is smaller than `least`, unless it is the only one.

    Examples
    --------
    >>> merged((4, 1, 1, 4, 1), 2)
    (4, 2, 5)
    """
    result = [0]
    for chunk in chunks:
        if result[-1] < least:
            result[-1] += chunk
        else:
            result.append(chunk)
    if len(result) > 1 and result[-1] < least:
        last = result.pop()
        result[-1] += last
    return tuple(result)


def on_grid(chunks: Sequence[int], step: int, *, wraps: bool) -> Chunks:
    """Return chunks of about the same size that begin at multiples of `step`; one if it `wraps`.

    Examples
    --------
    >>> on_grid((100, 100, 100), 60, wraps=False)
    (120, 120, 60)
    """
    size, length = sum(chunks), -(-max(chunks) // step) * step
    if wraps:
        return (size,)
    return merged([min(length, size - start) for start in range(0, size, length)], step)
