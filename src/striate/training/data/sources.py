"""Where published files lie: in the folder that STRIATE_DATA names, in the cache, or far away."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from striate.errors import FileError, one_line
from striate.training.data.arrays import cache_folder
from striate.training.data.downloads import download

__all__ = ["Published", "data_folder", "obtained", "place_of"]


@dataclass(frozen=True, slots=True)
class Published:
    """A file as its authors publish it.

    Parameters
    ----------
    site, file : str
        Its address is site/file.
    sha256 : str
    size : int
        In bytes.
    """

    site: str
    file: str
    sha256: str
    size: int

    @property
    def url(self) -> str:
        """Where it is fetched from."""
        return f"{self.site}/{self.file}"


def data_folder() -> Path | None:
    """Return the folder that the environment variable STRIATE_DATA names, if it is set."""
    named = os.environ.get("STRIATE_DATA")
    return Path(named) if named else None


def place_of(file: str, folders: Sequence[str]) -> Path | None:
    """Return where a file lies in one of some folders of STRIATE_DATA, or in the cache.

    `folders` are tried in order; the first is also the name of the folder in the cache.
    """
    if (named := data_folder()) is not None:
        for folder in folders:
            if (place := named / folder / file).is_file():
                return place
    cached = cache_folder() / folders[0] / file
    return cached if cached.is_file() else None


def obtained(data: str, published: Published, folders: Sequence[str]) -> Path:
    """Return where a published file lies, after fetching it into the cache folder if need be.

    What lies there already is for the caller to believe or not.

    Parameters
    ----------
    data : str
        The data set's name, for messages.
    published : Published
    folders : sequence of str
        See `place_of`.

    Raises
    ------
    FileError
        If it cannot be fetched.
    MissingExtraError
        If it must be fetched and pooch is not installed.
    """
    if (place := place_of(published.file, folders)) is not None:
        return place
    place = cache_folder() / folders[0] / published.file
    try:
        download(published.url, place, published.sha256, published.size)
    except FileError as error:
        raise FileError(
            f"{data}: {published.url} could not be fetched ({one_line(error)}); "
            + _advice(published, folders[0])
        ) from None
    return place


def _advice(published: Published, folder: str) -> str:
    """Return what someone without a network can do."""
    wanted = f"{published.file} (SHA-256 {published.sha256})"
    if (named := data_folder()) is not None:
        missing = f"{folder}/{published.file} is missing"
        return f"STRIATE_DATA is {named}, where {missing}: put {wanted} there"
    return f"put {wanted} into a folder {folder}, and set STRIATE_DATA to the folder that holds it"
