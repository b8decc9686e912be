"""Faults of documents that fail the build of the site, and what a page may not load."""

import shutil
from pathlib import Path

import pytest

from tools.build_site import build_site
from tools.outside_addresses import outside_addresses

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.fault


@pytest.fixture
def repository(tmp_path):
    """A repository with the site's own settings and two pages, `index` and `page`."""
    root = tmp_path / "repository"
    shutil.copytree(ROOT / "docs/site", root / "docs/site", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("assets/web/icon.svg", "maskgen/__init__.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    write(root, "docs/index.md", "# Home\n\nSee [the page](page.md#part), its [data](../data.csv).\n")
    write(root, "docs/page.md", "# Page\n\n## Part\n\nText.\n")
    write(root, "data.csv", "a,b\n")
    write(root, "docs/site/navigation.py", 'NAVIGATION = {"All": ("docs/page",)}\n')
    return root


def write(root, name, text):
    (root / name).write_text(text, "utf-8")


def problems(root):
    return build_site(root.parent / "site", root)


def test_row750_a_link_to_nothing_fails_the_build_and_is_named(repository):
    assert problems(repository) == []
    home = (repository / "docs/index.md").read_text("utf-8")
    write(
        repository,
        "docs/index.md",
        home + "\n[x](gone.md)\n[y](page.md#gone)\n![z](gone.png)\n[f](../gone.csv)\n",
    )
    found = problems(repository)
    for what in ("gone.md", "'gone'", "gone.png", "../gone.csv"):
        assert any("docs/index.md" in line and what in line for line in found), what
    assert len(found) == 4


def test_row751_a_page_outside_the_navigation_fails_the_build(repository):
    write(repository, "docs/forgotten.md", "# Forgotten\n")
    (line,) = problems(repository)
    assert "docs/forgotten.md" in line
    assert "toctree" in line


def test_row751_a_page_that_only_the_navigation_has_fails_the_build(repository):
    write(repository, "docs/site/navigation.py", 'NAVIGATION = {"All": ("docs/page", "docs/gone")}\n')
    (line,) = problems(repository)
    assert "docs/gone" in line


def test_row752_a_link_to_a_folder_fails_the_build(repository):
    write(repository, "docs/page.md", "# Page\n\n## Part\n\n[the web page](../assets/web)\n")
    (line,) = problems(repository)
    assert "docs/page.md:5" in line
    assert "../assets/web" in line


def test_row753_an_image_of_another_address_fails_the_build(repository):
    text = (
        "# Page\n\n## Part\n\n![x](https://images.example/a.png)\n\n[a link](https://example.org) is right.\n"
    )
    write(repository, "docs/page.md", text)
    (line,) = problems(repository)
    assert line.startswith("docs/page.html: ")
    assert "https://images.example/a.png" in line


@pytest.mark.parametrize(
    ("name", "text", "address"),
    [
        ("a.html", '<script src="https://x.example/a.js"></script>', "https://x.example/a.js"),
        ("a.html", '<script src="//x.example/a.js"></script>', "//x.example/a.js"),
        ("a.html", '<link rel="stylesheet" href="http://x.example/a.css">', "http://x.example/a.css"),
        ("a.html", '<link rel="preconnect" href="https://x.example">', "https://x.example"),
        ("a.html", '<img srcset="a.png 1x, https://x.example/b.png 2x">', "https://x.example/b.png"),
        ("a.html", '<iframe src="https://x.example"></iframe>', "https://x.example"),
        ("a.html", '<form action="https://x.example/q"></form>', "https://x.example/q"),
        ("a.html", '<video poster="https://x.example/p.jpg"></video>', "https://x.example/p.jpg"),
        ("a.html", '<meta http-equiv="refresh" content="0; url=https://x.example">', "https://x.example"),
        ("a.html", '<p style="background: url(https://x.example/b.png)">', "https://x.example/b.png"),
        ("a.html", "<style>@import 'https://x.example/a.css';</style>", "https://x.example/a.css"),
        ("a.html", '<script>fetch("https://x.example/q")</script>', "https://x.example/q"),
        ("a.css", "@font-face { src: url(https://x.example/f.woff2) }", "https://x.example/f.woff2"),
        ("a.css", '@import "//x.example/a.css";', "//x.example/a.css"),
        ("a.js", "import('https://x.example/a.js')", "https://x.example/a.js"),
        ("a.js", "new Image().src = 'https://x.example/count.gif'", "https://x.example/count.gif"),
        ("a.js", "request.open('GET', 'https://x.example/q')", "https://x.example/q"),
        ("a.js", "new WebSocket(`wss://x.example/`)", "wss://x.example/"),
        ("a.svg", '<image xlink:href="https://x.example/i.png"/>', "https://x.example/i.png"),
    ],
)  # fmt: skip
def test_row753_what_a_browser_would_load_from_elsewhere_is_found(tmp_path, name, text, address):
    (tmp_path / name).write_text(text, "utf-8")
    assert outside_addresses(tmp_path) == [f"{name}: {address}"]


def test_row753_links_to_click_and_own_files_are_no_loads(tmp_path):
    page = (
        '<a href="https://x.example">x</a> <link rel="canonical" href="https://x.example/a.html">'
        '<img src="../a.png"> <img src="data:image/png;base64,AA"> <script src="_static/a.js"></script>'
        '<link rel="stylesheet" href="a.css?v=1"> <meta name="about" content="https://x.example">'
        '<svg xmlns="http://www.w3.org/2000/svg"></svg> <script>// see https://x.example/docs</script>'
    )
    (tmp_path / "a.html").write_text(page, "utf-8")
    (tmp_path / "a.css").write_text(
        "/* https://x.example */ a { background: url(data:image/png;base64,AA) }", "utf-8"
    )
    assert outside_addresses(tmp_path) == []
