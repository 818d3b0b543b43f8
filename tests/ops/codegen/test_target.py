from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from striate.errors import ParameterError
from striate.ops.codegen import Target, library
from striate.ops.codegen.target import LEVELS

x86 = pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"), reason="names levels of x86"
)


def possible() -> list[str]:
    best = Target.host().level
    return [best] if best == "neon" else list(LEVELS)[: list(LEVELS).index(best) + 1]


@pytest.mark.parametrize("level", LEVELS)
def test_named_levels(level: str) -> None:
    lanes, registers = {"sse": (4, 16), "avx2": (8, 16), "avx512": (16, 32), "neon": (4, 32)}[level]
    target = Target.named(level)
    assert (target.level, target.lanes, target.registers) == (level, lanes, registers)
    assert target.fused == (level != "sse")
    assert target == Target.named(level)


def test_host_has_the_registers_of_its_level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STRIATE_ISA", raising=False)
    host = Target.host()
    assert (host.lanes, host.registers) == LEVELS[host.level]
    assert library(host) is library(Target.host())


def test_isa_names_a_plainer_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STRIATE_ISA", raising=False)
    best = Target.host()
    for level in possible():
        monkeypatch.setenv("STRIATE_ISA", level)
        assert Target.host() == (best if level == best.level else Target.named(level))


@x86
@pytest.mark.parametrize("value", ["mmx", "neon", "sse\n"])
def test_isa_that_this_processor_lacks(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.delenv("STRIATE_ISA", raising=False)
    levels = possible()
    monkeypatch.setenv("STRIATE_ISA", value)
    with pytest.raises(ParameterError) as caught:
        Target.host()
    assert str(caught.value) == (
        f"STRIATE_ISA must be one of {', '.join(levels)} on this processor, not {value!r}"
    )


@x86
@pytest.mark.parametrize("level", ["sse", "avx2", "avx512"])
def test_networks_run_on_plainer_processors(level: str) -> None:
    """In a process of its own, from the environment to the result."""
    if level not in possible():
        pytest.skip(f"this processor does not run {level}")
    program = (
        "import numpy as np, striate as st; net = st.load('lenet-1989').initialize(0); "
        "x = np.random.default_rng(0).standard_normal((2, 1, 16, 16), np.float32); "
        "y = st.compile(net)(x); z = st.compile(net, dtype=np.float64)(x.astype(np.float64)); "
        "assert np.abs(y - z).max() < 1e-5, np.abs(y - z).max()"
    )
    environment = {**os.environ, "STRIATE_ISA": level}
    subprocess.run([sys.executable, "-W", "error", "-c", program], env=environment, check=True)


@x86
def test_a_bad_isa_is_told_when_a_network_is_compiled() -> None:
    program = (
        "import striate as st\n"
        "try: st.compile(st.load('lenet-1989').initialize(0))\n"
        "except st.errors.ParameterError as error: print(error)"
    )
    environment = {**os.environ, "STRIATE_ISA": "mmx"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True
    )
    assert done.stdout == (
        f"STRIATE_ISA must be one of {', '.join(possible())} on this processor, not 'mmx'\n"
    )


def test_an_empty_isa_is_none_and_case_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STRIATE_ISA", raising=False)
    best = Target.host()
    monkeypatch.setenv("STRIATE_ISA", "")
    assert Target.host() == best
    monkeypatch.setenv("STRIATE_ISA", best.level.upper())
    assert Target.host() == best
