"""The parts of ``striate bench filters``: cases, errors, limits, engines, means."""

import time

import numpy as np
import pytest

from striate.cli.bench.filters import measure
from striate.cli.bench.filters.cases import DTYPES, FILTERS, FilterCase, filter_groups
from striate.cli.bench.filters.engines import PEERS, ours, present_engines
from striate.cli.bench.filters.measure import FilterRow, error, exact_strips, least_time, measured
from striate.cli.bench.filters.report import line, summaries
from striate.cli.bench.measure import OURS, Entry
from striate.cli.bench.peers import Runner
from striate.cli.bench.turns import Spread
from striate.runtime.limits import Limits

CASES = {
    f"{case.name} {dtype} {channels}": case
    for channels in (1, 3)
    for dtype in DTYPES
    for kind, number in FILTERS
    if number < 8 or kind == "general"
    for case in [FilterCase(kind, number, 90, 61, channels, dtype)]
}


def test_all_that_is_measured_if_nothing_is_chosen():
    groups = filter_groups([], [], [])
    assert [(g.width, g.height, g.channels, g.dtype) for g in groups] == [
        *((3840, 2160, 1, "float32"), (3840, 2160, 1, "uint8")),
        *((3840, 2160, 3, "float32"), (3840, 2160, 3, "uint8")),
        *((640, 480, 1, "float32"), (640, 480, 1, "uint8")),
        *((640, 480, 3, "float32"), (640, 480, 3, "uint8")),
        *((64, 64, 1, "float32"), (64, 64, 1, "uint8")),
    ]
    assert [len(group.cases) for group in groups] == [20] * 8 + [8] * 2
    assert [case.prepared for case in groups[-1].cases] == [True, False] * 4


def test_a_pattern_leaves_out_tables_without_rows():
    groups = filter_groups([], [1], ["uint8"], ["median*"])
    assert [len(group.cases) for group in groups] == [2, 2]


@pytest.mark.parametrize(
    ("case", "macs", "size"),
    [
        (FilterCase("box", 31, 40, 20, 1, "float32"), 4 * 800, 8 * 800),
        (FilterCase("gaussian", 2, 40, 20, 3, "uint8"), 2 * 17 * 2400, 2 * 2400),
        (FilterCase("general", 5, 40, 20, 1, "float32"), 25 * 800, 8 * 800),
        (FilterCase("sobel", 0, 40, 20, 1, "uint8"), 5 * 800, 3 * 800),
        (FilterCase("magnitude", 0, 40, 20, 1, "uint8"), 12 * 800, 5 * 800),
        (FilterCase("median", 3, 40, 20, 1, "uint8"), 0, 2 * 800),
    ],
)
def test_what_a_case_must_do_at_least(case, macs, size):
    assert (case.macs, case.bytes) == (macs, size)


def test_the_longer_time_bounds(monkeypatch):
    monkeypatch.setattr(measure, "measured_bandwidth", lambda threads, size: 10.0)
    limits = Limits(1, gflops=100.0, gigabytes=5.0)
    box = FilterCase("box", 3, 1000, 100, 1, "float32")
    assert least_time(box, limits) == ("memory", pytest.approx(8e5 / 10e9))
    general = FilterCase("general", 9, 1000, 100, 1, "float32")
    assert least_time(general, limits) == ("multiply-adds", pytest.approx(2 * 81e5 / 100e9))
    halved = FilterCase("general", 9, 1000, 100, 1, "uint8")
    assert least_time(halved, limits) == ("multiply-adds", pytest.approx(81e5 / 100e9))
    assert least_time(FilterCase("box", 3, 64, 64, 1, "uint8"), limits) == ("", 0.0)


