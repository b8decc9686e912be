"""Rows 44 and 45 of the fault matrix: faces that are small in a large photo, and faces that are too small."""

import itertools

import numpy as np
import pytest
from PIL import Image

from maskgen.errors import Skip
from maskgen.faces.align import choose_faces
from maskgen.faces.landmarks import build_detector
from maskgen.faces.landmarks.blazeface import SIDE, Detection
from maskgen.faces.landmarks.crop_windows import TILE, tiles
from maskgen.faces.landmarks.small_faces import LEAST_SEEN, tile_sides
from maskgen.faces.masked_face_finder import FaceFinder, LocatedFace
from maskgen.images.resample import Blocks, carry, in_blocks, inverse
from maskgen.rendering.triplet import build_tools, make_triplets
from maskgen.settings import CropSettings, FaceSettings, GenSettings
from maskgen.types import Photo, PhotoRef
from tests.helpers.faces import astronaut, detector

pytestmark = pytest.mark.fault

HEAD = 40, 60, 340, 360  # around the astronaut's head: top, left, bottom, right
FACE, JAW = (224, 122), 92  # centre of its face, and the width of its mesh


def large_photo(widths, places, height=1800, width=2400):
    """Draws a smooth background with noise, and the astronaut's head on it with the given widths of its face."""
    rng = np.random.default_rng(7)
    coarse = rng.integers(60, 200, (9, 12, 3), np.uint8)
    photo = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC), np.int16)
    photo = np.clip(photo + rng.normal(0, 3, photo.shape).round(), 0, 255).astype(np.uint8)
    top, left, bottom, right = HEAD
    head = astronaut()[top:bottom, left:right]
    for jaw, (x, y) in zip(widths, places, strict=True):
        scale = jaw / JAW
        side = round(300 * scale)
        small = np.asarray(Image.fromarray(head).resize((side, side), Image.Resampling.LANCZOS))
        x0, y0 = round(x - (FACE[0] - left) * scale), round(y - (FACE[1] - top) * scale)
        photo[y0 : y0 + side, x0 : x0 + side] = small
    return photo


def centre(box):
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def is_at(box, place, jaw):
    return np.hypot(*np.subtract(centre(box), place)) < 0.4 * jaw


PLACES = (310, 300), (2050, 420), (700, 1500), (1733, 1351)


@pytest.mark.parametrize("jaw", [32, 48, 95])
def test_row44_a_small_face_in_a_large_photo_is_found(jaw):
    found = detector().detect(large_photo([jaw], PLACES[3:]))
    assert not isinstance(found, Skip), found
    assert is_at(found[0].box, PLACES[3], jaw)
    assert found[0].box[2] - found[0].box[0] == pytest.approx(jaw, rel=0.1)
    assert choose_faces(found, FaceSettings()) == found[:1]


def test_row44_all_small_faces_of_a_large_photo_are_found_once():
    jaws = (34, 60, 90, 150)
    found = detector("all").detect(large_photo(jaws, PLACES))
    assert len(found) == 4
    for jaw, place, face in zip(jaws[::-1], PLACES[::-1], found, strict=True):
        assert is_at(face.box, place, jaw)


@pytest.mark.parametrize("jaws", [(50, 80), (120, 165)])
def test_row44_the_largest_of_several_small_faces_is_taken(jaws):
    photo = large_photo(jaws, (PLACES[0], PLACES[3]))
    assert is_at(detector().detect(photo)[0].box, PLACES[3], jaws[1])


def test_row44_a_crowd_gets_one_mask_per_face():
    places = [(150 + 250 * column, 170 + 245 * row) for row in range(4) for column in range(5)]
    photo = large_photo([60] * 20, places, 1100, 1300)
    settings = GenSettings(crop=CropSettings(size=0), faces=FaceSettings(choose="all", cache="off"))
    made = make_triplets(Photo(PhotoRef("crowd"), photo, ""), build_tools(settings), "crowd")
    assert not isinstance(made, Skip)
    assert len(made[0][1].faces) == 20


def test_row44_run_finds_small_faces_and_no_others():
    jaws = (34, 60, 90, 150)
    found = FaceFinder().find(large_photo(jaws, PLACES))
    assert len(found) == 4
    for jaw, place, face in zip(jaws[::-1], PLACES[::-1], found, strict=True):
        assert is_at(face.box, place, jaw)


def with_large_find(monkeypatch, box, score):
    """Lets the first views find a face in `box`, whatever the photo shows there, with the given score."""
    look, confirm = FaceFinder._look, FaceFinder._face
    x, y = centre(box)
    extent = np.array([x, y, box[2] - box[0], box[3] - box[1]], np.float32)
    eyes = np.array([[x - 200, y], [x + 200, y]], np.float32)
    large = Detection(extent, eyes, np.array([x, y + 300], np.float32), score)
    face = LocatedFace(box, *large.eyes, large.mouth, score)
    monkeypatch.setattr(FaceFinder, "_look", lambda self, photo, views: [large, *look(self, photo, views)])
    monkeypatch.setattr(
        FaceFinder,
        "_face",
        lambda self, photo, one, least: face if one is large else confirm(self, photo, one, least),
    )
    return face


