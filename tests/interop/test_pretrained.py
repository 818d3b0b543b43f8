"""Trained networks that come with the package."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

import striate as st
from striate.errors import FileError, ParameterError, UnknownNameError
from striate.interop import pretrained
from striate.interop.pretrained.arrays import packed, unpacked
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


@pytest.fixture
def shelf(tmp_path):
    """Return shelf(weights or None, **changes of the record): a folder of trained weights."""

    def build(content=None, **changes):
        if content is None:
            content = (FOLDER / "lenet-1989.npz").read_bytes()
        elif isinstance(content, dict):
            content = packed(content)
        record = json.loads((FOLDER / "lenet-1989.json").read_bytes())
        record |= {"sha256": hashlib.sha256(content).hexdigest(), **changes}
        (tmp_path / "lenet-1989.npz").write_bytes(content)
        (tmp_path / "lenet-1989.json").write_text(json.dumps(record))
        return tmp_path

    return build


@pytest.fixture
def trained():
    """Return the weights that come along."""
    return dict(st.load("lenet-1989", pretrained=True).weights)


def test_halves_become_float32(shelf, trained):
    halves = {name: array.astype(np.float16) for name, array in trained.items()}
    folder = shelf(halves, stored="float16")
    assert (folder / "lenet-1989.npz").stat().st_size < 25_000
    network = pretrained.load("lenet-1989", folder)
    for name, array in network.weights.items():
        assert array.dtype == np.float32
        assert array.flags.writeable
        np.testing.assert_array_equal(array, halves[name].astype(np.float32))


def test_the_same_arrays_give_the_same_bytes(trained):
    assert packed(trained) == (FOLDER / "lenet-1989.npz").read_bytes()
    with np.load(BytesIO(packed(trained))) as read:  # NumPy itself finds the same in it
        for name, array in trained.items():
            np.testing.assert_array_equal(read[name], array)


def refusal(folder):
    with pytest.raises((FileError, ParameterError, ValueError)) as error:
        pretrained.load("lenet-1989", folder)
    assert "\n" not in str(error.value)
    return f"{type(error.value).__name__}: {error.value}"


def test_one_wrong_bit_is_seen(shelf):
    content = bytearray((FOLDER / "lenet-1989.npz").read_bytes())
    content[20_000] ^= 1
    digest = hashlib.sha256(content).hexdigest()
    known = pretrained.record("lenet-1989").sha256
    assert refusal(shelf(bytes(content), sha256=known)) == (
        f"FileError: lenet-1989.npz: its SHA-256 is {digest}, not the {known} of its record; "
        "install striate again"
    )


def test_weights_that_do_not_fit(shelf, trained):
    trained["H3.bias"] = np.zeros(31, np.float32)
    assert refusal(shelf(trained)) == (
        "ShapeError: lenet-1989.npz: load_weights: weight 'H3.bias' is (31,) but lenet-1989 needs "
        "(30,): the file belongs to another network"
    )
    del trained["H3.bias"]
    assert refusal(shelf(trained)) == (
        "ShapeError: lenet-1989.npz: load_weights: no weight 'H3.bias' (30,), which lenet-1989 "
        "needs: the file belongs to another network"
    )


def test_weights_that_are_not_finite(shelf, trained):
    trained["H3.bias"] = np.full(30, np.inf, np.float32)
    assert refusal(shelf(trained)) == (
        "FileError: lenet-1989.npz: load_weights: 30 of the 30 numbers of weight 'H3.bias' are NaN "
        "or infinite; train it again"
    )


def test_files_that_are_too_large(shelf):
    assert refusal(shelf(bytes(MOST_BYTES + 1))) == (
        "FileError: lenet-1989.npz: has more than the 4,000,000 bytes that are allowed; install "
        "striate again"
    )


def test_weights_that_are_missing(shelf):
    folder = shelf()
    (folder / "lenet-1989.npz").unlink()
    assert refusal(folder) == (
        "FileError: lenet-1989.npz: cannot be read (No such file or directory); install striate "
        "again"
    )


def archive(name, content, method=zipfile.ZIP_STORED):
    file = BytesIO()
    with zipfile.ZipFile(file, "w", method) as parts:
        parts.writestr(name, content)
    return file.getvalue()


def npy(array, **how):
    file = BytesIO()
    np.lib.format.write_array(file, array, **how)
    return file.getvalue()


def claiming(shape):
    """Return an array of four bytes that claims to be of another shape."""
    file = BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + bytes(4)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"PK", "File is not a zip file"),
        (archive("a.txt", b""), "'a.txt' is no array, or there twice"),
        (
            archive("a.npy", bytes(10**7), zipfile.ZIP_DEFLATED),
            "'a' is packed, or claims 10000000 bytes",
        ),
        (
            archive("a.npy", npy(np.array([{}], object), allow_pickle=True)),
            "'a' is object, not float32 or float16 in rows",
        ),
        (
            archive("a.npy", npy(np.zeros(2, np.float64))),
            "'a' is float64, not float32 or float16 in rows",
        ),
        (
            archive("a.npy", npy(np.zeros(2, np.float32), version=(2, 0))),
            "'a' is of another version than 1.0",
        ),
        (archive("a.npy", claiming((10**12,))), "'a' has 4 bytes for the shape (1000000000000,)"),
    ],
)
@pytest.mark.filterwarnings("ignore:Stored array in format 2.0")
def test_only_plain_arrays_are_read(content, reason):
    with pytest.raises(FileError) as error:
        unpacked(content, "a.npz")
    assert str(error.value) == (
        f"a.npz: no file of weights that can be read ({reason}); install striate again"
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": 2}, "its format is not 1"),
        ({"more": 1}, "it has ['more'] too many or too few"),
        ({"recipe": None}, "recipe is NoneType, not str"),
        ({"seed": "0"}, "seed is '0', not a whole number"),
        ({"classes": [1]}, "classes must be a list of names"),
        (
            {"results": {}},
            "results must be train_wrong, train_examples, test_wrong, test_examples",
        ),
        (
            {"preprocessing": {"resize": 0}},
            "resize is 0; it must be a whole number or (height, width), from 1 to 16384",
        ),
    ],
)
def test_records_are_checked(shelf, changes, reason):
    assert refusal(shelf(**changes)) == (
        f"FileError: lenet-1989.json: no record of weights ({reason}); install striate again"
    )


def test_records_of_other_networks(shelf):
    assert refusal(shelf(network="vgg16")) == (
        "FileError: lenet-1989.json: is the record of vgg16; install striate again"
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
