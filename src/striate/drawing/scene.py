"""A picture as data: a handful of immutable shapes, painted in order.

::

    Scene      width, height, title, description, layers
    Group      shapes painted together
    Rectangle, Polygon, Line, Text, Picture

Lengths are pixels at scale 1, y grows downwards, colours are ``#rrggbb``. `Text.y` is the
baseline. Writers (`svg`, `raster`) turn scenes into files; nothing here knows about them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from striate.errors import ParameterError, ShapeError

__all__ = [
    "Animation",
    "Group",
    "Line",
    "Picture",
    "Point",
    "Polygon",
    "Rectangle",
    "Scene",
    "Shape",
    "Text",
]

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Rectangle:
    """An upright rectangle, filled, outlined, or both."""

    x: float
    y: float
    width: float
    height: float
    fill: str | None = None
    stroke: str | None = None
    line: float = 1.0
    opacity: float = 1.0
    radius: float = 0.0


@dataclass(frozen=True, slots=True)
class Polygon:
    """A closed outline through `points`, filled, outlined, or both."""

    points: tuple[Point, ...]
    fill: str | None = None
    stroke: str | None = None
    line: float = 1.0
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Line:
    """An open stroke through `points`; `dashes` are lengths drawn and left out in turn."""

    points: tuple[Point, ...]
    stroke: str
    line: float = 1.0
    opacity: float = 1.0
    dashes: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text; `anchor` is start, middle or end, and (x, y) lies on the baseline."""

    x: float
    y: float
    text: str
    size: float = 13.0
    fill: str = "#1f2933"
    anchor: str = "start"


@dataclass(frozen=True, slots=True)
class Picture:
    """Pixels, grey or RGB, enlarged without smoothing to fill a rectangle."""

    x: float
    y: float
    width: float
    height: float
    rows: int
    columns: int
    pixels: bytes

    @classmethod
    def of(cls, array: ArrayLike, x: float, y: float, width: float, height: float) -> Picture:
        """Return the picture of an (H, W) or (H, W, 3) uint8 array.

        Raises
        ------
        ShapeError
            If the array is no grey or RGB image, or is empty.
        ParameterError
            If its elements are not uint8.
        """
        pixels = np.asarray(array)
        if pixels.ndim not in (2, 3) or pixels.shape[2:] not in ((), (3,)) or pixels.size == 0:
            raise ShapeError(f"a picture is (H, W) or (H, W, 3) and not empty, not {pixels.shape}")
        if pixels.dtype != np.uint8:
            raise ParameterError(
                f"a picture's pixels are uint8, not {pixels.dtype}; scale them to 0..255 first"
            )
        rows, columns = pixels.shape[:2]
        return cls(x, y, width, height, rows, columns, pixels.tobytes())

    @property
    def array(self) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        """The pixels, (rows, columns) or (rows, columns, 3) uint8, read-only."""
        channels = len(self.pixels) // (self.rows * self.columns)
        shape = (self.rows, self.columns) if channels == 1 else (self.rows, self.columns, 3)
        return np.frombuffer(self.pixels, np.uint8).reshape(shape)


@dataclass(frozen=True, slots=True)
class Group:
    """Shapes painted together, one after the other."""

    shapes: tuple[Shape, ...] = ()


Shape = Rectangle | Polygon | Line | Text | Picture | Group


@dataclass(frozen=True, slots=True)
class Scene:
    """A whole picture; `title` and `description` are read aloud, not painted."""

    width: float
    height: float
    title: str
    description: str
    layers: tuple[Group, ...]
    background: str = "#ffffff"


@dataclass(frozen=True)
class Animation:
    """Scenes of one size and one number of layers, shown in turn.

    A layer that is the same in all frames is written once. Within a layer that changes, shapes
    are painted in the order in which the frames first show them. `still` is the frame that
    stands for the whole where nothing can move; by default the last.
    """

    frames: tuple[Scene, ...]
    seconds: float = 0.8
    still: int = -1

    def __post_init__(self) -> None:
        if not self.frames:
            raise ParameterError("an animation has no frames; give at least one scene")
        if not 0.01 <= self.seconds <= 60:
            raise ParameterError(f"seconds per frame must lie in 0.01 to 60, not {self.seconds}")
        if len({(scene.width, scene.height, len(scene.layers)) for scene in self.frames}) > 1:
            raise ParameterError("an animation's frames must agree in width, height and layers")
        if not -len(self.frames) <= self.still < len(self.frames):
            raise ParameterError(
                f"still must lie in 0 to {len(self.frames) - 1}, the animation's frames, "
                f"not {self.still}"
            )

    @property
    def scene(self) -> Scene:
        """The frame that stands for the whole."""
        return self.frames[self.still]
