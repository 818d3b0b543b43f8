"""What `import striate` offers, and what it must not load."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import striate

ROOT = Path(__file__).parent.parent
HEAVY = ("numba", "llvmlite", "torch", "onnx", "matplotlib", "PIL", "sklearn", "scipy")


def test_all_is_sorted_whole_and_there():
    assert sorted(striate.__all__) == striate.__all__
    assert set(striate.__all__) == {*striate._HOMES, *striate._ROOMS}
    for name in striate.__all__:
        assert getattr(striate, name) is not None
    assert set(striate.__all__) <= set(dir(striate))


def test_unknown_attribute():
    with pytest.raises(AttributeError) as error:
        striate.conv4d  # noqa: B018
    assert str(error.value) == "module 'striate' has no attribute 'conv4d'"


@pytest.mark.parametrize(
    "code",
    [
        "import striate",
        "import striate; striate.inspect(striate.load('vgg16'))",
        "import sys, striate.cli; sys.argv = ['striate', '--help']\n"
        "try: striate.cli.main()\nexcept SystemExit: pass",
        "import sys, striate.cli; sys.argv = ['striate', 'inspect', 'vgg16']\n"
        "try: striate.cli.main()\nexcept SystemExit: pass",
    ],
)
def test_nothing_heavy_is_loaded(code):
    ask = f"\nimport sys; sys.stderr.write(' '.join(m for m in {HEAVY} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code + ask], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


@pytest.mark.parametrize(
    "document", ["README.md", "docs/lecture.md", "docs/models.md", "docs/train.md"]
)
def test_the_documents_python_runs(document):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, document, "exec"), {})
