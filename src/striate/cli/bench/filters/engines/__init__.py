"""Those who filter: striate, and the other libraries, all of them optional.

Each sets its number of threads, writes its result where it is told to, if it can, and leaves out
the filters that it does not have.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import cast

from striate.cli.bench.filters.engines.engine import Engine
from striate.cli.bench.peers import chosen_peers

__all__ = ["BESIDE", "PEERS", "Engine", "present_engines"]

BESIDE = "OpenCV"
PEERS = {  # name: (module, the packages it needs)
    BESIDE: ("open_cv", ("cv2",)),
    "SciPy": ("scipy_ndimage", ("scipy",)),
    "scikit-image": ("scikit_image", ("skimage",)),
    "Pillow": ("pillow", ("PIL",)),
    "kornia": ("kornia_torch", ("kornia", "torch")),
}


def present_engines(names: Sequence[str] | None = None) -> tuple[list[Engine], list[str]]:
    """Return the engines of these names (all, if none are given), and those not installed.

    Raises
    ------
    UnknownNameError
        If there is no peer of a name; case and spaces do not matter.
    """
    there, absent = chosen_peers(names, PEERS)
    return [cast(Engine, import_module(f"{__name__}.{PEERS[n][0]}")) for n in there], absent
