"""The Rosetta table: each filter of striate in the words of six other libraries.

The rows of a peer stand in the module of its name. They are run by
``tests/filters/test_rosetta.py``, and ``python -m docs.rosetta`` writes docs/rosetta.md.
"""

from . import kornia, opencv, pillow, scikit_image, scipy, torchvision

__all__ = ["PEERS"]

PEERS = {
    "opencv": opencv.PEER,
    "scipy": scipy.PEER,
    "scikit_image": scikit_image.PEER,
    "torchvision": torchvision.PEER,
    "kornia": kornia.PEER,
    "pillow": pillow.PEER,
}
