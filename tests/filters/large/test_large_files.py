import numpy as np
import tifffile
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from striate import filters
from striate.errors import ParameterError
from striate.filters.large import Layout, filter_file, layout, reach, takes

NOISE = np.random.default_rng(0).integers(0, 256, (100, 130), dtype=np.uint8)


def write_tiff(draw, place, image):
    """Write an image in one of the many ways that TIFF files lay out pixels."""
    planes = image.ndim == 3 and draw(st.booleans())
    compression = draw(st.sampled_from([None, None, "zlib", "lzw", "zstd", "packbits"]))
    tile = draw(st.sampled_from([None, (16, 16), (32, 48), (64, 16)]))
    tifffile.imwrite(
        place,
        np.moveaxis(image, -1, 0) if planes else image,
        photometric="rgb" if image.ndim == 3 and image.shape[2] > 2 else "minisblack",
        planarconfig=("separate" if planes else "contig") if image.ndim == 3 else None,
        compression=compression,
        predictor=compression in ("zlib", "lzw", "zstd") and draw(st.booleans()),
        tile=tile,
        rowsperstrip=None if tile else draw(st.sampled_from([None, 1, 7])),
        bigtiff=draw(st.booleans()),
        byteorder=draw(st.sampled_from("<>")),
        metadata=None,
    )


def write_zarr(draw, place, image):
    chunk = [draw(st.sampled_from([5, 16, 33])) for _ in range(2)]
    array = zarr.create_array(
        place,
        shape=image.shape,
        dtype=image.dtype,
        chunks=(*chunk, *image.shape[2:]),
        compressors=draw(st.sampled_from(["auto", None])),
        zarr_format=draw(st.sampled_from([2, 3])),
        overwrite=True,
    )
    array[...] = image


def read(place):
    if place.suffix == ".zarr":
        return zarr.open_array(place, mode="r")[...]
    with tifffile.TiffFile(place) as file:
        return file.pages.first.asarray()


@settings(
    deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_file_has_the_bits_of_the_image(calls, pictures, tmp_path, data):
    function, parameters = data.draw(calls())
    image = data.draw(pictures(parameters))
    source = tmp_path / data.draw(st.sampled_from(["a.tif", "a.zarr"]))
    target = tmp_path / data.draw(st.sampled_from(["b.tif", "b.zarr"]))
    (write_tiff if source.suffix == ".tif" else write_zarr)(data.draw, source, image)
    memory = data.draw(st.sampled_from([30_000, 300_000, 2**30]))
    written = []
    try:
        filter_file(
            source,
            target,
            function,
            memory=memory,
            progress=lambda *pixels: written.append(pixels),
            **parameters,
        )
    except ParameterError:  # of too little memory, which is tested below
        assert memory < 2**30
        return
    expected = function(image, **parameters)
    result = read(target)
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)
    pixels = image.shape[0] * image.shape[1]
    assert written == sorted(set(written))
    assert written[-1] == (pixels, pixels)


