"""The text of docs/rosetta.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path
from textwrap import fill

from . import PEERS
from .pictures import COMPARISONS, row_of
from .row import FILTERS, Differs, Missing, Peer, Row, Same

__all__ = ["page"]

ROOT = Path(__file__).parents[2]
DTYPES = ("uint8", "uint16", "float32", "float64")

OPENING = """\
What to write in striate for a call of {names}, and back: for each filter the call that gives the
same numbers, or what differs and by how much. Written by `python -m docs.rosetta` from the rows
that `tests/filters/test_rosetta.py` runs, each on a grey and a colour picture (a zone plate,
letters, steps, specks) in the dtypes it names: a row that no longer holds fails. They hold for
{versions}.
"""

READING = """\
- **same**: integers are equal; floats differ by less than a millionth of the largest number that
  the filter could give (the largest pixel times the sum of the |weights|), float64 by less than a
  million-millionth.
- **differs by**: the largest difference found; in levels for integers, for floats in parts of that
  largest number. The test fails if it changes by more than a quarter.
- **refuses**: raises an error.
- `x` is an array (H, W) or (H, W, C), `t` the same as a tensor (1, C, H, W), `im` as Pillow's
  image. *Floats* are float32 and float64, *integers* uint8 and uint16. Rows without a dtype are
  about all four.
- In the pictures of differences orange is brighter than striate's result and blue darker; those of
  colours lie on grey.

torchvision's compiled operators need not fit the installed PyTorch (those on PyPI want CUDA): its
filters call none of them, and the rows were run with its Python part under PyTorch's CPU build.
Where it is not installed at all, the tests skip its rows, one by one.
"""

GLANCE = """\
## At a glance

`=` the same numbers, by a call of its own or a short formula; `k` the same with a kernel of
striate's; `≠` only other numbers; – no such filter.
"""


def page() -> str:
    """Return the page."""
    names = [peer.name for peer in PEERS.values()]
    blocks = [
        "# Rosetta table\n",
        fill(OPENING.format(names=listed(names, "or"), versions=listed(versions(), "and")), 100),
        "",
        READING,
        GLANCE,
        "\n".join(glance()) + "\n",
        *(coming(peer) for peer in PEERS.values()),
        *(section(name) for name in FILTERS),
    ]
    return "\n".join(blocks)


def versions() -> list[str]:
    """Return the peers with their versions, as constraints.txt pins them."""
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    return [
        f"{peer.name} {re.findall(rf'^{peer.distribution}==(.*)$', pins, re.MULTILINE)[0]}"
        for peer in PEERS.values()
    ]


def listed(names: list[str], last: str) -> str:
    """Return names as a sentence has them."""
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


def glance() -> Iterator[str]:
    """Yield the table of filters and peers."""
    yield f"| | {' | '.join(peer.name for peer in PEERS.values())} |"
    yield "| --- |" + " :---: |" * len(PEERS)
    for name in FILTERS:
        marks = " | ".join(mark(name, peer) for peer in PEERS.values())
        yield f"| [{name}](#{name}) | {marks} |"


def mark(name: str, peer: Peer) -> str:
    """Return the best that the peer's rows say of a filter, in a sign."""
    rows = [row for row in peer.rows if row.filter == name]
    known = [row for row in rows if isinstance(row.claim, Same)]
    same = [row for row in known if f"filters.{name}(" in row.ours or name == "borders"]
    if any("filters.kernels" not in row.theirs for row in same):
        return "`=`"
    if same:
        return "`k`"
    return "`≠`" if any(isinstance(row.claim, Differs) for row in rows) else "–"


def coming(peer: Peer) -> str:
    """Return what users of a peer should know."""
    return f"## Coming from {peer.name}\n\n```python\n{peer.imports}\n```\n\n{peer.coming}"


def section(name: str) -> str:
    """Return a filter's rows, a table by peers, and its pictures."""
    lines = [f"## {name}", "", "| | its call, and striate's | numbers |", "| --- | --- | --- |"]
    missing: dict[str, list[str]] = {}
    for peer in PEERS.values():
        pairs: dict[tuple[str, str], list[Row]] = {}
        for row in peer.rows:
            if row.filter == name and row.theirs:
                pairs.setdefault((row.theirs, row.ours), []).append(row)
            elif row.filter == name and isinstance(row.claim, Missing):
                missing.setdefault(row.claim.what, []).append(peer.name)
        titles = chain([peer.name], repeat(""))
        for (theirs, ours), rows in pairs.items():
            said = "<br>".join(map(verdict, rows))
            lines.append(f"| {next(titles)} | `{theirs}`<br>`{ours}` | {said} |")
    for what, names in missing.items():
        lines += ["", f"Without {what}: {', '.join(names)}."]
    return "\n".join([*lines, "", *pictures(name)])


def verdict(row: Row) -> str:
    """Return what a row claims, for which images, and its note."""
    match row.claim:
        case Same(within=within):
            claim = "**same**" if within == 1e-6 else f"**same** to {within:.0e}"
        case Differs(by=by):
            unit = " levels" if by > 1 else " level"
            levels = "uint" in row.dtypes and row.scale is None
            claim = f"**differs** by {by:g}{unit if levels else ''}"
        case _:
            claim = "**refuses**"
    colours = {True: "", False: "grey", None: "colour"}[row.colour]
    about = ", ".join(filter(None, (kinds(row), colours, "border aside" if row.inside else "")))
    return claim + (f" ({about})" if about else "") + (f": {row.note}" if row.note else "")


def kinds(row: Row) -> str:
    """Return the dtypes of which a row speaks, in words; nothing for all."""
    dtypes = tuple(row.dtypes.split())
    whole = {DTYPES: "", DTYPES[:2]: "integers", DTYPES[2:]: "floats"}
    return whole.get(dtypes, ", ".join(dtypes))


def pictures(name: str) -> Iterator[str]:
    """Yield the pictures of a section."""
    for comparison in COMPARISONS:
        if row_of(comparison, PEERS[comparison.peer]).filter == name:
            yield f"![{comparison.caption}](rosetta/{comparison.name}.png)\n"
    if name == "borders":
        yield "![The pixels 1234 under each border](rosetta/border-strips.png)\n"
        yield "![A picture under each border](rosetta/border-examples.png)\n"
