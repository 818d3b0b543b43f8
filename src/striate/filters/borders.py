"""What lies beyond the border: for each position outside an image, the pixel it repeats.

The names are SciPy's. What others call them (SciPy also spells reflect, constant and wrap
``grid-mirror``, ``grid-constant`` and ``grid-wrap``):

======== ==================== ========= ============ ===================== =================
striate  beyond ``a b c d``   SciPy     scikit-image OpenCV                PyTorch (``pad``)
======== ==================== ========= ============ ===================== =================
reflect  ``d c b a|...|d c``  reflect   reflect [1]_ BORDER_REFLECT        none
mirror   ``d c b|...|c b a``  mirror    mirror       BORDER_REFLECT_101    reflect
nearest  ``a a a|...|d d d``  nearest   nearest      BORDER_REPLICATE      replicate
constant ``k k k|...|k k k``  constant  constant     BORDER_CONSTANT       constant
wrap     ``b c d|...|a b c``  wrap      wrap         BORDER_WRAP           circular
======== ==================== ========= ============ ===================== =================

.. [1] ``skimage.filters``; ``skimage.transform`` and ``numpy.pad`` say ``symmetric`` for our
   reflect, ``reflect`` for our mirror and ``edge`` for our nearest.

Beware of the word *reflect*: PyTorch, torchvision, NumPy and OpenCV's default
(``BORDER_REFLECT_101``) mean mirror, which does not repeat the edge pixel and so does not
keep an image's mean under a normalised blur; SciPy's reflect does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from striate.errors import ParameterError
from striate.ops.images.edges import OUTSIDE
from striate.ops.images.edges import border_indices as indices_of

__all__ = ["BORDERS", "OUTSIDE", "border_indices", "check_border"]

BORDERS = ("reflect", "mirror", "nearest", "constant", "wrap")


def check_border(border: str) -> None:
    """Raise ParameterError unless `border` is one of the five names.

    Examples
    --------
    >>> check_border("symmetric")
    Traceback (most recent call last):
    striate.errors.ParameterError: border is 'symmetric'; it must be reflect, mirror, nearest, \
constant or wrap
    """
    if not isinstance(border, str) or border not in BORDERS:
        names = f"{', '.join(BORDERS[:-1])} or {BORDERS[-1]}"
        raise ParameterError(f"border is {border!r}; it must be {names}")


def border_indices(border: str, size: int, before: int, after: int) -> NDArray[np.intp]:
    """Return which pixel of an axis each position shows, from `before` ahead to `after` beyond.

    For the axis ``a b c d``, with four positions on either side::

        reflect     d c b a | a b c d | d c b a      the edge pixel repeats
        mirror      d c b | a b c d | c b a          it does not (three positions shown)
        nearest     a a a a | a b c d | d d d d
        constant    k k k k | a b c d | k k k k      index -1: the caller's constant
        wrap        a b c d | a b c d | a b c d

    Positions further out repeat the pattern, so a border may be wider than the image.

    Parameters
    ----------
    border : str
        reflect, mirror, nearest, constant or wrap.
    size : int
        The axis' length in pixels, at least 1.
    before, after : int
        Positions ahead of the first and beyond the last pixel, at least 0.

    Returns
    -------
    array of intp, shape (before + size + after,)
        Indices in [0, size), or -1 (`OUTSIDE`) for the constant.

    Raises
    ------
    ParameterError
        The border's name is unknown.

    Examples
    --------
    >>> border_indices("reflect", 4, 4, 4)
    array([3, 2, 1, 0, 0, 1, 2, 3, 3, 2, 1, 0])
    >>> border_indices("mirror", 4, 3, 3)
    array([3, 2, 1, 0, 1, 2, 3, 2, 1, 0])
    >>> border_indices("constant", 4, 1, 2)
    array([-1,  0,  1,  2,  3, -1, -1])
    """
    check_border(border)
    return indices_of(border, size, before, after)
