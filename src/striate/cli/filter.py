"""``striate filter``: image files in, filtered image files out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from striate.cli._filter_options import FILTERS

__all__ = ["filter_images"]

OWN = "The filter's own"
MANY = "Many files"


def filter_images(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IN... OUT NAME",
            help="images: files, folders, or patterns as 'photos/**/*.jpg' in quotes; a file or "
            "folder for the results; the filter, as listed above",
            show_default=False,
        ),
    ] = None,
    sigma: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=OWN,
            help="standard deviation of a Gaussian in pixels; rows x columns 2x1",
        ),
    ] = None,
    truncate: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=OWN, help="cut a Gaussian after so many sigmas; 4, and gabor 3"
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(rich_help_panel=OWN, help="box, median: side in pixels; rows x columns 3x5"),
    ] = None,
    axis: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=OWN,
            help="sobel, scharr, prewitt: 1 for vertical edges, 0 for horizontal ones, where the "
            "image gets brighter to the right or downwards; the magnitude if left out",
        ),
    ] = None,
    kernel: Annotated[
        str | None,
        typer.Option(
            metavar="WEIGHTS|FILE",
            rich_help_panel=OWN,
            help="convolve, correlate: '1 0 -1; 2 0 -2; 1 0 -1', a text file of rows, or .npy",
        ),
    ] = None,
    order: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=OWN,
            help="gaussian: derivative 0, 1 or 2; rows x columns 0x1. steer: 1 or 2. spam: 1 to 3",
        ),
    ] = None,
    diagonal: Annotated[
        int | None,
        typer.Option(rich_help_panel=OWN, help="roberts: 0 down to the right, 1 down to the left"),
    ] = None,
    neighbours: Annotated[
        int | None, typer.Option(rich_help_panel=OWN, help="laplacian, sharpen: 4 or 8")
    ] = None,
    wider: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=OWN, help="difference-of-gaussians: the other sigma; 1.6 times --sigma"
        ),
    ] = None,
    wavelength: Annotated[
        float | None, typer.Option(rich_help_panel=OWN, help="gabor: pixels from stripe to stripe")
    ] = None,
    angle: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=OWN,
            help="gabor, steer, motion-blur: in degrees, 0 to the right, 90 downwards",
        ),
    ] = None,
    bandwidth: Annotated[
        float | None, typer.Option(rich_help_panel=OWN, help="gabor: in octaves; 1")
    ] = None,
    aspect: Annotated[
        float | None,
        typer.Option(rich_help_panel=OWN, help="gabor: how wide its bell is for its length; 0.5"),
    ] = None,
    phase: Annotated[
        float | None,
        typer.Option(rich_help_panel=OWN, help="gabor: in degrees; 0 for lines, -90 for edges"),
    ] = None,
    amount: Annotated[
        float | None, typer.Option(rich_help_panel=OWN, help="sharpen, unsharp-mask: how much; 1")
    ] = None,
    strength: Annotated[
        float | None, typer.Option(rich_help_panel=OWN, help="emboss: how deep; 1")
    ] = None,
    length: Annotated[
        float | None, typer.Option(rich_help_panel=OWN, help="motion-blur: in pixels")
    ] = None,
    direction: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=OWN,
            help="spam: right, down-right, down, down-left, left, up-left, up or up-right",
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
            "into .tiff; the image's if left out",
            show_default=False,
        ),
    ] = None,
    scale: Annotated[
        bool,
        typer.Option(
            "--scale",
            help="with --dtype: white stays white, from 65535, 255 or 1.0 to another of these",
        ),
    ] = False,
    signed: Annotated[
        bool,
        typer.Option(
            "--signed",
            help="show signs: 0 becomes the middle grey, and the largest possible values of "
            "either sign black and white",
        ),
    ] = False,
    linear_light: Annotated[
        bool, typer.Option("--linear-light", help="filter amounts of light, not sRGB's codes")
    ] = False,
    format: Annotated[
        str | None,
        typer.Option(help="the results': png, jpeg, webp, tiff or bmp; the input's if left out"),
    ] = None,
    quality: Annotated[
        int | None,
        typer.Option(
            metavar="1..100",
            help="of JPEG, 95; of WebP, which loses nothing without",
        ),
    ] = None,
    recursive: Annotated[
        bool,
        typer.Option(
            "--recursive",
            "-r",
            rich_help_panel=MANY,
            help="folders in folders, kept so; links to folders are left",
        ),
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            metavar="N",
            rich_help_panel=MANY,
            help="files at a time; as many as processors",
        ),
    ] = None,
    memory: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            rich_help_panel=MANY,
            help="for the pixels of each image that goes part by part, large TIFF files and Zarr "
            "arrays: 512MB or 2GB; 268MB",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", rich_help_panel=MANY, help="skip what the same command has done"),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", "-n", rich_help_panel=MANY, help="only print what would be done"),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", rich_help_panel=MANY, help="print what was done as JSON")
    ] = False,
) -> None:
    """Filter image files: PNG, JPEG, WebP, TIFF and BMP; and Zarr arrays.

    One file goes to a file, or into an existing folder; several files, the
    image files of a folder, or those that a pattern matches, go into a
    folder under their own names. A file that cannot be filtered stops no
    other; such files are listed at the end. Inputs are never overwritten,
    and results are there whole or not at all.

    Blurs weigh colours by their alpha, sharpening takes no edges from what
    is transparent, and other filters leave alpha alone. Negative values
    become 0 unless --dtype float32 keeps them or --signed shows them. Of
    several pages or frames the first is filtered.

    Filters: box, gaussian, motion-blur, median (blurs); sobel, scharr,
    prewitt, roberts, steer (first derivatives); laplacian,
    laplacian-of-gaussian, difference-of-gaussians; gabor; sharpen,
    unsharp-mask, emboss; kv, ker-bohme, spam (residuals of steganalysis);
    convolve, correlate (a kernel of your own).

    Blur a photograph: striate filter photo.jpg blurred.png gaussian --sigma 2

    Edges of a whole tree: striate filter photos/ edges/ sobel --recursive

    From 16 bits to a JPEG: striate filter scan.tif out.jpg median --dtype uint8 --scale

    With sign: striate filter grey.png slope.tiff sobel --axis 1 --dtype float32
    """
    from striate.cli._filter_function import digest, made, outside, parameters
    from striate.cli._filter_large import memory_of
    from striate.cli._filter_plan import plan
    from striate.cli._filter_report import report, report_plan
    from striate.cli._filter_work import Filtering, done_before, filter_all
    from striate.errors import ParameterError
    from striate.ops import thread_count

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
    chosen = parameters(name, given) | outside(border, cval)
    chosen |= {"dtype": dtype, "linear_light": linear_light}
    apply = made(name, chosen, scale=scale, signed=signed)
    shown = {"scale": scale, "signed": signed}
    settings = digest({"filter": name, "quality": quality, **shown, **chosen})
    work = Filtering(apply, linear_light, quality, settings, memory_of(memory))
    todo = plan(sources, out, recursive=recursive, format=format, quality=quality)
    if jobs is not None and jobs < 1:
        raise ParameterError(f"--jobs is {jobs}; it must be at least 1")
    if resume and todo.folder is None:
        raise ParameterError(f"--resume is for results in a folder, but {out} is one file")
    if dry_run:
        skipped = done_before(todo, work) if resume else []
        report_plan(name, todo, skipped, as_json=as_json)
        raise typer.Exit(1 if todo.failed else 0)
    outcome = filter_all(todo, work, jobs or thread_count(), resume=resume)
    report(name, todo, outcome, as_json=as_json)
    if outcome.signal is not None:
        raise typer.Exit(128 + outcome.signal)
    if outcome.failed:
        raise typer.Exit(1)


def _parse(arguments: list[str]) -> tuple[list[str], Path, str]:
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
    return sources, Path(out), name
