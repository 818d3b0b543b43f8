"""Normalisations, poolings and resizing: against PyTorch, ONNX's reference and hand counts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from striate.geometry import Window
from striate.network import operators as op

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(2, 6, 4, 5)).astype(np.float32)
SCALE, BIAS, MEAN = DRAW.normal(size=(3, 6)).astype(np.float32)
VARIANCE = np.abs(SCALE) + np.float32(0.1)


def close(found, wanted):
    wanted = np.asarray(wanted)
    assert found.dtype == wanted.dtype
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def tensors(*arrays):
    return [torch.from_numpy(array) for array in arrays]


def test_normalisations_of_channels():
    x, scale, bias, mean, variance = tensors(X, SCALE, BIAS, MEAN, VARIANCE)
    close(
        op.BatchNormalization(1e-3).value(X, SCALE, BIAS, MEAN, VARIANCE),
        F.batch_norm(x, mean, variance, scale, bias, eps=1e-3),
    )
    close(
        op.InstanceNormalization(1e-3).value(X, SCALE, BIAS),
        F.instance_norm(x, weight=scale, bias=bias, eps=1e-3),
    )
    close(op.GroupNormalization(3).value(X, SCALE, BIAS), F.group_norm(x, 3, scale, bias))


@pytest.mark.parametrize("axis", [-1, 1, 2])
def test_normalisations_of_layers(reference, axis):
    scale, bias = DRAW.normal(size=(2, *X.shape[axis:])).astype(np.float32)
    layer = op.LayerNormalization(axis, 1e-5, statistics=True)
    found = layer.value(X, scale, bias)
    wanted = reference("LayerNormalization", [X, scale, bias], 3, axis=axis)
    assert layer.infer_all([X.shape, scale.shape, bias.shape]) == tuple(y.shape for y in wanted)
    assert layer.kinds(["float"] * 3) == ("float",) * 3
    for y, expected in zip(found, wanted, strict=True):
        close(y, expected)
    (wanted,) = reference("LayerNormalization", [X, scale], axis=axis)
    close(op.LayerNormalization(axis).value(X, scale), wanted)
    (wanted,) = reference("RMSNormalization", [X, scale], axis=axis)
    close(op.RMSNormalization(axis).value(X, scale), wanted)


@pytest.mark.parametrize("size", [1, 3, 5, 13])
def test_local_response_normalisation(size):
    wanted = F.local_response_norm(torch.from_numpy(X), size, 0.1, 0.6, 2.0)
    close(op.LRN(size, 0.1, 0.6, 2.0).value(X), wanted)


def test_the_odd_channel_of_an_even_number_lies_after():
    x = np.array([1.0, 2.0, 4.0]).reshape(1, 3, 1)
    found = op.LRN(2, alpha=2.0, beta=1.0, bias=0.0).value(x).ravel().tolist()
    assert found == [1 / (1 + 4), 2 / (4 + 16), 4 / 16]


def test_norms_become_one(reference):
    close(op.LpNormalization(1, 1).value(X), F.normalize(torch.from_numpy(X), 1, 1))
    close(op.LpNormalization(1).value(X), F.normalize(torch.from_numpy(X), 2, 1))
    assert op.LpNormalization().value(np.zeros((1, 2))).tolist() == [[0, 0]]
    for axes in ((0, 2, 3), (0, 1)):
        (wanted,) = reference("MeanVarianceNormalization", [X], axes=axes)
        close(op.MeanVarianceNormalization(axes).value(X), wanted)


def test_gelu():
    x = torch.from_numpy(X)
    close(op.Gelu().value(X), F.gelu(x))
    close(op.Gelu("tanh").value(X), F.gelu(x, approximate="tanh"))


def test_linear_layers():
    weight = DRAW.normal(size=(7, 6)).astype(np.float32)
    x = X[:, :, 0, 0]
    bias = np.arange(7, dtype=np.float32)
    close(op.Gemm().value(x, weight, bias), F.linear(*tensors(x.copy(), weight, bias)))
    close(op.Gemm().value(x, weight), F.linear(*tensors(x.copy(), weight)))


def test_global_poolings():
    x = torch.from_numpy(X)
    close(op.GlobalAveragePool().value(X), x.mean((2, 3), keepdim=True))
    close(op.GlobalMaxPool().value(X), x.amax((2, 3), keepdim=True))
    close(op.GlobalLpPool(3).value(X), x.abs().pow(3).sum((2, 3), keepdim=True).pow(1 / 3))


@st.composite
def windows(draw):
    """A window of PyTorch's: its padding is at most half of its kernel."""
    kernel = draw(st.tuples(st.integers(1, 3), st.integers(1, 4)))
    stride = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    padding = tuple(draw(st.integers(0, size // 2)) for size in kernel)
    return kernel, stride, padding, draw(st.booleans())


@given(windows(), st.integers(1, 2), st.booleans())
@settings(deadline=None, max_examples=60)
def test_max_pooling(numbers, dilation, column_major):
    kernel, stride, padding, ceil = numbers
    x = DRAW.integers(0, 9, (2, 3, 8, 9)).astype(np.float32)  # with ties
    window = Window.parse(kernel, stride, padding, dilation, rank=2, ceil=ceil)
    wanted, places = F.max_pool2d(
        torch.from_numpy(x), kernel, stride, padding, dilation, ceil, return_indices=True
    )
    operator = op.MaxPool(window, indices=True, column_major=column_major)
    largest, found = operator.value(x)
    assert operator.infer_all([x.shape]) == (largest.shape, found.shape)
    close(largest, wanted)
    close(op.MaxPool(window).value(x), wanted)
    rows, columns = np.divmod(places.numpy(), 9)
    within = rows + 8 * columns if column_major else places.numpy()
    assert (found == within + 72 * np.arange(6).reshape(2, 3, 1, 1)).all()


def test_padding_never_is_the_largest():
    x = np.full((1, 1, 2), -np.inf, np.float32)
    largest, places = op.MaxPool(Window.parse(3, padding=1, rank=1), indices=True).value(x)
    assert largest.tolist() == [[[-np.inf, -np.inf]]]
    assert places.tolist() == [[[0, 0]]]
    pool = op.MaxPool(Window.parse(2, padding=1, rank=1))
    assert pool.value(np.array([[[3, 5]]], np.int8)).tolist() == [[[3, 5, 5]]]


def test_nan_wins():
    x = np.array([[[1, np.nan, 3]]], np.float32)
    largest, places = op.MaxPool(Window.parse(3, rank=1), indices=True).value(x)
    assert np.isnan(largest).all()
    assert places.tolist() == [[[1]]]


@given(windows(), st.booleans())
@settings(deadline=None, max_examples=60)
def test_average_pooling(numbers, count):
    kernel, stride, padding, ceil = numbers
    window = Window.parse(kernel, stride, padding, rank=2, ceil=ceil)
    wanted = F.avg_pool2d(torch.from_numpy(X), kernel, stride, padding, ceil, count)
    close(op.AveragePool(window, count).value(X), wanted)


@given(windows(), st.integers(1, 3))
@settings(deadline=None, max_examples=30)
def test_pooling_of_norms(numbers, p):
    kernel, stride, _, _ = numbers
    x = np.abs(X)  # PyTorch takes roots of negative sums
    wanted = F.lp_pool2d(torch.from_numpy(x), p, kernel, stride)
    close(op.LpPool(Window.parse(kernel, stride, rank=2), p).value(x), wanted)


SIZES = st.tuples(st.integers(1, 14), st.integers(1, 14))


@given(SIZES, st.sampled_from(["bilinear", "bicubic"]), st.booleans(), st.booleans())
@settings(deadline=None, max_examples=60)
def test_resizing_as_pytorch_does(sizes, mode, aligned, antialias):
    assume(not (aligned and antialias))
    single = mode == "bicubic" or antialias  # then PyTorch samples a single one elsewhere
    assume(not (single and 1 in sizes))
    wanted = F.interpolate(
        torch.from_numpy(X), sizes, mode=mode, align_corners=aligned, antialias=antialias
    )
    resize = op.Resize(
        sizes=sizes,
        axes=(2, 3),
        mode="linear" if mode == "bilinear" else "cubic",
        coordinates="align_corners" if aligned else "half_pixel",
        antialias=antialias,
        exclude_outside=antialias,
        cubic=-0.5 if antialias else -0.75,
    )
    assert resize.infer([X.shape]) == (2, 6, *sizes)
    np.testing.assert_allclose(resize.value(X), wanted, rtol=1e-4, atol=1e-5)


@given(SIZES)
@settings(deadline=None, max_examples=30)
def test_resizing_to_the_nearest_as_pytorch_does(sizes):
    x = torch.from_numpy(X)
    floor = op.Resize(sizes=sizes, axes=(2, 3), coordinates="asymmetric", nearest="floor")
    close(floor.value(X), F.interpolate(x, sizes, mode="nearest"))
    exact = op.Resize(sizes=sizes, axes=(2, 3), nearest="round_prefer_ceil")
    close(exact.value(X), F.interpolate(x, sizes, mode="nearest-exact"))


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize(
    "coordinates",
    ["half_pixel", "half_pixel_symmetric", "align_corners", "asymmetric", "tf_crop_and_resize"],
)
@pytest.mark.parametrize("exclude", [False, True])
@pytest.mark.parametrize(
    ("scales", "sizes"), [((1, 1, 0.6, 2.5), None), (None, (2, 6, 7, 3))], ids=["scales", "sizes"]
)
def test_resizing_as_onnx_does(reference, mode, coordinates, exclude, scales, sizes):
    cropped = coordinates == "tf_crop_and_resize"
    if cropped and scales:
        scales = (1, 1, 0.5, 2)  # the reference crops by lengths before rounding
    roi = (0, 0, 0.125, -0.25, 1, 1, 0.875, 0.75) if cropped else None
    resize = op.Resize(
        scales,
        sizes,
        roi=roi,
        mode=mode,
        coordinates=coordinates,
        exclude_outside=exclude,
        extrapolation=9.0,
    )
    given = [
        X,
        None if roi is None else np.array(roi, np.float32),
        None if scales is None else np.array(scales, np.float32),
        None if sizes is None else np.array(sizes),
    ]
    (wanted,) = reference(
        "Resize",
        given if sizes else given[:3],
        mode=mode,
        coordinate_transformation_mode=coordinates,
        exclude_outside=int(exclude and mode == "cubic"),
        extrapolation_value=9.0,
    )
    if mode != "linear" or not exclude:
        close(resize.value(X), wanted)
    assert resize.infer([X.shape]) == wanted.shape


@pytest.mark.parametrize(
    ("policy", "sizes", "output"),
    [
        ("stretch", (8, 15), (8, 15)),
        ("not_larger", (8, 15), (8, 10)),
        ("not_smaller", (8, 15), (12, 15)),
        ("not_larger", (7, 6), (5, 6)),
    ],
)
def test_policies_keep_the_proportions(policy, sizes, output):
    resize = op.Resize(sizes=sizes, axes=(-2, -1), policy=policy)
    assert resize.infer([(1, 1, 4, 5)]) == (1, 1, *output)
    assert resize.value(np.zeros((1, 1, 4, 5))).shape == (1, 1, *output)


def test_rounding_errors_choose_no_sample():
    # output 4 of 9 lies at 4.5 * 7 / 9 - 0.5 = 3 of 7, which division misses by 4e-16
    resize = op.Resize(sizes=(9,), nearest="floor")
    assert resize.value(np.arange(7)).tolist()[4] == 3


def test_single_outputs_lie_at_the_start_or_in_the_middle():
    x = np.array([1.0, 2.0, 6.0])
    assert op.Resize(sizes=(1,), mode="linear", coordinates="align_corners").value(x) == 1
    assert op.Resize(sizes=(1,), mode="linear", coordinates="pytorch_half_pixel").value(x) == 1
    cropped = op.Resize(sizes=1, roi=(0, 1), mode="linear", coordinates="tf_crop_and_resize")
    assert cropped.value(x) == 2
    half = op.Resize(scales=(2.0,), coordinates="tf_half_pixel_for_nn", nearest="floor")
    assert half.value(x).tolist() == [1, 1, 2, 2, 6, 6]
