"""``striate bench filters``: what it prints, what it writes, what it refuses."""

import json

import pytest

from striate.cli.bench.filters import job
from striate.errors import ParameterError, UnknownNameError

SHORT = ["--threads", "1", "--seconds", "0", "--rounds", "1"]
TINY = ["filters", "--size", "64x48", *SHORT]
GREY = [*TINY, "--channels", "1", "--dtype", "float32"]


pytestmark = pytest.mark.usefixtures("quick")


def test_filters_beside_opencv(done, tmp_path):
    out, picture, tables = tmp_path / "f.json", tmp_path / "f.svg", tmp_path / "f.md"
    size = ["--size", "80x60", "--only", "box*", "--only", "general 3x3", "--only", "magnitude"]
    wanted = ["--peer", "opencv", "--json", out, "--plot", picture, "--markdown", tables]
    text = done("filters", *SHORT, "--dtype", "uint8", *size, *wanted)
    assert "80x60 grey uint8, 1 thread" in text
    assert "80x60 colour uint8, 1 thread" in text
    content = json.loads(out.read_text())
    assert list(content) == [
        *("schema", "job", "machine", "limits", "absent", "planned", "rows", "summary"),
    ]
    assert (content["schema"], content["job"], content["absent"]) == (1, "filters", [])
    assert content["planned"] == len(content["rows"]) == 12
    assert {"opencv-python-headless", "scipy"} <= set(content["machine"]["versions"])
    row = content["rows"][4]
    about = ("name", "kind", "size", "channels", "dtype", "result_dtype", "prepared", "threads")
    assert [row[name] for name in about] == [
        *("general 3x3", "general", [80, 60], 1, "uint8", "uint8", True, 1),
    ]
    assert (row["macs"], row["bytes"], row["error_unit"]) == (9 * 4800, 2 * 4800, "levels")
    assert list(row["engines"]) == ["striate", "OpenCV"]
    for engine in row["engines"].values():
        ms = engine["milliseconds"]
        assert 0 < ms["low"] <= ms["median"] <= ms["high"]
        assert engine["error"] <= 1.0
        assert engine["setting"]
    assert row["engines"]["striate"]["error"] < 1e-6
    ratio = row["ratios"]["OpenCV"]
    assert 0 < ratio["low"] <= ratio["median"] <= ratio["high"]
    assert row["bound"] in ("memory", "multiply-adds")
    assert row["share_of_limit"] > 0
    assert [row["result_dtype"] for row in content["rows"][5:7]] == ["float32", "uint8"]
    of_size, of_all = content["summary"]
    assert (of_size["width"], of_size["height"], of_size["threads"]) == (80, 60, 1)
    assert (of_all["width"], of_all["threads"], of_all["rows"]) == (0, 0, 10)
    assert of_all["lowest"] <= of_all["mean"]
    assert of_all["magnitude"] > 0
    assert of_all["boxes"] > 0
    assert picture.read_text().startswith("<svg")
    assert "uint8, 1 thread\n\n| filter | 80x60 grey | 80x60 colour |\n" in tables.read_text()


def test_small_images_with_and_without_a_result_that_is_there(done, tmp_path):
    out, tables = tmp_path / "s.json", tmp_path / "s.md"
    wanted = ["--only", "sobel", "--peer", "OpenCV", "--json", out, "--markdown", tables]
    text = done(*GREY, "--size", "64x64", *wanted)
    assert "sobel" in text
    rows = json.loads(out.read_text())["rows"]
    assert [(row["size"], row["bound"]) for row in rows] == [([64, 48], None), ([64, 64], None)]
    assert "striate / OpenCV\n\n| filter | result there, 1 thread |\n" in tables.read_text()


def test_the_slow_are_timed_where_that_is_quick(done, tmp_path):
    out, tables = tmp_path / "p.json", tmp_path / "p.md"
    size = ["--size", "64x48", "--only", "box 3"]
    done("filters", *SHORT, *size, "--json", out, "--markdown", tables)
    grey, bytes_, *colour = json.loads(out.read_text())["rows"]
    assert list(grey["ratios"]) == ["OpenCV", "SciPy", "kornia"]
    assert list(bytes_["ratios"]) == ["OpenCV", "SciPy", "Pillow"]
    assert [row["channels"] for row in colour] == [3, 3]
    expected = "64x48 grey uint8, 1 thread\n\n| time over ours | OpenCV | SciPy | Pillow |\n"
    assert expected in tables.read_text()


