"""What tests of the command line share: commands, called as a terminal calls them."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from striate import cli
from striate.cli import app
from striate.cli.inspect import inspect
from striate.filters.files import write

INSPECT = typer.Typer()
INSPECT.command()(inspect)


@pytest.fixture
def printed():
    """Return printed(*arguments, **environment): what `striate inspect` prints."""

    def call(*arguments, **environment):
        result = CliRunner().invoke(
            INSPECT, arguments, env={"FORCE_COLOR": None, "NO_COLOR": None, **environment}
        )
        assert result.exception is None
        assert result.exit_code == 0
        return result.stdout

    return call


@pytest.fixture
def refused():
    """Return refused(*arguments): the error of `striate inspect`, its kind and its message."""

    def call(*arguments):
        result = CliRunner().invoke(INSPECT, arguments)
        assert result.stdout == ""
        return type(result.exception), str(result.exception)

    return call


@pytest.fixture
def run():
    """Return run(*arguments, code=0): the result of `striate run`."""

    def call(*arguments, code=0):
        result = CliRunner().invoke(app, ["run", *map(str, arguments)], catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result

    return call


@pytest.fixture
def answers(run):
    """Return answers(*arguments, code=0): the JSON that `striate run` prints."""

    def call(*arguments, code=0):
        return json.loads(run(*arguments, "--json", code=code).stdout)

    return call


@pytest.fixture
def striate(monkeypatch, capsys, tmp_path):
    """Run the command line in an empty folder: ``striate("filter", ...)``."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["striate", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            cli.main()
        output = capsys.readouterr()
        return SimpleNamespace(code=exit_.value.code or 0, out=output.out, err=output.err)

    return call


@pytest.fixture
def photo(tmp_path):
    """Return a small image, and write it as photo.png into the test's folder.

    Its contrast is low enough for 8 bits to hold its gradients, so that nothing is said of them.
    """
    image = np.random.default_rng(0).integers(100, 115, (20, 30, 3), dtype=np.uint8)
    write(tmp_path / "photo.png", image)
    return image


@pytest.fixture
def elsewhere(tmp_path):
    """Return elsewhere(*arguments, **how): the command, run as a process of its own."""

    def call(*arguments, **how):
        command = [sys.executable, "-m", "striate", "filter", *map(os.fspath, arguments)]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, timeout=120, check=False, **how
        )

    return call
