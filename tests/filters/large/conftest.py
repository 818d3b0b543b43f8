"""What the tests of large images share: filters of every kind, and images that fit them."""

import numpy as np
import pytest
from hypothesis import strategies as st

from striate import filters

RANDOM = np.random.default_rng(3)
KERNELS = {
    shape: RANDOM.random(shape) - 0.4 for shape in ((2, 5), (4, 4), (7, 9), (31, 32), (8, 130))
}

FILTERS = [
    (filters.box, {"size": 2}),
    (filters.box, {"size": (7, 4)}),
    (filters.box, {"size": 21, "dtype": "float32"}),
    (filters.gaussian, {"sigma": (0.6, 1.7)}),
    (filters.gaussian, {"sigma": 1, "order": (0, 1)}),
    (filters.motion_blur, {"length": 6, "angle": 0.7}),
    (filters.median, {"size": (4, 3)}),
    (filters.sobel, {}),
    (filters.scharr, {"axis": 0, "dtype": "float32"}),
    (filters.roberts, {}),
    (filters.roberts, {"diagonal": 1, "dtype": "int16"}),
    (filters.steer, {"angle": 0.4, "sigma": 1, "dtype": "float64"}),
    (filters.laplacian_of_gaussian, {"sigma": 1.1, "dtype": "float32"}),
    (filters.difference_of_gaussians, {"sigma": 0.7}),
    (filters.gabor, {"wavelength": 2.5, "angle": 1, "dtype": "float32"}),
    (filters.sharpen, {"amount": 0.7}),
    (filters.unsharp_mask, {"sigma": 1.2}),
    (filters.emboss, {}),
    *((filters.convolve, {"kernel": kernel}) for kernel in KERNELS.values()),
    (filters.correlate, {"kernel": KERNELS[31, 32], "dtype": "float64"}),
    (filters.correlate, {"kernel": KERNELS[2, 5], "method": "reference"}),
]


@pytest.fixture(scope="session")
def calls():
    """A strategy: filters of every kind, with parameters and options."""

    @st.composite
    def call(draw):
        function, parameters = draw(st.sampled_from(FILTERS))
        border = draw(st.sampled_from(["reflect", "mirror", "nearest", "constant", "wrap"]))
        options = {"border": border, "cval": 3.0}
        if draw(st.integers(0, 3)) == 0:
            options |= {"cval": 0.0, "linear_light": True}
        return function, parameters | options

    return call


@pytest.fixture(scope="session")
def pictures():
    """A strategy: images of noise, larger where the filter computes tiles."""

    @st.composite
    def picture(draw, parameters):
        tiled = parameters.get("kernel", np.ones(1)).size > 900
        side = st.integers(1, 500 if tiled else 60)
        channels = draw(st.sampled_from([(), (), (2,), (3,), (4,)]))
        dtype = draw(st.sampled_from(["uint8", "uint16", "float32", "float64"]))
        noise = np.random.default_rng(draw(st.integers(0, 99)))
        numbers = noise.random((draw(side), draw(side), *channels))
        return (numbers * 255).astype(dtype) if dtype[0] == "u" else numbers.astype(dtype)

    return picture
