"""What a file of weights says besides: whose they are, on what images, of what classes."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from striate.errors import FileError
from striate.interop.weights.checkpoints import is_checkpoint
from striate.interop.weights.tensor_files import read_notes
from striate.network import Network

__all__ = ["noted_classes", "notes_of"]


def notes_of(network: Network, classes: Sequence[str] = ()) -> dict[str, str]:
    """Return what a file of weights says besides: whose they are, on what images, of what classes.

    Examples
    --------
    >>> import striate as st
    >>> notes_of(st.network.Network(st.load("lenet-1989").graph), ["0", "1"])
    {'network': 'lenet-1989', 'classes': '["0", "1"]'}
    """
    how = network.preprocessing
    return {
        "network": network.name,
        **({} if how is None else how.to_metadata()),
        **({"classes": json.dumps(list(classes))} if classes else {}),
    }


def noted_classes(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Return the names of the classes that a file of weights tells; none if it tells none.

    Raises
    ------
    FileError
        If it is damaged.
    MissingExtraError
        If it is a safetensors file, and safetensors is not installed.
    """
    if is_checkpoint(path):
        return ()
    text = read_notes(path).get("classes", "[]")
    try:
        names = json.loads(text)
    except (ValueError, RecursionError):
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise FileError(f"{path}: its classes are no list of names; give others (--labels)")
    return tuple(names)
