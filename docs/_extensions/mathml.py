"""Write formulas as MathML when the site is built: no script and no network is needed to show them."""

import html
import re

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

_log = logging.getLogger(__name__)


def mathml(latex: str, display: str, node: nodes.Node) -> str:
    """Return a formula as MathML, and warn where a part of it is unknown."""
    try:
        written = convert(latex, display=display)
    except Exception as error:  # each mistake is an exception of its own there
        _log.warning("the formula %r is no LaTeX: %s", latex, type(error).__name__, location=node)
        return f"<code>{html.escape(latex)}</code>"
    if unknown := re.findall(r"\\[A-Za-z]+", written):
        _log.warning("the formula %r holds %s, which latex2mathml does not know", latex, unknown, location=node)
    return written


def _inline(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(mathml(node.astext(), "inline", node))
    raise nodes.SkipNode


def _block(self: HTML5Translator, node: nodes.math_block) -> None:
    number = f'<span class="eqno">({node["number"]})</span>' if node["number"] else ""
    self.body.append(self.starttag(node, "div", CLASS="math"))
    self.body.append(f"{mathml(node.astext(), 'block', node)}{number}</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer; `html_math_renderer = "mathml"` chooses it."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
