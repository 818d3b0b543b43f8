"""Images to inputs, against Pillow and arithmetic by hand; declarations and their refusals."""

import json

import numpy as np
import pytest
from PIL import Image

from striate.errors import (
    DTypeError,
    FileError,
    ParameterError,
    ShapeError,
    StriateError,
    UnknownNameError,
)
from striate.filters import files
from striate.network.images.picture import shown
from striate.network.images.preprocessing import METADATA, Preprocessing
from striate.training.data import pictures

RANDOM = np.random.default_rng(5)
PHOTO = RANDOM.integers(0, 256, (37, 53, 3), np.uint8)


def test_imagenets_usual_one_is_what_pillow_gives():
    x = Preprocessing.imagenet(28).apply(PHOTO)  # shorter side 32, centre 28 of 32 x 45
    picture = Image.fromarray(PHOTO).resize((45, 32), Image.Resampling.BILINEAR)
    kept = np.asarray(picture)[2:30, 8:36].astype(np.float64) / 255
    expected = (kept - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    assert (x.shape, x.dtype) == ((1, 3, 28, 28), np.float32)
    np.testing.assert_allclose(x[0], expected.transpose(2, 0, 1), atol=2e-6)


def test_values_order_and_layout():
    how = Preprocessing(
        range=(0, 255), mean=(1, 2, 3), std=(1, 2, 4), channels="bgr", layout="NHWC"
    )
    x = how.apply(np.array([[[10, 20, 30]]], np.uint8))
    assert x.tolist() == [[[[29.0, 9.0, 1.75]]]]


def test_grey_colour_alpha_and_depth():
    grey = np.full((2, 2), 65535, np.uint16)
    np.testing.assert_array_equal(Preprocessing().apply(grey), np.ones((1, 3, 2, 2)))
    colour = np.zeros((1, 1, 4), np.uint8)
    colour[..., (1, 3)] = 255
    luma = Preprocessing(channels="grey").apply(colour)
    np.testing.assert_allclose(luma, [[[[0.587]]]], rtol=1e-6)
    veiled = np.array([[[51, 255]]], np.uint8)
    np.testing.assert_allclose(Preprocessing(channels="grey").apply(veiled), 0.2, rtol=1e-6)
    floats = np.full((1, 1), 0.25, np.float32)
    assert Preprocessing(channels="grey", range=(1, 0)).apply(floats).item() == 0.75


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("depth", [2, 4])
def test_what_is_transparent_lies_on_white(dtype, depth):
    """Four pixels of level 0.2: opaque, half and a fifth there, and not at all."""
    white = np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1.0
    image = np.full((1, 4, depth), 0.2)
    image[0, :, -1] = [1, 0.6, 0.2, 0]
    image = (image * white).astype(dtype)
    for channels in ("grey", "rgb"):
        x = Preprocessing(channels=channels).apply(image)
        expected = np.broadcast_to([0.2, 0.52, 0.84, 1], x.shape)
        np.testing.assert_allclose(x, expected, atol=0.7 / 255)
        assert x[0, :, 0, 3].tolist() == [1] * x.shape[1]


def test_an_image_with_alpha_is_what_training_reads(tmp_path):
    """Pixel by pixel, from the same file."""
    for mode, channels in (("RGBA", "rgb"), ("LA", "grey")):
        pixels = np.random.default_rng(0).integers(0, 256, (9, 7, len(mode)), np.uint8)
        path = tmp_path / f"{mode}.png"
        Image.fromarray(pixels).save(path)
        x = Preprocessing(channels=channels, range=(0, 255)).apply(files.read(path))
        taught = pictures.pixels(path, mode == "RGBA", None)
        np.testing.assert_allclose(x[0], taught, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_ramp_keeps_its_mean_however_it_is_resized(dtype):
    white = np.iinfo(dtype).max if dtype != np.float32 else 1
    ramp = (np.linspace(0, 1, 48)[None].repeat(48, 0) * white).astype(dtype)
    for interpolation in ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"):
        how = Preprocessing(resize=(8, 8), interpolation=interpolation, channels="grey")
        assert how.apply(ramp).mean() == pytest.approx(0.5, abs=0.02)


def test_covering_keeps_the_centre_and_stretching_keeps_all():
    wide = np.zeros((8, 24), np.uint8)
    wide[:, 8:16] = 255
    cover = Preprocessing(resize=(8, 8), policy="cover", channels="grey")
    np.testing.assert_array_equal(cover.apply(wide), 1)
    stretch = Preprocessing(resize=(8, 8), interpolation="box", channels="grey")
    assert stretch.apply(wide).mean() == pytest.approx(1 / 3, abs=0.01)


def test_the_shorter_side_decides():
    how = Preprocessing(resize=10, channels="grey")
    assert how.apply(np.zeros((20, 45), np.uint8)).shape == (1, 1, 10, 22)
    assert how.apply(np.zeros((45, 20), np.uint8)).shape == (1, 1, 22, 10)


def test_pictures_come_back():
    for channels, layout in (("rgb", "NCHW"), ("bgr", "NHWC")):
        how = Preprocessing(
            mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4), channels=channels, layout=layout
        )
        np.testing.assert_array_equal(shown(how.apply(PHOTO)[0], how), PHOTO)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((None, 1, 16, 16), Preprocessing((16, 16), "cover", channels="grey")),
        ((1, 240, 320, 3), Preprocessing((240, 320), "cover", layout="NHWC")),
        ((None, 3, None, None), Preprocessing(policy="cover")),
    ],
)
def test_the_plainest_one(shape, expected):
    assert Preprocessing.fitting(shape) == expected


