"""Inspecting a network loads neither the compiler nor a framework nor an image library."""

import subprocess
import sys

PROBE = """
import sys
import striate.network
from striate.network import inspect, zoo
str(inspect(zoo.load("vgg16")))
heavy = {"numba", "llvmlite", "torch", "PIL", "onnx", "matplotlib", "rich", "typer", "striate.ops"}
print(sorted(heavy & set(sys.modules)))
"""


def test_the_network_room_is_light():
    run = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
