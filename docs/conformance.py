"""Write docs/conformance.md: run ONNX's conformance suite and count.

Run ``python docs/conformance.py``; it takes about a minute.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import onnx
import pytest

HERE = Path(__file__).parent
SUITE = HERE.parent / "tests" / "interop" / "test_onnx_conformance.py"
TABLES = {
    "test_case": "as the suite has them",
    "test_case_with_weights_known": "all inputs but the first fixed as weights",
    "test_case_in_float64": "those of float32, computed in float64",
    "test_case_written_again": "read, written and read again",
}
KINDS = {
    "node": "single operators",
    "pytorch-converted": "modules of PyTorch",
    "pytorch-operator": "functions of PyTorch",
    "simple": "small graphs",
    "real": "real networks (light)",
}


class Counting:
    """A plugin of pytest that notes what became of each case."""

    def __init__(self) -> None:
        self.passed: Counter[str] = Counter()
        self.attempted: Counter[str] = Counter()
        self.kinds: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
        self.left_out: Counter[str] = Counter()
        self.light: dict[str, float] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a case when it has run."""
        if report.when != "call":
            return
        function = report.nodeid.split("::")[-1].split("[")[0]
        noted = dict(report.user_properties)
        if function in TABLES:
            self.attempted[function] += 1
            self.passed[function] += report.passed
        if "case" in noted:
            kind, name = noted["case"].split("/")
            self.kinds[kind]["all"] += 1
            if "left out" in noted:
                self.left_out[noted["left out"]] += 1
            else:
                self.kinds[kind]["attempted"] += 1
                self.kinds[kind]["passed"] += report.passed
                if kind == "real":
                    self.light[name.removeprefix("test_")] = noted["error"]


def page(found: Counting) -> str:
    """Return the text of the page."""
    total = sum(counts["all"] for counts in found.kinds.values())
    lines = [
        "# Conformance",
        "",
        "ONNX's own conformance suite, run by `tests/interop/test_onnx_conformance.py` on every",
        f"change; written by `python docs/conformance.py` with onnx {onnx.__version__}.",
        f"Of {total:,} cases, {found.attempted['test_case']:,} are attempted and "
        f"{found.passed['test_case']:,} pass.",
        "",
        *table(
            ("cases", "all", "attempted", "passed"),
            [
                (KINDS[kind], *(counts[key] for key in ("all", "attempted", "passed")))
                for kind, counts in found.kinds.items()
            ],
        ),
        "",
        "## Ways of running",
        "",
        *table(
            ("each case", "attempted", "passed"),
            [(text, found.attempted[name], found.passed[name]) for name, text in TABLES.items()],
        ),
        "",
        "## Left out",
        "",
        "Cases that are left out are run too, so that this list cannot grow stale: they must fail,",
        "with an error of striate's own; those of half precision run, but in float32.",
        "",
        *table(("reason", "cases"), found.left_out.most_common()),
        "",
        "## Real networks",
        "",
        "The networks that the onnx package carries, with weights that are constants: the largest",
        "difference from the expected output, relative to the largest output.",
        "",
        *table(
            ("network", "largest error"),
            [(name, f"{error:.1e}") for name, error in sorted(found.light.items())],
        ),
    ]
    return "\n".join(lines) + "\n"


def table(head: tuple[str, ...], rows: list[tuple[object, ...]]) -> list[str]:
    """Return a table in Markdown; numbers stand right."""
    cells = [head, *([f"{c:,}" if isinstance(c, int) else str(c) for c in row] for row in rows)]
    rule = ["---", *("---:" for _ in head[1:])]
    return [f"| {' | '.join(row)} |" for row in (cells[0], rule, *cells[1:])]


if __name__ == "__main__":
    counting = Counting()
    chosen = "-k", "not page"  # which tells what this writes
    status = pytest.main(["-q", "--no-header", *chosen, str(SUITE)], plugins=[counting])
    if status:
        sys.exit("the suite fails: the page stays as it is")
    (HERE / "conformance.md").write_text(page(counting), encoding="utf-8")
