"""The 1,797 handwritten digits that scikit-learn carries: no download, ready in a moment."""

from __future__ import annotations

import numpy as np

from striate.errors import MissingExtraError
from striate.training.data.dataset import Dataset

__all__ = ["load_digits"]

FIRST_TEST_DIGIT = 1415
"""Where the twelfth of fourteen sheets begins.

Every writer filled in the same form of about 130 digits, so the labels repeat (with a few digits
missing), and each repetition begins with 0 to 9 three times over: at 0, 130, 256, 386, 516, 646,
776, 905, 1029, 1157, 1287, 1415, 1545 and 1667. Split there, no writer is in both parts.
"""


def load_digits() -> Dataset:
    """Return scikit-learn's digits, (N, 1, 8, 8) in [-1, 1]: 1,415 to train on, 382 to test.

    Raises
    ------
    MissingExtraError
        If scikit-learn is not installed.
    """
    try:
        from sklearn import datasets
    except ImportError:
        raise MissingExtraError.of("scikit-learn", "train", "the digits data set") from None
    bunch = datasets.load_digits()
    images = (bunch.images[:, None] / 8 - 1).astype(np.float32)  # ink of 0 to 16
    labels = bunch.target.astype(np.int64)
    split = FIRST_TEST_DIGIT
    return Dataset(
        name="digits",
        train_images=images[:split],
        train_labels=labels[:split],
        test_images=images[split:],
        test_labels=labels[split:],
        classes=tuple("0123456789"),
        source=(
            "E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine "
            "Learning Repository, 1998, doi:10.24432/C50P49: its 1,797 test digits, as in "
            "scikit-learn; the first eleven sheets to train on, the last three to test"
        ),
        licence="CC BY 4.0",
    )
