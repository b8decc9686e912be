"""Training curves of a run in one image: a panel per metric, training and validation in two colours."""

from collections.abc import Mapping, Sequence
from math import isfinite

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from maskgen.types import RGBImage

Number = int | float
Point = tuple[Number, Number]  # x, y on the sheet
Curve = Sequence[tuple[int, Number]]  # (step, value), sorted by step

PAPER, INK, FAINT, RULE = (250, 250, 248), (28, 30, 33), (112, 116, 122), (226, 226, 222)
COLOURS = {"train": (42, 103, 178), "validate": (206, 92, 32)}
WIDTH, HEIGHT, MARGIN = 380, 210, 14  # pixels: size of a panel, margin around its plot
LEFT, TOP, BOTTOM = 52, 34, 26
COLUMNS = 3
SCALE = 2  # supersampling factor: Pillow draws lines without antialiasing
SMOOTH = 0.02  # half width of the running mean, as a fraction of the curve's points


def draw_curves(curves: Mapping[str, Mapping[str, Curve]], columns: int = COLUMNS) -> RGBImage:
    """Draws one panel per metric.

    Args:
        curves: name -> "train" or "validate" -> its points; non-finite values are left out.
        columns: number of panels side by side.

    Returns:
        RGB, 0-255.
    """
    panels = [
        (name, kinds) for name, kinds in curves.items() if any(_points(curve) for curve in kinds.values())
    ]
    rows = max(1, -(-len(panels) // columns))
    sheet = Image.new("RGB", (columns * WIDTH * SCALE, rows * HEIGHT * SCALE), PAPER)
    draw = ImageDraw.Draw(sheet)
    for number, (name, kinds) in enumerate(panels):
        row, column = divmod(number, columns)
        _draw_panel(draw, (column * WIDTH, row * HEIGHT), name, kinds)
    return np.asarray(sheet.resize((columns * WIDTH, rows * HEIGHT), Image.Resampling.LANCZOS))


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

    def to_sheet(step: Number, value: Number) -> Point:
        return (
            SCALE * (x0 + (x1 - x0) * step / last),
            SCALE * (y1 - (y1 - y0) * (value - low) / (high - low)),
        )

    _text(draw, (x0, corner[1] + 10), name, INK, 13)
    for fraction in (0.0, 0.5, 1.0):
        value = low + (high - low) * fraction
        y = to_sheet(0, value)[1]
        draw.line((SCALE * x0, y, SCALE * x1, y), RULE, SCALE)
        _text(draw, (x0 - 6, y / SCALE), f"{value:.3g}", FAINT, 10, "rm")
    _text(draw, (x1, y1 + 6), f"step {last:,}", FAINT, 10, "ra")
    for kind, curve in points.items():
        _draw_curve(draw, [to_sheet(*point) for point in curve], COLOURS[kind])
        if curve and kind == "validate":
            _text(draw, (x1, corner[1] + 11), f"held out {curve[-1][1]:.4g}", COLOURS[kind], 11, "ra")


def _draw_curve(draw: ImageDraw.ImageDraw, points: list[Point], colour: tuple[int, int, int]) -> None:
    """Draws a curve; a long one is drawn faintly, with its running mean on top."""
    reach = round(SMOOTH * len(points))
    if reach:
        draw.line(points, _faint(colour), SCALE)
        kernel = np.ones(2 * reach + 1)
        heights = np.array([y for _, y in points])
        means = np.convolve(heights, kernel, "same") / np.convolve(np.ones_like(heights), kernel, "same")
        points = [(x, float(y)) for (x, _), y in zip(points, means, strict=True)]
    if len(points) > 1:
        draw.line(points, colour, round(1.6 * SCALE), joint="curve")
    else:
        for x, y in points:
            draw.ellipse((x - 4, y - 4, x + 4, y + 4), colour)


def _faint(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    red, green, blue = ((ink + 2 * paper) // 3 for ink, paper in zip(colour, PAPER, strict=True))
    return red, green, blue


def _text(
    draw: ImageDraw.ImageDraw,
    at: Point,
    text: str,
    colour: tuple[int, int, int],
    size: int,
    anchor: str = "la",
) -> None:
    font = ImageFont.load_default(size * SCALE)
    draw.text((at[0] * SCALE, at[1] * SCALE), text, colour, font, anchor=anchor)
