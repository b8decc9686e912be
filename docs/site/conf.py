"""Settings of Sphinx for the site: `make site`.

The site has the paths of the repository, so that a relative link in a Markdown file leads to the same place on a
forge and on the site: to a page, or to a copy of the file. A link to a folder is refused. Nothing is loaded from
another address.
"""

import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from docutils import nodes
from navigation import NAVIGATION

from maskgen import __version__

project = "unmask"
author = "The unmask maintainers"
release = version = __version__
root_doc = "docs/index"

extensions = ["myst_parser", "sphinx_copybutton"]
# Pages: the documentation, and the Markdown files of the repository that it links to.
include_patterns = ["*.md", "docs/**.md", "assets/**.md", "compat/README.md"]
exclude_patterns = ["docs/site/**"]
myst_heading_anchors = 6  # a heading has the anchor that it has on a forge
nitpicky = True
myst_html_meta = {
    "description": "Draws masks on photos of faces, and takes masks off: training data, networks, figures.",
    "keywords": "face mask, masked face, data set, WebDataset, augmentation, inpainting, face recognition, MaskTheFace",
}

html_theme = "furo"
html_title = "unmask"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_extra_path = ["index.html"]
html_favicon = "../../assets/web/icon.svg"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_use_index = False
highlight_language = "none"  # blocks without a language hold commands and layouts of files
html_search_scorer = str(HERE / "scorer.js")
TITLES = {"README": "README"}  # names in the navigation of pages whose heading names another page too
SHORT = 28  # characters of code in a line of text that is not broken


def _add_navigation(app: Any, docname: str, source: list[str]) -> None:
    """Adds the navigation below the home page, whose file stays plain Markdown."""
    if docname == root_doc:
        for heading, pages in NAVIGATION.items():
            names = "\n".join(f"{TITLES[page]} </{page}>" if page in TITLES else f"/{page}" for page in pages)
            source[0] += f"\n\n```{{toctree}}\n:hidden:\n:caption: {heading}\n\n{names}\n```\n"


def _mark_short_code(app: Any, tree: nodes.document, docname: str) -> None:
    """Marks short code in lines of text, which site.css does not break."""
    for code in tree.findall(nodes.literal):
        if len(code.astext()) <= SHORT:
            code["classes"].append("short")


def setup(app: Any) -> dict[str, bool]:
    """Registers what this site adds to Sphinx."""
    app.connect("source-read", _add_navigation)
    app.connect("doctree-resolved", _mark_short_code)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
