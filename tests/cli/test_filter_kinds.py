"""Images with signs, with alpha, of light."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from striate import filters
from striate.filters.files import read, write

MODEL, ORIENTATION = 0x0110, 0x0112  # of EXIF's tags


def test_a_dtype_keeps_the_sign(striate, tmp_path):
    """`filters.sobel` itself is held to its definition elsewhere: here, to what arrives."""
    grey = np.random.default_rng(0).integers(0, 256, (12, 16), dtype=np.uint8)
    write(tmp_path / "grey.png", grey)
    options = ["sobel", "--axis", "1", "--dtype"]
    assert striate("filter", "grey.png", "slope.tiff", *options, "float32").code == 0
    slope = read("slope.tiff")
    assert slope.min() < 0
    np.testing.assert_array_equal(slope, filters.sobel(grey, axis=1, dtype=np.float32))
    assert striate("filter", "slope.tiff", "deep.png", "box", "--size", "1").err == (
        "striate: deep.png: PNG cannot hold float32; it holds uint8 or uint16: "
        "add --dtype uint8 --scale, or choose another format\n"
    )
    options = ["box", "--size", "1", "--dtype", "uint8"]
    assert striate("filter", "slope.tiff", "flat.png", *options).code == 0
    np.testing.assert_array_equal(read("flat.png"), np.clip(slope, 0, 255).astype(np.uint8))


def test_alpha_in_another_dtype(striate, tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (9, 9, 4), dtype=np.uint8)
    write(tmp_path / "clear.png", image)
    for dtype in ("float32", "uint16"):
        arguments = ("clear.png", "other.tif", "sobel", "--axis", "1", "--dtype", dtype)
        assert striate("filter", *arguments).code == 0
        expected = filters.sobel(image, axis=1, dtype=dtype, alpha=True)
        np.testing.assert_array_equal(read("other.tif"), expected)


def test_linear_light(striate, photo, tmp_path):
    options = ("gaussian", "--sigma", "2")
    for more in ((), ("--linear-light",)):
        assert striate("filter", "photo.png", "out.png", *options, *more).code == 0
        expected = filters.gaussian(photo, 2, linear_light=bool(more))
        np.testing.assert_array_equal(read("out.png"), expected)


def test_what_a_file_says_beside_its_pixels_is_kept(striate, photo, tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    turned = Image.Exif()
    turned[ORIENTATION] = 6
    turned[MODEL] = "a camera"
    Image.fromarray(photo).save("in.png", icc_profile=profile, exif=turned, dpi=(300, 300))
    assert striate("filter", "in.png", "out.png", "sobel").code == 0
    np.testing.assert_array_equal(read("out.png"), filters.sobel(np.rot90(photo, -1)))
    with Image.open("out.png") as result:
        assert result.info["icc_profile"] == profile
        assert result.getexif()[MODEL] == "a camera"
        assert ORIENTATION not in result.getexif()
        np.testing.assert_allclose(result.info["dpi"], 300, rtol=1e-4)


@pytest.mark.parametrize("jobs", [1, 4])
def test_what_is_left_out_of_a_file_is_said(striate, photo, tmp_path, jobs):
    (tmp_path / "in").mkdir()
    for index in range(4):
        Image.fromarray(photo).save(f"in/{index}.png", icc_profile=b"no profile")
    result = striate("filter", "in", "out", "sobel", "-j", jobs)
    assert result.code == 0
    told = result.err.splitlines()
    assert len(told) == 4
    for index, notice in enumerate(told):
        assert notice.startswith(f"striate: {Path('in', f'{index}.png')}: ")
        assert notice.endswith("; left out")


def test_transparent_images(striate, tmp_path):
    image = np.zeros((9, 9, 4), dtype=np.uint8)
    image[2:7, 2:7] = (200, 100, 50, 255)
    write(tmp_path / "clear.png", image)
    assert striate("filter", "clear.png", "blurred.png", "gaussian", "--sigma", "1").code == 0
    blurred = read("blurred.png")
    visible = blurred[..., 3] > 0
    assert np.count_nonzero(visible) > 25
    assert (blurred[visible][:, :3] == (200, 100, 50)).all()
    assert striate("filter", "clear.png", "edges.png", "sobel").code == 0
    np.testing.assert_array_equal(read("edges.png")[..., 3], image[..., 3])
    np.testing.assert_array_equal(read("edges.png")[..., :3], filters.sobel(image[..., :3]))


def test_sharpening_takes_no_edge_from_what_is_transparent(striate, tmp_path):
    image = np.zeros((9, 9, 4), dtype=np.uint8)
    image[2:7, 2:7] = (200, 100, 50, 255)
    write(tmp_path / "clear.png", image)
    for name in (["sharpen"], ["unsharp-mask", "--sigma", "1"]):
        assert striate("filter", "clear.png", "sharp.png", *name).code == 0
        np.testing.assert_array_equal(read("sharp.png"), image)
    derivative = ["gaussian", "--sigma", "1", "--order", "0x1"]
    assert striate("filter", "clear.png", "slope.png", *derivative).code == 0
    np.testing.assert_array_equal(read("slope.png")[..., 3], image[..., 3])


def test_another_curve_than_that_of_srgb_is_said_under_linear_light(striate, photo):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    gamma = profile.replace(b"\x00\x02\x66\x66", b"\x00\x01\xcc\xcd")  # 1.8 in the place of 2.4
    assert gamma != profile
    Image.fromarray(photo).save("own.png", icc_profile=gamma)
    assert striate("filter", "own.png", "out.png", "box", "--size", "3").err == ""
    assert striate("filter", "own.png", "out.png", "box", "--size", "3", "--linear-light").err == (
        "striate: own.png: its ICC profile has another curve than sRGB; "
        "--linear-light takes that of sRGB\n"
    )
