"""Write docs/rosetta.md and its pictures: ``python -m docs.rosetta``.

It takes a few seconds, and wants all six peers (``pip install --group dev``).
"""

from __future__ import annotations

from pathlib import Path

from . import PEERS
from .execution import load
from .page import page
from .pictures import COMPARISONS, border_examples, border_strips, compared, png

HERE = Path(__file__).parent

if __name__ == "__main__":
    scenes = {"border-strips": border_strips(), "border-examples": border_examples()}
    for comparison in COMPARISONS:
        peer = PEERS[comparison.peer]
        scenes[comparison.name] = compared(comparison, peer, load(peer))
    for name, scene in scenes.items():
        (HERE / f"{name}.png").write_bytes(png(scene))
    (HERE.parent / "rosetta.md").write_text(page(), encoding="utf-8")
