"""Lessons prepared ahead are the same lessons."""

import numpy as np
import pytest

from striate.training.ahead import Ahead
from striate.training.data.augmentation import augmentation
from striate.training.examples import parts_of
from striate.training.loop import Lessons


@pytest.mark.parametrize("places", [[0, 8, 16, 24], [0, 20, 40, 50], [30, 45, 0, 7, 50]])
def test_lessons_are_the_same_in_any_order(stripes, places):
    images, labels = stripes
    options = {"shuffle": True, "changes": augmentation("flip,shift:1")}
    examples = parts_of((images, labels), None, seed=0).train
    ahead = Ahead(examples, 2, 7, **options)
    plain = Lessons(examples, 2, 7, **options)
    for start in places:
        wanted = plain.at(slice(start, min(60, start + 8)))
        for found, array in zip(ahead.at(slice(start, min(60, start + 8))), wanted, strict=True):
            np.testing.assert_array_equal(found, array)


def test_what_fails_ahead_fails_where_it_is_asked_for(stripes):
    class Refusing:
        text = "refusing"

        def draws(self, count, random):
            return np.arange(count)

        def applied(self, images, draws):
            if 9 in draws:
                raise ValueError("no")
            return images

    examples = parts_of(stripes, None, seed=0).train
    ahead = Ahead(examples, 1, 0, shuffle=False, changes=Refusing())
    ahead.at(slice(0, 8))
    with pytest.raises(ValueError, match="no"):
        ahead.at(slice(8, 16))
