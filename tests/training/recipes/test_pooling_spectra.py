from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from striate.filters.kernels import kv
from striate.training.recipes.pooling_spectra import kept, residuals, spectra, theory
from striate.training.recipes.steganography import lsb_matching


@pytest.fixture(scope="module")
def pictures():
    random = np.random.default_rng(0)
    rough = random.normal(128, 400, (60, 32, 32))
    smooth = ndimage.gaussian_filter(rough, (0, 2, 2))  # as pictures are, at low frequencies
    return np.clip(np.rint(smooth), 20, 235).astype(np.uint8)


@pytest.fixture(scope="module")
def stegos(pictures):
    return lsb_matching(pictures, 1.0, np.random.default_rng(1))


def test_residuals_are_those_of_the_kernel(pictures):
    wanted = ndimage.correlate(pictures[3].astype(float), kv())[2:-2, 2:-2]
    np.testing.assert_allclose(residuals(pictures)[3], wanted, atol=1e-10)


def test_signal_that_is_left_agrees_with_theory(pictures, stegos):
    before, after = theory(0.5)

    def power(spectrum):
        return np.dot(spectrum.power, spectrum.counts) / sum(spectrum.counts)

    assert power(before) == pytest.approx(0.5 * (kv() ** 2).sum())  # Parseval
    nothing, average, most, stride = kept(pictures, stegos)
    assert nothing.signal == nothing.picture == 1
    assert average.signal == pytest.approx(power(after) / power(before), rel=0.1)
    assert average.signal < 0.02 < average.picture
    assert stride.signal == pytest.approx(1, abs=0.05)
    assert stride.ratio == pytest.approx(nothing.ratio, abs=0.3)
    assert average.ratio < nothing.ratio - 5
    assert 0.2 < most.signal < 1.5


def test_spectra_measured_and_computed_agree(pictures, stegos):
    whole, averaged, most = spectra(pictures, stegos)
    before, after = theory(0.5, side=28)
    np.testing.assert_allclose(whole.power[-3:], before.power[-3:], rtol=0.15)
    assert averaged.power[-1] < 0.02 * whole.power[-1]
    assert averaged.power[-1] == pytest.approx(after.power[-1], abs=0.01 * whole.power[-1])
    assert most.power[0] > most.power[-1]  # the maximum moves the signal to low frequencies
