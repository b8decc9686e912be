"""Contact sheets: small images with captions in one image, in the font that comes with Pillow."""

import unicodedata
from dataclasses import dataclass
from math import ceil

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray
from PIL import Image, ImageDraw, ImageFont

from maskgen.types import Plane, RGBImage

AnyPicture = UInt8[ndarray, "_ _ 3"]  # like `RGBImage`, but images of one call may differ in size
PARTS = {"shadow": 1, "strap": 2, "mask": 3}
PARTS_COLOURS = np.array(
    [(0, 0, 0), (96, 96, 96), (255, 176, 0), (0, 114, 178)], np.uint8
)  # by the value of a part

PAPER, INK, FAINT, RULE = (250, 250, 248), (28, 30, 33), (112, 116, 122), (226, 226, 222)
MARGIN, GAP, PAD = 28, 14, 6  # pixels: around the sheet, between tiles, between images and caption
TITLE, TEXT = 26, 13  # font sizes in pixels
LINE = TEXT + 5


@dataclass(frozen=True)
class Tile:
    """Images side by side over a few lines of text; the first line is darker."""

    images: tuple[AnyPicture, ...]
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Block:
    """Grid of tiles with a heading; images are drawn as squares of `side` pixels."""

    heading: str
    tiles: tuple[Tile, ...]
    side: int = 128


def draw_sheet(title: str, subtitle: str, blocks: list[Block], *, width: int = 1634) -> AnyPicture:
    """Draws a contact sheet.

    Args:
        title, subtitle: text above the blocks; letters missing in the built-in font are drawn as boxes.
        blocks: drawn one below the other.
        width: width of the sheet in pixels; a row has as many tiles as fit.

    Returns:
        The sheet, as high as its contents need.
    """
    heads = MARGIN + TITLE + 8 + LINE + GAP
    height = heads + sum(_block_height(block, width) for block in blocks) + MARGIN
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, MARGIN - 4), _printable(title), INK, _font(TITLE))
    draw.text((MARGIN, MARGIN + TITLE + 8), _printable(subtitle), FAINT, _font(TEXT))
    top = heads
    for block in blocks:
        _draw_block(sheet, draw, block, top)
        top += _block_height(block, width)
    return np.asarray(sheet)


def fit_square(image: RGBImage, side: int) -> UInt8[ndarray, "{side} {side} 3"]:
    """Resamples the whole image into a square of `side` pixels, centred on grey."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # Lanczos would draw a rim around every mask, which looks like a fault of the mask.
    small = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.HAMMING))
    square = np.full((side, side, 3), 236, np.uint8)
    top, left = (side - size[1]) // 2, (side - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = small
    return square


def paint_parts(parts: Plane) -> RGBImage:
    """Paints parts: 0 untouched black, 1 shadow grey, 2 strap yellow, 3 mask blue."""
    return PARTS_COLOURS[parts]


def overlay_parts(parts: Plane, *, alpha: int = 205) -> UInt8[ndarray, "h w 4"]:
    """Paints parts like `paint_parts`, as an RGBA layer that is transparent where the photo is untouched."""
    opacity = np.where(parts > 0, alpha, 0).astype(np.uint8)
    return np.dstack([paint_parts(parts), opacity])


def _columns(block: Block, width: int) -> int:
    return max(1, (width - 2 * MARGIN + GAP) // (_tile_width(block) + GAP))


def _tile_width(block: Block) -> int:
    return block.side * max(len(tile.images) for tile in block.tiles)


def _tile_height(block: Block) -> int:
    lines = max(len(tile.lines) for tile in block.tiles)
    return block.side + (PAD + LINE * lines if lines else 0)


def _block_height(block: Block, width: int) -> int:
    if not block.tiles:
        return 0
    rows = ceil(len(block.tiles) / _columns(block, width))
    heading = LINE + GAP + PAD if block.heading else 0
    return heading + rows * (_tile_height(block) + GAP)


def _draw_block(sheet: Image.Image, draw: ImageDraw.ImageDraw, block: Block, top: int) -> None:
    if not block.tiles:
        return
    if block.heading:
        draw.line((MARGIN, top, sheet.width - MARGIN, top), RULE)
        draw.text((MARGIN, top + PAD), _printable(block.heading), INK, _font(TEXT + 2))
        top += LINE + GAP + PAD
    columns = _columns(block, sheet.width)
    for number, tile in enumerate(block.tiles):
        row, column = divmod(number, columns)
        left = MARGIN + column * (_tile_width(block) + GAP)
        _draw_tile(sheet, draw, tile, block, left, top + row * (_tile_height(block) + GAP))


def _draw_tile(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, tile: Tile, block: Block, left: int, top: int
) -> None:
    for number, image in enumerate(tile.images):
        sheet.paste(Image.fromarray(fit_square(image, block.side)), (left + number * block.side, top))
    room = block.side * max(1, len(tile.images))
    for number, line in enumerate(tile.lines):
        where = (left, top + block.side + PAD + number * LINE)
        draw.text(where, _shortened(line, room), FAINT if number else INK, _font(TEXT))


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _printable(text: str) -> str:
    """Replaces what the font of Pillow cannot draw: letters lose their accents, other signs become "?"."""
    return "".join(plain if plain.isascii() and plain.isprintable() else "?" for plain in map(_plain, text))


def _plain(letter: str) -> str:
    """Returns a letter without accents, such as "o" for "ö"; "" for an accent that stands alone."""
    return "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))


def _shortened(text: str, room: int) -> str:
    """Shortens a text to at most `room` pixels, with dots in its middle."""
    text, font = _printable(text), _font(TEXT)
    if font.getlength(text) <= room:
        return text
    keep = len(text) - 1
    while keep > 2 and font.getlength(_cut(text, keep)) > room:
        keep -= 1
    return _cut(text, keep)


def _cut(text: str, keep: int) -> str:
    head = (keep + 1) // 2
    return f"{text[:head]}...{text[len(text) - keep // 2 :]}"
