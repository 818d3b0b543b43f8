"""The Rosetta table, row by row: what other libraries' calls give beside striate's."""

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from striate import filters

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "rosetta"


def imported(folder):
    """Import a folder of the documentation, which lies on no path, as the package of its name."""
    spec = importlib.util.spec_from_file_location(folder.name, folder / "__init__.py")
    package = importlib.util.module_from_spec(spec)
    sys.modules[folder.name] = package
    spec.loader.exec_module(package)
    return package


PEERS = imported(FOLDER).PEERS
execution, page, pictures, claims = (
    importlib.import_module(f"rosetta.{name}") for name in ("execution", "page", "pictures", "row")
)
ROWS = [
    pytest.param(name, row, id=f"{name}-{number}-{row.filter}")
    for name, peer in PEERS.items()
    for number, row in enumerate(peer.rows)
]
OTHERS = {  # functions of striate.filters that have no section, and where they are found
    "gabor_bank": "gabor",
    "steer": "gaussian",
    "separate": "correlate",
}


@pytest.fixture(scope="module")
def names_of():
    """The names that a peer's code knows; without the peer, its rows are skipped one by one."""
    found = {}

    def of(name):
        if name not in found:
            try:
                found[name] = execution.load(PEERS[name])
            except ImportError as error:
                found[name] = str(error)
        if isinstance(found[name], str):
            pytest.skip(found[name])
        return found[name]

    return of


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_row(name, row, names_of):
    names = names_of(name)
    match row.claim:
        case claims.Missing():
            assert execution.names_like(PEERS[name], row.claim) == []
        case claims.Refuses(words=words):
            for image in execution.images(row):
                with pytest.raises(Exception, match=re.escape(words)):
                    execution.evaluate(row.theirs, image, names)
        case claims.Same(within=within):
            for image in execution.images(row):
                allowed = 0 if is_whole(row, image) else within
                if image.dtype == np.float64:
                    allowed *= 1e-6
                assert execution.apart(row, image, names) <= allowed, image.dtype
        case claims.Differs(by=by):
            found = max(execution.apart(row, image, names) for image in execution.images(row))
            assert found == pytest.approx(by, rel=0.25)


def is_whole(row, image):
    return execution.evaluate(row.ours, image, execution.OURS).dtype.kind in "iu"


def test_every_filter_is_told_of_for_every_peer():
    told = {(name, row.filter) for name, peer in PEERS.items() for row in peer.rows}
    assert told == {(name, section) for name in PEERS for section in claims.FILTERS}


def test_every_filter_of_striate_has_a_section():
    functions = {name for name in filters.__all__ if callable(getattr(filters, name))}
    functions -= {name for name in functions if isinstance(getattr(filters, name), type)}
    assert functions - set(OTHERS) == set(claims.FILTERS) - {"borders"}


def test_the_rows_are_apart():
    for peer in PEERS.values():
        keys = [
            (row.filter, row.ours, row.theirs, dtype, colour, row.inside)
            for row in peer.rows
            for dtype in row.dtypes.split()
            for colour in {True: (False, True), False: (False,), None: (True,)}[row.colour]
        ]
        assert len(set(keys)) == len(keys)


def test_the_page_is_what_the_rows_say():
    text = (ROOT / "docs" / "rosetta.md").read_text(encoding="utf-8")
    assert text == page.page(), "write it again: python -m docs.rosetta"


def test_the_pictures_are_those_of_the_page_and_small():
    text = (ROOT / "docs" / "rosetta.md").read_text(encoding="utf-8")
    shown = re.findall(r"\(rosetta/([a-z-]+\.png)\)", text)
    files = {path.name: path.stat().st_size for path in FOLDER.glob("*.png")}
    assert sorted(shown) == sorted(files)
    assert max(files.values()) < 40_000


@pytest.mark.parametrize("comparison", pictures.COMPARISONS, ids=lambda one: one.name)
def test_a_picture_shows_what_the_row_says(comparison, names_of):
    names = names_of(comparison.peer)
    drawing = pictures.compared(comparison, PEERS[comparison.peer], names)
    assert drawing.title == comparison.caption
    assert pictures.png(drawing).startswith(b"\x89PNG")


def test_differences_in_colours():
    blue, white, orange = pictures.amplified(np.array([[-0.5, 0, 0.5]]), 2)[0].tolist()
    assert (blue, white, orange) == ([33, 96, 170], [250, 250, 250], [224, 106, 10])
    colours = pictures.amplified(np.array([[[0.0, 0.25, -0.5]]]), 2)
    assert colours.tolist() == [[[128, 191, 0]]]


def test_the_picture_that_is_filtered():
    grey, colour = (execution.scene(64, 96, colour=colour) for colour in (False, True))
    assert (grey.shape, colour.shape) == ((64, 96), (64, 96, 3))
    assert (grey.min(), grey.max()) == (0, 255)
    assert len(np.unique(grey)) > 100
    assert np.ptp(colour, axis=2).max() > 100


def test_a_difference():
    ours, theirs = np.zeros((4, 5), np.uint8), np.zeros((4, 5), np.float32)
    theirs[0, 2], theirs[2, 2] = 7, -3
    assert execution.difference(ours, theirs) == 7
    assert execution.difference(ours, theirs, inside=1) == 3
    theirs[2, 2] = np.nan
    assert np.isnan(execution.difference(ours, theirs))
    with pytest.raises(ValueError, match=r"shapes \(4, 5\) and \(5, 4\) cannot be compared"):
        execution.difference(ours, theirs.T)
