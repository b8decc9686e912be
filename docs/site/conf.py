"""Settings of Sphinx for the site: `make site`.

The site has the paths of the repository, so that a relative link in a Markdown file leads to the same place on a
forge and on the site: to a page, or to a copy of the file. Nothing is loaded from another address.
"""

from maskgen import __version__

project = "unmask"
author = "The unmask maintainers"
release = version = __version__
root_doc = "docs/index"

extensions = ["myst_parser"]
# Pages: the documentation, and the Markdown files of the repository that it links to.
include_patterns = ["*.md", "docs/**.md", "assets/**.md", "data/README.md"]
exclude_patterns = ["docs/site/**"]
myst_heading_anchors = 4  # a heading has the anchor that it has on a forge
myst_links_external_new_tab = False
myst_enable_extensions = ["attrs_block"]
suppress_warnings: list[str] = []
nitpicky = True

html_theme = "furo"
html_title = "unmask"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_extra_path = ["index.html"]
html_favicon = "../../assets/web/icon.svg"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_last_updated_fmt = None
highlight_language = "none"
pygments_style = "friendly"
pygments_dark_style = "monokai"
