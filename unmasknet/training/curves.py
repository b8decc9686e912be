"""Curves of a run as one picture: a panel for each number, what was trained on and what was held out in two colours."""

from collections.abc import Mapping, Sequence
from math import isfinite

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from maskgen.types import RGBImage

Number = int | float
Place = tuple[Number, Number]  # x, y on the sheet
Curve = Sequence[tuple[int, Number]]  # (step, number), by rising step

PAPER, INK, FAINT, RULE = (250, 250, 248), (28, 30, 33), (112, 116, 122), (226, 226, 222)
COLOURS = {"train": (42, 103, 178), "validate": (206, 92, 32)}
WIDTH, HEIGHT, MARGIN = 380, 210, 14  # pixels of a panel, and around its plot
LEFT, TOP, BOTTOM = 52, 34, 26
COLUMNS = 3
SCALE = 2  # drawn so many times larger, then shrunk: Pillow's lines have hard edges
SMOOTH = 0.02  # of the points of a curve: the width of the running mean over the faint raw line


def draw_curves(curves: Mapping[str, Mapping[str, Curve]]) -> RGBImage:
    """Draws one panel for each name.

    Args:
        curves: name -> "train" or "validate" -> its points; numbers that are none are left out.
    """
    panels = [
        (name, kinds) for name, kinds in curves.items() if any(_points(curve) for curve in kinds.values())
    ]
    rows = max(1, -(-len(panels) // COLUMNS))
    sheet = Image.new("RGB", (COLUMNS * WIDTH * SCALE, rows * HEIGHT * SCALE), PAPER)
    draw = ImageDraw.Draw(sheet)
    for number, (name, kinds) in enumerate(panels):
        row, column = divmod(number, COLUMNS)
        _draw_panel(draw, (column * WIDTH, row * HEIGHT), name, kinds)
    return np.asarray(sheet.resize((COLUMNS * WIDTH, rows * HEIGHT), Image.Resampling.LANCZOS))


def _points(curve: Curve) -> list[tuple[int, Number]]:
    return [(step, value) for step, value in curve if isfinite(value)]


def _draw_panel(
    draw: ImageDraw.ImageDraw, corner: tuple[int, int], name: str, kinds: Mapping[str, Curve]
) -> None:
    x0, y0 = corner[0] + LEFT, corner[1] + TOP
    x1, y1 = corner[0] + WIDTH - MARGIN, corner[1] + HEIGHT - BOTTOM
    points = {kind: _points(curve) for kind, curve in kinds.items()}
    steps = [step for curve in points.values() for step, _ in curve]
    values = [value for curve in points.values() for _, value in curve]
    low, high = min(values), max(values)
    if low == high:
        low, high = low - 0.5, high + 0.5
    last = max(*steps, 1)

    def place(step: Number, value: Number) -> Place:
        return (
            SCALE * (x0 + (x1 - x0) * step / last),
            SCALE * (y1 - (y1 - y0) * (value - low) / (high - low)),
        )

    _text(draw, (x0, corner[1] + 10), name, INK, 13)
    for share in (0.0, 0.5, 1.0):
        value = low + (high - low) * share
        y = place(0, value)[1]
        draw.line((SCALE * x0, y, SCALE * x1, y), RULE, SCALE)
        _text(draw, (x0 - 6, y / SCALE), f"{value:.3g}", FAINT, 10, "rm")
    _text(draw, (x1, y1 + 6), f"step {last:,}", FAINT, 10, "ra")
    for kind, curve in points.items():
        _draw_curve(draw, [place(*point) for point in curve], COLOURS[kind])
        if curve and kind == "validate":
            _text(draw, (x1, corner[1] + 11), f"held out {curve[-1][1]:.4g}", COLOURS[kind], 11, "ra")


def _draw_curve(draw: ImageDraw.ImageDraw, places: list[Place], colour: tuple[int, int, int]) -> None:
    """Draws the line; a long one faintly, with its running mean over it."""
    reach = round(SMOOTH * len(places))
    if reach:
        draw.line(places, _faint(colour), SCALE)
        kernel = np.ones(2 * reach + 1)
        heights = np.array([y for _, y in places])
        means = np.convolve(heights, kernel, "same") / np.convolve(np.ones_like(heights), kernel, "same")
        places = [(x, float(y)) for (x, _), y in zip(places, means, strict=True)]
    if len(places) > 1:
        draw.line(places, colour, round(1.6 * SCALE), joint="curve")
    else:
        for x, y in places:
            draw.ellipse((x - 4, y - 4, x + 4, y + 4), colour)


def _faint(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    red, green, blue = ((ink + 2 * paper) // 3 for ink, paper in zip(colour, PAPER, strict=True))
    return red, green, blue


def _text(
    draw: ImageDraw.ImageDraw,
    at: Place,
    text: str,
    colour: tuple[int, int, int],
    size: int,
    anchor: str = "la",
) -> None:
    font = ImageFont.load_default(size * SCALE)
    draw.text((at[0] * SCALE, at[1] * SCALE), text, colour, font, anchor=anchor)
