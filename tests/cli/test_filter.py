import math
import subprocess
import sys

import numpy as np
import pytest

from striate import filters
from striate.filters.files import read

KERNEL = [[1, 0, -1], [2, 0, -2], [1, 0, -1]]


@pytest.mark.parametrize(
    ("arguments", "apply"),
    [
        (["box", "--size", "5"], lambda x: filters.box(x, 5)),
        (
            ["box", "--size", "3x4", "--border", "constant", "--cval", "9"],
            lambda x: filters.box(x, (3, 4), border="constant", cval=9),
        ),
        (["gaussian", "--sigma", "2"], lambda x: filters.gaussian(x, sigma=2)),
        (
            ["gaussian", "--sigma", "0.5x3", "--truncate", "2", "--border", "wrap"],
            lambda x: filters.gaussian(x, (0.5, 3), truncate=2, border="wrap"),
        ),
        (["sobel"], filters.sobel),
        (["sobel", "--axis", "0"], lambda x: filters.sobel(x, axis=0)),
        (
            ["convolve", "--kernel", "1 0 -1; 2 0 -2; 1 0 -1"],
            lambda x: filters.convolve(x, KERNEL),
        ),
        (["correlate", "--kernel", "-1 2/1, .5"], lambda x: filters.correlate(x, [-1, 2, 0.5])),
        (
            ["gaussian", "--sigma", "2", "--order", "0x1"],
            lambda x: filters.gaussian(x, 2, order=(0, 1)),
        ),
        (
            ["motion-blur", "--length", "9", "--angle", "30"],
            lambda x: filters.motion_blur(x, 9, angle=math.radians(30)),
        ),
        (["median"], filters.median),
        (["median", "--size", "5"], lambda x: filters.median(x, 5)),
        (["scharr", "--axis", "1"], lambda x: filters.scharr(x, 1)),
        (["prewitt"], filters.prewitt),
        (["roberts", "--diagonal", "1"], lambda x: filters.roberts(x, 1)),
        (
            ["steer", "--sigma", "1.5", "--angle", "45", "--order", "2"],
            lambda x: filters.steer(x, math.radians(45), 1.5, order=2),
        ),
        (["laplacian", "--neighbours", "8"], lambda x: filters.laplacian(x, neighbours=8)),
        (
            ["laplacian-of-gaussian", "--sigma", "2"],
            lambda x: filters.laplacian_of_gaussian(x, 2),
        ),
        (
            ["difference-of-gaussians", "--sigma", "1", "--wider", "3"],
            lambda x: filters.difference_of_gaussians(x, 1, 3),
        ),
        (
            ["gabor", "--wavelength", "6", "--angle", "90", "--phase", "-90"],
            lambda x: filters.gabor(x, 6, math.pi / 2, phase=-math.pi / 2),
        ),
        (["sharpen", "--amount", "0.5"], lambda x: filters.sharpen(x, 0.5)),
        (
            ["unsharp-mask", "--sigma", "2", "--amount", "0.7"],
            lambda x: filters.unsharp_mask(x, 2, 0.7),
        ),
        (["emboss", "--strength", "-1"], lambda x: filters.emboss(x, -1)),
        (["kv"], lambda x: filters.correlate(x, filters.kernels.kv())),
        (["ker-bohme"], lambda x: filters.correlate(x, filters.kernels.ker_bohme())),
        (
            ["spam", "--order", "2", "--direction", "down"],
            lambda x: filters.correlate(x, filters.kernels.spam(2, "down")),
        ),
        (["correlate", "--kernel", "kernel.txt"], lambda x: filters.correlate(x, KERNEL)),
        (["convolve", "--kernel", "kernel.npy"], lambda x: filters.convolve(x, KERNEL)),
    ],
)
def test_one_file(striate, photo, tmp_path, arguments, apply):
    (tmp_path / "kernel.txt").write_text("# Sobel\n1 0 -1\n2 0 -2\n1 0 -1\n")
    np.save(tmp_path / "kernel.npy", KERNEL)
    result = striate("filter", "photo.png", "out.tiff", *arguments)
    assert (result.code, result.out, result.err) == (0, "out.tiff\n", "")
    np.testing.assert_array_equal(read("out.tiff"), apply(photo))


def test_the_command_itself_loads_no_compiler():
    code = "import sys, striate.cli.filter; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
