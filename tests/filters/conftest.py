"""What the filters' tests share: images of every kind, and the borders."""

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

BORDERS = ("reflect", "mirror", "nearest", "constant", "wrap")


@pytest.fixture(params=BORDERS, scope="session")
def border(request):
    return request.param


@pytest.fixture(scope="session")
def images():
    """A strategy: `images(dtype)` draws (H, W) and (H, W, C), often smaller than a kernel."""

    def of(dtype):
        dtype = np.dtype(dtype)
        shapes = st.one_of(
            hnp.array_shapes(min_dims=2, max_dims=2, max_side=9),
            st.tuples(st.integers(1, 7), st.integers(1, 7), st.integers(1, 4)),
        )
        if dtype.kind == "f":
            elements = st.floats(-1000, 1000, width=8 * dtype.itemsize)
        else:
            elements = st.integers(0, np.iinfo(dtype).max)
        return hnp.arrays(dtype, shapes, elements=elements)

    return of


@pytest.fixture(scope="session")
def by_channel():
    """Apply a two-axis filter of SciPy's to each channel of an image."""

    def apply(function, image, *args, **kwargs):
        if image.ndim == 2:
            return function(image, *args, **kwargs)
        planes = [function(image[..., c], *args, **kwargs) for c in range(image.shape[2])]
        return np.stack(planes, axis=-1)

    return apply
