"""The tour's page: one HTML file that holds its pictures and needs nothing from anywhere."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

__all__ = ["Chapter", "page", "picture", "table"]

STYLE = """
:root { color-scheme: light dark; --ink: #1b2733; --soft: #5b6b7b; --line: #d8e0e8;
        --paper: #fff; --tint: #f4f7fa; --accent: #0b6e99; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9fb0c0; --line: #30404f; --paper: #10161c; --tint: #18212a;
          --accent: #5cc1ea; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
       font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; }
main, header { max-width: 60rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2.5rem; }
h1 { font-size: 2rem; margin: 0; letter-spacing: -.01em; }
h2 { font-size: 1.35rem; margin: 3rem 0 .5rem; }
h2 span { color: var(--accent); margin-right: .5rem; }
p { max-width: 44rem; }
.soft { color: var(--soft); }
nav a { color: var(--accent); margin-right: 1rem; }
figure { margin: 1rem 0; overflow-x: auto; }
img { max-width: 100%; height: auto; border: 1px solid var(--line); border-radius: 8px;
      background: #fff; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-size: .9rem;
        font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .75rem; text-align: left; white-space: nowrap; }
td.number, th.number { text-align: right; }
th { background: var(--tint); color: var(--soft); font-weight: 600; white-space: normal;
     vertical-align: bottom; }
pre { overflow-x: auto; background: var(--tint); border-radius: 8px; padding: .75rem 1rem; }
tbody tr + tr td { border-top: 1px solid var(--line); }
footer { color: var(--soft); padding: 3rem 1.25rem; text-align: center; font-size: .85rem; }
"""


@dataclass(frozen=True, slots=True)
class Chapter:
    """A heading, what it is about, and the HTML below."""

    title: str
    lead: str
    body: str


def picture(path: Path, alt: str) -> str:
    """Return a PNG file as an <img> that carries its bytes."""
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<figure><img alt="{escape(alt)}" src="data:image/png;base64,{data}"></figure>'


def table(rows: Sequence[Sequence[str]], numbers: frozenset[int] = frozenset()) -> str:
    """Return rows of text as a table; the first is the header, `numbers` are flush right."""

    def line(tag: str, row: Sequence[str]) -> str:
        kinds = [' class="number"' if column in numbers else "" for column in range(len(row))]
        cells = zip(kinds, map(escape, row), strict=True)
        return "<tr>" + "".join(f"<{tag}{kind}>{cell}</{tag}>" for kind, cell in cells) + "</tr>"

    head, body = line("th", rows[0]), "".join(line("td", row) for row in rows[1:])
    return f'<div class="scroll"><table><thead>{head}</thead><tbody>{body}</tbody></table></div>'


def page(chapters: Sequence[Chapter], made: str) -> str:
    """Return the whole page; `made` says with what and when."""
    links = "".join(
        f'<a href="#c{number}">{number}. {escape(chapter.title)}</a>'
        for number, chapter in enumerate(chapters, start=1)
    )
    body = "".join(
        f'<section id="c{number}"><h2><span>{number}</span>{escape(chapter.title)}</h2>'
        f"<p>{escape(chapter.lead)}</p>{chapter.body}</section>"
        for number, chapter in enumerate(chapters, start=1)
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>A tour of striate</title><style>{STYLE}</style></head><body>"
        "<header><h1>A tour of striate</h1>"
        '<p class="soft">From pixels to a trained network, computed just now on this machine.</p>'
        f"<nav>{links}</nav></header><main>{body}</main>"
        f"<footer>{escape(made)}</footer></body></html>\n"
    )


def made_with() -> str:
    """Return with what, on what and when a page is made."""
    import platform
    from datetime import datetime
    from importlib.metadata import version

    from striate import __version__

    libraries = ", ".join(f"{name} {version(name)}" for name in ("numpy", "numba", "pillow"))
    return (
        f"striate {__version__}, {libraries}, Python {platform.python_version()} on "
        f"{platform.system()} {platform.machine()}, {datetime.now().astimezone():%Y-%m-%d %H:%M %Z}"
    )