def test_the_slow_are_left_out_where_they_take_long(done, monkeypatch, tmp_path):
    monkeypatch.setattr(job, "LIGHT", 64 * 48 - 1)
    out = tmp_path / "p.json"
    done(*GREY, "--only", "box 3", "--json", out)
    (row,) = json.loads(out.read_text())["rows"]
    assert list(row["ratios"]) == ["OpenCV"]
    done(*GREY, "--only", "box 3", "--json", out, "--all-peers")
    (row,) = json.loads(out.read_text())["rows"]
    assert list(row["ratios"]) == ["OpenCV", "SciPy", "kornia"]
    done(*GREY, "--only", "box 3", "--json", out, "--peer", "scipy")
    (row,) = json.loads(out.read_text())["rows"]
    assert list(row["ratios"]) == ["SciPy"]


def test_peers_that_are_not_installed_are_listed(done, monkeypatch, tmp_path):
    monkeypatch.setattr("striate.cli.bench.peers.installed", lambda package: False)
    monkeypatch.setattr("striate.cli.bench.filters.measure.installed", lambda package: False)
    out = tmp_path / "a.json"
    text = done(*GREY, "--only", "laplacian", "--json", out, "--plot", tmp_path / "none.svg")
    assert "not installed: OpenCV, SciPy, scikit-image, Pillow, kornia; pip install " in text
    assert "'striate[bench]'" in text
    content = json.loads(out.read_text())
    assert content["absent"] == ["OpenCV", "SciPy", "scikit-image", "Pillow", "kornia"]
    (row,) = content["rows"]
    assert list(row["engines"]) == ["striate"]
    assert (row["ratios"], content["summary"]) == ({}, [])
    assert not (tmp_path / "none.svg").exists()


def test_our_wrong_result_is_not_timed_and_fails(run, monkeypatch):
    monkeypatch.setattr("striate.cli.bench.filters.measure.tolerance", lambda case, name: -1.0)
    result = run(*GREY, "--only", "sobel", "--peer", "OpenCV")
    assert result.exit_code == 1
    assert "sobel                   wrong: as it is: error " in result.stdout
    assert "striate not timed on sobel, 64x48 grey float32, 1 thread: as it is: error" in (
        result.stdout
    )


def test_peers_that_are_less_exact_are_named(done):
    text = done(*TINY, "--channels", "1", "--dtype", "uint8", "--only", "gaussian 4")
    assert "SciPy is timed on gaussian 4 uint8 though it is off by 1." in text
    assert "Pillow not timed on gaussian 4, 64x48 grey uint8, 1 thread: GaussianBlur: error " in (
        text
    )


def test_an_interrupted_run_shows_what_is_there(run, monkeypatch, tmp_path):
    out, calls, measured = tmp_path / "i.json", [], job.measured

    def once(case, *others):
        if calls:
            raise KeyboardInterrupt
        calls.append(case)
        return measured(case, *others)

    monkeypatch.setattr(job, "measured", once)
    result = run(*GREY, "--only", "box*", "--peer", "OpenCV", "--json", out)
    assert result.exit_code != 0
    assert "box 3" in result.stdout
    assert "Means of OpenCV's time over ours" in result.stdout
    content = json.loads(out.read_text())
    assert (content["planned"], len(content["rows"])) == (4, 1)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (
            ["--size", "640"],
            ParameterError,
            "--size must be width x height, as in 640x480, not '640'",
        ),
        (
            ["--size", "0x480"],
            ParameterError,
            "--size must be width x height, as in 640x480, not '0x480'",
        ),
        (["--dtype", "uint9"], UnknownNameError, "no dtype is called 'uint9'; did you mean uint8?"),
        (
            ["--channels", "2"],
            ParameterError,
            "--channels must be 1 (grey) or 3 (colour), not 2",
        ),
        (
            ["--only", "gausian 1"],
            UnknownNameError,
            "no filter is called 'gausian 1'; did you mean gaussian 1",
        ),
        (
            ["--peer", "opencw"],
            UnknownNameError,
            "no peer is called 'opencw'; did you mean OpenCV?",
        ),
        (
            ["--plot", "x.bmp"],
            ParameterError,
            "cannot draw 'x.bmp': the file's name must end in .svg, .png or .gif",
        ),
    ],
)
def test_refusals(run, arguments, kind, message):
    result = run("filters", *arguments)
    assert type(result.exception) is kind
    assert str(result.exception).startswith(message)
