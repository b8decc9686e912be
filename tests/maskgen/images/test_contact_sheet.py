import numpy as np
import pytest

from maskgen.images import contact_sheet
from maskgen.images.contact_sheet import Block, Tile, draw_sheet, fit_square, overlay_parts, paint_parts
from tests.helpers.small_images import drawn_parts, drawn_photo


def test_sheet_shows_every_image_of_a_tile():
    colours = [(200, 0, 0), (0, 200, 0), (0, 0, 200)]
    images = tuple(np.full((32, 32, 3), colour, np.uint8) for colour in colours)
    drawn = draw_sheet("title", "subtitle", [Block("", (Tile(images, ("a", "b")),), side=40)])
    for colour in colours:
        assert (drawn == np.array(colour)).all(axis=2).sum() == 40 * 40


def test_sheet_grows_in_height_and_never_in_width():
    tile = Tile((drawn_photo(1),), ("a",))
    heights = [draw_sheet("t", "s", [Block("h", (tile,) * n)], width=600).shape for n in (1, 3, 5)]
    assert heights[0][1] == heights[1][1] == heights[2][1] == 600
    assert heights[0][0] <= heights[1][0] < heights[2][0]


def test_sheet_without_tiles_has_only_its_title():
    assert draw_sheet("title", "", [Block("none", ())]).ndim == 3


@pytest.mark.parametrize(
    "text", ["new\nline\ttab", "right\u202eto left", "\udcff stray", "顔 лицо", "x" * 400]
)
def test_any_caption_can_be_drawn(text):
    drawn = draw_sheet(text, text, [Block(text, (Tile((drawn_photo(1),), (text, text)),))], width=300)
    assert drawn.shape[1] == 300


def test_an_image_that_is_not_square_is_shown_whole():
    square = fit_square(np.zeros((20, 60, 3), np.uint8), 60)
    assert square.shape == (60, 60, 3)
    assert (square == 0).all(axis=2).sum() == 20 * 60


def test_parts_differ_in_colour_and_untouched_is_black_and_transparent():
    parts = drawn_parts()
    painted, layer = paint_parts(parts), overlay_parts(parts)
    assert not painted[parts == 0].any()
    assert len(np.unique(painted.reshape(-1, 3), axis=0)) == 4
    assert not layer[parts == 0, 3].any()
    assert layer[parts > 0, 3].all()


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("Dörte", "Dorte"),
        ("Do\u0308rte", "Dorte"),
        ("Tåg Ö", "Tag O"),
        ("ﬁ…", "fi..."),
        ("名\n", "??"),
        ("a-b", "a-b"),
    ],
)
def test_captions_hold_only_what_the_font_can_draw(text, drawn):
    assert contact_sheet._printable(text) == drawn
