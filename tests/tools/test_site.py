"""The site of the documents: its build, its generated pages, the images of its gallery."""

import re
from pathlib import Path

import pytest
from PIL import Image

from maskgen.config import print_config
from maskgen.masks.library import built_in
from maskgen.settings import GenSettings
from tools import draw_gallery, python_reference, settings_reference
from tools.build_site import build_site
from unmasknet.settings import GanSettings

ROOT = Path(__file__).parents[2]
GALLERY_BYTES = 700_000  # of all images, which are in the repository


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site of this repository, with its problems."""
    folder = tmp_path_factory.mktemp("site")
    return folder, build_site(folder)


def test_the_site_builds_without_a_warning(site):
    assert site[1] == []


def test_every_page_of_the_documents_is_a_page_of_the_site(site):
    pages = [path for path in (ROOT / "docs").rglob("*.md") if "site" not in path.parts[-2:-1]]
    assert len(pages) > 30
    assert [
        page for page in pages if not (site[0] / page.relative_to(ROOT).with_suffix(".html")).exists()
    ] == []


def test_the_site_opens_at_its_home_page(site):
    assert "url=docs/index.html" in (site[0] / "index.html").read_text("utf-8")
    assert (site[0] / "docs/index.html").exists()


def test_a_link_to_a_file_of_the_repository_leads_to_a_copy_of_it(site):
    page = (site[0] / "docs/masks.html").read_text("utf-8")
    targets = re.findall(r'href="\.\./(_downloads/[^"]*gen\.toml)"', page)
    assert targets
    assert (site[0] / targets[0]).read_bytes() == (ROOT / "assets/configs/gen.toml").read_bytes()


def test_the_search_knows_the_words_of_the_pages(site):
    index = (site[0] / "searchindex.js").read_text("utf-8")
    assert index.startswith("Search.setIndex(")  # a script, which pages can also load from disk
    assert '"duckbil' in index or "duckbil:" in index  # the stem of duckbill
    assert "docs/settings" in index


def test_row754_the_reference_of_settings_is_that_of_the_program():
    assert settings_reference.settings_page() == settings_reference.PAGE.read_text("utf-8"), (
        "run: python -m tools.settings_reference"
    )


@pytest.mark.parametrize(
    ("heading", "model"), [("unmask gen-data", GenSettings), ("unmask train gan", GanSettings)]
)
def test_the_reference_lists_every_setting_that_print_config_prints(heading, model):
    part = settings_reference.PAGE.read_text("utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    listed = re.findall(r"(?m)^\| `([\w.]+)` \|", part)
    table, printed = "", []
    for line in print_config(model()).splitlines():
        table = line.strip("[]") + "." if line.startswith("[") else table
        if name := re.match(r"(?:# )?(\w+) =", line):
            printed.append(table + name[1])
    assert sorted(listed) == sorted(printed)


def test_row754_the_reference_of_python_is_that_of_the_docstrings():
    assert python_reference.python_page() == python_reference.PAGE.read_text("utf-8"), (
        "run: python -m tools.python_reference"
    )


def test_the_reference_of_python_has_every_public_name():
    import maskgen
    import maskgen.transforms
    import unmasknet

    headings = set(re.findall(r"(?m)^### (\S+)$", python_reference.PAGE.read_text("utf-8")))
    for module in (maskgen, maskgen.transforms, unmasknet):
        public = [name for name in module.__all__ if name != "__version__"]
        assert [name for name in public if f"{module.__name__}.{name}" not in headings] == []


def test_row754_the_gallery_page_names_the_commands_and_images_that_the_tool_draws():
    assert draw_gallery.gallery_page() == draw_gallery.PAGE.read_text("utf-8"), (
        "run: python -m tools.draw_gallery"
    )
    shown = {f"{one.file}.jpg" for part in draw_gallery.parts() for one in part.images}
    assert shown == {path.name for path in draw_gallery.IMAGES.iterdir()}


def test_the_gallery_shows_every_family_of_the_library():
    families = {spec.partition("-")[0] for spec in (*draw_gallery.FAMILIES, *draw_gallery.FLAT)}
    assert families == set(built_in().families)


def test_the_images_of_the_gallery_are_small():
    paths = list(draw_gallery.IMAGES.iterdir())
    assert sum(path.stat().st_size for path in paths) < GALLERY_BYTES
    for path in paths:
        with Image.open(path) as image:
            assert image.width == draw_gallery.SIDE
