"""Training killed again and again ends in the same bits as training left alone."""

import json
import subprocess
import sys

import pytest

KILLS = 20

SCRIPT = """
import json, os, random, signal, sys, time
import numpy as np
from striate.network import Builder, Network
from striate.network.operators import Dropout, Relu
from striate.training import events, fit, records
from striate.training.data import Shift

folder, kills = sys.argv[1], int(sys.argv[2])
records.draw_curves = lambda *_: b""  # which would take most of the time, as would
events.WRITERS.clear()
b = Builder("noisy", (None, 1, 6, 6))
x = b.batch_norm(b.conv(b.input, "conv", channels=4, kernel=3, stride=2), "norm")
x = b.add(Dropout(0.3), b.add(Relu(), x, name="relu"), name="drop")
network = Network(b.graph(b.linear(x, "scores", features=3)))
images = np.random.default_rng(0).standard_normal((60, 1, 6, 6)).astype(np.float32)


class Slow(Shift):
    pause, told = 0.0, None

    def applied(self, images, draws):
        if self.told is not None:
            os.write(self.told, b".")  # the first step is about to be taken
            Slow.told = None
        time.sleep(self.pause * len(images))
        return super().applied(images, draws)


def train(folder, epochs, pause):
    Slow.pause = pause
    return fit(
        network, (images, np.arange(60) % 3), epochs=epochs, learning_rate=0.02, batch_size=4,
        momentum=0.9, schedule="step:3,20", augment=Slow(1), validation=0.2, out=folder,
        resume="auto" if folder else False, checkpoint_every=0.02, progress=False,
    )


train(None, 1, 0.0)  # so that no child has to load the kernels
EPOCHS, places, moments = 400, [], random.Random(int(sys.argv[3]))
while len(places) < kills:
    ready, Slow.told = os.pipe()
    child = os.fork()
    if not child:
        train(folder, EPOCHS, 0.0005)
        os._exit(0)
    assert os.read(ready, 1) == b"."
    time.sleep(moments.uniform(0.0, 0.3))
    os.kill(child, signal.SIGKILL)
    os.close(ready), os.close(Slow.told)
    Slow.told = None
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "it had ended already"
    with open(os.path.join(folder, "last.json")) as file:
        told = json.load(file)
    places.append((len(told["history"]), (told["pass"] or {}).get("done", 0)))
epochs = places[-1][0] + 3  # fewer than were asked for before, which changes no rate
one, other = (train(place, epochs, 0.0) for place in (folder, folder + "-whole"))
same = all(np.array_equal(a, other.network.weights[n]) for n, a in one.network.weights.items())
lessons = [
    [(e.train_loss, e.train_error, e.validation_loss) for e in run.history] for run in (one, other)
]
best = [r.best.epoch.number for r in (one, other)]
print(json.dumps({"same": same, "lessons": lessons[0] == lessons[1], "best": best, "at": places}))
"""


@pytest.mark.slow
def test_twenty_kills_change_no_bit(tmp_path):
    """SIGKILL at random moments: while computing, judging, or writing."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), str(tmp_path / "run"), str(KILLS), "7"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found["at"]) == KILLS
    assert found["at"] == sorted(found["at"])
    assert found["at"][-1] > found["at"][0]
    assert found["same"]
    assert found["lessons"]
    assert found["best"][0] == found["best"][1]
