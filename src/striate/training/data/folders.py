"""A folder of image files as a data set: its subfolders are the classes."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import PIL

from striate.errors import FileError, ParameterError, ShapeError
from striate.training.data.arrays import Allocate, kept_arrays
from striate.training.data.dataset import Dataset
from striate.training.data.pictures import Header, Unusable, header, pixels
from striate.training.wording import count_text

__all__ = ["load_folder"]

TEST_NAMES = ("test", "val", "validation", "valid")
TEST_SHARE = 0.2
TOGETHER = 64
"""Files that are read at a time."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Member:
    """A file of a class, or of several."""

    path: Path
    shown: str
    label: int
    test: bool


def load_folder(folder: str | os.PathLike[str], size: int | None = None) -> Dataset:
    """Return the images in a folder, uint8 (N, C, H, W), C 3 if any has colour and else 1.

    The folder's subfolders are the classes, in the order of their names, with images at any depth;
    or it has subfolders ``train`` and ``test`` (or ``val``) of such subfolders. Without a test part
    a file is in it, with a probability of 1/5, by a hash of its class and name: it stays there
    whatever other files come or go. Files whose names begin with a dot are passed over. Files that
    are no whole images, or of too many pixels, are left out, with a warning that names them.

    The pixels are kept in the cache folder until a file's name, size or time changes.

    Parameters
    ----------
    folder : path
    size : int, optional
        The height and width of all: the shorter side is resized, and the middle is cut out. Without
        it all images must have the same size.

    Raises
    ------
    FileError
        If there is no such folder, or no class or too few images in it.
    ShapeError
        If the images differ in size, and no `size` is given.
    """
    if size is not None and not (isinstance(size, int) and 1 <= size <= 4096):
        raise ParameterError(f"size {size!r} must be a whole number, 1 to 4096 pixels")
    root = Path(folder)
    if not root.is_dir():
        raise FileError(f"{root}: no such folder; name one whose subfolders are the classes")
    classes, members = _members(root)

    def make(allocate: Allocate) -> dict[str, int]:
        return _make(root, classes, members, size, allocate)

    arrays = kept_arrays(root.resolve().name, _key(classes, members, size), make)
    skipped = json.loads(arrays["skipped"].tobytes())
    if skipped:
        warnings.warn(_told(root, skipped, len(members)), stacklevel=3)
    return Dataset(
        name=root.resolve().name,
        train_images=arrays["train_images"],
        train_labels=arrays["train_labels"],
        test_images=arrays["test_images"],
        test_labels=arrays["test_labels"],
        classes=classes,
        source=f"the images in {root}, {len(skipped)} of {len(members)} files left out",
    )


def _told(root: Path, skipped: Sequence[Sequence[str]], count: int) -> str:
    first = "; ".join(f"{name} ({reason})" for name, reason in skipped[:5])
    more = f"; and {len(skipped) - 5} more" if len(skipped) > 5 else ""
    return f"{root}: {len(skipped)} of {count} files left out: {first}{more}"


def _subfolders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _members(root: Path) -> tuple[tuple[str, ...], list[Member]]:
    """Return the classes and all files in them, in the order of their names."""
    try:
        train = root / "train"
        test = next((root / name for name in TEST_NAMES if (root / name).is_dir()), None)
        parts = [(train if train.is_dir() else root, False)]
        if train.is_dir() and test is not None:
            parts.append((test, True))
        classes = tuple(path.name for path in _subfolders(parts[0][0]))
        found = [member for part, tested in parts for member in _in_part(part, classes, tested)]
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"{root}: cannot be read ({error.strerror}); check its rights") from None
    if len(found) < 2:
        raise FileError(
            f"{root}: holds {count_text(len(found), 'file')} in "
            f"{count_text(len(classes), 'subfolder')}; put the images of each class into a "
            "subfolder with the name of the class"
        )
    return classes, found if len(parts) == 2 else _divided(found)


