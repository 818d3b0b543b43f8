"""``striate run`` on models that ask for more memory than the machine has."""

import subprocess
import sys

import numpy as np
from PIL import Image

from striate.network import Builder, Network
from striate.runtime.lowering.memory import machine_memory


def test_they_are_refused_in_one_line(tmp_path):
    b = Builder("small", (None, 3, 8, 8))
    wide = b.conv(b.input, "conv", channels=1, kernel=3, padding=2**40, bias=False)
    path = Network(b.graph(wide)).initialize(0).save(tmp_path / "wide.onnx")
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "photo.png")
    command = [sys.executable, "-c", "from striate.cli import main; main()", "run"]
    command += [str(path), str(tmp_path / "photo.png")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    error, hint = done.stderr.splitlines()
    assert error == (
        "striate: small: conv (Conv): its output, 1x1x2199023255558x2199023255558, takes "
        f"{4 * 2199023255558**2:,} bytes, but the machine has {machine_memory():,}: run it on a "
        "smaller input, or a network whose settings ask for less"
    )
    assert hint.endswith("--doctor tells what would help")
