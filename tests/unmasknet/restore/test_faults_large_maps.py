"""Rows 502 and 503 of docs/faults.md: maps larger than a face's crop, in pieces, or on no face found; their counts."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from PIL import Image

from tests.helpers.restoring import FILL, ToyNetworks, draw_photo, face_at, fixed_detector
from unmasknet.restore.batch import run
from unmasknet.restore.settings import RestoreSettings
from unmasknet.restore.unmasker import MASK, Unmasker
from unmasknet.serve.response import answer_of

pytestmark = pytest.mark.fault
HEIGHT, WIDTH = 400, 600
FACE = (200, 140, 160)  # its crop: columns 120 to 280, rows 60 to 220
INSIDE = np.s_[150:200, 165:235]


@dataclass
class CountingNetworks(ToyNetworks):
    """Toy networks that record the number of crops and the hidden fraction of their outermost pixels."""

    segmenter_side: int | None = None
    crops: int = 0
    at_edge: list[float] = field(default_factory=list)

    def fill(self, crops, maps):
        self.crops += len(maps)
        self.at_edge += [float(np.concatenate([x[0], x[-1], x[:, 0], x[:, -1]]).mean()) for x in maps]
        return super().fill(crops, maps)


def hole(*parts):
    map = np.zeros((HEIGHT, WIDTH), np.uint8)
    for part in parts:
        map[part] = 1
    return map


def unmask(map, *faces, **options):
    photo, networks = draw_photo(HEIGHT, WIDTH), CountingNetworks()
    restored = Unmasker(networks, fixed_detector(*faces))(photo, map=map, **options)
    assert np.array_equal(restored.map == MASK, map > 0)
    assert np.array_equal(restored.picture[restored.map == 0], photo[restored.map == 0])
    assert (
        len(restored.faces)
        >= sum(face.masked for face in restored.faces)
        == networks.crops / max(1, len(restored.alternatives))
    )
    return restored, networks


BEYOND = {
    "a little": (np.s_[150:218, 165:235],),
    "below": (np.s_[150:280, 150:250],),
    "above": (np.s_[30:200, 165:235],),
    "left and right": (np.s_[150:190, 85:315],),
    "a strap": (INSIDE, np.s_[170:175, 90:165]),
    "pieces beside it": (np.s_[150:255, 150:250], np.s_[180:200, 108:125], np.s_[262:270, 190:210]),
    "a thin line between its pieces": (np.s_[150:225, 150:250], np.s_[227:260, 150:250]),
}


@pytest.mark.parametrize("name", BEYOND)
def test_row502_a_map_larger_than_the_crop_is_restored_through_one_window(name):
    map = hole(*BEYOND[name])
    restored, networks = unmask(map, face_at(*FACE))
    assert restored.said == "1 face restored"
    assert [face.box for face in restored.faces] == [face_at(*FACE).box]
    assert networks.at_edge == [0]
    assert np.abs(restored.picture[map > 0] - np.float32(FILL)).mean() < 6


def test_row502_a_map_inside_the_crop_gets_the_faces_own_crop():
    from unmasknet.restore.face_window import window_of
    from unmasknet.restore.given_map import divide

    window = window_of(face_at(*FACE).place, HEIGHT, WIDTH)
    masks, rest = divide(hole(INSIDE), [window])
    assert [mask.window for mask in masks] == [window]
    assert rest is None


def test_row502_what_is_too_far_from_the_face_continues_the_photo():
    map = hole(np.s_[150:200, 150:560])
    restored, _ = unmask(map, face_at(*FACE), samples=2)
    assert restored.said == "1 face restored"
    assert np.abs(restored.picture[160:190, 160:250] - np.float32(FILL)).mean() < 6
    assert np.abs(restored.picture[160:190, 360:550] - np.float32(128)).mean() < 8
    assert not restored.disagreement[160:190, 360:550].any()


@pytest.mark.parametrize("gap", [0, 40])
def test_row502_a_map_over_two_faces_is_shared_by_them(gap):
    parts = (np.s_[150:200, 165 : 270 - gap // 2], np.s_[150:200, 270 + gap // 2 : 375])
    restored, _ = unmask(hole(*parts), face_at(*FACE), face_at(340, 140, 160))
    assert restored.said == "2 faces restored"
    assert np.abs(restored.picture[155:195, 170 : 270 - gap] - np.float32(FILL)).mean() < 6


def test_row503_a_bare_face_beside_a_mask_is_not_counted():
    bare = face_at(310, 140, 160)  # its crop contains the right edge of the mask
    restored, _ = unmask(hole(np.s_[150:200, 165:250]), face_at(*FACE), bare)
    assert restored.said == "1 face restored, no mask on 1 more"
    assert [face.masked for face in restored.faces] == [True, False]


@pytest.mark.parametrize(
    ("parts", "count"),
    [
        ((INSIDE,), 1),
        ((np.s_[150:200, 165:200], np.s_[150:200, 204:235]), 1),
        ((INSIDE, np.s_[150:200, 400:470]), 2),
        ((np.s_[100:390, 20:590],), 1),
    ],
)
def test_row503_parts_on_no_face_are_counted_as_faces_once_each(parts, count):
    restored, networks = unmask(hole(*parts))
    assert restored.said == f"{count} face{'s' * (count > 1)} restored"
    assert [(face.score, face.masked) for face in restored.faces] == [(0, True)] * count
    assert networks.at_edge == [0] * count
    x0, y0, x1, y1 = restored.faces[0].box
    rows, columns = parts[0]
    assert y0 < (rows.start + rows.stop) / 2 < y1
    assert x0 < (columns.start + columns.stop) / 2 < x1


def test_row503_a_part_on_no_face_beside_a_face_is_another_face():
    restored, _ = unmask(hole(INSIDE, np.s_[150:250, 400:540]), face_at(*FACE))
    assert restored.said == "2 faces restored"
    assert [face.score for face in restored.faces] == [0, 0.9]  # the largest first


def test_row503_run_and_the_page_count_as_the_text_does(tmp_path):
    (tmp_path / "maps").mkdir()
    photo, map = draw_photo(HEIGHT, WIDTH), hole(INSIDE)
    Image.fromarray(photo).save(tmp_path / "a.png")
    Image.fromarray(map * np.uint8(255)).save(tmp_path / "maps/a.png")
    unmasker = Unmasker(CountingNetworks(), fixed_detector())
    settings = RestoreSettings(
        inputs=(str(tmp_path / "a.png"),), out=str(tmp_path / "out"), map=str(tmp_path / "maps")
    )
    result = run(settings, unmasker, lambda *_: None).results[0]
    assert (result.said, result.faces, result.masked, result.worn) == ("1 face restored", 1, 1, [True])
    answer = answer_of(photo, unmasker(photo, map=map), 0.0)
    assert (answer.said, [face.masked for face in answer.faces]) == ("1 face restored", [True])
