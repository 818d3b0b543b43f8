from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from striate.errors import DTypeError, ParameterError
from striate.training.recipes import steganography
from striate.training.recipes.steganography import examples, lsb_matching


@settings(deadline=None, max_examples=40)
@given(
    rate=st.floats(0.01, 1.0),
    seed=st.integers(0, 2**32),
    values=st.lists(st.integers(0, 255), min_size=1, max_size=9),
)
def test_pixels_change_by_one_and_stay_in_range(rate, seed, values):
    cover = np.resize(np.array(values, np.uint8), (16, 16))
    stego = lsb_matching(cover, rate, np.random.default_rng(seed))
    assert stego.dtype == np.uint8
    assert set(np.unique(stego.astype(int) - cover)) <= {-1, 0, 1}


@pytest.mark.parametrize("rate", [1.0, 0.5, 0.25])
def test_half_of_the_pixels_that_carry_a_bit_change(rate):
    cover = np.random.default_rng(1).integers(1, 255, (1000, 1000), np.uint8)
    change = lsb_matching(cover, rate, np.random.default_rng(2)).astype(int) - cover
    share = np.abs(change).mean()
    spread = np.sqrt(rate / 2 * (1 - rate / 2) / change.size)
    assert abs(share - rate / 2) < 5 * spread
    assert abs(change.sum()) < 5 * np.sqrt(rate / 2 * change.size)  # as often up as down


@pytest.mark.parametrize(("end", "step"), [(0, 1), (255, -1)])
def test_ends_of_the_range_move_inwards_alone(end, step):
    cover = np.full((64, 64), end, np.uint8)
    change = lsb_matching(cover, 1.0, np.random.default_rng(0)).astype(int) - cover
    assert set(np.unique(change)) == {0, step}


def test_the_message_can_be_read_from_the_lowest_bits():
    cover = np.random.default_rng(1).integers(0, 256, (40, 40), np.uint8)
    stego = lsb_matching(cover, 1.0, np.random.default_rng(7))
    random = np.random.default_rng(7)
    random.random(cover.shape)  # which pixels carry
    np.testing.assert_array_equal(stego % 2, random.integers(0, 2, cover.shape, np.uint8))


def test_what_cannot_be_hidden_is_refused():
    with pytest.raises(DTypeError) as wrong:
        lsb_matching(np.zeros((2, 2)), 1.0, np.random.default_rng(0))
    assert str(wrong.value) == "lsb_matching: the cover is float64: it must be uint8"
    with pytest.raises(ParameterError) as rate:
        lsb_matching(np.zeros((2, 2), np.uint8), 1.5, np.random.default_rng(0))
    assert str(rate.value) == "lsb_matching: rate 1.5 must be above 0 and at most 1 bit a pixel"


def test_examples_come_in_pairs_of_a_square_and_its_message():
    covers = np.random.default_rng(0).integers(0, 256, (5, 8, 8), np.uint8)
    images, labels = examples(covers, 1.0, seed=3, copies=8)
    assert images.shape == (80, 1, 8, 8)
    assert images.dtype == np.float32
    np.testing.assert_array_equal(labels, [0, 1] * 40)
    pairs = images.reshape(8, 5, 2, 8, 8)
    assert np.abs(pairs[:, :, 1] - pairs[:, :, 0]).max() == 1
    np.testing.assert_array_equal(pairs[0, :, 0], covers)
    assert len({pairs[copy, 0, 0].tobytes() for copy in range(8)}) == 8  # all orientations
    for copy in range(8):
        np.testing.assert_array_equal(np.sort(pairs[copy, 0, 0], None), np.sort(covers[0], None))
    again, _ = examples(covers, 1.0, seed=3, copies=8)
    np.testing.assert_array_equal(images, again)
    with pytest.raises(ParameterError, match="copies 9 must be 1 to 8: there are 8 orientations"):
        examples(covers, 1.0, seed=3, copies=9)


def test_squares_are_whole_and_lie_side_by_side():
    picture = np.arange(7 * 10, dtype=np.uint8).reshape(7, 10)
    squares = steganography.cut(picture, 3)
    assert squares.shape == (6, 3, 3)
    np.testing.assert_array_equal(squares[0], picture[:3, :3])
    np.testing.assert_array_equal(squares[-1], picture[3:6, 6:9])


def test_folds_test_every_photograph_once():
    names = [f"p{i}" for i in range(10)]
    folds = steganography.split(names, 5)
    assert sorted(name for fold in folds for name in fold) == sorted(names)
    assert all(len(fold) == 2 for fold in folds)


def test_few_photographs_make_fewer_folds():
    assert steganography.split(["a", "b", "c"], 5) == (("a",), ("b",), ("c",))
    with pytest.raises(ParameterError) as alone:
        steganography.split(["a.png"], 5)
    assert str(alone.value) == (
        "split: photographs a.png: there must be at least 2, of which one is tested on: add "
        "another to the folder, or leave it empty"
    )
    with pytest.raises(ParameterError) as one:
        steganography.split(["a", "b"], 1)
    assert str(one.value) == "split: folds 1 must be at least 2: one is tested on"


def test_photographs_are_read_in_grey(tmp_path, monkeypatch):
    colours = np.zeros((4, 6, 3), np.uint8)
    colours[..., 1] = 255  # green, whose luma is 0.587
    Image.fromarray(colours).save(tmp_path / "b.png")
    Image.fromarray(np.full((3, 5), 9, np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "notes.txt").write_text("no picture")
    found = steganography.photographs(tmp_path)
    assert list(found) == ["a.png", "b.png"]
    np.testing.assert_array_equal(found["a.png"], np.full((3, 5), 9))
    np.testing.assert_array_equal(found["b.png"], np.full((4, 6), 150))
    monkeypatch.delenv("STRIATE_DATA", raising=False)
    assert steganography.photographs() == {}
    monkeypatch.setenv("STRIATE_DATA", str(tmp_path))
    assert steganography.photographs() == {}  # it holds no images/
