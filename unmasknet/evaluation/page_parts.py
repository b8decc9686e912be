"""Parts of the HTML pages of `unmask eval` and `unmask eval recognition`: their style, tables, and strips of images."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from maskgen.images.codecs import encode_jpeg
from maskgen.reports import html as page
from maskgen.types import RGBImage
from unmasknet.evaluation.table import Table

STYLE = Path(__file__).parent / "page_parts.css"
QUALITY = 90


def style(own: Path) -> str:
    """Builds the style element of a page: the rules of all parts, and the page's own ones."""
    rules = "".join(file.read_text("utf-8") for file in (STYLE, own))
    return f"<style>\n{rules}</style>"


def section(table: Table, *, wide: bool = False) -> str:
    """Builds a section with a table; `wide`: its last column holds sentences."""
    head = "".join(f"<th>{page.esc(name)}</th>" for name in table.head)
    rows = "".join(_row(row) for row in table.rows)
    note = f'<p class="faint">{page.esc(table.note)}</p>' if table.note else ""
    return (
        f'<section><h2>{page.esc(table.title)}</h2><div class="scroll"><table{" class=wide" if wide else ""}>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{note}</section>"
    )


def _row(row: Sequence[str]) -> str:
    ours = ' class="ours"' if row[0].startswith("**") else ""
    return f"<tr{ours}>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>"


def _cell(cell: str) -> str:
    """Formats a cell; its interval in small type."""
    value, bracket, rest = cell.strip("*").partition(" [")
    return page.esc(value) + (f" <small>[{page.esc(rest)}</small>" if bracket else "")


def strips(heading: str, parts: Iterable[str]) -> str:
    """Builds a block of strips under a heading."""
    return f'<h2>{page.esc(heading)}</h2><div class="strips">{"".join(parts)}</div>'


def strip(images: Mapping[str, RGBImage], caption: str, side: int) -> str:
    """Builds a row of images with their names.

    Args:
        images: name -> square image.
        caption: HTML.
        side: side in pixels at which the images are shown.
    """
    row = "".join(
        f'<div><img alt="{page.esc(name)}" src="{_embedded(image, side)}"><span>{page.esc(name)}</span></div>'
        for name, image in images.items()
    )
    return f'<figure class="strip"><div class="row">{row}</div><figcaption>{caption}</figcaption></figure>'


def _embedded(image: RGBImage, side: int) -> str:
    if image.shape[0] != side:
        image = np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC))
    return page.data_uri(encode_jpeg(np.ascontiguousarray(image), QUALITY), "jpeg")
