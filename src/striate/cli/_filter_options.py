"""Which filters ``striate filter`` knows, what each takes, and how its options are written."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["EVERY", "FILTERS", "RESIDUALS", "parsed"]

EVERY = ("border", "cval", "dtype", "scale", "signed", "linear-light")
# What each filter must be given, and what it may be.
FILTERS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "box": (("size",), ()),
    "gaussian": (("sigma",), ("truncate", "order")),
    "motion-blur": (("length",), ("angle",)),
    "median": ((), ("size",)),
    "sobel": ((), ("axis",)),
    "scharr": ((), ("axis",)),
    "prewitt": ((), ("axis",)),
    "roberts": ((), ("diagonal",)),
    "steer": (("sigma", "angle"), ("order", "truncate")),
    "laplacian": ((), ("neighbours",)),
    "laplacian-of-gaussian": (("sigma",), ("truncate",)),
    "difference-of-gaussians": (("sigma",), ("wider", "truncate")),
    "gabor": (("wavelength",), ("angle", "bandwidth", "aspect", "phase", "truncate")),
    "sharpen": ((), ("amount", "neighbours")),
    "unsharp-mask": (("sigma",), ("amount", "truncate")),
    "emboss": ((), ("strength",)),
    "kv": ((), ()),
    "ker-bohme": ((), ()),
    "spam": ((), ("order", "direction")),
    "convolve": (("kernel",), ()),
    "correlate": (("kernel",), ()),
}
RESIDUALS = ("kv", "ker-bohme", "spam")  # kernels of these names, correlated


def parsed(name: str, option: str, value: Any) -> Any:
    """Return an option's value as the filter wants it: pairs, radians, arrays."""
    if option in ("sigma", "wider"):
        pair = pair_of(f"--{option}", value, float, "a number")
        return pair[0] if name == "steer" and pair[0] == pair[1] else pair
    if option == "size":
        return pair_of("--size", value, int, "a whole number")
    if option == "order":
        pair = pair_of("--order", value, int, "a whole number")
        return pair if name == "gaussian" else pair[0] if pair[0] == pair[1] else value
    if option in ("angle", "phase"):
        return math.radians(value)
    return kernel_of(value) if option == "kernel" else value


def pair_of(option: str, text: str, kind: Callable[[str], Any], what: str) -> tuple[Any, Any]:
    """Return (rows, columns) for 5 or 5x7."""
    from striate.errors import ParameterError

    parts = text.lower().replace("×", "x").split("x")
    try:
        numbers = [kind(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2):
        raise ParameterError(f"{option} is {text!r}; it must be {what}, or rows x columns as 3x5")
    return numbers[0], numbers[-1]


def kernel_of(text: str) -> NDArray[np.float64]:
    """Return the kernel of a file, or the one written out in `text`."""
    import numpy as np

    from striate.errors import FileError, explained, one_line
    from striate.filters import kernels

    path = Path(text)
    if not is_file(path):
        if path.suffix in (".npy", ".txt", ".csv"):
            raise FileError(f"{path}: no such kernel file; check the path")
        return kernels.parse(text)
    try:
        if path.suffix == ".npy":
            loaded: NDArray[np.float64] = np.load(path, allow_pickle=False)
            return loaded
        content = path.read_text(encoding="utf-8")
    except (OSError, ValueError, EOFError) as error:
        raise FileError(
            f"{path}: no kernel can be read ({one_line(error)}); write rows of numbers"
        ) from None
    with explained(str(path)):
        return kernels.parse(content)


def is_file(path: Path) -> bool:
    """Whether there is such a file; weights written out may be too long for a file's name."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
