"""What tests share: a fresh cache of kernels, the folder of real data, what ARM would run."""

import os
import signal
import tempfile
from importlib import import_module
from pathlib import Path

import pytest


def pytest_configure(config):
    """Give the run a new cache folder; workers inherit that of the process that starts them."""
    if not hasattr(config, "workerinput"):
        config.kernel_cache = tempfile.TemporaryDirectory(prefix="striate-tests-")
        os.environ["STRIATE_CACHE"] = config.kernel_cache.name


@pytest.fixture(autouse=True)
def interruptible():
    """Let Ctrl-C be heard, here and in new processes, by whomever the tests were started.

    Shells without job control start what runs in the background with SIGINT ignored, and processes
    hand that down.
    """
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if ignored:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    if ignored:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.fixture(scope="session")
def data_folder():
    """Return the folder named by STRIATE_DATA, or skip."""
    folder = os.environ.get("STRIATE_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("STRIATE_DATA names no folder of data sets")
    return Path(folder)


@pytest.fixture(scope="session")
def arm():
    """Return an ARM processor that no test runs on, so that nobody gets what is compiled for it."""
    from striate.ops.codegen import Target

    return Target.named("neon")._replace(cpu="cortex-a72")


@pytest.fixture(scope="session")
def arm_machine(arm):
    """Return what compiles for ARM, or skip."""
    import llvmlite.binding as binding

    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    try:
        found = binding.Target.from_triple("aarch64-unknown-linux-gnu")
    except RuntimeError as error:
        pytest.skip(f"this LLVM does not compile for ARM: {error}")
    return found.create_target_machine(
        cpu=arm.cpu, features=arm.features, opt=3, codemodel="jitdefault", jit=True
    )


@pytest.fixture
def compiled(arm, arm_machine, monkeypatch):
    """Return the assemblies of what is compiled for ARM in a test, by name; it cannot be run."""
    from striate.ops.blocked import driver, planes, team, tile, weight_gradient_tile
    from striate.ops.blocked.winograd_product import product
    from striate.ops.codegen import Library

    class Assemblies(Library):
        """Functions as text; their addresses are none."""

        def __init__(self):
            self.target, self._machine = arm, arm_machine
            self.text = {}

        def address(self, name, write, folder=""):
            self.text[name] = self.assembly(write)
            return 0

    kernel = import_module("striate.ops.codegen.kernel")  # not its functions of these names
    library = import_module("striate.ops.codegen.library")
    functions = (driver.run_function, driver.work_function, driver.repeat_function)
    tiles = (tile.tile, planes.plane_tile, product, weight_gradient_tile.outer)
    for known in (kernel._kernel, *functions, *tiles, team.run_table, team.repeat_table):
        known.cache_clear()
    assemblies = Assemblies()
    monkeypatch.setitem(library._libraries, arm, assemblies)
    return assemblies.text