def _in_part(part: Path, classes: tuple[str, ...], test: bool) -> Iterator[Member]:
    for folder in _subfolders(part):
        if folder.name not in classes:
            raise FileError(
                f"{folder}: no such class among those to learn; they are {', '.join(classes)}"
            )
        for path in sorted(_files(folder)):
            shown = path.relative_to(part).as_posix()
            yield Member(path, shown, classes.index(folder.name), test)


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder and in those below, without following links to folders."""
    for place, inner, names in os.walk(folder):
        inner[:] = [name for name in inner if not name.startswith(".")]
        for name in names:
            path = Path(place, name)
            if not name.startswith(".") and path.is_file():  # no pipe, which would never end
                yield path


def _divided(members: list[Member]) -> list[Member]:
    """Return the members, some of them in the test part, by a hash of their names."""
    hashes = [hashlib.sha256(m.shown.encode(errors="surrogateescape")).digest() for m in members]
    least, most = min(hashes), max(hashes)
    limit = int(TEST_SHARE * 2**64).to_bytes(8, "big")
    test = [(h < limit or h == least) and h != most for h in hashes]
    return [Member(m.path, m.shown, m.label, t) for m, t in zip(members, test, strict=True)]


def _key(classes: tuple[str, ...], members: list[Member], size: int | None) -> str:
    """Return what changes when a file does."""
    files = [(m.shown, m.label, m.test, *_stamp(m.path)) for m in members]
    return f"folder {PIL.__version__} {size} {classes!r} {files!r}"


def _stamp(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError:
        return (0, 0)
    return (stat.st_size, stat.st_mtime_ns)


def _make(
    root: Path,
    classes: tuple[str, ...],
    members: list[Member],
    size: int | None,
    allocate: Allocate,
) -> dict[str, int]:
    """Fill the arrays, and return how many rows of each are used."""
    skipped: list[tuple[str, str]] = []
    good: list[tuple[Member, Header]] = []
    for member, found in _each(members, lambda member: header(member.path)):
        if isinstance(found, Unusable):
            skipped.append((member.shown, str(found)))
        else:
            good.append((member, found))
    shape = _shape(root, good, size)
    rows: dict[str, int] = {}
    for test in (False, True):
        mine = [member for member, _ in good if member.test == test]
        part = "test" if test else "train"
        if not mine:
            raise FileError(
                f"{root}: no image to {part} on, {len(skipped)} of {len(members)} files cannot be "
                "used; add images" + (f" ({skipped[0][0]}: {skipped[0][1]})" if skipped else "")
            )
        images = allocate(f"{part}_images", (len(mine), *shape), np.uint8)
        labels = allocate(f"{part}_labels", (len(mine),), np.int64)
        done = 0
        for member, image in _each(mine, lambda m: pixels(m.path, shape[0] == 3, size)):
            if isinstance(image, Unusable):
                skipped.append((member.shown, str(image)))
            elif image.shape != shape:
                skipped.append((member.shown, f"of {image.shape}, unlike its header"))
            else:
                images[done], labels[done] = image, member.label
                done += 1
        rows |= {f"{part}_images": done, f"{part}_labels": done}
        if not done:
            raise FileError(f"{root}: no image to {part} on, all are damaged; add images")
    said = json.dumps(sorted(skipped)).encode()
    allocate("skipped", (len(said),), np.uint8)[:] = np.frombuffer(said, np.uint8)
    return rows


def _shape(root: Path, good: list[tuple[Member, Header]], size: int | None) -> tuple[int, int, int]:
    """Return the shape (C, H, W) of all images."""
    if not good:
        raise FileError(f"{root}: none of its files is an image that can be used; add images")
    channels = 3 if any(found.colour for _, found in good) else 1
    if size is not None:
        return channels, size, size
    first, one = good[0]
    for member, found in good:
        if (found.height, found.width) != (one.height, one.width):
            raise ShapeError(
                f"{root}: {first.shown} is {one.height}x{one.width} but {member.shown} is "
                f"{found.height}x{found.width}: give a size (size=, --resize) to bring all to"
            )
    return channels, one.height, one.width


def _each(
    members: Iterable[Member], read: Callable[[Member], T]
) -> Iterator[tuple[Member, T | Unusable]]:
    """Yield each member with what is read of it, or why it cannot be, some files at a time."""

    def tried(member: Member) -> T | Unusable:
        try:
            return read(member)
        except Unusable as error:
            return error

    rest = list(members)
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        for i in range(0, len(rest), TOGETHER):
            some: Any = rest[i : i + TOGETHER]
            yield from zip(some, pool.map(tried, some), strict=True)
