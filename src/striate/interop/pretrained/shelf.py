"""Where trained weights lie, and how they are taken from there."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from importlib.resources import files
from importlib.resources.abc import Traversable

from striate.errors import FileError, ParameterError, explained
from striate.interop.pretrained.arrays import unpacked
from striate.interop.pretrained.records import Record
from striate.interop.weights.loading import load_weights
from striate.network import Network, zoo

__all__ = ["MOST_BYTES", "load", "names", "record"]

MOST_BYTES = 4_000_000
"""Of all files together, and so of each."""


def shelf() -> Traversable:
    """Return the folder of the package's own files."""
    return files("striate.interop.pretrained") / "files"


def names(folder: Traversable | None = None) -> tuple[str, ...]:
    """Return the names of the zoo that have trained weights.

    Parameters
    ----------
    folder : path, optional
        Another folder than the package's own.

    Examples
    --------
    >>> "lenet-1989" in names()
    True
    """
    place = shelf() if folder is None else folder
    found = sorted(file.name for file in place.iterdir() if file.name.endswith(".json"))
    return tuple(name.removesuffix(".json") for name in found)


def record(name: str, folder: Traversable | None = None) -> Record:
    """Return how the trained weights of a network came to be.

    Parameters
    ----------
    name : str
        Of the zoo.
    folder : path, optional
        Another folder than the package's own.

    Raises
    ------
    UnknownNameError
        If no network of the zoo has that name.
    ParameterError
        If no trained weights come with the package: which do.
    FileError
        If the record is damaged.

    Examples
    --------
    >>> record("lenet-1989").data["name"]
    'usps'
    """
    place = shelf() if folder is None else folder
    known = names(place)
    if name not in known:
        zoo.load(name)  # which knows the nearest names
        raise ParameterError(
            f"no trained weights of {name!r} come with striate, only of {', '.join(known)}; "
            "give a file with weights="
        )
    file = place / f"{name}.json"
    found = Record.from_json(_content(file), file.name)
    if found.network != name:
        raise FileError(f"{file.name}: is the record of {found.network}; install striate again")
    return found


def load(name: str, folder: Traversable | None = None) -> Network:
    """Return a network of the zoo with its trained weights, and how images become its input.

    Parameters
    ----------
    name : str
        Of `names`.
    folder : path, optional
        Another folder than the package's own.

    Raises
    ------
    UnknownNameError, ParameterError
        As `record`.
    FileError
        If a file is damaged: its SHA-256, names, shapes and kinds are checked, and that its
        numbers are finite.

    Examples
    --------
    >>> load("lenet-1989").preprocessing.range
    (1.0, -1.0)
    """
    place = shelf() if folder is None else folder
    made = record(name, place)
    file = place / f"{name}.npz"
    content = _content(file)
    digest = hashlib.sha256(content).hexdigest()
    if digest != made.sha256:
        raise FileError(
            f"{file.name}: its SHA-256 is {digest}, not the {made.sha256} of its record; "
            "install striate again"
        )
    arrays = unpacked(content, file.name)
    with explained(file.name):
        network = load_weights(zoo.load(name), arrays)
    return replace(network, preprocessing=made.preprocessing)


def _content(file: Traversable) -> bytes:
    """Return what a file holds, if it is no larger than it may be."""
    try:
        with file.open("rb") as stream:
            content: bytes = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise FileError(
            f"{file.name}: cannot be read ({error.strerror or error}); install striate again"
        ) from None
    if len(content) > MOST_BYTES:
        raise FileError(
            f"{file.name}: has more than the {MOST_BYTES:,} bytes that are allowed; "
            "install striate again"
        )
    return content
