"""A weak signal hidden in pictures: LSB matching, and pictures cut into examples to detect it.

Each pixel that carries a bit of the message is made to end in that bit: where it does not already,
it goes up or down by one, as a coin decides. T. Sharp, "An implementation of key-based digital
signal steganography", Information Hiding 2001; A. D. Ker, "Steganalysis of LSB matching in
grayscale images", IEEE Signal Processing Letters 12(6), 2005. The message is random bits, as
encrypted ones look, so half of the pixels that carry one change: at 1 bit per pixel the signal is
white noise of the values -1, 0 and 1 with a variance of 1/2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import DTypeError, FileError, ParameterError
from striate.filters import files
from striate.training.data.sources import data_folder

__all__ = ["cut", "examples", "gathered", "grey", "lsb_matching", "photographs", "split"]

Bytes = NDArray[np.uint8]
LUMA = np.array([0.299, 0.587, 0.114])
"""ITU-R BT.601."""


def lsb_matching(cover: Bytes, rate: float, random: np.random.Generator) -> Bytes:
    """Return a picture with a random message hidden in it.

    Parameters
    ----------
    cover : uint8 array, any shape
    rate : float
        Bits per pixel, above 0 to 1: the share of pixels that carry a bit, at random places.
    random : numpy.random.Generator
        Of the message, its places and the directions.

    Returns
    -------
    uint8 array
        Each pixel is the cover's, or differs by 1; 0 only goes up and 255 only down.

    Examples
    --------
    >>> stego = lsb_matching(np.full((4, 4), 255, np.uint8), 1.0, np.random.default_rng(0))
    >>> np.unique(stego).tolist()
    [254, 255]
    """
    if cover.dtype != np.uint8:
        raise DTypeError(f"lsb_matching: the cover is {cover.dtype}: it must be uint8")
    if not 0 < rate <= 1:
        raise ParameterError(f"lsb_matching: rate {rate} must be above 0 and at most 1 bit a pixel")
    carries = random.random(cover.shape) < rate
    bits = random.integers(0, 2, cover.shape, np.uint8)
    up = random.integers(0, 2, cover.shape, np.uint8).astype(np.bool_)
    up = (up | (cover == 0)) & (cover != 255)
    changes = carries & (cover % 2 != bits)
    moved = np.where(up, cover + np.uint8(1), cover - np.uint8(1))  # what would wrap is not taken
    return np.where(changes, moved, cover)


def grey(colours: NDArray[Any]) -> Bytes:
    """Return images (..., 3, H, W) of uint8 as their luma (..., H, W), rounded.

    Examples
    --------
    >>> grey(np.array([[[255]], [[0]], [[0]]], np.uint8))
    array([[76]], dtype=uint8)
    """
    return np.rint(np.tensordot(LUMA, np.moveaxis(colours, -3, 0), 1)).astype(np.uint8)


def cut(picture: Bytes, size: int) -> Bytes:
    """Return the whole squares of a picture (H, W), side by side, shape (N, size, size).

    Examples
    --------
    >>> cut(np.arange(12, dtype=np.uint8).reshape(2, 6), 2)[1].tolist()
    [[2, 3], [8, 9]]
    """
    rows, columns = picture.shape[0] // size, picture.shape[1] // size
    whole = picture[: rows * size, : columns * size]
    squares = whole.reshape(rows, size, columns, size).swapaxes(1, 2)
    return np.ascontiguousarray(squares.reshape(-1, size, size))


def photographs(folder: Path | None = None) -> dict[str, Bytes]:
    """Return the pictures of a folder in grey (H, W), by their names, in the order of these.

    Parameters
    ----------
    folder : path, optional
        By default ``images`` in the folder that STRIATE_DATA names; no pictures if it names none.

    Raises
    ------
    FileError
        If one cannot be read.
    """
    if folder is None:
        named = data_folder()
        if named is None:
            return {}
        folder = named / "images"
    paths = sorted(p for p in folder.glob("*") if p.suffix.lower() in files.SUFFIXES)
    found = {}
    for path in paths:
        pixels = files.read(path)
        if pixels.dtype != np.uint8:
            raise FileError(f"{path}: has {pixels.dtype} pixels, not 8 bits; take it out")
        if pixels.ndim == 3:  # grey with alpha, or colours
            colours = pixels.shape[2] > 2
            pixels = grey(np.moveaxis(pixels[..., :3], -1, 0)) if colours else pixels[..., 0]
        found[path.name] = pixels
    return found


def split(names: Iterable[str], folds: int) -> tuple[tuple[str, ...], ...]:
    """Return the names dealt out into folds, so that each is tested on once.

    Of fewer names than folds, each is a fold of its own.

    Raises
    ------
    ParameterError
        If there are not two folds, or names for them.

    Examples
    --------
    >>> split(["a", "b", "c", "d", "e"], 2)
    (('a', 'c', 'e'), ('b', 'd'))
    """
    listed = tuple(names)
    if folds < 2:
        raise ParameterError(f"split: folds {folds} must be at least 2: one is tested on")
    if len(listed) < 2:
        raise ParameterError(
            f"split: photographs {', '.join(listed) or 'none'}: there must be at least 2, of which "
            "one is tested on: add another to the folder, or leave it empty"
        )
    count = min(folds, len(listed))
    return tuple(listed[fold::count] for fold in range(count))


def examples(
    covers: Bytes, rate: float, seed: int, *, copies: int = 1
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return squares without (0) and with (1) a message, in turn, and these labels.

    Parameters
    ----------
    covers : uint8 array, shape (N, size, size)
    rate : float
        See `lsb_matching`.
    seed : int
        Of the messages.
    copies : int
        How often each square is used, up to eight times: turned and flipped another way each time,
        with another message.

    Returns
    -------
    images : float32 array, shape (2 * N * copies, 1, size, size)
        Grey levels as they are, 0 to 255.
    labels : int64 array

    Examples
    --------
    >>> images, labels = examples(np.full((3, 2, 2), 7, np.uint8), 1.0, seed=0, copies=2)
    >>> images.shape, labels[:4].tolist()
    ((12, 1, 2, 2), [0, 1, 0, 1])
    """
    if not 1 <= copies <= 8:
        raise ParameterError(f"examples: copies {copies} must be 1 to 8: there are 8 orientations")
    random = np.random.default_rng(seed)
    parts = []
    for copy in range(copies):
        turned = np.rot90(covers, copy % 4, (1, 2))
        turned = turned[:, :, ::-1] if copy >= 4 else turned
        parts.append(np.stack([turned, lsb_matching(turned, rate, random)], axis=1))
    size = covers.shape[1:]
    images = np.concatenate(parts).reshape(-1, 1, *size).astype(np.float32)
    return images, np.arange(len(images), dtype=np.int64) % 2


def gathered(pictures: Mapping[str, Bytes], names: Iterable[str], size: int) -> Bytes:
    """Return the squares of the named pictures, one picture after the other."""
    return np.concatenate([cut(pictures[name], size) for name in names])
