import json

import cv2
import numpy as np
import pytest
from PIL import Image

from maskgen.authoring.proof_sheet import choices_of, draw_library, prove, source_faces
from maskgen.authoring.template_from_photo import cut_out, draft_template, find_outline, read_photo
from maskgen.command_settings import CheckSettings, DraftSettings, SheetSettings
from maskgen.errors import InputError
from maskgen.masks.library import built_in
from maskgen.masks.selection import open_library
from tests.helpers.faces import astronaut

CLOTH = (110, 150, 190)


@pytest.fixture
def photo(tmp_path):
    """Photo of a pleated mask with a red disc and two ear loops, slightly rotated, on a dark table."""
    rng = np.random.default_rng(0)
    table = np.full((450, 600, 3), (52, 60, 44), np.uint8)
    mask = np.full((180, 320, 3), CLOTH, np.uint8)
    for row in (60, 120):
        mask[row : row + 4], mask[row + 4 : row + 8] = np.array(CLOTH) + 30, np.array(CLOTH) - 40
    cv2.circle(mask, (240, 92), 26, (190, 30, 40), -1)
    table[135:315, 140:460] = mask
    for x in (140, 460):
        cv2.ellipse(table, (x, 225), (40, 85), 0, 0, 360, (225, 225, 225), 5)
    matrix = cv2.getRotationMatrix2D((300, 225), -7, 1)
    turned = cv2.warpAffine(table, matrix, (600, 450), borderMode=cv2.BORDER_REPLICATE)
    noisy = np.clip(turned + rng.normal(0, 3, turned.shape), 0, 255).astype(np.uint8)
    path = tmp_path / "heart.png"
    Image.fromarray(noisy).save(path)
    return path


def test_the_outline_of_a_mask_excludes_loops_and_table(photo):
    outline = find_outline(read_photo(photo))
    assert outline.sum() == pytest.approx(320 * 180, rel=0.06)


def test_a_mask_is_cut_out_upright_and_fills_its_images(photo):
    cloth = cut_out(read_photo(photo))
    middle = np.median(cloth.colour[60:-60, 60:200].reshape(-1, 3), axis=0) * 255
    assert middle == pytest.approx(CLOTH, abs=8)
    assert cloth.profile[5:15] == pytest.approx(np.full(10, 180 / 320), abs=0.04)
    left, right = (
        cloth.colour[60:250, part].mean((1, 2)).argmin() for part in (slice(40, 140), slice(420, 480))
    )
    assert left == pytest.approx(right, abs=6)  # the upper fold is horizontal
    assert cloth.opacity[256, 256] == 1
    assert cloth.opacity[[0, -1]].max() == 0


def test_a_template_from_a_photo_is_valid_and_can_be_worn(photo, tmp_path):
    report = draft_template(DraftSettings(name="heart", photo=str(photo), to=str(tmp_path / "own")))
    assert report.problems == ()
    assert report.like in built_in().families
    with Image.open(report.proof) as proof:
        assert min(proof.size) > 200
    library = open_library(str(tmp_path / "own"), replace=False)
    mask = library.mask("heart")
    red, green, blue, _ = mask.overlay[0][261, 377].astype(int)
    assert red > 150 > green + blue  # the disc keeps its colour
    assert [int(report.colour[i : i + 2], 16) for i in (1, 3, 5)] == pytest.approx(CLOTH, abs=12)


@pytest.mark.fault
def test_row14_a_photo_without_a_mask_and_a_name_in_use_are_refused(photo, tmp_path):
    blank = tmp_path / "blank.png"
    Image.new("RGB", (300, 200), (90, 90, 90)).save(blank)
    with pytest.raises(InputError, match="shows no mask"):
        draft_template(DraftSettings(name="heart", photo=str(blank), to=str(tmp_path)))
    with pytest.raises(InputError, match="built-in family"):
        draft_template(DraftSettings(name="n95", photo=str(photo), to=str(tmp_path)))
    with pytest.raises(InputError, match="no such family"):
        draft_template(DraftSettings(name="heart", photo=str(photo), to=str(tmp_path), like="helmet"))
    with pytest.raises(InputError, match=r"gone\.jpg"):
        draft_template(DraftSettings(name="heart", photo=str(tmp_path / "gone.jpg"), to=str(tmp_path)))
    assert not (tmp_path / "heart").exists()


@pytest.mark.fault
def test_row14_a_portrait_is_refused_with_the_reason(tmp_path):
    portrait = tmp_path / "me.png"
    Image.fromarray(astronaut()).save(portrait)
    with pytest.raises(InputError, match=r"shows a face.*flat on a plain table"):
        draft_template(DraftSettings(name="heart", photo=str(portrait), to=str(tmp_path)))
    assert not (tmp_path / "heart").exists()


def test_up_to_three_textures_of_a_family_are_shown():
    assert next(choices_of(built_in(), "cloth")).texture == "plain"
    assert len({choice.texture for choice in choices_of(built_in(), "cloth")}) == 3
    assert len({choice.colour for choice in choices_of(built_in(), "n95")}) == 3
    assert len(list(choices_of(built_in(), "none"))) == 1


def test_the_sheet_shows_every_family(tmp_path):
    report = draw_library(SheetSettings(out=str(tmp_path / "masks.png"), size=64))
    assert report.families == len(built_in().families)
    with Image.open(report.sheet) as sheet:
        assert sheet.height > 64 * report.families


@pytest.mark.fault
def test_row14_a_source_without_turned_faces_says_so(tmp_path):
    Image.new("RGB", (200, 200)).save(tmp_path / "black.png")
    with pytest.raises(InputError, match="none with a face frontal or turned left or turned right"):
        source_faces(SheetSettings(src=str(tmp_path)))


@pytest.mark.fault
def test_row14_check_reports_problems_and_draws_nothing(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "template.toml").write_text("title = 1")
    report = prove(CheckSettings(templates=str(tmp_path)))
    assert not report.ok
    assert len(report.problems) >= 4
    assert not list(tmp_path.glob("*.png"))
    assert json.dumps([problem.path for problem in report.problems])
