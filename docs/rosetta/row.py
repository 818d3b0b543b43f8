"""What a row of the table says, and how its claim is checked."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FILTERS", "Claim", "Differs", "Missing", "Peer", "Refuses", "Row", "Same"]

FILTERS = (  # the sections of the page, in its order
    "box",
    "gaussian",
    "motion_blur",
    "median",
    "sobel",
    "scharr",
    "prewitt",
    "roberts",
    "gradient",
    "laplacian",
    "laplacian_of_gaussian",
    "difference_of_gaussians",
    "gabor",
    "sharpen",
    "unsharp_mask",
    "emboss",
    "convolve",
    "correlate",
    "borders",
)


@dataclass(frozen=True)
class Same:
    """The same numbers: integers exactly, others to `within` of the largest they could be."""

    within: float = 1e-6


@dataclass(frozen=True)
class Differs:
    """Other numbers: the largest difference, in levels for integers, in `Same`'s parts for others.

    What is found may be a quarter less or more: then a peer, or striate, has changed.
    """

    by: float


@dataclass(frozen=True)
class Refuses:
    """The peer raises an error that holds these words."""

    words: str


@dataclass(frozen=True)
class Missing:
    """The peer lacks something: none of its public names matches the pattern."""

    pattern: str
    what: str = "one of their own"


Claim = Same | Differs | Refuses | Missing


@dataclass(frozen=True)
class Row:
    """One call of striate beside one call of a peer.

    Attributes
    ----------
    filter : str
        The section, of `FILTERS`.
    ours, theirs : str
        Expressions, the image being `x`; `theirs` is empty where a filter is missing.
    claim : Claim
        How near their results are.
    dtypes : str
        The images' dtypes for which it holds, apart by spaces.
    note : str
        What differs, or what to mind, in Markdown.
    colour : bool
        Whether the claim is about colour images too; None: about them alone.
    inside : int
        How many pixels at the border the claim is not about.
    scale : float
        What differences of numbers are parts of, if not the largest pixel times the sum of the
        absolute weights.
    """

    filter: str
    ours: str
    theirs: str
    claim: Claim
    dtypes: str = "uint8 uint16 float32 float64"
    note: str = ""
    colour: bool | None = True
    inside: int = 0
    scale: float | None = None


@dataclass(frozen=True)
class Peer:
    """A library, and what its users should know.

    Attributes
    ----------
    name, distribution : str
        As people call it, and as pip does.
    imports : str
        The lines that the calls need.
    searched : tuple of str
        The modules in which filters would be.
    coming : str
        Markdown: what to mind when coming from it.
    rows : tuple of Row
        Its part of the table.
    """

    name: str
    distribution: str
    imports: str
    searched: tuple[str, ...]
    coming: str
    rows: tuple[Row, ...]
