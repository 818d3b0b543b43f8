"""Augmentation against definitions that look at one pixel at a time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.errors import DTypeError, ParameterError, ShapeError, UnknownNameError
from striate.training.data import Augmentations, Flip, Shift, augmentation

FILLS = st.sampled_from([0.0, -1.0, 2.5, "reflect", "mirror", "nearest", "wrap"])


def pixel(line, i, fill):
    """The pixel at i of a line that goes on beyond its ends, by SciPy's names."""
    n = len(line)
    if not isinstance(fill, str):
        return line[i] if 0 <= i < n else fill
    if fill == "nearest":
        return line[min(max(i, 0), n - 1)]
    if fill == "wrap":
        return line[i % n]
    period = 2 * n if fill == "reflect" else 2 * n - 2
    i %= period
    return line[i if i < n else period - i - (fill == "reflect")]


@given(
    st.integers(0, 4), FILLS, st.tuples(st.integers(5, 8), st.integers(5, 8)), st.integers(0, 999)
)
@settings(deadline=None, max_examples=60)
def test_shifts_are_the_definition(most, fill, sizes, seed):
    random = np.random.default_rng(seed)
    images = random.integers(-9, 9, (4, 2, *sizes)).astype(np.float32)
    shift = Shift(most, fill)
    draws = shift.draws(4, random)
    moved = shift.applied(images, draws)
    for n, draw in enumerate(draws):
        down, right = (int(u * (2 * most + 1)) - most for u in draw[:2])
        for c in range(2):
            rows = [[pixel(row, x - right, fill) for x in range(sizes[1])] for row in images[n, c]]
            columns = np.array(rows).T
            expected = [[pixel(col, y - down, fill) for y in range(sizes[0])] for col in columns]
            np.testing.assert_array_equal(moved[n, c], np.array(expected).T)


@given(st.floats(0, 1), st.integers(0, 999))
@settings(deadline=None, max_examples=40)
def test_flips_reverse_the_last_axis(probability, seed):
    random = np.random.default_rng(seed)
    images = random.random((20, 1, 3, 4), np.float32)
    flip = Flip(probability)
    draws = flip.draws(20, random)
    for before, after, (u,) in zip(images, flip.applied(images, draws), draws, strict=True):
        np.testing.assert_array_equal(after, before[:, :, ::-1] if u < probability else before)


@given(st.integers(1, 30), st.integers(0, 999))
@settings(deadline=None, max_examples=40)
def test_parts_of_a_pass_do_not_depend_on_how_it_is_cut(size, seed):
    random = np.random.default_rng(seed)
    images = random.random((30, 3, 6, 5), np.float32)
    kept = images.copy()
    both = augmentation("flip,shift:2:reflect,flip:0.1")
    draws = both.draws(30, random)
    whole = both.applied(images, draws)
    cut = [both.applied(images[i : i + size], draws[i : i + size]) for i in range(0, 30, size)]
    np.testing.assert_array_equal(whole, np.concatenate(cut))
    np.testing.assert_array_equal(images, kept)
    assert whole.dtype == np.float32


def test_every_distance_is_equally_probable():
    draws = Shift(2).draws(50_000, np.random.default_rng(0))
    image = np.zeros((50_000, 1, 5), np.float32)
    image[:, :, 2] = 1
    found = Shift(2).applied(image, draws).sum(axis=(0, 1))
    assert found.sum() == 50_000
    np.testing.assert_allclose(found / 10_000, 1, atol=0.05)
    assert abs((Flip().draws(50_000, np.random.default_rng(0)) < 0.5).mean() - 0.5) < 0.01


def test_an_image_moved_out_of_sight_leaves_the_fill():
    draws = np.array([[0.0, 0.5], [0.999, 0.5]])
    found = Shift(9, 3.0).applied(np.ones((2, 1, 4, 4), np.float32), draws)
    assert (found == 3).all()


def test_the_same_seed_draws_the_same():
    both = augmentation("flip,shift:4")
    first, again = (both.draws(9, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (9, 4)


def test_nothing_is_an_augmentation_too():
    images = np.ones((3, 1, 2, 2), np.float32)
    for text in (None, "none"):
        nothing = augmentation(text)
        draws = nothing.draws(3, np.random.default_rng(0))
        np.testing.assert_array_equal(nothing.applied(images, draws), images)
        assert nothing.text == "none"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("flip", (Flip(),)),
        ("flip:0.25", (Flip(0.25),)),
        ("shift:4", (Shift(4),)),
        ("crop:4", (Shift(4),)),
        ("flip, shift:5:reflect", (Flip(), Shift(5, "reflect"))),
        ("shift:1:-1", (Shift(1, -1.0),)),
    ],
)
def test_texts(text, parts):
    found = augmentation(text)
    assert found == Augmentations(parts)
    assert augmentation(found.text) == found
    assert augmentation(found) is found


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("flop", UnknownNameError, "no augmentation is called 'flop'; did you mean flip?"),
        (
            "shift",
            ParameterError,
            "augmentation: 'shift' has 0 values, but shift takes 1 to 2, each after a colon",
        ),
        ("shift:x", ParameterError, "augmentation: 'x' in shift:x must be a number"),
        ("shift:1.5", ParameterError, "augmentation: '1.5' in shift:1.5 must be a whole number"),
        ("shift:1:nan", ParameterError, "augmentation: 'nan' in shift:1:nan must be a number"),
        ("shift:-1", ParameterError, "shift: -1 must be a whole number of pixels, 0 to 1024"),
        ("shift:9999", ParameterError, "shift: 9999 must be a whole number of pixels, 0 to 1024"),
        ("flip:2", ParameterError, "flip: probability 2.0 must be 0 to 1"),
        (7, ParameterError, "augmentation 7 must be text, such as flip,shift:4"),
    ],
)
def test_texts_that_say_nothing(text, kind, message):
    with pytest.raises(kind) as error:
        augmentation(text)
    assert str(error.value) == message


def test_images_and_draws_must_fit():
    images = np.zeros((2, 1, 4, 4), np.float32)
    with pytest.raises(DTypeError) as error:
        Flip().applied(images.astype(np.uint8), np.zeros((2, 1)))
    assert str(error.value) == (
        "flip: images are uint8, not float32: prepare them first (data.prepared)"
    )
    with pytest.raises(ShapeError) as error:
        Shift(1).applied(images, np.zeros((3, 2)))
    assert str(error.value) == (
        "shift: draws (3, 2) do not go with 2 images: they must be (2, 2 or more)"
    )
    with pytest.raises(ShapeError) as error:
        augmentation("flip,shift:1").applied(images, np.zeros((2, 3)))
    assert str(error.value) == (
        "augmentation: draws (2, 3) do not go with 2 images: they must be (2, 4)"
    )
    with pytest.raises(ParameterError) as error:
        Shift(4, "wrap").applied(images, np.zeros((2, 2)))
    assert str(error.value) == (
        "shift: 4 pixels with wrap need images larger than (4, 4): "
        "shift less, or fill with a number"
    )
    with pytest.raises(ParameterError) as error:
        Shift(1, "constant")
    assert str(error.value) == (
        "shift: fill 'constant' must be a number or one of reflect, mirror, nearest, wrap"
    )
