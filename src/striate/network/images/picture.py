"""Pixels to a network's input, as a `Preprocessing` says; and back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from striate.errors import DTypeError, ShapeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from striate.network.images.preprocessing import Preprocessing

__all__ = ["coloured", "prepared", "shown"]

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


def prepared(image: NDArray[Any], how: Preprocessing) -> NDArray[np.float32]:
    """Return (1, C, H, W), or (1, H, W, C): see `Preprocessing.apply`.

    Pixels of 8 bits are resized as such, as Pillow and torchvision do it, so that networks see
    what they were trained on; all others in float32.
    """
    pixels: NDArray[Any] = _on_white(np.asarray(image))
    white = float(np.iinfo(pixels.dtype).max) if pixels.dtype.kind == "u" else 1.0
    if how.channels == "grey" and pixels.shape[2] == 3:
        pixels = pixels.astype(np.float32).dot(LUMA)[:, :, None]
    pixels = _cropped(_resized(pixels, how), how)
    low, high = how.range
    x: NDArray[Any] = pixels.astype(np.float32) * np.float32((high - low) / white) + np.float32(low)
    x = np.broadcast_to(x, (*x.shape[:2], how.depth))
    if how.channels == "bgr":
        x = x[:, :, ::-1]
    x = (x - np.array(how.mean, np.float32)) / np.array(how.std, np.float32)
    return np.ascontiguousarray((x.transpose(2, 0, 1) if how.layout == "NCHW" else x)[None])


def shown(planes: NDArray[Any], how: Preprocessing) -> NDArray[np.uint8]:
    """Return a network's output (C, H, W), or (H, W, C), as 8-bit pixels: `prepared` undone.

    Values beyond black and white are cut.

    Raises
    ------
    ShapeError
        If it has neither 1 nor 3 channels.

    Examples
    --------
    >>> from striate.network import Preprocessing
    >>> shown(np.array([[[0.0, 0.5, 2.0]]]), Preprocessing(channels="grey"))[:, :, 0]
    array([[  0, 128, 255]], dtype=uint8)
    """
    x = np.moveaxis(planes, 0, 2) if how.layout == "NCHW" and planes.ndim == 3 else planes
    if x.ndim != 3 or x.shape[2] not in (1, 3):
        raise ShapeError(f"an output {planes.shape} is no picture: it must have 1 or 3 channels")
    if x.shape[2] == how.depth:
        x = x * np.array(how.std) + np.array(how.mean)
    low, high = how.range
    x = (x - low) / (high - low) * 255
    if how.channels == "bgr" and x.shape[2] == 3:
        x = x[:, :, ::-1]
    return np.rint(np.clip(np.nan_to_num(x), 0, 255)).astype(np.uint8)


def coloured(luma: NDArray[np.uint8], image: NDArray[Any], how: Preprocessing) -> NDArray[np.uint8]:
    """Return a picture (H, W, 3) of this luma in the colours of the image it was made from.

    The image is prepared as for the network, and its two colour differences (ITU-R BT.601) are
    resized to the picture: what networks that enlarge luma alone leave to do.
    """
    plain = replace(how, channels="rgb", range=(0, 255), mean=(0,), std=(1,), layout="NHWC")
    pixels = np.rint(prepared(image, plain)[0]).astype(np.uint8)
    _, *differences = Image.fromarray(pixels).convert("YCbCr").split()
    size = luma.shape[::-1]
    bands = [band.resize(size, Image.Resampling.BICUBIC) for band in differences]
    merged = Image.merge("YCbCr", [Image.fromarray(np.ascontiguousarray(luma)), *bands])
    return np.asarray(merged.convert("RGB"))


def _on_white(image: NDArray[Any]) -> NDArray[Any]:
    """Return an image (H, W, 1 or 3), what is transparent in it on white.

    Of 8 bits it is what Pillow makes of it, as folders of images to learn from are read.
    """
    if image.ndim not in (2, 3) or image.size == 0 or (image.ndim == 3 and image.shape[2] > 4):
        raise ShapeError(
            f"an image of shape {image.shape}; it must be (H, W) or (H, W, 1 to 4), not empty"
        )
    if image.dtype.kind not in "uf":
        raise DTypeError(f"an image of {image.dtype}; it must be of unsigned integers or floats")
    pixels = np.atleast_3d(image)
    if pixels.shape[2] in (1, 3):
        return pixels
    if pixels.dtype == np.uint8:
        picture = Image.fromarray(np.ascontiguousarray(pixels)).convert("RGBA")
        laid = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
        return np.atleast_3d(np.asarray(laid.convert("L" if pixels.shape[2] == 2 else "RGB")))
    whole = pixels.dtype.kind == "u"
    white = np.iinfo(pixels.dtype).max if whole else 1.0
    opacity = pixels[:, :, -1:] / np.float64(white)
    colours = pixels[:, :, :-1] * opacity + white * (1 - opacity)
    return (np.rint(colours) if whole else colours).astype(pixels.dtype)


def _resized(pixels: NDArray[Any], how: Preprocessing) -> NDArray[Any]:
    if how.resize is None:
        return pixels
    height, width = pixels.shape[:2]
    whole: tuple[float, float, float, float] = (0.0, 0.0, width, height)
    box = whole
    if isinstance(how.resize, int):
        short = min(height, width)
        target = how.resize * height // short, how.resize * width // short
    else:
        target = how.resize
        if how.policy == "cover":
            box = _covering(height, width, *target)
    if target == (height, width) and box == whole:
        return pixels
    resample = Image.Resampling[how.interpolation.upper()]
    if pixels.dtype.name == "uint8":
        plain = pixels if pixels.shape[2] == 3 else pixels[:, :, 0]
        picture = Image.fromarray(np.ascontiguousarray(plain))
        return np.atleast_3d(np.asarray(picture.resize(target[::-1], resample, box)))
    planes = [
        Image.fromarray(np.ascontiguousarray(pixels[:, :, c], np.float32)).resize(
            target[::-1], resample, box
        )
        for c in range(pixels.shape[2])
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=2)


def _covering(
    height: int, width: int, target_height: int, target_width: int
) -> tuple[float, float, float, float]:
    """Return (left, top, right, bottom): the largest centre of the target's aspect."""
    scale = max(target_height / height, target_width / width)
    tall, wide = min(height, target_height / scale), min(width, target_width / scale)
    left, top = (width - wide) / 2, (height - tall) / 2
    return left, top, left + wide, top + tall


def _cropped(pixels: NDArray[Any], how: Preprocessing) -> NDArray[Any]:
    if how.crop is None:
        return pixels
    room = [size - kept for size, kept in zip(pixels.shape[:2], how.crop, strict=True)]
    if min(room) < 0:
        raise ShapeError(
            f"an image of {pixels.shape[0]}x{pixels.shape[1]} is smaller than the crop "
            f"{how.crop[0]}x{how.crop[1]}: resize it first, with resize={max(how.crop)} or more"
        )
    top, left = (round(space / 2) for space in room)
    return pixels[top : top + how.crop[0], left : left + how.crop[1]]
