"""Rows 35 and 40 of docs/faults.md: unusual photos, and results whose metadata say that they are synthetic."""

import io

import av
import numpy as np
import pytest
from PIL import Image

from tests.helpers.faces import astronaut
from tests.helpers.restoring import ToyNetworks, draw_photo, face_at, fixed_detector
from unmasknet.restore.batch import run
from unmasknet.restore.faces import build_face_detectors
from unmasknet.restore.provenance import NOTE, encode_result
from unmasknet.restore.settings import RestoreSettings
from unmasknet.restore.unmasker import MASK, Unmasker

pytestmark = pytest.mark.fault
FACE = (100, 120, 160)


def unmask(tmp_path, data: bytes, suffix: str, *faces):
    path = tmp_path / f"photo{suffix}"
    path.write_bytes(data)
    settings = RestoreSettings(inputs=(str(path),), out=str(tmp_path / "out"), save_map=True)
    unmasker = Unmasker(ToyNetworks(), fixed_detector(*faces))
    return run(settings, unmasker, lambda *_: None).results[0]


def encoded(image, kind, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("mode", ["L", "CMYK", "P", "RGBA", "1"])
def test_row35_photos_of_any_mode_keep_their_size(tmp_path, mode):
    image = Image.fromarray(draw_photo(240, 200, FACE)).convert(mode)
    kind, suffix = ("JPEG", ".jpg") if mode == "CMYK" else ("PNG", ".png")
    result = unmask(tmp_path, encoded(image, kind), suffix, face_at(*FACE))
    with Image.open(result.output) as picture:
        assert picture.size == (200, 240)


def test_row35_a_16_bit_photo_keeps_its_size(tmp_path):
    grey = (draw_photo(240, 200, FACE).mean(2) * 257).astype(np.uint16)
    result = unmask(tmp_path, encoded(Image.fromarray(grey), "PNG"), ".png", face_at(*FACE))
    with Image.open(result.output) as picture:
        assert picture.size == (200, 240)


def test_row35_a_photo_with_exif_orientation_is_returned_upright(tmp_path):
    upright = draw_photo(240, 200, FACE)
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = Image.fromarray(np.ascontiguousarray(np.rot90(upright)))
    result = unmask(tmp_path, encoded(stored, "JPEG", exif=exif, quality=98), ".jpg", face_at(*FACE))
    with Image.open(result.output) as picture:
        assert picture.size == (200, 240)
        assert picture.getexif().get(0x0112, 1) == 1
        top = np.asarray(picture)[:40].astype(int)
    assert np.abs(top - upright[:40]).mean() < 6
    assert result.masked == 1


def test_row35_a_photo_8000_pixels_wide_is_restored_at_its_size():
    photo = np.full((400, 8000, 3), 128, np.uint8)
    photo[:240, 4000:4200] = draw_photo(240, 200, FACE)
    restored = Unmasker(ToyNetworks(), fixed_detector(face_at(4100, 120, 160)))(photo)
    assert restored.picture.shape == photo.shape
    assert (restored.map[130:160, 4080:4120] == MASK).all()
    assert np.array_equal(restored.picture[restored.map == 0], photo[restored.map == 0])


def test_row35_a_face_of_20_pixels_is_restored():
    photo = draw_photo(60, 60, (30, 30, 40))
    restored = Unmasker(ToyNetworks(), fixed_detector(face_at(30, 30, 40)))(photo)
    assert restored.changed
    assert np.array_equal(restored.picture[restored.map == 0], photo[restored.map == 0])


def test_row35_several_masked_faces_are_all_restored():
    faces = [(80, 100, 100), (200, 100, 100), (320, 100, 100)]
    restored = Unmasker(ToyNetworks(), fixed_detector(*(face_at(*face) for face in faces)))(
        draw_photo(200, 400, *faces)
    )
    assert restored.said == "3 faces restored"


def test_row35_a_photo_without_face_or_mask_is_unchanged_and_reported(tmp_path):
    bare = encoded(Image.fromarray(draw_photo(240, 200)), "JPEG")
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for folder, faces, word in (("a", (), "no face"), ("b", (face_at(*FACE),), "no mask")):
        result = unmask(tmp_path / folder, bare, ".jpg", *faces)
        assert word in result.said
        assert (tmp_path / folder / "out/photo.jpg").read_bytes() == bare
        with Image.open(result.map) as map:
            assert not np.asarray(map).any()


@pytest.fixture(scope="module")
def find():
    return build_face_detectors()[0]


def test_row35_the_face_detector_finds_bare_and_small_faces_and_no_false_ones(find):
    photo = np.ascontiguousarray(astronaut()[:300, 80:380])
    assert find(photo)
    small = np.full((240, 320, 3), 120, np.uint8)
    small[90:150, 130:190] = np.asarray(Image.fromarray(photo).resize((60, 60)))
    assert find(small)
    assert not find(draw_photo(240, 320))
    y, x = np.mgrid[:240, :320]
    assert not find(np.stack([x % 256, y % 256, (x * y // 64) % 256], axis=2).astype(np.uint8))


def test_row35_crops_of_the_face_detector_are_framed_as_the_training_crops_are(find):
    from maskgen.faces.align import crop_matrix
    from maskgen.faces.landmarks.mesh import MeshDetector
    from maskgen.images.resample import carry, inverse
    from unmasknet.restore.face_window import at_size

    photo = np.ascontiguousarray(astronaut()[:300, 80:380])
    face = MeshDetector().detect(photo)[0]
    corners = np.array([[0, 0], [255, 0], [0, 255], [255, 255]], np.float32)
    seen_corners = carry(at_size(find(photo)[0].place, 256), carry(inverse(crop_matrix(face, 256)), corners))
    assert np.abs(seen_corners - corners).max() < 10  # pixels of 256


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_row40_results_say_in_their_metadata_that_they_are_synthetic(suffix):
    data = encode_result(draw_photo(64, 64), suffix)
    with Image.open(io.BytesIO(data)) as picture:
        notes = [str(value) for value in (*picture.getexif().values(), *picture.info.values())]
    assert any(NOTE in note for note in notes)
    if suffix != ".tif":
        assert b"compositeWithTrainedAlgorithmicMedia" in data


def test_row40_a_video_says_that_it_is_synthetic(tmp_path):
    from maskgen.video import open_clip
    from maskgen.video.writer import ClipWriter
    from tests.helpers.clips import moving, write_clip

    clip = write_clip(tmp_path / "a.mp4", moving(3))
    with ClipWriter(clip, tmp_path / "b.mp4", None, NOTE) as writer:
        for moment in open_clip(clip).moments():
            writer.write(moment, moment.pixels())
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert container.metadata["comment"] == NOTE
