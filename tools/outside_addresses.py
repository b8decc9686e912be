"""Finds what the pages of a site would load from another address: python -m tools.outside_addresses FOLDER.

Links that a reader may click are allowed. What a browser fetches by itself is not: scripts, styles, images, fonts,
frames, media, prefetched addresses, forms, `url()` and `@import` of styles, and requests of scripts.
"""

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

# Attributes that hold addresses, of elements other than links to click.
LOADING = {
    "src",
    "srcset",
    "href",
    "data",
    "poster",
    "action",
    "formaction",
    "background",
    "xlink:href",
    "manifest",
    "content",
}
CLICKED = {("a", "href"), ("area", "href")}
# Names of `rel` that only say where something is.
STATED = {"canonical", "license", "author", "search", "next", "prev", "index", "help"}
OUTSIDE = re.compile(r"(?i)^\s*(?:[a-z][a-z0-9+.-]*:)?//")
IN_STYLE = re.compile(r"""(?i)(?:url\(\s*|@import\s+)["']?\s*((?:[a-z][a-z0-9+.-]*:)?//[^"')\s;]*)""")
# Calls by which scripts load: a text that begins with an address is their argument.
IN_SCRIPT = re.compile(
    r"""(?i)(?:fetch|import|importScripts|sendBeacon|Worker|EventSource|WebSocket|open|\.src\s*=|\.href\s*=)"""
    r"""\s*\(?\s*(?:["'](?:GET|POST)["']\s*,\s*)?["'`]((?:https?:|wss?:)?//[^"'`]*)"""
)


def outside_addresses(folder: Path) -> list[str]:
    """Lists what the files of a site load from elsewhere, as lines "file: address"."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.suffix in _READERS:
            text = path.read_text("utf-8")
            found += [f"{path.relative_to(folder)}: {one}" for one in _READERS[path.suffix](text)]
    return found


def _in_page(text: str) -> Iterator[str]:
    page = _Page()
    page.feed(text)
    page.close()
    yield from page.found


def _in_style(text: str) -> Iterator[str]:
    yield from (match[1] for match in IN_STYLE.finditer(text))


def _in_script(text: str) -> Iterator[str]:
    yield from (match[1] for match in IN_SCRIPT.finditer(text))


class _Page(HTMLParser):
    """Collects the addresses that a page loads, those in its own styles and scripts among them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        values = dict(attrs)
        stated = tag == "link" and set((values.get("rel") or "").split()) <= STATED
        for name, value in attrs:
            if name == "style":
                self.found += _in_style(value or "")
            elif name in LOADING and (tag, name) not in CLICKED and not stated:
                self.found += [part for part in _addresses(tag, name, value or "") if OUTSIDE.match(part)]

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "style":
            self.found += _in_style(data)
        elif self._inside == "script":
            self.found += _in_script(data)


def _addresses(tag: str, name: str, value: str) -> list[str]:
    if name == "srcset":
        return [part.strip().partition(" ")[0] for part in value.split(",")]
    if tag == "meta":
        return re.findall(r"(?i)url=\s*(\S+)", value)  # of a page that sends the reader on
    return [value]


_READERS = {".html": _in_page, ".css": _in_style, ".js": _in_script, ".svg": _in_page}


if __name__ == "__main__":
    lines = outside_addresses(Path(sys.argv[1]))
    print("\n".join(lines) or "nothing is loaded from another address")
    sys.exit(bool(lines))
