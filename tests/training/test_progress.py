"""What is shown while somebody waits: nothing at first, then what is going on."""

import time

import pytest

from striate.training import progress
from striate.training.progress import waiting


@pytest.mark.parametrize(("patience", "shown"), [(0.01, True), (60.0, False)])
def test_what_takes_long_is_named(monkeypatch, capsys, patience, shown):
    monkeypatch.setattr(progress, "PATIENCE", patience)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with waiting("compiling", wanted=True):
        time.sleep(0.3 if shown else 0)
    captured = capsys.readouterr()
    assert ("compiling" in captured.err) == shown
    assert captured.out == ""


def test_nothing_is_shown_without_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    with waiting("compiling"):
        time.sleep(0.05)
    assert capsys.readouterr() == ("", "")
