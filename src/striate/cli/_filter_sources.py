"""Which images the arguments of a command name: files, Zarr arrays, folders and patterns."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from striate.errors import FileError, ParameterError, StriateError

__all__ = ["ARRAY", "Found", "Sources", "image_files", "is_array", "is_pattern"]

ARRAY = ".zarr"  # a folder of this name is an image


@dataclass(frozen=True)
class Found:
    """A file, and where below the results' folder its result belongs."""

    path: Path
    place: Path


@dataclass
class Sources:
    """The image files that arguments name, in order, and why some cannot be had.

    Attributes
    ----------
    recursive : bool
        Whether the folders in a folder count too.
    avoided : path
        A folder that is not looked into where it lies in one that is: it is for results.
    arrays : bool
        Whether Zarr arrays are images; otherwise they are left.
    files : list of Found
        What was found.
    failed : dict
        What each folder that could not be listed says.
    passed : list of path
        Pipes, sockets and devices that have an image's name.
    """

    recursive: bool
    avoided: Path
    arrays: bool = True
    files: list[Found] = field(default_factory=list)
    failed: dict[Path, StriateError] = field(default_factory=dict)
    passed: list[Path] = field(default_factory=list)

    def add(self, text: str) -> None:
        """Look for the files that one argument names.

        Raises
        ------
        ParameterError
            There are none.
        """
        path = Path(text)
        if path.is_dir() and not (self.arrays and is_array(path)):
            self._add_matches(path, ("**", "*") if self.recursive else ("*",))
        elif is_pattern(text):
            self._add_pattern(path)
        else:
            self.files.append(Found(path, Path(path.name)))

    def _add_pattern(self, path: Path) -> None:
        """Look for the files of a pattern; they keep their place below what it spells out."""
        fixed = next(i for i, part in enumerate(path.parts) if is_magic(part))
        self._add_matches(Path(*path.parts[:fixed]), path.parts[fixed:], str(path))

    def _add_matches(self, base: Path, pattern: tuple[str, ...], text: str = "") -> None:
        before = len(self.failed)
        matches = sorted(set(self._matches(base, pattern))) if base.is_dir() else []
        if not matches and len(self.failed) == before:
            raise ParameterError(self._nothing(base, text))
        self.files += [Found(file, file.relative_to(base)) for file in matches]

    def _nothing(self, base: Path, text: str) -> str:
        """Return what to say where no file was found."""
        from striate.filters.files import SUFFIXES

        ends = f"striate reads files that end in {', '.join(SUFFIXES)}"
        if text:
            return f"{text!r} matches no image file; check the pattern: {ends}"
        deeper = not self.recursive and any(entry.is_dir() for entry in base.iterdir())
        return f"{base} holds no image file; {'add --recursive, or: ' if deeper else ''}{ends}"

    def _matches(self, base: Path, pattern: tuple[str, ...]) -> Iterator[Path]:
        """Yield the image files below `base` whose path matches, in any order.

        ``**`` stands for any number of folders, but for hidden ones and links to folders, so
        that no loop is walked. A folder that cannot be listed is noted and left.
        """
        waiting = [(base, pattern if pattern[-1] != "**" else (*pattern, "*"))]
        while waiting:
            folder, (head, *rest) = waiting.pop()
            try:
                entries = list(os.scandir(folder))
            except OSError as error:
                self.failed[folder] = unlisted(folder, error)
                continue
            if head == "**":
                waiting.append((folder, tuple(rest)))
            elif rest:
                entries = [entry for entry in entries if matches(entry.name, head)]
            else:
                yield from self._images(entry for entry in entries if matches(entry.name, head))
                continue
            for entry in entries:
                if head == "**" and (entry.is_symlink() or entry.name.startswith(".")):
                    continue
                if entry.is_dir() and not is_array(entry) and not self._is_avoided(entry):
                    waiting.append((Path(entry.path), (head, *rest) if head == "**" else (*rest,)))

    def _is_avoided(self, folder: os.DirEntry[str]) -> bool:
        try:
            return Path(folder.path).samefile(self.avoided)
        except OSError:  # there is no such folder yet
            return False

    def _images(self, entries: Iterable[os.DirEntry[str]]) -> Iterator[Path]:
        """Yield those that have an image's suffix; reading a link that leads nowhere says so."""
        from striate.filters.files import SUFFIXES

        for entry in entries:
            path = Path(entry.path)
            if is_array(path):
                if self.arrays:
                    yield path
            elif path.suffix.lower() in SUFFIXES and not path.is_dir():
                if is_file_or_broken(path):
                    yield path
                else:
                    self.passed.append(path)


def is_array(path: os.PathLike[str]) -> bool:
    """Whether a path is the folder of a Zarr array."""
    return Path(path).suffix.lower() == ARRAY and Path(path).is_dir()


def is_pattern(text: str) -> bool:
    """Whether an argument is to be expanded: it has ``*``, ``?`` or ``[`` and names no file."""
    return is_magic(text) and not os.path.lexists(text)


def is_magic(text: str) -> bool:
    """Whether a text has signs that stand for others."""
    return any(sign in text for sign in "*?[")


def matches(name: str, pattern: str) -> bool:
    """Whether a name matches a pattern; hidden names must be asked for, as in a shell."""
    return fnmatch(name, pattern) and (not name.startswith(".") or pattern.startswith("."))


def is_file_or_broken(path: Path) -> bool:
    """Whether a path leads to a file or, being a link, to nothing; pipes and folders do not."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return True


def unlisted(folder: Path, error: OSError) -> FileError:
    """Return the error for a folder that cannot be listed."""
    return FileError(
        f"{folder}: the folder cannot be listed ({error.strerror or error}); "
        "check its permissions, or leave it out"
    )


def image_files(source: Path) -> list[Path]:
    """Return the image files of a folder in order of name, or the file itself.

    Raises
    ------
    FileError
        The folder cannot be listed.
    ParameterError
        It holds no image file.
    """
    sources = Sources(recursive=False, avoided=source, arrays=False)
    sources.add(str(source))
    for error in sources.failed.values():
        raise error
    return [file.path for file in sources.files]
