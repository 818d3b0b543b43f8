"""Drawings into files: the suffix chooses the format."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageColor

from striate.drawing.raster import frames, raster
from striate.drawing.scene import Animation, Scene
from striate.drawing.svg import svg
from striate.errors import ParameterError
from striate.files import write_whole

__all__ = ["SUFFIXES", "check_suffix", "write"]

Report = Callable[[int, int], None]
SUFFIXES = (".svg", ".png", ".gif")
COLOURS = 128  # in a GIF's palette, shared by its frames so that nothing flickers


def write(
    path: str | os.PathLike[str],
    drawing: Scene | Animation,
    scale: float | None = None,
    report: Report | None = None,
) -> Path:
    """Write a scene or an animation as .svg, .png or .gif and return the path.

    An animation moves as .svg (a loop in any browser) and as .gif; as .png it is its still frame.
    The file appears whole or not at all: it is written beside its place and then renamed.

    Parameters
    ----------
    path : path
        The suffix chooses the format.
    drawing : Scene or Animation
    scale : float, optional
        Pixels per unit of length of .png and .gif, 0.25 to 8; if left out 2 and 1.5, so that
        pictures are sharp on fine screens and animations stay small.

    report : callable, optional
        Told (frames done, frames in all) while a .gif is drawn.

    Raises
    ------
    ParameterError
        If the suffix is none of the three or the scale is out of range.
    FileError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from striate.drawing import convolution
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(Path(folder) / "conv.gif", convolution((4, 4), 3)).name
    'conv.gif'
    """
    target = check_suffix(path)
    if scale is not None and not 0.25 <= scale <= 8:
        raise ParameterError(f"scale must lie in 0.25 to 8, not {scale}")
    match target.suffix.lower():
        case ".svg":
            data = svg(drawing).encode("utf-8")
        case ".png":
            scene = drawing if isinstance(drawing, Scene) else drawing.scene
            data = _png(scene, scale or 2.0)
        case _:
            moving = drawing if isinstance(drawing, Animation) else Animation((drawing,))
            data = _gif(moving, scale or 1.5, report or _silent)
    return write_whole(target, data)


def check_suffix(path: str | os.PathLike[str]) -> Path:
    """Return the path if its suffix names a format that `write` knows.

    >>> check_suffix("conv.svg").name
    'conv.svg'
    """
    target = Path(path)
    if target.suffix.lower() not in SUFFIXES:
        raise ParameterError(
            f"cannot draw {target.name!r}: the file's name must end in .svg, .png or .gif"
        )
    return target


def _png(scene: Scene, scale: float) -> bytes:
    buffer = BytesIO()
    raster(scene, scale).save(buffer, "PNG", optimize=True, dpi=(96 * scale, 96 * scale))
    return buffer.getvalue()


def _gif(animation: Animation, scale: float, report: Report) -> bytes:
    """Return a looping GIF whose frames share one palette, taken from three of them."""
    shown = Animation(
        tuple(animation.frames[i] for i in (0, len(animation.frames) // 2, animation.still))
    )
    samples = list(frames(shown, scale))
    width, height = samples[0].size
    strip = Image.new("RGB", (width, height * len(samples)))
    for i, image in enumerate(samples):
        strip.paste(image, (0, i * height))
    palette = strip.quantize(COLOURS, Image.Quantize.MEDIANCUT)
    _keep(palette, animation.scene.background)

    def indexed_frames() -> Iterator[Image.Image]:
        for done, image in enumerate(frames(animation, scale), start=1):
            yield image.quantize(palette=palette, dither=Image.Dither.NONE)
            report(done, len(animation.frames))

    indexed = indexed_frames()
    buffer = BytesIO()
    next(indexed).save(
        buffer,
        "GIF",
        save_all=True,
        append_images=indexed,
        duration=round(animation.seconds * 1000),
        loop=0,
        optimize=False,
    )
    return buffer.getvalue()


def _silent(done: int, total: int) -> None:
    """Report nothing."""


def _keep(palette: Image.Image, background: str) -> None:
    """Give the palette's colours that all but equal the background its own: paper stays white.

    Pillow looks colours up in boxes four levels wide, so a near miss would win at times.
    """
    paper = ImageColor.getrgb(background)[:3]
    colours = palette.getpalette() or []
    for i in range(0, len(colours), 3):
        if all(abs(a - b) < 6 for a, b in zip(colours[i : i + 3], paper, strict=True)):
            colours[i : i + 3] = paper
    palette.putpalette(colours)
