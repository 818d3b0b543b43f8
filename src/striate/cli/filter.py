"""``striate filter``: image files in, filtered image files out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from striate.cli._batch import plan, report, run
from striate.cli._filter_options import BLURS, EVERY, FILTERS, RESIDUALS, SHARPENERS, parsed

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["filter_images"]


def filter_images(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IN... OUT NAME",
            help="image files or folders; a file or folder for the result; the filter, "
            "as listed below",
            show_default=False,
        ),
    ] = None,
    sigma: Annotated[
        str | None,
        typer.Option(help="standard deviation of a Gaussian in pixels; rows x columns 2x1"),
    ] = None,
    truncate: Annotated[
        float | None,
        typer.Option(help="cut a Gaussian after so many sigmas; 4, and gabor 3"),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(help="box, median: side in pixels; rows x columns 3x5"),
    ] = None,
    axis: Annotated[
        int | None,
        typer.Option(
            help="sobel, scharr, prewitt: 1 for vertical edges, 0 for horizontal ones, where the "
            "image gets brighter to the right or downwards; the magnitude if left out"
        ),
    ] = None,
    kernel: Annotated[
        str | None,
        typer.Option(
            metavar="WEIGHTS|FILE",
            help="convolve, correlate: '1 0 -1; 2 0 -2; 1 0 -1', a text file of rows, or .npy",
        ),
    ] = None,
    order: Annotated[
        str | None,
        typer.Option(
            help="gaussian: derivative 0, 1 or 2; rows x columns 0x1. steer: 1 or 2. spam: 1 to 3"
        ),
    ] = None,
    diagonal: Annotated[
        int | None, typer.Option(help="roberts: 0 down to the right, 1 down to the left")
    ] = None,
    neighbours: Annotated[int | None, typer.Option(help="laplacian, sharpen: 4 or 8")] = None,
    wider: Annotated[
        str | None,
        typer.Option(help="difference-of-gaussians: the other sigma; 1.6 times --sigma"),
    ] = None,
    wavelength: Annotated[
        float | None, typer.Option(help="gabor: pixels from stripe to stripe")
    ] = None,
    angle: Annotated[
        float | None,
        typer.Option(help="gabor, steer, motion-blur: in degrees, 0 to the right, 90 downwards"),
    ] = None,
    bandwidth: Annotated[float | None, typer.Option(help="gabor: in octaves; 1")] = None,
    aspect: Annotated[
        float | None, typer.Option(help="gabor: how wide its bell is for its length; 0.5")
    ] = None,
    phase: Annotated[
        float | None, typer.Option(help="gabor: in degrees; 0 for lines, -90 for edges")
    ] = None,
    amount: Annotated[float | None, typer.Option(help="sharpen, unsharp-mask: how much; 1")] = None,
    strength: Annotated[float | None, typer.Option(help="emboss: how deep; 1")] = None,
    length: Annotated[float | None, typer.Option(help="motion-blur: in pixels")] = None,
    direction: Annotated[
        str | None,
        typer.Option(
            help="spam: right, down-right, down, down-left, left, up-left, up or up-right"
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
    Inputs are never overwritten. Blurs weigh colours by their alpha,
    sharpening takes no edges from what is transparent, and other filters
    leave alpha alone. Negative values become 0 unless --dtype float32 keeps
    them. Of several pages or frames the first is filtered.

    Filters: box, gaussian, motion-blur, median (blurs); sobel, scharr,
    prewitt, roberts, steer (first derivatives); laplacian,
    laplacian-of-gaussian, difference-of-gaussians; gabor; sharpen,
    unsharp-mask, emboss; kv, ker-bohme, spam (residuals of steganalysis);
    convolve, correlate (a kernel of your own).

    Examples: striate filter photo.jpg blurred.png gaussian --sigma 2;
    striate filter photos/ edges/ sobel;
    striate filter grey.png slope.tiff sobel --axis 1 --dtype float32
    """
    sources, out, name = _parse(arguments or [])
    given = {
        "sigma": sigma,
        "truncate": truncate,
        "size": size,
        "axis": axis,
        "kernel": kernel,
        "order": order,
        "diagonal": diagonal,
        "neighbours": neighbours,
        "wider": wider,
        "wavelength": wavelength,
        "angle": angle,
        "bandwidth": bandwidth,
        "aspect": aspect,
        "phase": phase,
        "amount": amount,
        "strength": strength,
        "length": length,
        "direction": direction,
    }
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


def _outside(border: str, cval: float | None) -> float:
    """Return what lies outside; a value that would not be looked at is refused."""
    from striate.errors import ParameterError

    if cval is not None and border != "constant":
        raise ParameterError(
            f"--cval is {cval:g}, but --border is {border}, which shows none of it; "
            "add --border constant or leave --cval out"
        )
    return 0.0 if cval is None else cval


def _filter(
    name: str, parameters: dict[str, Any], dtype: str | None
) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Return the filter with its parameters, tried on one pixel so that bad ones show now."""
    import numpy as np

    from striate import filters
    from striate.errors import DTypeError, explained

    own = name.replace("-", "_")
    if name in RESIDUALS:
        chosen = {key: parameters[key] for key in FILTERS[name][1] if key in parameters}
        rest = {key: value for key, value in parameters.items() if key not in chosen}
        with explained(name):
            parameters = {"kernel": getattr(filters.kernels, own)(**chosen), **rest}
        own = "correlate"
    function = getattr(filters, own)

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
        if name in SHARPENERS:
            return filters.alpha.sharpen_by_alpha(image, apply_in_kind)
        if name in BLURS and not np.any(parameters.get("order", 0)):
            return filters.alpha.weigh_by_alpha(image, apply_in_kind)
        return filters.alpha.keep_alpha(image, apply_in_kind)

    apply(np.zeros((1, 1), dtype=np.uint8))
    return apply_beside_alpha
