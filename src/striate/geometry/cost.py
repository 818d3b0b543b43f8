"""Costs: parameters and multiply-adds, counted from shapes alone.

The convention, here and in every report: one MAC is one multiplication and one addition that feed
an output of a convolution or a matrix product. Padding counts as if it were data. Biases,
normalisation, activations and pooling are not counted. A FLOP is one multiplication or one
addition, so FLOPs = 2 MACs.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

__all__ = ["CONVENTION", "convolution_macs", "flops", "matrix_macs", "transposed_convolution_macs"]

CONVENTION = (
    "1 MAC = 1 multiplication + 1 addition = 2 FLOPs; padding counts as data; "
    "biases, normalisation, activations and pooling are not counted"
)


def convolution_macs(weight_shape: Sequence[int], output_shape: Sequence[int]) -> int:
    """Return the multiply-adds of a convolution: every weight, once for each place it is put.

    Parameters
    ----------
    weight_shape : (M, C / groups, *kernel)
    output_shape : (N, M, *spatial)

    Examples
    --------
    VGG's first layer (Simonyan and Zisserman, arXiv:1409.1556, table 1):

    >>> convolution_macs((64, 3, 3, 3), (1, 64, 224, 224))
    86704128
    """
    return prod(weight_shape) * output_shape[0] * prod(output_shape[2:])


def transposed_convolution_macs(weight_shape: Sequence[int], input_shape: Sequence[int]) -> int:
    """Return the multiply-adds of a transposed convolution: every weight, once for each input.

    Products that padding cuts from the output are counted, as padding is for a convolution.

    Parameters
    ----------
    weight_shape : (C, M / groups, *kernel)
    input_shape : (N, C, *spatial)

    Examples
    --------
    >>> transposed_convolution_macs((16, 8, 4, 4), (1, 16, 7, 7))
    100352
    """
    return prod(weight_shape) * input_shape[0] * prod(input_shape[2:])


def matrix_macs(rows: int, inner: int, columns: int) -> int:
    """Return the multiply-adds of a (rows, inner) by (inner, columns) matrix product.

    >>> matrix_macs(1, 25088, 4096)
    102760448
    """
    return rows * inner * columns


def flops(macs: int) -> int:
    """Return the floating-point operations of this many multiply-adds: two each."""
    return 2 * macs