@pytest.mark.parametrize("shape", [(1, 2, 8, 8), (None, 10), (1, 3, 8)])
def test_networks_that_take_no_images(shape):
    with pytest.raises(ShapeError) as error:
        Preprocessing.fitting(shape)
    assert str(error.value) == (
        f"an input {shape} takes no image: it must be (N, 1 or 3, height, width) or "
        "(N, height, width, 1 or 3)"
    )


FULL = Preprocessing(
    resize=256, crop=(224, 200), interpolation="bicubic", range=(0, 255), mean=(127,), std=(128,)
)


def test_declared_in_files_and_metadata(tmp_path):
    assert Preprocessing.from_dict(FULL.to_dict()) == FULL
    assert Preprocessing.from_metadata(FULL.to_metadata()) == FULL
    path = tmp_path / "how.json"
    path.write_text(json.dumps(FULL.to_dict()))
    assert Preprocessing.from_file(path) == FULL
    path = tmp_path / "how.toml"
    path.write_text(
        "[preprocessing]\nresize = 256\ncrop = [224, 200]\ninterpolation = 'bicubic'\n"
        "range = [0, 255]\nmean = 127\nscale = 0.0078125\n"
    )
    assert Preprocessing.from_file(path) == FULL


def test_onnxs_own_metadata():
    given = {"Image.BitmapPixelFormat": "Gray8", "Image.NominalPixelRange": "Normalized_1_1"}
    found = Preprocessing.from_metadata(given)
    assert found == Preprocessing(channels="grey", range=(-1, 1))
    assert Preprocessing.from_metadata({"author": "nobody"}) is None
    partly = Preprocessing.from_metadata({"Image.BitmapPixelFormat": "Bgr8"})
    assert partly == Preprocessing(channels="bgr", range=(0, 255))


