"""How images become a network's inputs: size, crop, values, channel order, layout.

A `Preprocessing` is declared once: in Python, in a JSON or TOML file, or in the metadata of an
ONNX model, where it travels with the network.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from striate.errors import (
    FileError,
    ParameterError,
    ShapeError,
    UnknownNameError,
    explained,
    one_line,
)
from striate.network.images.declared import numbers_of, sizes_of, table_of

if TYPE_CHECKING:
    import os

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["METADATA", "Preprocessing"]

METADATA = "striate.preprocessing"
"""The key of a model's metadata that holds the preprocessing, as JSON."""

Policy = Literal["stretch", "cover"]
Interpolation = Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]
Channels = Literal["rgb", "bgr", "grey"]
Layout = Literal["NCHW", "NHWC"]

FORMATS: dict[str, Channels] = {"Gray8": "grey", "Rgb8": "rgb", "Bgr8": "bgr"}
RANGES = {
    "NominalRange_0_255": (0.0, 255.0),
    "NominalRange_16_235": (16.0, 235.0),
    "Normalized_0_1": (0.0, 1.0),
    "Normalized_1_1": (-1.0, 1.0),
}


@dataclass(frozen=True)
class Preprocessing:
    """What is done to an image, in this order, before a network sees it.

    Parameters
    ----------
    resize : int or (int, int), optional
        The length of the shorter side, or an exact (height, width); left out, the image's size
        stays. Shrinking averages, as Pillow and torchvision do.
    policy : "stretch" or "cover"
        What an exact size does to another aspect: stretch it, or cover it and lose the sides.
    crop : (int, int), optional
        The (height, width) of the centre that is kept.
    interpolation : "nearest", "box", "bilinear", "hamming", "bicubic" or "lanczos"
    range : (float, float)
        What black and white become; (1, 0) inverts.
    mean, std : tuples of float
        ``(x - mean) / std`` after that, one number for all channels or one for each, in the
        order of `channels`.
    channels : "rgb", "bgr" or "grey"
        Grey images become equal colours, colours become luma (ITU-R BT.601); what is
        transparent lies on white, as in folders of images to learn from.
    layout : "NCHW" or "NHWC"

    Raises
    ------
    ParameterError
        If a value is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> faces = Preprocessing(resize=(2, 2), range=(0, 255), mean=(127,), std=(128,))
    >>> x = faces.apply(np.full((6, 8, 3), 255, np.uint8))
    >>> x.shape, x.dtype, float(x[0, 0, 0, 0])
    ((1, 3, 2, 2), dtype('float32'), 1.0)
    >>> Preprocessing.from_dict(faces.to_dict()) == faces
    True
    """

    resize: int | tuple[int, int] | None = None
    policy: Policy = "stretch"
    crop: tuple[int, int] | None = None
    interpolation: Interpolation = "bilinear"
    range: tuple[float, float] = (0.0, 1.0)
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    channels: Channels = "rgb"
    layout: Layout = "NCHW"

    def __post_init__(self) -> None:
        if self.resize is not None:
            object.__setattr__(self, "resize", sizes_of("resize", self.resize, single=True))
        if self.crop is not None:
            object.__setattr__(self, "crop", sizes_of("crop", self.crop))
        for name, known in (
            ("policy", Policy),
            ("interpolation", Interpolation),
            ("channels", Channels),
            ("layout", Layout),
        ):
            if getattr(self, name) not in get_args(known):
                raise ParameterError(
                    f"{name} is {getattr(self, name)!r}; it must be one of "
                    f"{', '.join(get_args(known))}"
                )
        object.__setattr__(self, "range", numbers_of("range", self.range, (2,)))
        for name in ("mean", "std"):
            given = numbers_of(name, getattr(self, name), (1, self.depth))
            object.__setattr__(self, name, given)
        if 0 in self.std:
            raise ParameterError(f"std is {self.std}; nothing can be divided by 0, use 1")

    @property
    def depth(self) -> int:
        """The number of channels: 1 or 3."""
        return 1 if self.channels == "grey" else 3

    @classmethod
    def imagenet(cls, size: int = 224) -> Preprocessing:
        """Return what networks for ImageNet are usually evaluated with.

        The shorter side becomes 8/7 of `size` (256 for 224) and the centre is kept; means and
        deviations are those of torchvision's models.

        >>> Preprocessing.imagenet().resize
        256
        """
        return cls(
            resize=size * 8 // 7,
            crop=(size, size),
            mean=(0.485, 0.456, 0.406),
            std=(0.229, 0.224, 0.225),
        )

    @classmethod
    def fitting(cls, shape: Sequence[int | None]) -> Preprocessing:
        """Return the plainest one for inputs of this shape: cover its size, 0 is black, 1 white.

        Raises
        ------
        ShapeError
            If no image has that shape.

        Examples
        --------
        >>> Preprocessing.fitting((None, 32, 32, 3)).layout
        'NHWC'
        """
        if len(shape) == 4:
            for layout, place in (("NCHW", 1), ("NHWC", 3)):
                if shape[place] in (1, 3):
                    spatial = [size for axis, size in enumerate(shape) if axis not in (0, place)]
                    height, width = spatial
                    return cls(
                        resize=(height, width) if height and width else None,
                        policy="cover",
                        channels="grey" if shape[place] == 1 else "rgb",
                        layout=layout,  # type: ignore[arg-type]  # one of the two above
                    )
        raise ShapeError(
            f"an input {tuple(shape)} takes no image: it must be (N, 1 or 3, height, width) or "
            "(N, height, width, 1 or 3)"
        )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Preprocessing:
        """Return what these values declare; `scale` may stand for `std`, as its reciprocal.

        Raises
        ------
        UnknownNameError
            With the nearest known names.
        ParameterError
            If a value is out of its range.
        """
        known = {field.name for field in fields(cls)}
        given = dict(values)
        for name in given:
            if name not in known | {"scale"}:
                raise UnknownNameError.of("preprocessing setting", name, known | {"scale"})
        if "scale" in given:
            if "std" in given:
                raise ParameterError("scale and std are both given; leave one of them out")
            scale = given.pop("scale")
            scales = numbers_of("scale", scale, (1, 3))
            if 0 in scales:
                raise ParameterError(f"scale is {scale}; everything would become 0, use 1")
            given["std"] = tuple(1 / value for value in scales)
        return cls(**given)

    def to_dict(self) -> dict[str, Any]:
        """Return what `from_dict` takes, ready for JSON."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
            if value is not None
        }

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Preprocessing:
        """Return what a JSON or TOML file declares.

        Raises
        ------
        FileError
            If the file is not readable, or neither JSON nor TOML.
        UnknownNameError, ParameterError
            If a setting is unknown or out of its range.
        """
        place = Path(path)
        try:
            text = place.read_text(encoding="utf-8")
            values = json.loads(text) if place.suffix == ".json" else tomllib.loads(text)
        except (OSError, ValueError, RecursionError) as error:
            reason = getattr(error, "strerror", None) or one_line(error)
            raise FileError(
                f"{place}: no readable preprocessing ({reason}); give a .json or .toml file"
            ) from None
        with explained(str(place)):
            return cls.from_dict(table_of(values))

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> Preprocessing | None:
        """Return what a model's metadata declare, or None if they say nothing of images.

        Either `to_metadata`'s, or ONNX's own ``Image.BitmapPixelFormat`` and
        ``Image.NominalPixelRange`` (ONNX, MetadataProps.md).

        Raises
        ------
        ParameterError, UnknownNameError
            If what they declare is damaged.

        Examples
        --------
        >>> Preprocessing.from_metadata({"Image.BitmapPixelFormat": "Bgr8"}).channels
        'bgr'
        """
        if METADATA in metadata:
            with explained(f"metadata {METADATA}"):
                try:
                    values = json.loads(metadata[METADATA])
                except (ValueError, RecursionError) as error:
                    raise ParameterError(f"no JSON ({error}); write it with to_metadata") from None
                return cls.from_dict(table_of(values))
        order = FORMATS.get(metadata.get("Image.BitmapPixelFormat", ""))
        span = RANGES.get(metadata.get("Image.NominalPixelRange", ""))
        if order is None and span is None:
            return None
        return cls(channels=order or "rgb", range=span or (0.0, 255.0))

    def to_metadata(self) -> dict[str, str]:
        """Return the metadata from which `from_metadata` makes the same preprocessing."""
        return {METADATA: json.dumps(self.to_dict())}

    def completed(self, plain: Preprocessing) -> Preprocessing:
        """Return it with the layout of another, and the size where it declares none itself.

        >>> plain = Preprocessing.fitting((1, 16, 16, 3))
        >>> Preprocessing(mean=(0.5,)).completed(plain).resize
        (16, 16)
        """
        if self.resize is None and self.crop is None:
            return replace(self, layout=plain.layout, resize=plain.resize, policy=plain.policy)
        return replace(self, layout=plain.layout)

    def apply(self, image: NDArray[Any]) -> NDArray[np.float32]:
        """Return an image as a network's input: float32, a batch of one.

        Parameters
        ----------
        image : array, shape (H, W), or (H, W, C) for C = 1 to 4
            As `striate.filters.files.read` returns it: whole numbers up to their type's largest,
            or floats of which 1 is white.

        Raises
        ------
        ShapeError
            If it is no image, or smaller than the crop.
        """
        from striate.network.images import picture

        return picture.prepared(image, self)
