"""What tests of the bench share: a machine whose limits are known, commands, and no waiting."""

import pytest
from typer.testing import CliRunner

from striate.cli.bench.commands import bench
from striate.runtime.limits import Limits


@pytest.fixture
def limits():
    """Return what a machine might do on one thread."""
    return Limits(1, gflops=100.0, gigabytes=20.0)


@pytest.fixture
def run():
    """Return run(...): what a command of ``striate bench`` made of these arguments."""
    return lambda *arguments: CliRunner().invoke(bench, list(map(str, arguments)))


@pytest.fixture
def done(run):
    """Return done(...): what a command that must succeed printed."""

    def read(*arguments):
        result = run(*arguments)
        assert result.exception is None, result.exception
        assert result.exit_code == 0
        return result.stdout

    return read


@pytest.fixture
def quick(monkeypatch):
    """Take the first time, for tests of what is said of it."""
    monkeypatch.setattr("striate.cli.bench.turns.TURN", 0.0)
    monkeypatch.setattr("striate.cli.bench.turns.settle", lambda: True)