@pytest.mark.parametrize("name", CASES)
def test_ours_is_right_in_the_strips_and_beyond(name):
    case = CASES[name]
    (runner,) = ours.runners(case, 1)
    runner.run()
    assert error(case, runner.result()) <= 1e-6
    whole = ours.defined(case, case.image.astype(np.float64))
    strips = np.concatenate([whole[start:stop] for start, stop in case.strips])
    assert strips.shape[0] == 48
    np.testing.assert_allclose(exact_strips(case), strips, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", PEERS)
def test_every_setting_of_every_peer_computes_the_same(name):
    engines, absent = present_engines([name])
    if absent:
        pytest.skip(f"{name} is not installed")
    right = 0
    for case in CASES.values():
        for runner in engines[0].runners(case, 1):
            runner.run()
            off = error(case, runner.result())
            if runner.setting != "GaussianBlur" or name != "Pillow":  # three boxes, no bell
                assert off <= (2e-6 if case.result_dtype == "float32" else 2.0), (case, runner)
            right += 1
    assert right >= 12


def test_errors_of_bytes_are_levels_beyond_rounding():
    case = FilterCase("gaussian", 1, 40, 30, 1, "uint8")
    exact = exact_strips(case)
    rounded = np.rint(exact).astype(np.uint8)
    assert error(case, rounded) == 0.0
    rounded[5, 5] += 1
    assert error(case, rounded) == pytest.approx(abs(rounded[5, 5] - exact[5, 5]) - 0.5)
    assert error(case, rounded[1:]) == float("inf")


def test_errors_of_floats_are_parts_of_the_largest():
    case = FilterCase("laplacian", 0, 40, 30, 1, "float32")
    exact = exact_strips(case).copy()
    exact[3, 3] += 0.25 * np.abs(exact).max()
    assert error(case, exact) == pytest.approx(0.25)
    exact[3, 3] = np.nan
    assert error(case, exact) == float("inf")


class Fake:
    """A library that computes what it is told to."""

    def __init__(self, name, *settings):
        self.NAME = name
        self.settings = settings

    def runners(self, case, threads):
        for name, seconds, result in self.settings:
            yield Runner(name, lambda s=seconds: time.sleep(s), lambda r=result: r)


def row_with(*engines, limits):
    return measured(FilterCase("median", 3, 70, 60, 1, "uint8"), engines, limits, 0.0, 2)


def test_a_right_setting_goes_before_a_faster_that_is_off(limits):
    case = FilterCase("median", 3, 70, 60, 1, "uint8")
    right = ours.defined(case, case.image).astype(np.uint8)
    off = np.clip(right, 5, None) - 5
    settings = [("off", 0.0, off), ("slow", 0.02, right), ("quick", 0.001, right)]
    row = row_with(Fake("OpenCV", *settings), Fake("other", ("off", 0.0, off)), limits=limits)
    assert row.entries["OpenCV"].setting == "quick"
    assert list(row.ratios) == ["OpenCV", "other"]
    assert [name for name, _ in row.inexact()] == ["other"]
    assert row.ratio == row.ratios["OpenCV"].median
    assert "other" in line(row)


def test_another_filter_is_not_timed(limits):
    row = row_with(Fake("OpenCV", ("zeros", 0.0, np.zeros((60, 70), np.uint8))), limits=limits)
    entry = row.entries["OpenCV"]
    assert entry.seconds is None
    assert entry.refused.startswith("zeros: error ")
    assert entry.refused.endswith(" levels")
    assert row.ratios == {}
    assert row.seconds > 0


def test_a_filter_that_a_library_lacks_is_no_news(limits):
    assert list(row_with(Fake("OpenCV"), limits=limits).entries) == [OURS]


def row_of(kind, number, milliseconds, ratio, channels=1, size=(640, 480)):
    case = FilterCase(kind, number, *size, channels, "float32")
    time_ = Spread(milliseconds, milliseconds, milliseconds)
    ratios = {"OpenCV": Spread(ratio, ratio, ratio)}
    return FilterRow(case, 1, {OURS: Entry("as it is", 0.0, time_)}, ratios, "memory", 0.5)


def test_means_leave_out_magnitudes_and_medians():
    rows = [
        *(row_of("box", 3, 1.0, 1.0), row_of("box", 31, 1.5, 4.0), row_of("median", 3, 9.0, 0.1)),
        *(row_of("magnitude", 0, 1.0, 8.0), row_of("box", 3, 2.0, 2.0, channels=3)),
        row_of("box", 3, 1.0, 0.5, size=(64, 64)),
    ]
    large, small, everything = summaries(rows)
    assert (large.rows, large.mean, large.lowest) == (3, pytest.approx(2.0), 1.0)
    assert large.where == "box 3, 640x480 grey float32, 1 thread"
    assert (large.magnitude, large.boxes) == (pytest.approx(8.0), 1.5)
    assert (small.width, small.rows, small.lowest) == (64, 1, 0.5)
    assert (everything.width, everything.rows, everything.lowest) == (0, 3, 1.0)
