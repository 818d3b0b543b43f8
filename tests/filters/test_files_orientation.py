"""Which side of an image is up: files say it beside their pixels, and what was read is upright."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from striate.filters.files import Metadata, read, read_with_metadata, write

ORIENTATION, MAKER = 0x0112, 0x010F


def exif(orientation):
    tags = Image.Exif()
    tags[ORIENTATION], tags[MAKER] = orientation, "A camera"
    return tags


@pytest.fixture
def stored():
    """A bright top left as it lies in a file, for each orientation: Exif 2.32, tag 274."""
    upright = np.zeros((40, 80), dtype=np.uint8)
    upright[:20, :40] = 250
    return upright, {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: upright.T[::-1],
        7: upright.T[::-1, ::-1],
        8: upright.T[:, ::-1],
    }


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_orientation_is_applied_and_then_gone(tmp_path, stored, suffix, orientation):
    upright, turned = stored
    path, again = tmp_path / f"turned{suffix}", tmp_path / f"again{suffix}"
    options = {"quality": 95} if suffix == ".jpg" else {}
    picture = Image.fromarray(np.ascontiguousarray(turned[orientation]))
    picture.save(path, exif=exif(orientation), **options)
    image, metadata = read_with_metadata(path)
    assert metadata.dropped == ()
    assert image.flags.c_contiguous
    plane = image if image.ndim == 2 else image[..., 0]
    np.testing.assert_allclose(plane.astype(float), upright, atol=30)
    np.testing.assert_array_equal(image, read(path))
    write(again, image, metadata)
    np.testing.assert_allclose(read(again).astype(float), image, atol=30)
    with Image.open(again) as picture:
        assert picture.getexif().get(ORIENTATION, 1) == 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("shape", [(), (3,)])
def test_orientation_of_deep_tiff_files(tmp_path, stored, shape, orientation):
    upright, turned = stored
    path = tmp_path / "turned.tif"
    pixels = np.broadcast_to(
        turned[orientation].reshape(*turned[orientation].shape, *(1 for _ in shape)),
        (*turned[orientation].shape, *shape),
    ).astype(np.float32)
    tifffile.imwrite(
        path,
        pixels,
        photometric="rgb" if shape else "minisblack",
        extratags=[(ORIENTATION, 3, 1, orientation, True)],
        metadata=None,
    )
    image = read(path)
    np.testing.assert_array_equal(image[..., 0] if shape else image, upright)


def test_orientation_of_a_deep_png_file(tmp_path, stored):
    upright, turned = stored
    path = tmp_path / "turned.png"
    deep = np.repeat(turned[6][..., None], 3, axis=-1).astype(np.uint16) * 257
    write(path, deep, Metadata(exif=exif(6).tobytes()))
    image = read(path)
    np.testing.assert_array_equal(image[..., 0], upright.astype(np.uint16) * 257)