def test_bounded_memory_makes_bands_and_then_tiles(tmp_path):
    image = np.random.default_rng(1).integers(0, 256, (320, 640), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", image, tile=(32, 32))
    expected = filters.gaussian(image, 1)
    parts = {}
    for memory in (10**9, 600_000, 100_000):
        written = []
        filter_file(
            tmp_path / "a.tif",
            tmp_path / "b.tif",
            lambda image: filters.gaussian(image, 1),
            reach=reach(filters.gaussian, sigma=1),
            memory=memory,
            progress=lambda done, total, written=written: written.append(done),
        )
        np.testing.assert_array_equal(tifffile.imread(tmp_path / "b.tif"), expected)
        parts[memory] = len(written)
    assert parts[10**9] == 1
    assert 1 < parts[600_000] <= 10 < parts[100_000]


def test_what_a_file_says_of_its_image_is_kept(tmp_path):
    image = np.stack([NOISE] * 4, axis=-1)
    tifffile.imwrite(
        tmp_path / "a.tif",
        image,
        photometric="rgb",
        extrasamples=["unassalpha"],
        tile=(32, 64),
        compression="lzw",
        predictor=True,
        iccprofile=b"a colour profile",
        resolution=(300, 150),
        resolutionunit="inch",
        extratags=[(33550, "d", 3, (0.5, 0.5, 0.0), True)],
    )
    filter_file(tmp_path / "a.tif", tmp_path / "b.tif", filters.box, size=3)
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        page = file.pages.first
        assert (page.tilelength, page.tilewidth) == (32, 64)
        assert (page.compression, page.predictor) == (5, 2)
        assert (page.photometric.name, page.extrasamples) == ("RGB", (2,))
        assert page.iccprofile == b"a colour profile"
        assert page.resolution == (300, 150)
        assert page.tags.valueof(296) == 2
        assert page.tags.valueof(33550) == (0.5, 0.5, 0.0)


def test_zarr_keeps_chunks_and_attributes(tmp_path):
    array = zarr.create_array(
        tmp_path / "a.zarr",
        shape=NOISE.shape,
        dtype="u1",
        chunks=(20, 30),
        shards=(40, 60),
        attributes={"place": "Bern"},
        dimension_names=("y", "x"),
    )
    array[...] = NOISE
    filter_file(tmp_path / "a.zarr", tmp_path / "b.zarr", filters.sobel, dtype="int16")
    result = zarr.open_array(tmp_path / "b.zarr", mode="r")
    assert (result.chunks, result.shards, result.dtype) == ((20, 30), (40, 60), np.int16)
    assert dict(result.attrs) == {"place": "Bern"}
    assert result.metadata.dimension_names == ("y", "x")
    np.testing.assert_array_equal(result[...], filters.sobel(NOISE, dtype="int16"))


def test_jpeg_tiles_are_decoded_and_written_without_loss(tmp_path):
    image = np.stack([NOISE // 4 + 90] * 3, axis=-1)
    tifffile.imwrite(
        tmp_path / "a.tif", image, tile=(32, 32), compression="jpeg", photometric="rgb"
    )
    shown = tifffile.imread(tmp_path / "a.tif")
    filter_file(tmp_path / "a.tif", tmp_path / "b.tif", filters.median, size=3)
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert file.pages.first.compression == 8
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "b.tif"), filters.median(shown, 3))


def test_tiles_that_were_never_written_are_black(tmp_path):
    tiles = [np.full((16, 16), 80, np.uint8), None]
    tifffile.imwrite(tmp_path / "a.tif", iter(tiles), shape=(16, 32), dtype="u1", tile=(16, 16))
    filter_file(tmp_path / "a.tif", tmp_path / "b.tif", filters.box, size=1)
    expected = np.repeat([[80, 0]], 16, axis=0).repeat(16, axis=1)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "b.tif"), expected)


def test_the_first_of_several_pages_is_filtered(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(NOISE)
        file.write(NOISE[::2, ::2])
    filter_file(tmp_path / "a.tif", tmp_path / "b.tif", filters.box, size=3)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "b.tif"), filters.box(NOISE, 3))


def test_a_file_may_become_its_own_result(tmp_path):
    place = tmp_path / "a.tif"
    tifffile.imwrite(place, NOISE, tile=(16, 16))
    filter_file(place, place, filters.box, size=3, memory=100_000)
    np.testing.assert_array_equal(tifffile.imread(place), filters.box(NOISE, 3))


def test_the_layout_is_known_without_reading(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", NOISE, tile=(32, 16), compression="zstd")
    found = layout(tmp_path / "a.tif")
    assert isinstance(found, Layout)
    assert (found.shape, found.dtype, found.tile) == ((100, 130), np.uint8, (32, 16))
    assert (found.channels, found.compression) == (0, "zstd")
    tifffile.imwrite(tmp_path / "a.tif", NOISE)
    assert layout(tmp_path / "a.tif").tile == (1, 130)  # plain rows
    assert [takes(name) for name in ("a.tif", "b.TIFF", "c.zarr", "d.png", "e")] == [
        True,
        True,
        True,
        False,
        False,
    ]
