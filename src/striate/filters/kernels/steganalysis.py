"""High-pass kernels of steganalysis: they take the picture away and leave its noise.

Each predicts a pixel from its neighbours and keeps the error, in which a hidden message shows.
All are for *correlation*, as networks of steganalysis use them.
"""

from __future__ import annotations

import numpy as np

from striate.errors import ParameterError
from striate.filters.kernels.checks import Taps, plain

__all__ = ["DIRECTIONS", "ker_bohme", "kv", "spam"]

DIRECTIONS = {  # (rows down, columns to the right) of one step
    "right": (0, 1),
    "down-right": (1, 1),
    "down": (1, 0),
    "down-left": (1, -1),
    "left": (0, -1),
    "up-left": (-1, -1),
    "up": (-1, 0),
    "up-right": (-1, 1),
}
DIFFERENCES = {1: (-1.0, 1.0), 2: (1.0, -2.0, 1.0), 3: (1.0, -3.0, 3.0, -1.0)}


def kv() -> Taps:
    """Return the KV kernel, SQUARE 5x5 of the spatial rich model.

    It is::

                -1  2  -2  2 -1
                 2 -6   8 -6  2
        1/12 x  -2  8 -12  8 -2
                 2 -6   8 -6  2
                -1  2  -2  2 -1

    Sources: J. Fridrich and J. Kodovský, "Rich models for steganalysis of digital images", IEEE
    Transactions on Information Forensics and Security 7(3), 2012, figure 2; as a network's first
    layer in Y. Qian et al., "Deep learning for steganalysis via convolutional neural networks",
    2015.

    Examples
    --------
    >>> (12 * kv()[2]).round(12)
    array([ -2.,   8., -12.,   8.,  -2.])
    """
    corner = np.array([[-1.0, 2.0, -2.0], [2.0, -6.0, 8.0], [-2.0, 8.0, -12.0]])
    half = np.concatenate([corner, corner[:, 1::-1]], axis=1)
    return np.concatenate([half, half[1::-1]]) / 12


def ker_bohme() -> Taps:
    """Return Ker and Böhme's kernel, SQUARE 3x3 of the spatial rich model.

    It is::

               -1  2 -1
        1/4 x   2 -4  2
               -1  2 -1

    Source: A. D. Ker and R. Böhme, "Revisiting weighted stego-image steganalysis", 2008.

    Examples
    --------
    >>> ker_bohme()
    array([[-0.25,  0.5 , -0.25],
           [ 0.5 , -1.  ,  0.5 ],
           [-0.25,  0.5 , -0.25]])
    """
    row = np.array([1.0, -2.0, 1.0])
    return -np.outer(row, row) / 4


def spam(order: int = 1, direction: str = "right") -> Taps:
    """Return the difference of neighbours in one of eight directions.

    Orders 1, 2 and 3 to the right, the pixel itself in the middle of the matrix::

        0 -1 1        1 -2 1        0 1 -3 3 -1

    A difference is the neighbour less the pixel, as in the second source; the first subtracts the
    neighbour.

    Source: T. Pevný, P. Bas and J. Fridrich, "Steganalysis by subtractive pixel adjacency
    matrix", 2010; the spam residuals of J. Fridrich and J. Kodovský, "Rich models for
    steganalysis of digital images", 2012, figure 2.

    Parameters
    ----------
    order : int
        1, 2 or 3.
    direction : str
        right, down-right, down, down-left, left, up-left, up or up-right.

    Examples
    --------
    >>> spam(1, "down")
    array([[ 0.],
           [-1.],
           [ 1.]])
    """
    if isinstance(order, bool) or order not in DIFFERENCES:
        raise ParameterError(f"order is {plain(order)!r}; it must be 1, 2 or 3")
    if direction not in DIRECTIONS:
        *most, last = DIRECTIONS
        raise ParameterError(f"direction is {direction!r}; it must be {', '.join(most)} or {last}")
    down, across = DIRECTIONS[direction]
    reach = 2 if order == 3 else 1
    kernel = np.zeros((2 * reach * abs(down) + 1, 2 * reach * abs(across) + 1))
    first = 0 if order == 1 else -1
    for step, weight in enumerate(DIFFERENCES[order], start=first):
        kernel[reach * abs(down) + step * down, reach * abs(across) + step * across] = weight
    return kernel
