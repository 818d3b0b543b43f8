"""The documentation: Markdown pages, and the reference from the docstrings."""

import importlib.metadata
import re

project = "striate"
release = importlib.metadata.version("striate")
copyright = "The striate contributors"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = f"striate {release}"
autodoc_member_order = "alphabetical"
autodoc_typehints = "none"  # the docstrings say it in words, with shapes
napoleon_google_docstring = False
default_role = "literal"
napoleon_use_param = False
napoleon_use_rtype = False


def _escape_stars(app, what, name, obj, options, lines):
    """Keep the star of a shape such as (N, C, *spatial) from opening emphasis."""
    for number, line in enumerate(lines):
        if "``" not in line and ">>>" not in line:
            lines[number] = re.sub(r"(?<![\\*\w])\*(?=[a-z])", r"\\*", line)


def setup(app):
    """Register the hook, before Napoleon reads the docstrings."""
    app.connect("autodoc-process-docstring", _escape_stars, priority=100)
