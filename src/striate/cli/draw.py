"""``striate draw``: figures and animations of convolution arithmetic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from striate.drawing import Animation, Numbers

__all__ = ["draw"]

WHATS = ("conv", "pool", "transposed")


def draw(
    what: Annotated[str, typer.Argument(help="conv, pool or transposed")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="the file to write: .svg, .png or .gif")
    ],
    input_size: Annotated[str, typer.Option("--input", help="rows x columns: 5 or 5x7")] = "5",
    kernel: Annotated[str, typer.Option(help="the window's size: 3 or 2x3")] = "3",
    stride: Annotated[
        str | None, typer.Option(help="2 or 1x2; 1 if left out, the kernel's size for pool")
    ] = None,
    padding: Annotated[
        str,
        typer.Option(
            help="1; rows x columns 1x2; before,after 0,1; both 0,1x1,2; same, valid or full"
        ),
    ] = "0",
    dilation: Annotated[str, typer.Option(help="2 or 1x2")] = "1",
    output_padding: Annotated[str, typer.Option(help="transposed only: 1 or 0x1")] = "0",
    ceil: Annotated[
        bool, typer.Option("--ceil", help="round the output's size up; not for transposed")
    ] = False,
    pool: Annotated[str | None, typer.Option(help="for pool: max (if left out) or average")] = None,
    values: Annotated[
        bool,
        typer.Option("--values", help="write numbers into the cells: the guide's, or drawn"),
    ] = False,
    seed: Annotated[int, typer.Option(help="of the numbers that --values draws")] = 0,
    step: Annotated[
        int | None, typer.Option(help="draw this output alone, counted from 0 along the rows")
    ] = None,
    seconds: Annotated[float, typer.Option(help="for each output of an animation")] = 0.8,
    scale: Annotated[
        float | None, typer.Option(help="pixels per unit; 2 for .png and 1.5 for .gif if left out")
    ] = None,
) -> None:
    """Draw a convolution, a pooling or a transposed convolution, one output after the other.

    Every .svg and .gif is an animation unless --step picks one output; a .png shows the last.

    Examples: striate draw conv --input 5 --kernel 3 --stride 2 --padding 1 -o conv.svg;
    striate draw pool --kernel 3 --stride 1 --values -o pool.gif
    """
    from striate.drawing import check_suffix
    from striate.errors import UnknownNameError

    if what not in WHATS:
        raise UnknownNameError.of("figure", what, WHATS)
    check_suffix(output)
    _check_use(what, ceil=ceil, output_padding=output_padding, pool=pool)
    shape, window = _pair("--input", input_size), _pair("--kernel", kernel)
    options: dict[str, Any] = {
        "padding": _padding(padding),
        "dilation": _pair("--dilation", dilation),
        "numbers": _numbers(shape, window, seed) if values else None,
        "step": step,
        "seconds": seconds,
    }
    if stride is not None:
        options["stride"] = _pair("--stride", stride)
    if what == "transposed":
        options["output_padding"] = _pair("--output-padding", output_padding)
    else:
        options["ceil"] = ceil
    if what == "pool":
        options["kind"] = pool or "max"
    typer.echo(_write(output, _animation(what, shape, window, options), scale))


def _animation(
    what: str, shape: tuple[int, int], kernel: tuple[int, int], options: dict[str, Any]
) -> Animation:
    from striate import drawing

    match what:
        case "conv":
            return drawing.convolution(shape, kernel, **options)
        case "pool":
            return drawing.pooling(shape, kernel, **options)
        case _:
            return drawing.transposed_convolution(shape, kernel, **options)


def _write(path: Path, animation: Animation, scale: float | None) -> Path:
    """Write the file, with a progress bar on a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    from striate.drawing import write

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("drawing", total=None)
        return write(
            path,
            animation,
            scale,
            report=lambda done, total: bar.update(task, completed=done, total=total),
        )


def _numbers(shape: tuple[int, int], kernel: tuple[int, int], seed: int) -> Numbers:
    """Return Dumoulin and Visin's numbers where the sizes are theirs, others drawn at random."""
    from striate.drawing import Numbers
    from striate.drawing.catalogue import INPUT, KERNEL

    if shape == (5, 5) and kernel == (3, 3) and seed == 0:
        return Numbers(INPUT, KERNEL)
    return Numbers.seeded(shape, kernel, seed)


def _check_use(what: str, *, ceil: bool, output_padding: str, pool: str | None) -> None:
    from striate.errors import ParameterError

    if ceil and what == "transposed":
        raise ParameterError("--ceil has no meaning for transposed: use --output-padding")
    if output_padding != "0" and what != "transposed":
        raise ParameterError(f"--output-padding is for transposed, not for {what}")
    if pool is not None and what != "pool":
        raise ParameterError(f"--pool is for pool, not for {what}")


def _pair(option: str, text: str) -> tuple[int, int]:
    """Return (rows, columns) for 5 or 5x7."""
    from striate.errors import ParameterError

    parts = text.lower().replace("×", "x").split("x")
    if len(parts) not in (1, 2) or not all(_whole(part) for part in parts):
        raise ParameterError(f"{option} must be a whole number or two as 5x7, not {text!r}")
    return int(parts[0]), int(parts[-1])


def _padding(text: str) -> Any:
    """Return padding as the geometry takes it: a name, or (before, after) for rows and columns."""
    from striate.errors import ParameterError

    if text in ("same", "valid", "full"):
        return text
    axes = [axis.split(",") for axis in text.lower().replace("×", "x").split("x")]
    fits = len(axes) in (1, 2) and all(len(axis) in (1, 2) for axis in axes)
    if not fits or not all(_whole(side) for axis in axes for side in axis):
        raise ParameterError(
            "--padding must be same, valid, full, or whole numbers as 1, 1x2 (rows x columns), "
            f"0,1 (before,after) or 0,1x1,2, not {text!r}"
        )
    pairs = [(int(axis[0]), int(axis[-1])) for axis in axes]
    if min(map(min, pairs)) < 0:
        raise ParameterError(f"--padding must be at least 0 on every side, not {text!r}")
    return pairs[0], pairs[-1]


def _whole(text: str) -> bool:
    return text.strip().removeprefix("-").isdecimal()
