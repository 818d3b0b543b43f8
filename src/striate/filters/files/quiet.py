"""Decoders that say nothing on standard error: what matters comes back as an error or a notice."""

from __future__ import annotations

import ctypes
import logging
import threading
import warnings

from PIL import Image, _imaging

__all__ = ["PILLOW_QUIET", "Quiet"]

# What Pillow would print on standard error of damaged tags; whoever listens still hears it.
logging.getLogger("PIL").addHandler(logging.NullHandler())

SETTERS = ("TIFFSetErrorHandler", "TIFFSetWarningHandler")


class Quiet:
    """A context in which Pillow and libtiff warn of nothing, for any number of threads at once.

    Pillow warns of images beyond its limit, and refuses those beyond twice the limit; its other
    warnings are of damaged metadata, which `Metadata.dropped` names. libtiff prints what it found
    damaged, without a file's name. Python's filters of warnings and libtiff's handlers are the
    whole process's: they change when the first thread comes, and back when the last goes.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inside = 0
        self.before: warnings.catch_warnings[None] | None = None
        self.setters = libtiff_setters()
        self.handlers: list[int | None] = []

    def __enter__(self) -> None:
        with self.lock:
            if self.inside == 0:
                self.before = warnings.catch_warnings()
                self.before.__enter__()
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
                warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
                self.handlers = [set_handler(None) for set_handler in self.setters]
            self.inside += 1

    def __exit__(self, *error: object) -> None:
        with self.lock:
            self.inside -= 1
            if self.inside == 0 and self.before is not None:
                self.before.__exit__(None, None, None)
                for set_handler, handler in zip(self.setters, self.handlers, strict=True):
                    set_handler(handler)


def libtiff_setters() -> list[ctypes._NamedFuncPointer]:
    """Return what exchanges handlers of the libtiff that Pillow loads; none where it is hidden."""
    try:
        library = ctypes.CDLL(_imaging.__file__)
        setters = [getattr(library, name) for name in SETTERS]
    except (OSError, AttributeError):  # it is a part of Pillow that shows no names
        return []
    for setter in setters:
        setter.argtypes, setter.restype = [ctypes.c_void_p], ctypes.c_void_p
    return setters


PILLOW_QUIET = Quiet()