@pytest.mark.parametrize(
    ("values", "kind", "message"),
    [
        (
            {"means": 0.5},
            UnknownNameError,
            "no preprocessing setting is called 'means'; did you mean mean?",
        ),
        (
            {"scale": 0},
            ParameterError,
            "scale is 0; everything would become 0, use 1",
        ),
        (
            {"scale": 1, "std": 1},
            ParameterError,
            "scale and std are both given; leave one of them out",
        ),
        (
            {"std": [1, 0, 1]},
            ParameterError,
            "std is (1.0, 0.0, 1.0); nothing can be divided by 0, use 1",
        ),
        ({"mean": [1, 2]}, ParameterError, "mean is [1, 2]; it must be 1 or 3 finite numbers"),
        (
            {"mean": [1, 2, 3], "channels": "grey"},
            ParameterError,
            "mean is [1, 2, 3]; it must be 1 finite numbers",
        ),
        (
            {"range": [0, float("inf")]},
            ParameterError,
            "range is [0, inf]; it must be 2 finite numbers",
        ),
        (
            {"resize": "big"},
            ParameterError,
            "resize is 'big'; it must be a whole number or (height, width), from 1 to 16384",
        ),
        (
            {"resize": 10**9},
            ParameterError,
            "resize is 1000000000; it must be a whole number or (height, width), from 1 to 16384",
        ),
        (
            {"crop": 224},
            ParameterError,
            "crop is 224; it must be (height, width), from 1 to 16384",
        ),
        (
            {"crop": [0, 8]},
            ParameterError,
            "crop is [0, 8]; it must be (height, width), from 1 to 16384",
        ),
        (
            {"channels": "RGB"},
            ParameterError,
            "channels is 'RGB'; it must be one of rgb, bgr, grey",
        ),
        (
            {"interpolation": ["bicubic"]},
            ParameterError,
            "interpolation is ['bicubic']; it must be one of nearest, box, bilinear, hamming, "
            "bicubic, lanczos",
        ),
    ],
)
def test_refusals(values, kind, message):
    with pytest.raises(StriateError) as error:
        Preprocessing.from_dict(values)
    assert (type(error.value), str(error.value)) == (kind, message)


def test_damaged_declarations(tmp_path):
    with pytest.raises(ParameterError) as error:
        Preprocessing.from_metadata({METADATA: "[1]"})
    assert str(error.value) == (
        "metadata striate.preprocessing: preprocessing is list; it must be a table of settings "
        "such as mean"
    )
    with pytest.raises(ParameterError, match=r"no JSON .*; write it with to_metadata"):
        Preprocessing.from_metadata({METADATA: "[" * 100_000})
    path = tmp_path / "how.toml"
    with pytest.raises(FileError) as missing:
        Preprocessing.from_file(path)
    assert str(missing.value) == (
        f"{path}: no readable preprocessing (No such file or directory); give a .json or .toml file"
    )
    path.write_bytes(b"\xff\x00")
    with pytest.raises(FileError, match="no readable preprocessing"):
        Preprocessing.from_file(path)
    path.write_text("means = 1")
    with pytest.raises(UnknownNameError) as unknown:
        Preprocessing.from_file(path)
    assert str(unknown.value).startswith(f"{path}: no preprocessing setting is called 'means'")


def test_images_that_do_not_fit():
    with pytest.raises(ShapeError) as error:
        Preprocessing(crop=(8, 6)).apply(np.zeros((4, 9), np.uint8))
    assert str(error.value) == (
        "an image of 4x9 is smaller than the crop 8x6: resize it first, with resize=8 or more"
    )
    with pytest.raises(ShapeError) as error:
        Preprocessing().apply(np.zeros((4, 9, 5), np.uint8))
    assert str(error.value) == (
        "an image of shape (4, 9, 5); it must be (H, W) or (H, W, 1 to 4), not empty"
    )
    with pytest.raises(DTypeError) as wrong:
        Preprocessing().apply(np.zeros((4, 9), np.int32))
    assert str(wrong.value) == "an image of int32; it must be of unsigned integers or floats"
    with pytest.raises(ShapeError) as error:
        shown(np.zeros((5, 4, 4)), Preprocessing())
    assert str(error.value) == "an output (5, 4, 4) is no picture: it must have 1 or 3 channels"
