"""Rows 670 to 675 of docs/faults.md: references that cannot serve, and references of another person."""

import re
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from maskgen.errors import InputError, UsageError
from tests.helpers.references import (
    FixedCheck,
    masked_portrait,
    other_view,
    portrait,
    real_unmasker,
    unmasker_with,
)
from unmasknet.restore.batch import run, watch_camera
from unmasknet.restore.provenance import NOTE, NOTE_BY_REFERENCE
from unmasknet.restore.reference.references import References
from unmasknet.restore.settings import RestoreSettings

pytestmark = pytest.mark.fault


def refusal(*references, **options) -> str:
    """Returns the message with which references are refused."""
    with pytest.raises(InputError) as caught:
        real_unmasker()(masked_portrait().masked, references=list(references), **options)
    return str(caught.value)


def small(face_width: int) -> np.ndarray:
    """Returns a portrait whose face, 84 pixels wide, is shrunk, on a large grey ground."""
    side = round(280 * face_width / 84)
    canvas = np.full((400, 400, 3), 127, np.uint8)
    canvas[100 : 100 + side, 100 : 100 + side] = cv2.resize(
        portrait(), (side, side), interpolation=cv2.INTER_AREA
    )
    return canvas


def squeezed() -> np.ndarray:
    """Returns two people side by side."""
    return np.hstack([portrait(), portrait()])


@pytest.mark.parametrize(
    ("photo", "reason"),
    [
        (lambda: np.full((200, 200, 3), 90, np.uint8), "no face"),
        (lambda: small(20), "no face|pixels wide"),
        (squeezed, "several faces"),
        (lambda: masked_portrait().masked[:, ::-1].copy(), "wears a mask|no face"),
        (lambda: masked_portrait().masked, "wears a mask|no face|is the photo"),
    ],
    ids=["no face", "20 px", "two faces", "masked", "the same photo"],
)
def test_row670_a_reference_that_cannot_serve_is_refused_in_one_line(photo, reason):
    message = refusal(photo())
    assert re.search(reason, message)
    assert message.startswith("reference 1: ")
    assert "\n" not in message


def test_row670_a_face_from_the_side_is_refused(monkeypatch):
    loader = real_unmasker()._restorer._loader
    found = loader._detector.detect(portrait())[0]
    turned = np.array([[np.cos(1.1), 0, np.sin(1.1)], [0, 1, 0], [-np.sin(1.1), 0, np.cos(1.1)]])
    centre = found.mesh.mean(0)
    mesh = ((found.mesh - centre) @ turned.T + centre).astype(np.float32)
    monkeypatch.setattr(loader._detector, "detect", lambda _: [replace(found, mesh=mesh)])
    assert "from the side" in refusal(other_view())


def test_row670_the_photo_itself_without_a_mask_is_no_reference_for_itself():
    unmasker = real_unmasker()
    with pytest.raises(InputError, match="is the photo that is to be restored"):
        unmasker(portrait(), references=[portrait()])


def test_row670_a_file_that_is_no_photo_is_refused_by_name(tmp_path):
    path = tmp_path / "me.jpg"
    path.write_bytes(b"no photo")
    assert refusal(path).startswith(f"{path}: unreadable")
    assert str(tmp_path / "none.jpg") in refusal(tmp_path / "none.jpg")


def test_row671_of_several_references_the_others_serve_and_a_line_names_the_refused_one():
    restored = real_unmasker()(
        masked_portrait().masked, references=[np.full((200, 200, 3), 9, np.uint8), other_view()]
    )
    assert restored.by_reference
    (line,) = restored.warnings
    assert line.startswith("reference 1: no face")


def test_row672_a_grey_reference_serves_and_the_result_has_the_colours_of_the_photo():
    grey = np.repeat(other_view().mean(2, keepdims=True).astype(np.uint8), 3, 2)
    restored = real_unmasker()(masked_portrait().masked, references=[grey])
    inside = masked_portrait().map > 0
    found, truth = (image[inside].mean(0) for image in (restored.picture, masked_portrait().gt))
    assert restored.by_reference
    assert any("grey" in line for line in restored.warnings)
    assert np.abs(found - truth).max() < 20


def test_row672_a_grey_photo_stays_grey():
    grey = np.repeat(masked_portrait().masked.mean(2, keepdims=True).astype(np.uint8), 3, 2)
    restored = real_unmasker()(grey, references=[other_view()], map=masked_portrait().map)
    assert restored.by_reference
    assert np.ptp(restored.picture.astype(int), axis=2).max() <= 6


def test_row673_another_person_is_refused_unless_forced():
    unmasker = unmasker_with(FixedCheck("reference 1"))
    with pytest.raises(InputError, match=r"another person \(distance .*--force"):
        unmasker(masked_portrait().masked, references=[other_view()])
    assert unmasker(masked_portrait().masked, references=[other_view()], force=True).by_reference


def test_row673_of_several_references_those_of_another_person_are_left_out():
    unmasker = unmasker_with(FixedCheck("reference 1"))
    restored = unmasker(masked_portrait().masked, references=[other_view(), other_view(degrees=-5.0)])
    assert restored.by_reference
    assert "another person" in restored.warnings[0]


def test_row673_the_same_person_passes_the_face_network():
    pytest.importorskip("dlib")
    restored = real_unmasker()(masked_portrait().masked, references=[other_view()])
    assert restored.by_reference
    assert not restored.warnings


def test_row674_the_note_says_by_reference_and_names_no_path(tmp_path):
    Image.fromarray(masked_portrait().masked).save(tmp_path / "photo.png")
    folder = tmp_path / "secret-name"
    folder.mkdir()
    Image.fromarray(other_view()).save(folder / "secret.png")
    settings = RestoreSettings(
        inputs=(str(tmp_path / "photo.png"),),
        out=str(tmp_path / "out"),
        reference=(str(folder),),
        save_map=True,
    )
    report = run(settings, real_unmasker(), lambda *_: None)
    assert report.results[0].said.endswith("by a reference")
    for name in ("photo.png", "photo-map.png"):
        data = (tmp_path / "out" / name).read_bytes()
        assert NOTE_BY_REFERENCE.encode() in data
        assert NOTE.encode() not in data
        assert b"secret" not in data


def test_row675_options_of_references_need_one(tmp_path):
    Image.fromarray(masked_portrait().masked).save(tmp_path / "photo.png")
    (tmp_path / "empty").mkdir()
    for options, error in (
        ({"force": True}, UsageError),
        ({"expression": "neutral"}, UsageError),
        ({"reference": (str(tmp_path / "empty"),)}, InputError),
        ({"reference": (str(tmp_path / "none.jpg"),)}, InputError),
    ):
        settings = RestoreSettings(
            inputs=(str(tmp_path / "photo.png"),), out=str(tmp_path / "out"), **options
        )
        with pytest.raises(error):
            run(settings, real_unmasker(), lambda *_: None)
        assert not (tmp_path / "out").exists()


def test_row675_a_camera_takes_no_reference():
    settings = RestoreSettings(inputs=("camera:0",), reference=("me.jpg",))
    with pytest.raises(UsageError, match="not for a camera"):
        watch_camera(settings, real_unmasker(), lambda _: None)


def test_row675_an_empty_list_of_references_restores_without():
    restored = real_unmasker()(masked_portrait().masked, references=[])
    assert restored.changed
    assert not restored.by_reference
    with pytest.raises(UsageError):
        real_unmasker().load_references([])
    assert isinstance(real_unmasker().load_references([other_view()]), References)
