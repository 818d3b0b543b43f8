"""Files larger than memory through one filter: what is checked first, and the way through."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import FileError, ParameterError
from striate.files import replacing
from striate.filters.large.layouts import Layout, Part, Source, Writer
from striate.filters.large.streaming import filtered, parts_of, pixels_of
from striate.filters.large.tiff_reading import TiffSource
from striate.filters.large.tiff_writing import tiff_layout, write_tiff
from striate.filters.large.trial import Reach, Trial, black, tried, working_bytes
from striate.filters.large.zarr_folders import ZarrSource, replacing_array, write_zarr, zarr_layout

__all__ = ["SUFFIXES", "filter_file", "layout", "takes"]

TIFF = (".tif", ".tiff")
ZARR = (".zarr",)
SUFFIXES = (*TIFF, *ZARR)

Name = str | os.PathLike[str]
Progress = Callable[[int, int], None]
Replacing = Callable[[Path], AbstractContextManager[Path]]


def takes(path: Name) -> bool:
    """Return whether a file of this name can be filtered part by part.

    Examples
    --------
    >>> takes("slide.TIFF"), takes("photo.png")
    (True, False)
    """
    return Path(path).suffix.lower() in SUFFIXES


def layout(path: Name) -> Layout:
    """Return the shape and dtype of an image, and how it lies in its file; no pixel is read.

    Raises
    ------
    FileError
        The file is missing, of another format, damaged, or holds what filters do not take.
    MissingExtraError
        The libraries of the extra ``large`` are not installed.

    Examples
    --------
    >>> layout("no-such.tif")
    Traceback (most recent call last):
    striate.errors.FileError: no-such.tif: no such file; check the path
    """
    with closing(opened(Path(path))) as source:
        return source.layout


def filter_file(
    source: Name,
    target: Name,
    function: Callable[..., Any],
    *,
    memory: int = 2**28,
    reach: Reach | None = None,
    progress: Progress | None = None,
    **parameters: Any,
) -> None:
    """Filter an image that may be larger than memory, from file to file.

    Parts of it are read, filtered and written at the same time. The result is the same to the
    bit as that of the whole image in memory. An existing target is replaced once all is written.

    Parameters
    ----------
    source : str or path
        A TIFF or BigTIFF file (.tif, .tiff), tiled or striped, of which the first page is read,
        or the folder of a Zarr array (.zarr), of shape (H, W) or (H, W, C).
    target : str or path
        Where the result goes, in either format. TIFF files keep tiles or strips, lossless
        compression (after JPEG and the like: deflate), colour profile, resolution and place on
        Earth; Zarr arrays keep chunks, compression and attributes.
    function : function
        A filter of `striate.filters`, or any function of an image whose `reach` is given.
    memory : int
        About how many bytes may be used for pixels.
    reach : Reach, optional
        How far a function of your own reaches, see `striate.filters.large.reach`.
    progress : function, optional
        Called with the pixels written and those of the image, after each part.
    **parameters
        What `function` takes by name, but ``out`` and ``stack``.

    Raises
    ------
    FileError
        A file is missing, damaged (the message names the tile) or cannot be written.
    ShapeError, DTypeError, ParameterError
        The function refuses its parameters or the image, or needs more memory.
    MissingExtraError
        The libraries of the extra ``large`` are not installed.

    Examples
    --------
    >>> import tempfile
    >>> import tifffile
    >>> from striate import filters
    >>> folder = Path(tempfile.mkdtemp())
    >>> image = np.arange(64 * 96, dtype=np.uint16).reshape(64, 96)
    >>> tifffile.imwrite(folder / "slide.tif", image, tile=(32, 32))
    >>> filter_file(folder / "slide.tif", folder / "blurred.tif", filters.gaussian, sigma=2)
    >>> blurred = tifffile.imread(folder / "blurred.tif")
    >>> bool((blurred == filters.gaussian(image, sigma=2)).all())
    True
    """
    place, goal = Path(source), Path(target)
    write, laid_out, replaced = format_of(goal)
    if isinstance(memory, bool) or not isinstance(memory, (int, np.integer)) or memory < 1:
        raise ParameterError(
            f"memory is {memory!r}; it must be a whole number of bytes, at least 1"
        )
    if parameters.get("stack"):
        raise ParameterError("stack is True, but a file holds one image; leave it out")
    with closing(opened(place)) as image:
        before = image.layout
        trial = trial_on(before, function, reach, parameters)
        after = laid_out(replace(before, dtype=trial.results[0].dtype))
        parts = parts_of(before, after, trial, int(memory))
        total = sum(map(pixels_of, parts))

        def apply(pixels: NDArray[Any]) -> NDArray[Any]:
            result: NDArray[Any] = function(pixels, **parameters)
            return result

        results = filtered(image, parts, trial.reach, apply)
        with replaced(goal) as unfinished:
            write(unfinished, after, watched(results, progress, total))
    if progress is not None:
        progress(total, total)


def opened(place: Path) -> Source:
    """Return the image of a file, ready to be read."""
    if place.suffix.lower() in TIFF:
        return TiffSource(place)
    if place.suffix.lower() in ZARR:
        return ZarrSource(place)
    raise FileError(f"{place}: not streamed; files that are end in {', '.join(SUFFIXES)}")


def format_of(goal: Path) -> tuple[Writer, Callable[[Layout], Layout], Replacing]:
    """Return what writes a file of this name, how it lays out an image, and how it is replaced."""
    if goal.suffix.lower() in TIFF:
        return write_tiff, tiff_layout, replacing
    if goal.suffix.lower() in ZARR:
        return write_zarr, zarr_layout, replacing_array
    raise FileError(f"{goal}: not written in parts; end the name in {', '.join(SUFFIXES)}")


def trial_on(
    image: Layout, function: Callable[..., Any], reach: Reach | None, parameters: dict[str, Any]
) -> Trial:
    """Try a filter on a few pixels, so that what cannot be is refused before any work."""
    from striate import filters

    name = getattr(function, "__name__", repr(function))
    if reach is None and getattr(filters, name, None) is not function:
        raise ParameterError(
            f"{name} is no filter of striate.filters; give its reach, "
            f"as reach=Reach(before=(2, 2), after=(2, 2))"
        )
    pixel = black(1, image.dtype, image.channels)
    trial = tried(function, pixel, parameters, reach)
    result, *others = trial.results
    if others or result.shape != pixel.shape:
        raise ParameterError(
            f"{name} gives more than one image; keep one, as in "
            f"lambda image: {name}(image)[0], and give its reach"
        )
    working = working_bytes(function, image.dtype, image.channels, parameters)
    return replace(trial, working=working)


def watched(
    results: Iterator[tuple[Part, NDArray[Any]]], progress: Progress | None, total: int
) -> Iterator[tuple[Part, NDArray[Any]]]:
    """Yield the results, and tell of those written each time that the next one is asked for."""
    done = 0
    for part, pixels in results:
        if done and progress is not None:
            progress(done, total)
        yield part, pixels
        done += pixels_of(part)
