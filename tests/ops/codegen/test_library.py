"""Where compiled functions are kept, each seen by whether its body is written again."""

from __future__ import annotations

import importlib
import os
import pkgutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from striate.ops import blocked
from striate.ops.codegen import Target, Template, Writer, template

# Doubles a register; says so if it had to be compiled.
PROGRAM = """
import ctypes, sys
import numpy as np
from striate.ops.codegen import Target, template
@template("x")
def tested_doubling(w, a, factor):
    print("compiled")
    x = w.pointer(a.x)
    x.store(x.load() * factor)
kernel = tested_doubling.kernel(Target.host(), factor=int(sys.argv[1]))
assert tested_doubling.kernel(Target.host(), factor=int(sys.argv[1])) is kernel
x = np.arange(16, dtype=np.float32)
step = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
words = np.array([x.ctypes.data])
step(kernel.address)(words.ctypes.data, 0, 1, None)
assert x[3] == 3 * int(sys.argv[1])
"""


def started(cache: Path, factor: int = 2, **more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-c", PROGRAM, str(factor)]
    environment = {**os.environ, "STRIATE_CACHE": str(cache), **more}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def compiles(cache: Path, factor: int = 2, **more: str) -> bool:
    """Run the program and tell whether it compiled its kernel."""
    process = started(cache, factor, **more)
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 0
    assert said in ("", "compiled\n")
    return bool(said)


def test_second_process_compiles_nothing(tmp_path: Path) -> None:
    assert compiles(tmp_path)
    assert not compiles(tmp_path)
    assert compiles(tmp_path, factor=3)
    if Target.host().level in ("avx2", "avx512"):
        assert compiles(tmp_path, STRIATE_ISA="sse")
    assert not compiles(tmp_path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with one compiled kernel."""
    folder = tmp_path_factory.mktemp("cache")
    assert compiles(folder)
    return folder


@pytest.mark.parametrize("damage", ["truncated", "altered", "empty", "noise", "shorter"])
def test_damaged_files_are_compiled_again(folder: Path, damage: str) -> None:
    (file,) = (folder / "kernels").iterdir()
    content = file.read_bytes()
    middle = len(content) // 2
    file.write_bytes(
        {
            "truncated": content[:middle],
            "altered": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
            "empty": b"",
            "noise": b"\0\1\2" * 1000,
            "shorter": content[:20],
        }[damage]
    )
    assert compiles(folder)
    assert file.read_bytes()[:32] == content[:32]  # as it was


def test_a_folder_that_cannot_be_made_costs_only_time(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("no folder")
    assert compiles(file)
    assert file.read_text() == "no folder"


def test_a_folder_in_place_of_the_file_costs_only_time(tmp_path: Path) -> None:
    compiles(tmp_path)
    (file,) = (tmp_path / "kernels").iterdir()
    file.unlink()
    file.mkdir()
    assert compiles(tmp_path)
    assert list((tmp_path / "kernels").iterdir()) == [file]  # no unfinished file is left


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write into any folder"
)
def test_a_folder_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert compiles(tmp_path)


def test_several_processes_at_once(tmp_path: Path) -> None:
    processes = [started(tmp_path) for _ in range(3)]
    for process in processes:
        process.communicate(timeout=60)
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len(list((tmp_path / "kernels").iterdir())) == 1  # no unfinished file is left
    assert not compiles(tmp_path)


def test_threads_compile_a_function_once() -> None:
    written: list[int] = []

    @template("x")
    def tested_once(w: Writer, a: Any, number: int) -> None:
        written.append(number)

    found: list[Any] = [None] * 8

    def work(place: int) -> None:
        found[place] = tested_once.kernel(Target.host(), number=place % 2)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(written) == [0, 1]
    assert len({kernel.address for kernel in found}) == 2
    assert found[0].name == "tested_once(number=0)"


FIRST_AT_ONCE = """
import threading
from striate.ops.codegen import Target, library
found, together = [], threading.Barrier(8)
def ask():
    together.wait()
    found.append(library(Target.host()))
threads = [threading.Thread(target=ask) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert len(set(map(id, found))) == 1
"""


def test_threads_that_ask_first_at_once_get_one_library() -> None:
    """The code of a second one would be lost with it, and its functions' addresses not."""
    subprocess.run([sys.executable, "-W", "error", "-c", FIRST_AT_ONCE], check=True)


def test_a_body_that_fails_is_written_again(call: Callable[..., None]) -> None:
    attempts: list[int] = []

    @template("x")
    def tested_failure(w: Writer, a: Any) -> None:
        attempts.append(1)
        if len(attempts) == 1:
            raise ZeroDivisionError("first")
        w.pointer(a.x).store(w.constant(2.0))

    with pytest.raises(ZeroDivisionError, match=r"^first$"):
        tested_failure.kernel(Target.host())
    x = np.zeros(16, np.float32)
    call(tested_failure.kernel(Target.host()), x=x)
    assert x[0] == 2


def test_templates_have_names_of_their_own() -> None:
    """A compiled function is known by its template's name and constants alone."""
    for module in pkgutil.iter_modules(blocked.__path__, f"{blocked.__name__}."):
        importlib.import_module(module.name)
    found = {
        id(value): value
        for name, module in list(sys.modules.items())
        if name.startswith("striate.")
        for value in vars(module).values()
        if isinstance(value, Template)
    }
    names = Counter(value.name for value in found.values())
    assert len(names) > 10
    assert [name for name, count in names.items() if count > 1] == []
