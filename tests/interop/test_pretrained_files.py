"""What is checked before trained weights and their records are believed."""

import hashlib
import json
import zipfile
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

import striate as st
from striate.errors import FileError, StriateError
from striate.interop import pretrained
from striate.interop.pretrained.arrays import packed, unpacked
from striate.interop.pretrained.shelf import MOST_BYTES

FOLDER = Path(str(files("striate.interop.pretrained"))) / "files"


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
    """Return what is said of the weights in a folder."""
    with pytest.raises(StriateError) as error:
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
