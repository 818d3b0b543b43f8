"""Runs that are stopped or killed, and what the next one does."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import striate as package
from striate import filters
from striate.filters.files import read, write

JOURNAL = ".striate-filter.jsonl"
OPTIONS = ("filter", "in", "out", "gaussian", "--sigma", "2")
NAMES = [f"{index}.png" for index in range(8)]


@pytest.fixture
def images(tmp_path):
    """Return images, and write them into a folder `in`."""
    generator = np.random.default_rng(2)
    (tmp_path / "in").mkdir()
    found = {name: generator.integers(0, 256, (16, 20), dtype=np.uint8) for name in NAMES}
    for name, image in found.items():
        write(tmp_path / "in" / name, image)
    return found


def names(listed):
    """Return the names of the results in a list of the JSON."""
    return [Path(file["output"]).name for file in listed]


def again(striate, *more):
    """Run with --resume; return which results were written, and which were skipped."""
    result = striate(*OPTIONS, "--resume", "--json", *more)
    assert (result.code, result.err) == (0, "")
    printed = json.loads(result.out)
    return names(printed["written"]), names(printed["skipped"])


def test_what_is_done_is_skipped(striate, images):
    assert again(striate) == (NAMES, [])
    before = {name: Path("out", name).stat().st_mtime_ns for name in NAMES}
    assert again(striate) == ([], NAMES)
    assert {name: Path("out", name).stat().st_mtime_ns for name in NAMES} == before
    assert striate(*OPTIONS).out.split() == [str(Path("out", name)) for name in NAMES]


def test_what_would_come_out_differently_is_done_again(striate, images, monkeypatch):
    again(striate)
    assert again(striate, "--truncate", "3") == (NAMES, [])
    assert again(striate, "--truncate", "3") == ([], NAMES)
    assert again(striate, "--linear-light") == (NAMES, [])
    assert again(striate) == (NAMES, [])

    Path("out/1.png").unlink()
    Path("out/2.png").write_bytes(b"of someone else")
    Path("out/3.png").touch()
    write("in/4.png", 255 - images["4.png"])
    os.utime("in/5.png", ns=(0, 0))
    assert again(striate) == (NAMES[1:6], [*NAMES[:1], *NAMES[6:]])
    np.testing.assert_array_equal(read("out/4.png"), filters.gaussian(255 - images["4.png"], 2))

    monkeypatch.setattr(package, "__version__", "another")
    assert again(striate) == (NAMES, [])


def test_new_inputs_are_added(striate, images):
    again(striate)
    write("in/new.png", images["0.png"])
    assert again(striate) == (["new.png"], NAMES)


def test_an_input_of_the_same_name_elsewhere_is_another(striate, images):
    again(striate)
    Path("in").rename("other")
    result = striate("filter", "other", *OPTIONS[2:], "--resume", "--json")
    assert names(json.loads(result.out)["written"]) == NAMES


@pytest.mark.parametrize(
    ("damage", "lost"),
    [
        (lambda text: text[:-9], 1),
        (lambda text: text[:-9] + b'\nnull\n[]\n{"output"', 1),
        (lambda text: b"\xff\x00" + text, 0),
        (lambda text: b"", 8),
    ],
)
def test_a_damaged_journal_costs_the_lines_that_are_damaged(striate, images, damage, lost):
    again(striate, "--jobs", "1")
    journal = Path("out", JOURNAL)
    journal.write_bytes(damage(journal.read_bytes()))
    assert len(again(striate)[0]) == lost
    assert again(striate) == ([], NAMES)


def test_a_journal_holds_each_result_once(striate, images):
    for _ in range(3):
        striate(*OPTIONS)
    lengths = []
    for _ in range(2):
        again(striate)
        lengths.append(len(Path("out", JOURNAL).read_bytes().splitlines()) - 1)
    assert lengths == [len(NAMES), len(NAMES)]


def test_a_journal_that_cannot_be_written_costs_no_result(striate, images):
    Path("out", JOURNAL).mkdir(parents=True)
    result = striate(*OPTIONS)
    assert (result.code, len(result.out.split())) == (0, len(NAMES))
    assert result.err == (
        f"striate: {Path('out', JOURNAL)}: cannot be written (Is a directory), so --resume would "
        "filter some of these files again\n"
    )


def test_a_dry_run_says_what_is_left(striate, images):
    again(striate)
    Path("out/3.png").unlink()
    result = striate(*OPTIONS, "--resume", "--dry-run")
    assert result.out == f"{Path('in/3.png')} -> {Path('out/3.png')}\n"
    assert not Path("out/3.png").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="has no locks of folders")
def test_what_a_killed_run_left_is_removed_unless_another_run_is_at_work(striate, images):
    import fcntl

    again(striate)
    stale = Path("out/.1.png.0123abcd.part")
    others = [Path("out/.mine.png.0123abcd.part"), Path("out/.1.png.part")]
    for path in (stale, *others):
        path.write_bytes(b"half")
    handle = os.open("out", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_SH)
    again(striate)
    assert stale.exists()
    os.close(handle)
    again(striate)
    assert not stale.exists()
    assert all(path.exists() for path in others)


# A run in a process of its own, to be signalled and killed.


@pytest.fixture
def begun(tmp_path):
    """Return begun(*options): a run over large images, once some of the results are there."""
    generator = np.random.default_rng(3)
    (tmp_path / "in").mkdir()
    for name in NAMES:
        write(tmp_path / "in" / name, generator.integers(0, 256, (700, 900, 3), dtype=np.uint8))

    def start(*options):
        command = [sys.executable, "-m", "striate", *OPTIONS, *options]
        process = subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        count = len(list(tmp_path.glob("out/*.png")))
        while len(list(tmp_path.glob("out/*.png"))) == count:
            assert process.poll() is None, process.communicate()
            time.sleep(0.005)
        return process

    return start


def check_whole_and_the_same(tmp_path):
    """Check that each result there is what comes out without interruption."""
    found = [path for path in (tmp_path / "out").iterdir() if path.suffix == ".png"]
    for path in found:
        expected = filters.gaussian(read(tmp_path / "in" / path.name), 2)
        np.testing.assert_array_equal(read(path), expected)
    return sorted(path.name for path in found)


@pytest.mark.skipif(sys.platform == "win32", reason="has other signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_in_good_order(striate, begun, tmp_path, number):
    process = begun("--json")
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    printed = json.loads(out)
    done = check_whole_and_the_same(tmp_path)
    assert names(printed["written"]) == done
    assert 0 < printed["left"] == len(NAMES) - len(done)
    assert err.endswith(
        f"striate: interrupted: {len(done)} of {len(NAMES)} files done, {printed['left']} left; "
        "to go on, add --resume to the same command\n"
    )
    assert not list(tmp_path.rglob("*.part"))
    written, skipped = again(striate)
    assert skipped == done
    assert sorted(written + skipped) == NAMES == check_whole_and_the_same(tmp_path)


def test_a_killed_run_leaves_whole_results_and_can_be_resumed(striate, begun, tmp_path):
    for _ in range(2):
        process = begun("--resume", "--jobs", "1")
        process.kill()
        process.communicate()
        done = check_whole_and_the_same(tmp_path)
    assert 2 <= len(done) < len(NAMES)
    written, skipped = again(striate)
    assert len(done) - 1 <= len(skipped) <= len(done)
    assert sorted(written + skipped) == NAMES == check_whole_and_the_same(tmp_path)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [JOURNAL, *NAMES]
