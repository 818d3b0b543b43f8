"""What files say beside their pixels: colour profile, EXIF and resolution."""

import struct
from io import BytesIO

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from striate.errors import ParameterError
from striate.filters import light
from striate.filters.files import Metadata, read, read_with_metadata, write
from striate.filters.files.profiles import curve, follows_srgb

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
ORIENTATION, MAKER, INNER, WIDTH, TAKEN = 0x0112, 0x010F, 0x8769, 0xA002, 0x9003
DEEP = [(".png", "uint16"), (".tif", "uint16"), (".tif", "float32")]
EVERY = [(suffix, "uint8") for suffix in (".png", ".jpg", ".webp", ".tif")] + DEEP


def profile(space, curves):
    """An ICC profile of nothing but curves: `curves` maps tags to their bytes."""
    table, data = b"", b""
    for name, content in curves.items():
        start = 132 + 12 * len(curves) + len(data)
        table += struct.pack(">4sII", name, start, len(content))
        data += content
    body = struct.pack(">I", len(curves)) + table + data
    header = struct.pack(">I12x4s16x4s88x", 128 + len(body), space, b"acsp")
    assert len(header) == 128
    return header + body


def gamma(power):
    return struct.pack(">4s4xIH", b"curv", 1, round(power * 256))


GREY_GAMMA = profile(b"GRAY", {b"kTRC": gamma(2.2)})
ADOBE_LIKE = profile(b"RGB ", {name: gamma(2.2) for name in (b"rTRC", b"gTRC", b"bTRC")})
CMYK = profile(b"CMYK", {})


def exif():
    tags = Image.Exif()
    tags[ORIENTATION], tags[MAKER] = 6, "A camera"
    tags.get_ifd(INNER)[WIDTH] = 60
    tags.get_ifd(INNER)[TAKEN] = "2026:11:23 12:00:00"
    return tags


def random(dtype, shape=(5, 7, 3)):
    return np.random.default_rng(0).integers(0, 256, shape).astype(dtype)


def quietly(path):
    """Read a file whose metadata may not be damaged."""
    image, metadata = read_with_metadata(path)
    assert metadata.dropped == ()
    return image, metadata


@pytest.mark.parametrize(("suffix", "dtype"), EVERY)
def test_what_a_file_says_is_said_again(tmp_path, suffix, dtype):
    path, again = tmp_path / f"image{suffix}", tmp_path / f"again{suffix}"
    write(path, random(dtype), Metadata(SRGB, exif().tobytes(), (300.0, 150.0)))
    image, metadata = quietly(path)
    assert metadata.icc_profile == SRGB
    if suffix != ".webp":
        np.testing.assert_allclose(metadata.dpi, (300, 150), rtol=1e-4)
    write(again, image, metadata)
    assert quietly(again)[1] == metadata
    if suffix == ".tif":
        assert metadata.exif is None
        return
    tags = Image.Exif()
    tags.load(metadata.exif)
    assert dict(tags)[MAKER] == "A camera"
    assert dict(tags.get_ifd(INNER)) == {TAKEN: "2026:11:23 12:00:00"}


@pytest.mark.parametrize(("suffix", "dtype"), DEEP)
def test_others_read_what_deep_files_say(tmp_path, suffix, dtype):
    path = tmp_path / f"image{suffix}"
    write(path, random(dtype), Metadata(SRGB, exif().tobytes(), (300.0, 150.0)))
    if suffix == ".png":
        with Image.open(path) as picture:
            assert picture.info["icc_profile"] == SRGB
            assert picture.getexif()[MAKER] == "A camera"
            np.testing.assert_allclose(picture.info["dpi"], (300, 150), rtol=1e-4)
    else:
        with tifffile.TiffFile(path) as file:
            assert file.pages[0].iccprofile == SRGB
            assert file.pages[0].get_resolution("inch") == (300, 150)
            assert file.pages[0].compression == tifffile.COMPRESSION.ADOBE_DEFLATE


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp"])
def test_a_file_that_says_nothing(tmp_path, suffix):
    path = tmp_path / f"image{suffix}"
    write(path, random("uint8"))
    metadata = quietly(path)[1]
    assert (metadata.icc_profile, metadata.exif) == (None, None)
    assert metadata.has_srgb_curve


def test_a_thumbnail_of_the_unfiltered_image_is_not_kept(tmp_path):
    path, again = tmp_path / "image.jpg", tmp_path / "again.jpg"
    small = BytesIO()
    Image.fromarray(random("uint8", (8, 8, 3))).save(small, "JPEG")
    # Two directories, by hand: Pillow writes no thumbnails. Exif 2.32, tags 513 and 514.
    first = struct.pack("<HHHIII", 1, MAKER, 2, 4, int.from_bytes(b"abc\0", "little"), 26)
    second = struct.pack("<HHHIIHHIII", 2, 513, 4, 1, 56, 514, 4, 1, len(small.getvalue()), 0)
    tags = b"Exif\0\0II*\0" + struct.pack("<I", 8) + first + second + small.getvalue()
    Image.fromarray(random("uint8", (40, 40, 3))).save(path, exif=tags)
    assert small.getvalue() in path.read_bytes()
    image, metadata = quietly(path)
    assert b"abc" in metadata.exif
    assert small.getvalue() not in metadata.exif
    write(again, image, metadata)
    assert small.getvalue() not in again.read_bytes()


def test_a_profile_of_greys(tmp_path):
    path = tmp_path / "grey.png"
    write(path, random("uint8", (5, 7)), Metadata(GREY_GAMMA))
    image, metadata = quietly(path)
    assert metadata.icc_profile == GREY_GAMMA
    write(tmp_path / "grey.webp", image, metadata)  # which stores colours
    assert quietly(tmp_path / "grey.webp")[1].icc_profile is None


