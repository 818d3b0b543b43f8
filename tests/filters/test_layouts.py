"""Images however they lie in memory: the same bits as for a plain copy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.filters import box, correlate, gaussian, gradient, median, sobel, unsharp_mask

FILTERS = {
    "box": lambda image, **options: box(image, (2, 3), **options),
    "correlate": lambda image, **options: correlate(image, [[0.3, 2], [3, 4]], **options),
    "fourier": lambda image, **options: correlate(image, np.eye(41), **options),
    "gaussian": lambda image, **options: gaussian(image, 1, **options),
    "gradient": lambda image, **options: gradient(image, **options)[0],
    "linear light": lambda image, **options: gaussian(image, 1, linear_light=True, **options),
    "median": median,
    "sobel": sobel,
    "weighed": lambda image, **options: gaussian(image, 1, alpha=True, **options),
    "unsharp mask": lambda image, **options: unsharp_mask(image, 1, alpha=True, **options),
}
DTYPES = ("uint8", "uint16", "float32", "float64")


@st.composite
def laid_out(draw, shape, dtype):
    """(memory, a writable view of it that has this shape and kind): any strides and bytes."""
    steps = [draw(st.sampled_from((1, 1, -1, 2, -2))) for _ in shape]
    starts = [draw(st.integers(0, 1)) for _ in shape]
    sizes = [
        start + abs(step) * size for size, step, start in zip(shape, steps, starts, strict=True)
    ]
    order = draw(st.permutations(range(len(shape))))
    odd = draw(st.booleans())  # an address that is no multiple of the number's size
    kind = np.dtype(dtype).newbyteorder(draw(st.sampled_from("<>")))
    buffer = np.full(int(np.prod(sizes)) * kind.itemsize + odd, 7, np.uint8)
    memory = buffer[int(odd) :].view(kind).reshape([sizes[axis] for axis in order])
    view = memory.transpose(np.argsort(order))
    cut = (slice(start, None, abs(step)) for start, step in zip(starts, steps, strict=True))
    view = view[tuple(cut)][tuple(slice(None, None, step // abs(step)) for step in steps)]
    assert view.shape == tuple(shape)
    return buffer, view


@pytest.mark.parametrize("name", sorted(FILTERS))
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_images_and_results_of_any_layout(name, data):
    shape = data.draw(st.sampled_from([(5, 7), (1, 9), (6, 5, 3), (4, 6, 4), (3, 4, 2)]))
    dtype = data.draw(st.sampled_from(DTYPES))
    pixels = np.random.default_rng(data.draw(st.integers(0, 9))).random(shape)
    scale = {"uint8": 255, "uint16": 65535}.get(dtype, 1)
    plain = (pixels * scale).astype(dtype)
    expected = FILTERS[name](plain)

    source, image = data.draw(laid_out(shape, dtype))
    image[...] = plain
    before = source.copy()
    image.flags.writeable = data.draw(st.booleans())
    result = FILTERS[name](image)
    assert result.dtype == dtype
    assert result.dtype.isnative
    assert result.tobytes() == expected.tobytes()
    np.testing.assert_array_equal(source, before)

    memory, out = data.draw(laid_out(shape, dtype))
    out[...] = 0
    beside = memory.copy()
    assert FILTERS[name](image, out=out) is out
    assert out.astype(dtype).tobytes() == expected.tobytes()
    np.testing.assert_array_equal(source, before)
    out[...] = 0
    np.testing.assert_array_equal(memory, beside)  # nothing beside the view was written


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_a_result_over_its_own_image_and_over_part_of_it(name):
    plain = np.random.default_rng(0).integers(0, 256, (20, 24, 4), dtype=np.uint8)
    expected = FILTERS[name](plain)
    image = plain.copy()
    assert FILTERS[name](image, out=image) is image
    np.testing.assert_array_equal(image, expected)
    turned = plain.copy()
    FILTERS[name](turned, out=turned[::-1, ::-1])
    np.testing.assert_array_equal(turned[::-1, ::-1], expected)
    expected = FILTERS[name](plain[1:])
    moved = plain.copy()
    FILTERS[name](moved[1:], out=moved[:-1])
    np.testing.assert_array_equal(moved[:-1], expected)


def test_one_pixel_that_seems_many():
    image = np.broadcast_to(np.float32(3), (5, 6))
    np.testing.assert_array_equal(box(image, 3), np.full((5, 6), 3, np.float32))
