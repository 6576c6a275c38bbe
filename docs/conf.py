"""How Sphinx builds the site: `make docs`.

The source folder is the repository, so that pages may link to any of its files; the pages are those of `docs/` and the
READMEs. Nothing on the site needs a network.
"""

import sys
from pathlib import Path

_ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(_ROOT / "docs" / "_extensions"), str(_ROOT / "workflow_scripts")]
sys.path += map(str, _ROOT.glob(".venv/lib/python*/site-packages"))  # what the library imports

from stembench import __version__  # noqa: E402

project, author, release = "stembench", "the authors of stembench", __version__
copyright = "the authors of stembench, GPL-3.0-or-later"
extensions = [
    "mathml",
    "myst_parser",
    "numpydoc",
    "pages",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
]

root_doc = "docs/index"
include_patterns = ["*.md", "*/README.md", "docs/*.md", "docs/*/*.md", "workflow_scripts/stembench/*/README.md"]
exclude_patterns = [".*", "docs/_*", "results/*/**", "**/__pycache__"]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
myst_dmath_double_inline = True
myst_update_mathjax = False
html_math_renderer = "mathml"

autodoc_typehints = "none"  # docstrings name types with their units and shapes
autosummary_generate = False
numpydoc_show_class_members = False
# Types of other packages; their manuals are not here to be linked to.
nitpick_ignore_regex = [(r"py:.*", r"(?!stembench\.).*")]

html_theme = "pydata_sphinx_theme"
html_title = "stembench"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_favicon = "_static/logo.svg"
html_copy_source = html_show_sourcelink = False
html_additional_pages = {"index": "moved.html"}
templates_path = ["_templates"]
html_sidebars = {"docs/index": [], "docs/results": [], "docs/troubleshooting": [], "docs/changes": []}
html_theme_options = {
    "logo": {"text": "stembench", "image_light": "docs/_static/logo.svg", "image_dark": "docs/_static/logo.svg"},
    "navbar_align": "left",
    "header_links_before_dropdown": 8,
    "navbar_end": ["theme-switcher"],
    "primary_sidebar_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
}
copybutton_exclude = ".linenos, .gp, .go"
pygments_style = "friendly"