def test_the_profile_of_a_cmyk_image_goes_with_its_inks(tmp_path):
    path = tmp_path / "print.jpg"
    Image.new("CMYK", (4, 3)).save(path, icc_profile=CMYK)
    image, metadata = read_with_metadata(path)
    assert metadata.dropped == ("its ICC profile is of CMYK colours, and the image of RGB",)
    assert image.shape == (3, 4, 3)
    assert metadata.icc_profile is None


@pytest.mark.parametrize(("suffix", "dtype"), EVERY)
@pytest.mark.parametrize(
    ("profile", "trouble"),
    [
        (b"no profile", "its ICC profile is damaged"),
        (SRGB[:-4], "its ICC profile is cut short"),
        (SRGB[:36] + b"none" + SRGB[40:], "its ICC profile is damaged"),
        (CMYK, "its ICC profile is of CMYK colours, and the image of RGB"),
    ],
)
def test_a_profile_that_does_not_fit_is_not_written(tmp_path, suffix, dtype, profile, trouble):
    path = tmp_path / f"image{suffix}"
    with pytest.raises(ParameterError) as error:
        write(path, random(dtype), Metadata(profile))
    assert str(error.value) == (
        f"{path}: {trouble}; leave it out with dataclasses.replace(metadata, icc_profile=None)"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".tif"])
@pytest.mark.parametrize(
    ("place", "damage", "trouble"), [(36, b"none", "damaged"), (0, b"\0\0\1\0", "cut short")]
)
def test_a_damaged_profile_is_left_out(tmp_path, suffix, place, damage, trouble):
    path = tmp_path / f"image{suffix}"
    write(path, random("uint8"), Metadata(SRGB))
    content = path.read_bytes()
    assert SRGB in content
    damaged = SRGB[:place] + damage + SRGB[place + len(damage) :]
    path.write_bytes(content.replace(SRGB, damaged))
    image, metadata = read_with_metadata(path)
    assert metadata == Metadata(dropped=(f"its ICC profile is {trouble}",))
    np.testing.assert_array_equal(image, read(path))


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_damaged_exif_is_left_out(tmp_path, suffix):
    path = tmp_path / f"image{suffix}"
    Image.fromarray(random("uint8")).save(path, exif=b"Exif\0\0XX*\0 no directory")
    image, metadata = read_with_metadata(path)
    assert metadata.dropped == ("its EXIF is damaged",)
    assert metadata.exif is None
    np.testing.assert_array_equal(image, read(path))


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_exif_and_profiles_of_any_bytes(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("fuzz") / data.draw(st.sampled_from(["a.jpg", "a.webp"]))
    pixels = random("uint8")
    parts = {"exif": bytearray(exif().tobytes()), "icc_profile": bytearray(SRGB)}
    for part in parts.values():
        for _ in range(data.draw(st.integers(0, 5))):
            part[data.draw(st.integers(6, len(part) - 1))] = data.draw(st.integers(0, 255))
    exif_bytes, icc = bytes(parts["exif"]), bytes(parts["icc_profile"])
    Image.fromarray(pixels).save(path, exif=exif_bytes, icc_profile=icc, lossless=True)
    image, metadata = read_with_metadata(path)
    assert sorted(image.shape) == [3, 5, 7]  # it may be said to lie on its side
    assert metadata.has_srgb_curve in (True, False)
    write(path, image, metadata)
    read(path)


@pytest.mark.parametrize("dpi", [(0, 0), (float("nan"), 1), (1e9, 1e9), (-1, 72), ("a", 2), 300])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp"])
def test_a_resolution_that_is_none_is_not_written(tmp_path, suffix, dpi):
    path = tmp_path / f"image{suffix}"
    write(path, random("uint8"))
    plain = path.read_bytes()
    write(path, random("uint8"), Metadata(dpi=dpi))
    assert path.read_bytes() == plain


def test_which_profiles_have_the_curve_of_srgb():
    assert follows_srgb(SRGB)
    assert Metadata(SRGB).has_srgb_curve
    levels = np.linspace(0, 1, 1024)
    points = np.rint(light.decode(levels[None])[0] * 65535).astype(">u2")
    table = struct.pack(">4s4xI", b"curv", points.size) + points.tobytes()
    assert follows_srgb(profile(b"GRAY", {b"kTRC": table}))
    linear = struct.pack(">4s4xI", b"curv", 0)
    for other in (
        ADOBE_LIKE,
        GREY_GAMMA,
        profile(b"GRAY", {b"kTRC": linear}),
        profile(b"GRAY", {b"kTRC": b"none"}),
        profile(b"GRAY", {b"kTRC": struct.pack(">4s4xH2x5i", b"para", 3, *(-(2**31),) * 5)}),
        profile(b"GRAY", {}),
        profile(b"RGB ", {b"rTRC": table, b"gTRC": table, b"bTRC": gamma(1.8)}),
    ):
        assert not follows_srgb(other)
    assert not Metadata(ADOBE_LIKE).has_srgb_curve


def test_curves_of_profiles():
    levels = np.array([0, 0.25, 1])
    np.testing.assert_allclose(curve(gamma(2), levels), levels**2)
    np.testing.assert_allclose(curve(struct.pack(">4s4xI", b"curv", 0), levels), levels)
    np.testing.assert_allclose(
        curve(struct.pack(">4s4xIHHH", b"curv", 3, 0, 0, 65535), levels), [0, 0, 1]
    )
