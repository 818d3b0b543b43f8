"""``striate filter``: image files in, filtered image files out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from striate.cli._batch import plan, report, run

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["filter_images"]

EVERY = ("border", "cval", "dtype")
# What each filter takes besides; the first is required, but for sobel.
FILTERS = {
    "box": ("size",),
    "gaussian": ("sigma", "truncate"),
    "sobel": ("axis",),
    "convolve": ("kernel",),
    "correlate": ("kernel",),
}
BLURS = ("box", "gaussian")


def filter_images(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IN... OUT NAME",
            help="image files or folders; a file or folder for the result; the filter: "
            "box, gaussian, sobel, convolve or correlate",
            show_default=False,
        ),
    ] = None,
    sigma: Annotated[
        str | None, typer.Option(help="gaussian: standard deviation in pixels; rows x columns 2x1")
    ] = None,
    truncate: Annotated[
        float | None, typer.Option(help="gaussian: cut the bell after so many sigmas; 4")
    ] = None,
    size: Annotated[
        str | None, typer.Option(help="box: side in pixels; rows x columns 3x5")
    ] = None,
    axis: Annotated[
        int | None,
        typer.Option(
            help="sobel: 1 for vertical edges, 0 for horizontal ones, where the image gets "
            "brighter to the right or downwards; the magnitude if left out"
        ),
    ] = None,
    kernel: Annotated[
        str | None,
        typer.Option(
            metavar="WEIGHTS|FILE",
            help="convolve, correlate: '1 0 -1; 2 0 -2; 1 0 -1', a text file of rows, or .npy",
        ),
    ] = None,
    border: Annotated[
        str, typer.Option(help="reflect, mirror, nearest, constant or wrap")
    ] = "reflect",
    cval: Annotated[
        float | None, typer.Option(help="what --border constant shows outside; 0 if left out")
    ] = None,
    dtype: Annotated[
        str | None,
        typer.Option(
            help="the result's: uint8, uint16, or float32, which shows negative values and goes "
            "into a grey .tiff; the image's if left out",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print what was written as JSON")] = False,
) -> None:
    """Filter image files: PNG, JPEG, WebP, TIFF and BMP.

    One file goes to a file, or into an existing folder; several files, or
    the image files of a folder, go into a folder under their own names.
    Inputs are never overwritten. Blurs weigh colours by their alpha; other
    filters leave alpha alone. Negative values become 0 unless --dtype
    float32 keeps them. Of several pages or frames the first is filtered.

    Examples: striate filter photo.jpg blurred.png gaussian --sigma 2;
    striate filter photos/ edges/ sobel;
    striate filter grey.png slope.tiff sobel --axis 1 --dtype float32
    """
    sources, out, name = _parse(arguments or [])
    given = {"sigma": sigma, "truncate": truncate, "size": size, "axis": axis, "kernel": kernel}
    parameters = _parameters(name, given)
    parameters |= {"border": border, "cval": _outside(border, cval)}
    apply = _filter(name, parameters, dtype)
    outcome = run(plan(sources, out), apply)
    report(outcome, as_json, name)
    if outcome.failed:
        raise typer.Exit(1)


def _parse(arguments: list[str]) -> tuple[list[Path], Path, str]:
    """Return the inputs, the output and the filter's name."""
    from striate.errors import ParameterError, UnknownNameError

    if len(arguments) < 3:
        raise ParameterError(
            f"filter: {len(arguments)} arguments are too few; give inputs, the output and the "
            f"filter, as in: striate filter photo.jpg out.png gaussian --sigma 2"
        )
    *sources, out, name = arguments
    if name not in FILTERS:
        raise UnknownNameError.of("filter", name, FILTERS)
    return [Path(source) for source in sources], Path(out), name


def _parameters(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return the filter's own parameters, parsed; refuse those of other filters."""
    from striate.errors import ParameterError

    takes = FILTERS[name]
    chosen = {option: value for option, value in given.items() if value is not None}
    for option in chosen:
        if option not in takes:
            raise ParameterError(
                f"{name} takes no --{option}; it takes --{', --'.join((*takes, *EVERY))}"
            )
    if name != "sobel" and takes[0] not in chosen:
        raise ParameterError(f"{name} needs --{takes[0]}; see striate filter --help")
    if "sigma" in chosen:
        chosen["sigma"] = _pair("--sigma", chosen["sigma"], float, "a number")
    if "size" in chosen:
        chosen["size"] = _pair("--size", chosen["size"], int, "a whole number")
    if "kernel" in chosen:
        chosen["kernel"] = _kernel(chosen["kernel"])
    return chosen


def _outside(border: str, cval: float | None) -> float:
    """Return what lies outside; a value that would not be looked at is refused."""
    from striate.errors import ParameterError

    if cval is not None and border != "constant":
        raise ParameterError(
            f"--cval is {cval:g}, but --border is {border}, which shows none of it; "
            "add --border constant or leave --cval out"
        )
    return 0.0 if cval is None else cval


def _pair(option: str, text: str, kind: Callable[[str], Any], what: str) -> tuple[Any, Any]:
    """Return (rows, columns) for 5 or 5x7."""
    from striate.errors import ParameterError

    parts = text.lower().replace("×", "x").split("x")
    try:
        numbers = [kind(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2):
        raise ParameterError(f"{option} is {text!r}; it must be {what}, or rows x columns as 3x5")
    return numbers[0], numbers[-1]


def _kernel(text: str) -> NDArray[np.float64]:
    """Return the kernel of a file, or the one written out in `text`."""
    import numpy as np

    from striate.errors import FileError, explained, one_line
    from striate.filters import kernels

    path = Path(text)
    if not _is_file(path):
        if path.suffix in (".npy", ".txt", ".csv"):
            raise FileError(f"{path}: no such kernel file; check the path")
        return kernels.parse(text)
    try:
        if path.suffix == ".npy":
            loaded: NDArray[np.float64] = np.load(path, allow_pickle=False)
            return loaded
        content = path.read_text(encoding="utf-8")
    except (OSError, ValueError, EOFError) as error:
        raise FileError(
            f"{path}: no kernel can be read ({one_line(error)}); write rows of numbers"
        ) from None
    with explained(str(path)):
        return kernels.parse(content)


def _is_file(path: Path) -> bool:
    """Whether there is such a file; weights written out may be too long for a file's name."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _filter(
    name: str, parameters: dict[str, Any], dtype: str | None
) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Return the filter with its parameters, tried on one pixel so that bad ones show now."""
    import numpy as np

    from striate import filters
    from striate.errors import DTypeError

    function = getattr(filters, name)

    def apply(image: NDArray[Any]) -> NDArray[Any]:
        result: NDArray[Any] = function(image, dtype=dtype, **parameters)
        return result

    def apply_in_kind(image: NDArray[Any]) -> NDArray[Any]:
        result: NDArray[Any] = function(image, **parameters)
        return result

    def apply_beside_alpha(image: NDArray[Any]) -> NDArray[Any]:
        if not filters.alpha.has_alpha(image):
            return apply(image)
        if dtype is not None and np.dtype(dtype) != image.dtype:
            raise DTypeError(
                f"--dtype is {dtype}, but an image with alpha stays {image.dtype}; "
                "leave --dtype out or remove the alpha"
            )
        if name in BLURS:
            return filters.alpha.weigh_by_alpha(image, apply_in_kind)
        return filters.alpha.keep_alpha(image, apply_in_kind)

    apply(np.zeros((1, 1), dtype=np.uint8))
    return apply_beside_alpha
