"""Networks of minima and maxima: what passes over 0 and 1 in order passes over all (Knuth)."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from striate.ops.images.median_networks import Network
from striate.ops.images.median_programs import best_tall, program
from striate.ops.images.median_tables import tables


def outputs_of(network, outputs, values):
    return network.values(outputs, lambda line, _: values[line], min, max)


@pytest.mark.parametrize("count", range(1, 10))
def test_sorting(count):
    network = Network()
    outputs = network.sort([network.leaf(line) for line in range(count)])
    for values in itertools.product((0, 1), repeat=count):
        assert outputs_of(network, outputs, values) == sorted(values)


@pytest.mark.parametrize(("a", "b"), [(1, 1), (5, 5), (3, 8), (7, 2), (6, 6), (0, 4)])
def test_parts_of_merged_lists(a, b):
    for low, high in itertools.combinations(range(a + b + 1), 2):
        network = Network()
        leaves = [network.leaf(line) for line in range(a + b)]
        outputs = network.merged_part(leaves[:a], leaves[a:], low, high)
        for ones in itertools.product(range(a + 1), range(b + 1)):
            values = [int(n >= a - ones[0]) for n in range(a)]
            values += [int(n >= b - ones[1]) for n in range(b)]
            assert outputs_of(network, outputs, values) == sorted(values)[low:high]


def test_a_place_that_does_not_exist():
    network = Network()
    with pytest.raises(ValueError, match="2 values have no places 4 to 4"):
        network.merged_part([network.leaf(0)], [network.leaf(1)], 4, 5)


def medians_by_program(one, rows, image):
    """Follow a program over a padded image, with NumPy for registers."""
    lines = np.zeros((one.lines, image.shape[1]))
    down = one.down.network.values(one.down.outputs, lambda r, _: image[r], np.minimum, np.maximum)
    lines[: len(down)] = down

    def follow(stage, first):
        def load(line, shift):
            return np.roll(lines[first + stage.source + line], -shift)

        return stage.network.values(stage.outputs, load, np.minimum, np.maximum)

    for stage in one.across:
        lines[stage.target : stage.target + len(stage.outputs)] = follow(stage, 0)
    if not one.apart:
        return follow(one.last, 0)
    return [follow(one.last, one.apart * window)[0] for window in range(one.tall)]


@pytest.mark.parametrize(
    "sides", [(1, 1), (1, 6), (4, 1), (3, 3), (5, 5), (4, 7), (9, 8), (16, 15)]
)
@pytest.mark.parametrize("height", [1, 3, 20])
def test_programs_find_medians(sides, height):
    rows, columns = sides
    one = program(rows, columns, best_tall(rows, columns, height))
    assert one.tall <= height
    image = np.random.default_rng(0).random((rows + one.tall - 1, 50))
    windows = np.lib.stride_tricks.sliding_window_view(image, sides)
    expected = np.sort(windows.reshape(one.tall, -1, rows * columns))[..., rows * columns // 2]
    found = np.array(medians_by_program(one, rows, image))
    np.testing.assert_array_equal(found[:, : expected.shape[1]], expected)


def test_windows_share_their_work():
    """A network of its own takes 99 comparisons for 5 x 5, that is 198 minima and maxima."""
    assert program(3, 3, 4).cost == 17
    assert program(5, 5, 2).cost == 75
    assert program(15, 15, 4).cost < 225 * 4


def test_tables_follow_the_program():
    rows, columns, tall, line, step, register = 5, 4, 2, 640, 8, 64
    inner = program(rows, columns, tall)
    reads, beyond = rows + tall - 1, (rows + tall - 1 + inner.lines + tall) * line
    found = tables(rows, columns, tall, line, step, register, beyond)
    memory = np.zeros(beyond + found.places * register)  # one number to a byte is enough
    image = np.random.default_rng(0).random((reads, columns))
    for row, column in itertools.product(range(reads), range(columns)):
        memory[row * line + column * step] = image[row, column]
    for begin, end, known in found.stages:
        for column in range(columns - known + 1):
            for a, b, low, high in found.entries[begin:end] + column * step:
                pair = memory[a], memory[b]
                memory[low], memory[high] = min(pair), max(pair)
    medians = [memory[(reads + inner.lines + window) * line] for window in range(tall)]
    expected = [np.sort(image[top : top + rows], axis=None)[rows * columns // 2] for top in (0, 1)]
    assert medians == expected
