"""Folders of images: parts, sizes, kinds of files, and files that are not what they seem."""

import os
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from striate.errors import FileError, ParameterError, ShapeError
from striate.training import data
from striate.training.data import pictures

pytestmark = pytest.mark.usefixtures("cache")


def picture(path, level=100, size=(6, 4), mode="L", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, level).save(path, **options)


@pytest.fixture
def folder(tmp_path):
    """Two classes of ten grey pictures of 4x6, whose level is their number."""
    root = tmp_path / "photos"
    for kind in ("cat", "dog"):
        for i in range(10):
            picture(root / kind / f"{i}.png", i)
    return root


def levels(images):
    return images[:, 0, 0, 0].tolist()


def test_subfolders_are_classes_and_a_hash_divides(folder):
    photos = data.load(folder)
    assert photos.classes == ("cat", "dog")
    assert photos.image_shape == (1, 4, 6)
    assert len(photos.train_labels) + len(photos.test_labels) == 20
    together = [*zip(levels(photos.train_images), photos.train_labels.tolist(), strict=True)]
    tested = [*zip(levels(photos.test_images), photos.test_labels.tolist(), strict=True)]
    assert sorted(together + tested) == [(i, k) for i in range(10) for k in range(2)]
    assert tested  # of cat/2.png, by its hash: stays there when files come and go
    picture(folder / "cat" / "new.png", 77)
    (folder / "dog" / "9.png").unlink()
    later = data.load(str(folder))
    still = [*zip(levels(later.test_images), later.test_labels.tolist(), strict=True)]
    assert [x for x in still if x[0] < 9] == [x for x in tested if x != (9, 1)]


@pytest.mark.parametrize("test", ["test", "val"])
def test_train_and_test_parts(tmp_path, test):
    for i, part in enumerate(("train", test)):
        picture(tmp_path / part / "a" / "deep" / "x.png", 10 + i)
        picture(tmp_path / part / "b" / "y.bmp", 20 + i)
    photos = data.load(tmp_path)
    assert levels(photos.train_images) == [10, 20]
    assert levels(photos.test_images) == [11, 21]
    assert photos.train_labels.tolist() == photos.test_labels.tolist() == [0, 1]
    picture(tmp_path / test / "c" / "z.png")
    with pytest.raises(FileError) as error:
        data.load(tmp_path)
    assert str(error.value) == (
        f"{tmp_path / test / 'c'}: no such class among those to learn; they are a, b"
    )


def test_pixels_are_kept_until_a_file_changes(folder, monkeypatch):
    first = data.load(folder)
    with monkeypatch.context() as patched:
        patched.setattr(pictures.Image, "open", lambda *a, **k: pytest.fail("was read again"))
        again = data.load(folder)
    assert isinstance(again.train_images, np.memmap)
    assert again.fingerprint == first.fingerprint
    for path in sorted((folder / "cat").iterdir()):
        picture(path, 200)
        os.utime(path, ns=(1, 1))
    changed = data.load(folder)
    assert set(levels(changed.train_images[changed.train_labels == 0])) == {200}
    assert changed.fingerprint != first.fingerprint


def test_sizes_must_agree_unless_one_is_given(folder):
    picture(folder / "dog" / "z.png", 50, (8, 16))
    with pytest.raises(ShapeError) as error:
        data.load(folder)
    assert str(error.value) == (
        f"{folder}: cat/0.png is 4x6 but dog/z.png is 16x8: "
        "give a size (size=, --resize) to bring all to"
    )
    assert data.load(folder, size=3).image_shape == (1, 3, 3)
    with pytest.raises(ParameterError) as error:
        data.load(folder, size=0)
    assert str(error.value) == "size 0 must be a whole number, 1 to 4096 pixels"


def test_the_middle_is_cut_out(tmp_path):
    stripes = np.repeat(np.array([[0, 0, 100, 200, 255, 255]], np.uint8), 2, axis=0)
    picture(tmp_path / "a" / "other.png", size=(2, 2))
    Image.fromarray(stripes).save(tmp_path / "a" / "stripes.png")
    photos = data.load(tmp_path, size=2)
    found = [*photos.train_images, *photos.test_images]
    assert any(image.tolist() == [[[100, 200], [100, 200]]] for image in found)


def test_kinds_of_pixels(tmp_path):
    deep = Image.fromarray(np.full((2, 2), 0x7F80, np.uint16))
    for name, image in {
        "bits.png": Image.new("1", (2, 2), 1),
        "deep.png": deep,
        "grey.jpg": Image.new("L", (2, 2), 64),
        "colour.webp": Image.new("RGB", (2, 2), (0, 0, 0)),
        "clear.png": Image.new("RGBA", (2, 2), (9, 9, 9, 0)),
        "index.gif": Image.new("P", (2, 2)),
        "print.jpg": Image.new("CMYK", (2, 2)),
    }.items():
        path = tmp_path / "a" / name
        path.parent.mkdir(exist_ok=True)
        image.save(path)
    found = {
        path.name: pictures.pixels(path, True, None)[:, 0, 0].tolist()
        for path in (tmp_path / "a").iterdir()
    }
    assert found == {
        "bits.png": [255] * 3,
        "deep.png": [0x7F] * 3,
        "grey.jpg": [64] * 3,
        "colour.webp": [0] * 3,
        "clear.png": [255] * 3,
        "index.gif": [0] * 3,
        "print.jpg": [255] * 3,
    }
    assert data.load(tmp_path).image_shape == (3, 2, 2)


