"""Chapter 1: the lecture's filters on a photograph."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from striate.cli.tour.page import Chapter, picture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["filtered_photograph", "load_photograph"]


def filtered_photograph(image: NDArray[Any], name: str, folder: Path) -> Chapter:
    """Filter a photograph every way the lecture does; write ``filters.png``."""
    from striate import drawing, filters

    grey = _luma(image)
    items = [("original", image, name)]
    for size in (3, 5, 11):
        mean = f"each pixel the mean of {size * size}"
        items.append((f"box {size}x{size}", filters.box(image, size=size), mean))
    for sigma in (2, 4):
        bell = "exp(-(i^2 + j^2) / 2 sigma^2)"
        items.append((f"Gaussian, sigma {sigma}", filters.gaussian(image, sigma=sigma), bell))
    items += [
        ("Sobel k1", _signed(filters.sobel(grey, axis=1)), "across: grey is 0, white a rise"),
        ("Sobel k2", _signed(filters.sobel(grey, axis=0)), "down: grey is 0, white a rise"),
        ("Sobel magnitude", _scaled(filters.sobel(grey)), "hypot(k1, k2), brightest = largest"),
    ]
    sheet = drawing.contact_sheet(items, columns=3, cell=280, title="Image filters")
    path = drawing.write(folder / "filters.png", sheet, scale=2)
    return Chapter(
        "Image filters",
        f"{name} ({image.shape[1]}x{image.shape[0]}), blurred by box and Gaussian kernels, and its "
        "edges by Sobel's. Every result is exact: rounded once, from the whole sum.",
        picture(path, "The photograph and its filtered versions"),
    )


def load_photograph(path: Path | None) -> tuple[NDArray[Any], str]:
    """Return the user's photograph, or one that scikit-learn ships, and its name."""
    from striate.errors import DTypeError, MissingExtraError
    from striate.filters import files

    if path is not None:
        image = files.read(path)
        if image.dtype.kind != "u":
            raise DTypeError(
                f"{path}: pixels are {image.dtype}; the tour takes 8 or 16 bits: convert the file"
            )
        return (image[..., :3] if image.ndim == 3 and image.shape[2] == 4 else image), path.name
    try:
        from sklearn.datasets import load_sample_image
    except ImportError:
        raise MissingExtraError.of("scikit-learn", "train", "the tour's photograph") from None
    return load_sample_image("china.jpg"), "Summer Palace, Beijing: scikit-learn's china.jpg"


def _luma(image: NDArray[Any]) -> NDArray[np.float32]:
    """Return the brightness in 0 ... 255: ITU-R BT.601's weights of red, green and blue."""
    import numpy as np

    values = image.astype(np.float32) * np.float32(255 / (np.iinfo(image.dtype).max))
    return values @ np.array([0.299, 0.587, 0.114], np.float32) if values.ndim == 3 else values


def _signed(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return a derivative as grey levels around 128."""
    import numpy as np

    return (128 + values * (127 / max(float(np.abs(values).max()), 1e-9))).astype(np.uint8)


def _scaled(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return a magnitude as grey levels whose brightest is 255."""
    import numpy as np

    return (values * (255 / max(float(values.max()), 1e-9))).astype(np.uint8)
