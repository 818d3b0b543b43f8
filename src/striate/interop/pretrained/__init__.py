"""Trained networks that come with the package: weights, and the record of how they were made.

``files/NAME.npz`` holds the weights of the zoo's network NAME, ``files/NAME.json`` its record.
`striate.training.recipes.shipping` makes both from the folder of a run.
"""

from striate.interop.pretrained.records import Record
from striate.interop.pretrained.shelf import load, names, record

__all__ = ["Record", "load", "names", "record"]
