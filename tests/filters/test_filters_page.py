"""What docs/filters.md says: its code runs, its borders are the borders, its functions exist."""

import re
from pathlib import Path

import numpy as np

from striate import filters
from striate.filters.borders import BORDERS, border_indices

PAGE = (Path(__file__).parents[2] / "docs" / "filters.md").read_text(encoding="utf-8")


def test_the_code_runs():
    names = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) >= 4
    for block in blocks:
        exec(compile(block, "docs/filters.md", "exec"), names)
    assert names["bank"].shape == (3, 6, 64, 96)


def test_the_table_of_borders():
    rows = re.findall(r"^\| (\w+) \| `1234 -> (\S+)` \|", PAGE, re.MULTILINE)
    assert tuple(name for name, _ in rows) == BORDERS
    pixels = np.array(list("1234k"))
    for name, shown in rows:
        assert "".join(pixels[border_indices(name, 4, 2, 2)]) == shown


def test_every_filter_is_on_the_page_and_every_kernel():
    modules = {"alpha", "borders", "files", "kernels", "light", "Separation"}
    for name in set(filters.__all__) - modules:
        assert re.search(rf"`{name}\b|`[^`]*\b{name}\(", PAGE), name
    for name in ("box", "gaussian", "motion", "roberts", "gabor", "emboss", "kv", "spam"):
        assert hasattr(filters.kernels, name)


def test_all_is_sorted_and_there():
    for module in (filters, filters.kernels):
        assert all(hasattr(module, name) for name in module.__all__)
        assert len(set(module.__all__)) == len(module.__all__)
