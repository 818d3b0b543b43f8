from __future__ import annotations

import ast
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from striate import ops
from striate.ops import _jit
from striate.ops._jit import cache_folder, flat, kernel

SOURCES = sorted(Path(_jit.__file__).parent.glob("*.py"))
COMPILERS = {"jit", "njit", "vectorize", "guvectorize", "cfunc", "stencil", "prange"}

# Compiles one kernel and prints how many signatures came from the cache and how many did not.
PROGRAM = """
import sys
import numpy as np
from striate.ops import _jit
if len(sys.argv) > 1:
    _jit.source_stamp = lambda: sys.argv[1]
from striate.ops._extents import read_extents
assert read_extents(np.arange(22)).batch == 0
stats = read_extents.stats
print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
"""


def run(cache: Path, *arguments: str) -> tuple[int, int]:
    """Run the program in a process of its own; return cache hits and misses."""
    result = started(cache, *arguments).communicate(timeout=120)
    hits, misses = result[0].split()
    return int(hits), int(misses)


def started(cache: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-c", PROGRAM, *arguments]
    environment = {**os.environ, "STRIATE_CACHE": str(cache), "NUMBA_DISABLE_JIT": "0"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def test_second_process_finds_the_first_ones_kernels(tmp_path: Path) -> None:
    assert run(tmp_path) == (0, 1)
    assert run(tmp_path) == (1, 0)


def test_changed_sources_are_compiled_again(tmp_path: Path) -> None:
    assert run(tmp_path, "old sources") == (0, 1)
    assert run(tmp_path, "new sources") == (0, 1)
    assert run(tmp_path, "old sources") == (1, 0)


@pytest.mark.parametrize("damage", ["truncated", "altered", "empty", "noise"])
def test_damaged_files_are_compiled_again(tmp_path: Path, damage: str) -> None:
    run(tmp_path)
    (file,) = (tmp_path / "kernels").iterdir()
    content = file.read_bytes()
    middle = len(content) // 2
    file.write_bytes(
        {
            "truncated": content[:middle],
            "altered": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
            "empty": b"",
            "noise": b"\0\1\2" * 1000,
        }[damage]
    )
    assert run(tmp_path) == (0, 1)
    assert run(tmp_path) == (1, 0)


def test_a_folder_that_cannot_be_made_costs_only_time(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("no folder")
    assert run(file) == (0, 1)
    assert file.read_text() == "no folder"


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write into any folder"
)
def test_a_folder_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert run(tmp_path) == (0, 1)


def test_several_processes_at_once(tmp_path: Path) -> None:
    processes = [started(tmp_path) for _ in range(3)]
    for process in processes:
        process.communicate(timeout=120)
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert run(tmp_path) == (1, 0)
    assert len(list((tmp_path / "kernels").iterdir())) == 1  # no unfinished file is left


def test_small_cache_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIATE_CACHE", "/chosen")
    assert cache_folder() == Path("/chosen")
    monkeypatch.delenv("STRIATE_CACHE")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert cache_folder() == Path("/xdg/striate")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "striate"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache_folder() == Path.home() / "Library" / "Caches" / "striate"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", "/local")
    assert cache_folder() == Path("/local/striate/Cache")
    monkeypatch.delenv("LOCALAPPDATA")
    assert cache_folder() == Path.home() / "AppData" / "Local" / "striate" / "Cache"


def test_small_flat_takes_no_copy_of_contiguous_arrays() -> None:
    x = np.zeros((2, 3))
    row = flat(x)
    assert np.shares_memory(row, x)
    assert row.shape == (6,)
    assert not row.flags.writeable
    assert x.flags.writeable


def test_small_kernels_keep_nan_and_divide_like_numpy() -> None:
    @kernel
    def quotient(x: np.ndarray, y: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        return x / y

    with np.errstate(all="ignore"):
        found = quotient(np.array([0.0, 1.0, np.nan]), np.array([0.0, 0.0, 1.0]))
    np.testing.assert_array_equal(found, [np.nan, np.inf, np.nan])


def test_forgotten_kernels_are_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path))
    monkeypatch.setattr(_jit, "source_stamp", lambda: "test")
    cache = _jit.KernelCache(flat)
    cache.folder.mkdir()
    (cache.folder / "flat-0123.kernel").write_bytes(b"")
    (cache.folder / "other-0123.kernel").write_bytes(b"")
    cache.flush()
    assert [path.name for path in cache.folder.iterdir()] == ["other-0123.kernel"]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_small_flags_of_numba_are_set_in_one_place(path: Path) -> None:
    if path.name == "_jit.py":
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Name):
            assert node.id not in COMPILERS, f"{path.name}:{node.lineno}"
        if isinstance(node, ast.Attribute):
            assert node.attr not in COMPILERS, f"{path.name}:{node.lineno}"
        if isinstance(node, ast.alias):
            assert node.name not in COMPILERS, f"{path.name}"
        if isinstance(node, ast.keyword):
            assert node.arg not in {"fastmath", "parallel", "nogil"}, f"{path.name}"


def test_small_public_names() -> None:
    assert ops.__all__ == sorted(ops.__all__)
    assert all(hasattr(ops, name) for name in ops.__all__)


def test_compiling_is_announced_once_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    line = "striate: compiling kernels (first run only)\n"
    for stream, said in ((Terminal(), line), (io.StringIO(), "")):
        monkeypatch.setattr(sys, "stderr", stream)
        _jit.say_that_we_compile.cache_clear()
        _jit.say_that_we_compile()
        _jit.say_that_we_compile()
        assert stream.getvalue() == said


def test_small_a_user_without_a_home_has_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("STRIATE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(Path, "home", homeless)
    assert cache_folder() == Path(os.devnull) / "striate"
    with pytest.raises(OSError, match="Not a directory"):
        (cache_folder() / "kernels").mkdir(parents=True)