def test_row44_run_finds_the_small_faces_under_a_large_false_one(monkeypatch):
    places = (700, 700), (1400, 700), (700, 1300), (1390, 1310)
    with_large_find(monkeypatch, (400.0, 300.0, 1700.0, 1600.0), 0.46)
    found = FaceFinder().find(large_photo((40, 60, 90, 150), places))
    assert len(found) == 4
    for jaw, place, face in zip((150, 90, 60, 40), places[::-1], found, strict=True):
        assert is_at(face.box, place, jaw)


def test_row44_a_large_face_of_a_high_score_covers_smaller_finds(monkeypatch):
    large = with_large_find(monkeypatch, (400.0, 300.0, 1700.0, 1600.0), 0.9)
    assert FaceFinder().find(large_photo((60, 90), ((700, 700), (1390, 1310)))) == [large]


def test_row44_the_search_for_small_faces_changes_no_large_face():
    photo = large_photo((500,), ((1200, 520),))
    found = FaceFinder().find(photo)
    assert len(found) == 1
    assert found[0].box == FaceFinder().find(photo, small_faces=False)[0].box


def test_row44_no_face_is_found_in_a_large_photo_without_one():
    photo = large_photo([], [])
    assert detector("all").detect(photo) == Skip("no_face")
    assert FaceFinder().find(photo) == []


@pytest.mark.parametrize("shape", [(250, 250), (218, 178), (360, 300)])
def test_row44_ordinary_photos_are_searched_as_before(shape):
    assert tile_sides(*shape, 29.0) == []


@pytest.mark.parametrize("shape", [(480, 640), (3000, 4000), (8660, 5773), (400, 9000)])
def test_row44_each_size_of_face_is_seen_large_enough_by_one_level(shape):
    sides = [TILE * max(shape), *tile_sides(*shape, 29.0)]
    assert sides == sorted(sides, reverse=True)
    assert 29 * SIDE / sides[-1] == pytest.approx(LEAST_SEEN)
    assert all(one <= 2.01 * other for one, other in itertools.pairwise(sides))


def test_row44_the_cost_of_the_search_grows_with_the_area():
    counts = [
        sum(len(list(tiles(height, width, side, 0.375, SIDE))) for side in tile_sides(height, width, 29.0))
        for height, width in ((1500, 2000), (3000, 4000), (6000, 8000))
    ]
    assert counts[1] < 4.6 * counts[0]
    assert counts[2] < 4.6 * counts[1]
    assert counts[2] < 5000


def test_row44_tiles_overlap_by_more_than_twice_the_smallest_face():
    edges = np.array([[-0.5, -0.5], [SIDE - 0.5, SIDE - 0.5]], np.float32)
    spans = sorted(
        {tuple(carry(inverse(look), edges)[:, 0].round(1)) for look in tiles(500, 2000, 206.0, 0.375, SIDE)}
    )
    assert spans[0][0] == pytest.approx(-0.5, abs=0.6)
    assert spans[-1][1] == pytest.approx(1999.5, abs=0.6)
    assert min(one[1] - other[0] for one, other in itertools.pairwise(spans)) > 2 * 29


def test_row44_kept_averages_of_blocks_are_those_computed_afresh():
    pixels = large_photo([60], PLACES[:1], 700, 900)
    blocks = Blocks(pixels)
    for scale in (1.2, 0.5, 0.3, 0.3, 0.013):
        matrix = np.array([[scale, 0, 3.5], [0, scale, -2]], np.float32)
        for one, other in zip(blocks.averaged(matrix), in_blocks(pixels, matrix), strict=True):
            assert one.tobytes() == other.tobytes()


def test_row44_the_smallest_face_is_part_of_the_name_that_caches_and_data_sets_keep():
    names = {build_detector(FaceSettings(min_size=size)).name for size in (12, 20, 29, 64)}
    assert len(names) == 3  # above the default the search is the same


@pytest.mark.parametrize("jaw", [22, 26])
def test_row45_a_face_below_the_limit_is_told_from_no_face(jaw):
    settings = GenSettings(faces=FaceSettings(cache="off"))
    photo = Photo(PhotoRef("a"), large_photo([jaw], PLACES[3:]), "")
    skip = make_triplets(photo, build_tools(settings), "a")
    assert isinstance(skip, Skip)
    assert skip.reason == "tiny_face"
    assert "px" in skip.detail


def test_row45_a_lower_limit_lets_smaller_faces_pass():
    settings = GenSettings(faces=FaceSettings(cache="off", min_size=16))
    photo = Photo(PhotoRef("a"), large_photo([20], [(450, 400)], 600, 800), "")
    assert not isinstance(make_triplets(photo, build_tools(settings), "a"), Skip)
