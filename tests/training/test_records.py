"""What people read of a run: settings, log, curves, events."""

import csv
import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from striate.errors import FileError, MissingExtraError
from striate.training import Dataset, Settings, fit
from striate.training.curves import draw_curves

SETTINGS = {"learning_rate": 0.05, "batch_size": 10, "schedule": "cosine:warmup=1"}


@pytest.fixture
def striped(stripes):
    images, labels = stripes
    return Dataset("stripes", images, labels, images[:9], labels[:9], ("rows", "columns", "none"))


def test_a_folder_says_all_that_is_needed_to_repeat_a_run(tiny, striped, tmp_path):
    result = fit(tiny, striped, epochs=3, out=tmp_path, validation=0.2, seed=3, **SETTINGS)
    told = json.loads((tmp_path / "settings.json").read_text())
    assert told["format"] == 1
    assert told["network"]["name"] == "tiny"
    assert told["network"]["parameters"] == 91
    assert told["network"]["begins_with"] == "random weights of the seed"
    assert told["data"] == {
        "name": "stripes",
        "fingerprint": striped.fingerprint,
        "preparation": striped.preparation.text,
        "image_shape": [1, 6, 6],
        "train": 48,
        "validation": 12,
        "test": 9,
    }
    assert Settings.of(told["settings"]) == result.settings
    assert told["settings"]["schedule"] == "cosine:warmup=1.0"
    assert told["learner"]["name"].endswith("Learner")
    (session,) = told["sessions"]
    assert "python" in session["command"]
    assert session["machine"]["versions"]["numpy"] == np.__version__


def test_the_log_has_a_row_for_each_epoch(tiny, striped, tmp_path):
    result = fit(tiny, striped, epochs=3, out=tmp_path, **SETTINGS)
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    for row, epoch in zip(rows, result.history, strict=True):
        for name in ("steps", "rate", "train_loss", "train_error", "test_loss", "test_error"):
            assert float(row[name]) == getattr(epoch, name)
        assert row["validation_loss"] == ""


def test_curves_are_drawn_and_say_the_same_again(tiny, striped, tmp_path):
    result = fit(tiny, striped, epochs=3, out=tmp_path, validation=0.2, **SETTINGS)
    with Image.open(tmp_path / "curves.png") as image:
        assert image.size == (1200, 360)
        assert len(image.convert("RGB").getcolors(1 << 20)) > 20
    svg = (tmp_path / "curves.svg").read_bytes()
    assert svg.startswith(b"<?xml")
    assert svg == draw_curves("tiny on stripes", result.history, "svg")
    other = [replace(epoch, train_loss=epoch.train_loss + 1) for epoch in result.history]
    assert svg != draw_curves("tiny on stripes", other, "svg")


def test_axes_of_curves_begin_at_0_and_count_whole_epochs(tiny, striped, monkeypatch):
    figures = []
    save = Figure.savefig

    def kept(figure, *arguments, **options):
        figures.append(figure)
        save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", kept)
    (epoch,) = fit(tiny, striped, epochs=1, learning_rate=0.05).history
    draw_curves("one epoch", [epoch], "png")
    for axes in figures[0].axes[1:]:
        low, high = axes.get_ylim()
        assert low == 0
        assert high >= 1.07 * max(line.get_ydata()[0] for line in axes.lines)
    assert [list(axes.get_xticks()) for axes in figures[0].axes] == [[1]] * 3


def test_a_resumed_run_is_another_session(tiny, striped, tmp_path):
    settings = {**SETTINGS, "schedule": None}
    fit(tiny, striped, epochs=1, out=tmp_path, **settings)
    fit(tiny, striped, epochs=3, out=tmp_path, resume=True, **settings)
    told = json.loads((tmp_path / "settings.json").read_text())
    assert len(told["sessions"]) == 2
    assert told["settings"]["epochs"] == 3
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 4
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(FileError) as error:
        fit(tiny, striped, epochs=4, out=tmp_path, resume=True, **settings)
    assert str(error.value).startswith(f"fit: {tmp_path / 'settings.json'}: cannot be read (")


def test_tensorboard_gets_the_same_figures(tiny, striped, tmp_path):
    pytest.importorskip("tensorboardX")
    from tensorboardX.proto.event_pb2 import Event

    settings = {**SETTINGS, "schedule": None}
    fit(tiny, striped, epochs=2, out=tmp_path, **settings)
    result = fit(tiny, striped, epochs=3, out=tmp_path, resume=True, **settings)
    found = {}
    for path in sorted((tmp_path / "events").iterdir()):
        data = path.read_bytes()
        while data:  # length, its check, an event, its check
            length = int.from_bytes(data[:8], "little")
            event = Event.FromString(data[12 : 12 + length])
            data = data[16 + length :]
            for value in event.summary.value:
                found[value.tag, event.step] = value.simple_value
    for epoch in result.history:
        for tag, value in (
            ("loss/train", epoch.train_loss),
            ("error/test", epoch.test_error),
            ("rate", epoch.rate),
        ):
            assert found[tag, epoch.number] == pytest.approx(value, rel=1e-6)
    assert not any("validation" in tag for tag, _ in found)


def test_without_matplotlib_nothing_is_begun(tiny, striped, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError) as error:
        fit(tiny, striped, epochs=1, out=tmp_path / "run", **SETTINGS)
    assert str(error.value) == (
        "fit: drawing the curves of a run needs matplotlib: pip install 'striate[train]'"
    )
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "change", [{"version": 0}, {"extra": 1}, {"version": None}], ids=["older", "more", "none"]
)
def test_settings_of_another_version_are_refused(change):
    told = {**Settings(epochs=1, learning_rate=0.1).as_json, **change}
    with pytest.raises(FileError) as error:
        Settings.of(told)
    assert str(error.value) == (
        f"settings of version {told['version']!r}, not 1 or 2: "
        "read them with the striate that wrote them"
    )
