"""Pages that read as well in the repository as on the site.

- A page `index.md` lists pages in a bullet list of links. That list is the table of contents: no directive repeats it.
- A link to a page of the repository leads to its page on the site, a link to any other file to a copy of the file: MyST
  does both, because the source folder is the repository. A link to a folder leads to its README.md, and is plain text
  where it has none.
- READMEs have a page on the site and no place in its contents.
"""

import re
from pathlib import Path
from urllib.parse import unquote

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

_ENTRY = re.compile(r"^- \[[^\]]*\]\(([^)#]+)\.md\)", re.MULTILINE)


def add_contents(app: Sphinx, docname: str, source: list[str]) -> None:
    """Add the contents that the lists of links of an index make."""
    if Path(docname).name == "index" and (entries := _ENTRY.findall(source[0])):
        source[0] += "\n".join(["\n", "```{toctree}", ":hidden:", *entries, "```", ""])


def leave_out_of_contents(app: Sphinx, doctree: nodes.document) -> None:
    """Say of pages outside `docs/` that no table of contents need hold them."""
    if not app.env.docname.startswith("docs/"):
        app.env.metadata[app.env.docname]["orphan"] = True


class LinksToFolders(SphinxTransform):
    """Resolves links to folders before MyST looks for a page of that name."""

    default_priority = 100

    def apply(self, **_: object) -> None:
        """Replace each link to a folder."""
        here = Path(self.env.doc2path(self.env.docname)).parent
        for link in [*self.document.findall(addnodes.pending_xref)]:
            if link.get("reftype") != "myst" or link.get("refdomain"):
                continue
            folder = here / unquote(link["reftarget"])
            if not folder.is_dir():
                continue
            readme = self.env.path2doc((folder / "README.md").resolve())
            if readme in self.env.found_docs:
                link["refdomain"], link["reftarget"], link["reftargetid"] = "doc", readme, None
            else:
                link.replace_self(nodes.inline("", "", *link.children))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register all three."""
    app.connect("source-read", add_contents)
    app.connect("doctree-read", leave_out_of_contents)
    app.add_transform(LinksToFolders)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
