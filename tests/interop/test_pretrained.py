"""Trained networks that come with the package."""

import hashlib
import os
import subprocess
import sys
import zipfile
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

import striate as st
from striate.errors import ParameterError, UnknownNameError
from striate.interop import pretrained
from striate.interop.pretrained.shelf import MOST_BYTES
from striate.network import zoo
from striate.training import data
from striate.training.evaluation import evaluate
from striate.training.fingerprints import fingerprint

FOLDER = Path(str(files("striate.interop.pretrained"))) / "files"
NAMES = pretrained.names()
USPS = Path(os.environ.get("STRIATE_DATA", "")) / "usps" / "zip.train.gz"


def test_the_network_of_1989_comes_along():
    assert "lenet-1989" in NAMES
    assert set(NAMES) <= set(zoo.names())
    assert sorted(file.name for file in FOLDER.iterdir()) == sorted(
        f"{name}.{kind}" for name in NAMES for kind in ("json", "npz")
    )


def test_all_files_together_are_small():
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < MOST_BYTES


@pytest.mark.parametrize("name", NAMES)
def test_records_and_weights_belong_to_the_network(name):
    network, record = st.load(name, pretrained=True), pretrained.record(name)
    assert record.network == network.name == name
    assert record.graph == fingerprint(network.graph)
    assert record.sha256 == hashlib.sha256((FOLDER / f"{name}.npz").read_bytes()).hexdigest()
    assert record.preprocessing == network.preprocessing
    assert {array.dtype for array in network.weights.values()} == {np.dtype(np.float32)}
    assert record.settings["seed"] == record.seed == 0
    assert record.command.startswith("striate train ")
    assert {"striate", "numpy", "numba"} <= set(record.machine["versions"])
    shown = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert record.to_json() == shown
    assert os.sep not in record.command.replace("runs/", "")


def test_lenet_was_trained_as_its_recipe_says():
    from striate.training.recipes import lenet_1989

    record = pretrained.record("lenet-1989")
    wanted = lenet_1989.settings(zoo.load("lenet-1989").graph)
    assert {name: record.settings[name] for name in wanted} == wanted
    assert record.data["name"] == "usps"
    assert record.classes == tuple("0123456789")
    assert record.test_error < 0.06


@pytest.mark.data
@pytest.mark.skipif(
    not USPS.is_file(), reason="the USPS digits are not in the folder that STRIATE_DATA names"
)
def test_lenet_gets_wrong_what_its_record_says():
    record, digits = pretrained.record("lenet-1989"), data.load("usps")
    assert digits.fingerprint == record.data["fingerprint"]
    network = st.load("lenet-1989", pretrained=True)
    for part in ("train", "test"):
        images, labels = getattr(digits, f"{part}_images"), getattr(digits, f"{part}_labels")
        found = evaluate(network, images, labels)
        assert found.errors == record.results[f"{part}_wrong"]
        assert len(labels) == record.results[f"{part}_examples"]


def test_lenet_reads_digits_of_other_people():
    """Digits of 8x8, of other writers and scanners: most are read, ink on paper."""
    digits = data.load("digits")
    network = st.load("lenet-1989", pretrained=True)
    pixels = np.rint(127.5 * (1 - digits.prepared(digits.test_images[:, 0][:, None])))
    inputs = [network.preprocessing.apply(image[0].astype(np.uint8)) for image in pixels]
    scores = st.compile(network)(np.concatenate(inputs))
    assert np.mean(scores.argmax(axis=1) == digits.test_labels) > 0.6


def test_it_needs_numpy_alone_and_no_warning():
    code = (
        "import sys, warnings, striate; warnings.simplefilter('error')\n"
        "net = striate.load('lenet-1989', pretrained=True)\n"
        "print(net.has_weights, [m for m in ('onnx', 'torch', 'numba', 'safetensors') "
        "if m in sys.modules])\n"
        "striate.compile(net)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("True []\n", "")


@pytest.mark.parametrize(
    ("source", "others", "kind", "message"),
    [
        (
            "vgg16",
            {},
            ParameterError,
            "no trained weights of 'vgg16' come with striate, only of lenet-1989; give a file with "
            "weights=",
        ),
        (
            "vgg17",
            {},
            UnknownNameError,
            "no network is called 'vgg17'; did you mean vgg13 or vgg16 or vgg19?",
        ),
        (
            "model.onnx",
            {},
            ParameterError,
            "pretrained=True is for names of the zoo that have trained weights (lenet-1989), but "
            "source is 'model.onnx'; leave it out",
        ),
        (
            3,
            {},
            ParameterError,
            "pretrained=True is for names of the zoo that have trained weights (lenet-1989), but "
            "source is int; leave it out",
        ),
        (
            "lenet-1989",
            {"weights": "w.safetensors"},
            ParameterError,
            "pretrained=True cannot go with weights; leave one of them out",
        ),
        (
            "lenet-1989",
            {"input_shape": (1, 1, 16, 16)},
            ParameterError,
            "pretrained=True cannot go with input_shape; leave one of them out",
        ),
    ],
)
def test_what_is_not_there(source, others, kind, message):
    with pytest.raises(kind) as error:
        st.load(source, pretrained=True, **others)
    assert str(error.value) == message.replace("lenet-1989)", f"{', '.join(NAMES)})").replace(
        "only of lenet-1989", f"only of {', '.join(NAMES)}"
    )


def test_wheel_and_source_archive_hold_the_files(tmp_path):
    pytest.importorskip("hatchling")
    import tarfile

    from hatchling.builders.sdist import SdistBuilder
    from hatchling.builders.wheel import WheelBuilder

    root = Path(__file__).parents[2]
    inside = {f"striate/interop/pretrained/files/{file.name}" for file in FOLDER.iterdir()}
    (wheel,) = WheelBuilder(str(root)).build(directory=str(tmp_path), versions=["standard"])
    assert inside <= set(zipfile.ZipFile(wheel).namelist())
    (source,) = SdistBuilder(str(root)).build(directory=str(tmp_path))
    with tarfile.open(source) as archive_:
        assert inside <= {name.partition("/src/")[2] for name in archive_.getnames()}