def test_pictures_stand_as_the_camera_says(tmp_path):
    path = tmp_path / "a.png"
    exif = Image.Exif()
    exif[pictures.ORIENTATION] = 6
    Image.fromarray(np.array([[1, 2, 3]], np.uint8)).save(path, exif=exif)
    found = pictures.header(path)
    assert (found.height, found.width, found.colour) == (3, 1, False)
    assert pictures.pixels(path, False, None)[0].tolist() == [[1], [2], [3]]


def chunk(kind, content):
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def bomb(width, height):
    """A PNG of 100 bytes that says it has so many pixels."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_what_cannot_be_used_is_named_and_left_out(folder, monkeypatch):
    good = (folder / "cat" / "0.png").read_bytes()
    cat = folder / "cat"
    (cat / "x1.png").write_bytes(good[:45])
    (cat / "x2.txt").write_text("no picture")
    (cat / "x3.png").write_bytes(b"")
    (cat / "x4.png").write_bytes(bomb(30_000, 30_000))
    (cat / "x5.png").write_bytes(bomb(9_000, 9_000))
    (cat / "x6.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 6 4\nshowpage\n")
    Image.fromarray(np.ones((4, 6), np.float32)).save(cat / "x7.tif")
    os.mkfifo(cat / "x8.png")
    (cat / "x9.png").symlink_to(folder / "nowhere")
    (cat / ".hidden").write_text("passed over")
    (cat / "loop").symlink_to(folder, target_is_directory=True)
    with pytest.warns(UserWarning, match="left out") as told:
        photos = data.load(folder)
    named = (
        f"{folder}: 7 of 27 files left out: cat/x1.png (damaged or cut short); "
        "cat/x2.txt (not an image that Pillow reads); cat/x3.png (not an image that Pillow reads); "
        "cat/x4.png (more than 67108864 pixels); "
        "cat/x5.png (9000x9000 pixels, more than 67108864); and 2 more"
    )
    assert str(told[0].message) == named
    assert len(photos.train_labels) + len(photos.test_labels) == 20
    assert photos.source == f"the images in {folder}, 7 of 27 files left out"
    with pytest.warns(UserWarning, match="7 of 27"):
        again = data.load(folder)  # from the cache folder, and told again
    np.testing.assert_array_equal(again.train_images, photos.train_images)


@pytest.mark.parametrize("part", ["train", "test"])
def test_damage_that_shows_only_in_the_pixels_shortens_the_arrays(tmp_path, part):
    for i in range(12):
        for one in ("train", "test"):
            noise = np.random.default_rng(i).integers(0, 256, (8, 8), np.uint8)
            path = tmp_path / one / "a" / f"{i:02}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(noise).save(path)
    expected = data.load(tmp_path)
    broken = tmp_path / part / "a" / "03.png"
    broken.write_bytes(broken.read_bytes()[:60])
    with pytest.warns(UserWarning, match=r"1 of 24 files left out: a/03.png \("):
        photos = data.load(tmp_path)
    images, whole = getattr(photos, f"{part}_images"), getattr(expected, f"{part}_images")
    np.testing.assert_array_equal(images, np.delete(whole, 3, axis=0))
    assert isinstance(images, np.memmap)
    assert photos.fingerprint != expected.fingerprint


def test_folders_without_images(tmp_path):
    def message():
        with pytest.raises(FileError) as error:
            data.load(tmp_path / "x")
        return str(error.value)

    place = tmp_path / "x"
    assert message() == (f"{place}: no such folder; name one whose subfolders are the classes")
    place.mkdir()
    picture(place / "loose.png")
    assert message() == (
        f"{place}: holds 0 files in 0 subfolders; put the images of each class into a subfolder "
        "with the name of the class"
    )
    for i in range(3):
        (place / "a").mkdir(exist_ok=True)
        (place / "a" / f"{i}.png").write_text("")
    assert message() == f"{place}: none of its files is an image that can be used; add images"


def test_a_folder_that_bears_a_data_sets_name(tmp_path, monkeypatch):
    for i in range(2):
        picture(tmp_path / "digits" / "a" / f"{i}.png")
    monkeypatch.chdir(tmp_path)
    assert data.load("digits").name == "digits"
    assert data.load("digits").image_shape == (1, 8, 8)
    assert data.load("./digits").image_shape == (1, 4, 6)


def test_nothing_is_warned_of_where_nothing_is_wrong(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data.load(folder)
