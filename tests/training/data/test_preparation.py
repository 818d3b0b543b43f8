"""Preparation: what it is defined to bring about, and the data set's part in it."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.errors import DTypeError, ParameterError, ShapeError, UnknownNameError
from striate.training.data import (
    ZCA,
    Dataset,
    GlobalContrast,
    Preparations,
    Scale,
    Standardize,
    preparation,
    whitening,
)
from striate.training.data.arrays import digest, kept_arrays

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture(scope="module")
def pixels():
    """300 pictures (3, 4, 4) whose neighbours are alike."""
    random = np.random.default_rng(0)
    smooth = random.normal(size=(300, 3, 4, 4)).cumsum(axis=2).cumsum(axis=3)
    return np.clip(128 + 20 * smooth, 0, 255).astype(np.uint8)


@given(st.floats(-10, 10), st.floats(0.125, 10))
@settings(deadline=None, max_examples=40)
def test_scale_spreads_bytes_evenly(low, width):
    images = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    found = Scale(low, low + width).applied(images).ravel()
    np.testing.assert_allclose(found, np.linspace(low, low + width, 256), atol=3e-6)
    assert found.dtype == np.float32


def test_scale_keeps_floats_and_hits_the_bounds():
    images = np.array([[[0, 255]]], np.uint8)
    assert Scale().applied(images).tolist() == [[[-1, 1]]]
    assert Scale(0, 1).applied(images).tolist() == [[[0, 1]]]
    ready = np.array([[[-1, 0.25, 3]]], np.float32)
    assert Scale().applied(ready) is ready
    assert Scale(0, 1).applied(ready).tolist() == [[[0, 0.625, 2]]]


def test_standardize_is_numpys_mean_and_deviation(pixels):
    fitted = Standardize().fitted(pixels)
    found = fitted.applied(pixels)
    np.testing.assert_allclose(found.mean(axis=(0, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(found.std(axis=(0, 2, 3)), 1, rtol=1e-5)
    np.testing.assert_allclose(fitted.means, pixels.mean(axis=(0, 2, 3)))
    flat = np.full((2, 1, 2, 2), 7, np.uint8)
    assert not Standardize().fitted(flat).applied(flat).any()


@given(st.integers(0, 999), st.floats(0.5, 100), st.sampled_from(["norm", "deviation"]))
@settings(deadline=None, max_examples=40)
def test_contrast_is_the_definition(seed, scale, by):
    images = np.random.default_rng(seed).integers(0, 256, (5, 3, 4, 5), np.uint8)
    found = GlobalContrast(scale, by).applied(images).reshape(5, -1).astype(np.float64)
    np.testing.assert_allclose(found.mean(axis=1), 0, atol=1e-5 * scale)
    size = np.linalg.norm(found, axis=1) if by == "norm" else found.std(axis=1, ddof=1)
    np.testing.assert_allclose(size, scale, rtol=1e-5)


def test_contrast_of_nothing_and_the_bias():
    """A uniform image has none; with the bias 10 and variance 90 the divisor is 10 (by hand)."""
    flat = np.full((1, 1, 2, 2), 200, np.uint8)
    assert not GlobalContrast().applied(flat).any()
    image = np.array([[[100, 100 - 9, 100 + 9]]], np.uint8)  # variance 81 over n - 1
    found = GlobalContrast(1.0, "deviation", bias=19).applied(image)
    np.testing.assert_allclose(found, [[[0, -0.9, 0.9]]], rtol=1e-6)


@given(st.integers(0, 99), st.sampled_from([1e-6, 0.1, 10]))
@settings(deadline=None, max_examples=15)
def test_whitening_brings_each_variance_e_to_e_over_e_plus_r(seed, regularisation):
    """So the covariance is the identity where r is nothing beside e."""
    random = np.random.default_rng(seed)
    mixing = random.normal(size=(12, 12))
    images = (random.normal(size=(200, 12)) @ mixing).astype(np.float32).reshape(200, 3, 2, 2)
    white = ZCA(regularisation).fitted(images)
    found = white.applied(images).reshape(200, 12).astype(np.float64)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-3)
    flat = images.reshape(200, 12).astype(np.float64)
    values, vectors = np.linalg.eigh(np.cov(flat.T, ddof=0))
    wanted = (vectors * (values / (values + regularisation))) @ vectors.T
    np.testing.assert_allclose(np.cov(found.T, ddof=0), wanted, atol=2e-2)
    np.testing.assert_allclose(white.matrix, white.matrix.T, atol=1e-4)


def test_whitening_does_nothing_outside_the_subspace(pixels):
    """Pixels that never change, and copies of one another, stay finite."""
    images = pixels.copy()
    images[:, 0] = 9
    images[:, 2] = images[:, 1]
    found = ZCA(1e-3).fitted(images).applied(images)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[:, 0], 0, atol=1e-3)
    np.testing.assert_allclose(found[:, 1], found[:, 2], atol=1e-2)  # values of 255 / sqrt(r)


def test_what_is_fitted_is_kept(pixels, monkeypatch):
    first = preparation("gcn,zca").fitted(pixels)
    monkeypatch.setattr(whitening, "_fit", lambda *arguments: pytest.fail("fitted again"))
    again = preparation("gcn,zca").fitted(pixels)
    np.testing.assert_array_equal(first.applied(pixels), again.applied(pixels))
    assert again.described() == first.described()
    for text in ("gcn:1,zca", "zca", "gcn,zca:0.2"):
        with pytest.raises(pytest.fail.Exception):
            preparation(text).fitted(pixels)
    with pytest.raises(pytest.fail.Exception):
        preparation("gcn,zca").fitted(pixels[::-1])


@pytest.mark.parametrize("text", ["scale", "standardize", "gcn", "gcn,zca", "gcn,standardize"])
def test_an_image_is_prepared_as_if_alone(pixels, text):
    fitted = preparation(text).fitted(pixels)
    whole = fitted.applied(pixels)
    alone = np.concatenate([fitted.applied(pixels[i : i + 1]) for i in range(20)])
    np.testing.assert_allclose(alone, whole[:20], atol=1e-5)
    assert whole.shape == pixels.shape
    assert json.loads(json.dumps(fitted.described()))["name"] in (text, fitted.text, text[:3])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("scale", Scale(-1, 1)),
        ("scale:0:1", Scale(0, 1)),
        ("standardize", Standardize()),
        ("gcn", GlobalContrast(55)),
        ("gcn:1:deviation:10", GlobalContrast(1, "deviation", 10)),
        ("zca:0.5", ZCA(0.5)),
        ("gcn, zca", Preparations((GlobalContrast(), ZCA()))),
    ],
)
def test_texts(text, expected):
    assert preparation(text) == expected
    assert preparation(expected.text) == expected
    assert preparation(expected) is expected


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("gnc", UnknownNameError, "no preparation is called 'gnc'; did you mean gcn?"),
        ("scale:1", ParameterError, "preparation: scale:1 needs both bounds, as scale:0:1"),
        ("scale:1:0", ParameterError, "scale: 1.0 to 0.0 must be finite, the lower bound first"),
        ("gcn:1:both", ParameterError, "gcn: by 'both' must be norm or deviation"),
        ("zca:0", ParameterError, "zca: regularisation 0.0 must be above 0"),
        ("zca:x", ParameterError, "preparation: 'x' in zca:x must be a number"),
        (None, ParameterError, "preparation None must be text, such as gcn,zca"),
    ],
)
def test_texts_that_say_nothing(text, kind, message):
    with pytest.raises(kind) as error:
        preparation(text)
    assert str(error.value) == message


@pytest.fixture
def photos(pixels):
    labels = np.arange(300) % 3
    return Dataset("p", pixels, labels, pixels[:50], labels[:50], ("a", "b", "c"))


def test_a_data_set_prepares_its_images(photos, pixels):
    assert photos.prepared(pixels[:2]).max() <= 1
    white = photos.with_preparation("gcn,zca")
    assert white.fingerprint != photos.fingerprint
    assert white.fingerprint == photos.with_preparation("gcn,zca").fingerprint
    done = white.prepared_on_disk()
    assert isinstance(done.train_images, np.memmap)
    np.testing.assert_allclose(done.train_images, white.prepared(pixels), atol=1e-5)
    assert done.prepared(done.test_images) is not None
    assert done.preparation.described() == white.preparation.described()
    with pytest.raises(DTypeError) as error:
        done.prepared(pixels)
    assert str(error.value) == (
        "prepared images are float32, but these are uint8: prepare them with the data set as it "
        "was before prepared_on_disk"
    )
    with pytest.raises(ParameterError) as error:
        done.resized(8)
    assert str(error.value) == "resized: the images are prepared already; resize them before"


def test_resizing_rounds_bytes_and_fits_anew(photos):
    larger = photos.with_preparation("standardize").resized(8)
    assert larger.train_images.dtype == np.uint8
    assert larger.image_shape == (3, 8, 8)
    np.testing.assert_allclose(larger.prepared(larger.train_images).mean(), 0, atol=1e-5)


def test_subsets_and_splits_keep_the_classes_shares(photos):
    few = photos.subset(90, seed=1)
    assert np.bincount(few.train_labels).tolist() == [30, 30, 30]
    assert few.fingerprint == photos.subset(90, seed=1).fingerprint
    assert few.fingerprint != photos.subset(90, seed=2).fingerprint
    assert len(photos.subset(100).train_labels) == 100
    rest, (images, labels) = photos.split(0.1, seed=3)
    assert np.bincount(labels).tolist() == [10, 10, 10]
    together = np.concatenate([rest.train_images, images]).reshape(300, -1)
    assert sorted(map(bytes, together)) == sorted(map(bytes, photos.train_images.reshape(300, -1)))
    for fraction in (0, 1, -0.5, 0.0001, float("nan")):
        with pytest.raises(ParameterError) as error:
            photos.split(fraction)
        assert str(error.value) == (
            f"split: {fraction!r} of 300 training examples must leave some on both sides"
        )
    for count in (0, 301, 1.5):
        with pytest.raises(ParameterError) as error:
            photos.subset(count)
        assert str(error.value) == (
            f"subset: count {count!r} must be a whole number, 1 to the 300 examples"
        )


def test_fingerprints_tell_a_single_pixel(photos, pixels):
    other = pixels.copy()
    other[7, 1, 2, 3] ^= 1
    assert replace(photos, train_images=other).fingerprint != photos.fingerprint
    kept = kept_arrays(
        "x", "y", lambda allocate: allocate("a", pixels.shape, "u1").__setitem__(..., pixels)
    )
    assert digest(kept["a"]) == digest(pixels)
    for view in (kept["a"][::-1], kept["a"][1:], kept["a"].transpose(0, 1, 3, 2)):
        assert digest(view) == digest(np.array(view)) != digest(pixels)


def test_what_is_not_fitted_or_does_not_fit(pixels):
    for how, name in ((Standardize(), "standardize"), (ZCA(), "zca")):
        with pytest.raises(ParameterError) as error:
            how.applied(pixels)
        assert str(error.value) == (
            f"{name}: not fitted yet; use data.with_preparation, or fitted(images) first"
        )
    with pytest.raises(ShapeError) as error:
        ZCA().fitted(pixels).applied(pixels[:, :1])
    assert str(error.value) == (
        "zca: fitted to images of 48 numbers, but these are (1, 4, 4): fit it to such images"
    )
    with pytest.raises(ShapeError) as error:
        ZCA().fitted(np.zeros((1, 3, 65, 65), np.uint8))
    assert str(error.value) == (
        "zca: images (3, 65, 65) have 12675 numbers, more than 12288: "
        "make them smaller (resized), or leave whitening out"
    )
    with pytest.raises(DTypeError) as error:
        Scale().applied(pixels.astype(np.float64))
    assert str(error.value) == "scale: images are float64: they must be uint8 or float32"
