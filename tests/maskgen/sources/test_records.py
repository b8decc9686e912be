"""Photos in `.rec` files: people from their labels, points from the template, damage counted or named."""

import pickle

import cv2
import numpy as np
import pytest

from maskgen.errors import InputError, NoPhotosError, Skip
from maskgen.faces.align import crop, crop_matrix
from maskgen.faces.arcface import TEMPLATE
from maskgen.settings import CropSettings, FaceSettings, GenSettings, RunSettings, SourceSettings
from maskgen.sources import build_source, find_copies
from tests.helpers.faces import astronaut, detector
from tests.helpers.record_files import write_records


def images(count, seed=0):
    rng = np.random.default_rng(seed)
    return [
        cv2.imencode(".jpg", rng.integers(0, 255, (32, 32, 3), np.uint8))[1].tobytes() for _ in range(count)
    ]


def source(path):
    return build_source(SourceSettings(src=str(path)))


PEOPLE = [images(3, 1), images(1, 2), images(2, 3)]


@pytest.mark.parametrize("ranges", [True, False])
def test_images_are_photos_and_labels_are_people(tmp_path, ranges):
    write_records(tmp_path / "faces_emore", PEOPLE, ranges=ranges)
    found = source(tmp_path / "faces_emore")
    first = 1 if ranges else 0
    assert [ref.identity for ref in found.refs()] == ["0", "0", "0", "1", "2", "2"]
    assert found.refs()[0].id == f"0000000/{first:08d}.jpg"
    assert found.name == "faces_emore"
    copy = pickle.loads(pickle.dumps(found))
    assert [copy.read(ref) for ref in found.refs()] == [image for person in PEOPLE for image in person]


def test_the_file_itself_may_be_named_and_other_files_keep_their_name(tmp_path):
    path, _ = write_records(tmp_path / "Glint 360k", PEOPLE, stem="part")
    assert source(path).name == "glint-360k-part"
    assert len(source(tmp_path / "Glint 360k").refs()) == 6


def test_points_are_the_template_s_at_the_size_that_the_file_property_states(tmp_path):
    for side, scale in ((112, 1), (224, 2)):
        write_records(tmp_path / str(side), PEOPLE, side=side)
        points = np.array(source(tmp_path / str(side)).refs()[0].points)
        assert np.allclose(points + 0.5, (TEMPLATE + 0.5) * scale, atol=1e-4)
    write_records(tmp_path / "none", PEOPLE, side=None)
    assert source(tmp_path / "none").refs()[0].points == ()


def test_copies_are_found(tmp_path):
    write_records(tmp_path, [PEOPLE[0], [PEOPLE[0][1]]])
    found = source(tmp_path)
    assert list(find_copies(found, found.refs())) == ["0000000/00000002.jpg", "0000001/00000004.jpg"]


def test_an_aligned_crop_in_a_file_gets_its_mask_on_its_own_grid(tmp_path):
    from maskgen.generation.pipeline import generate

    face = detector().detect(astronaut())[0]
    pixels, _ = crop(astronaut(), crop_matrix(face, 112, "arcface"), 112, "constant")
    encoded = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    write_records(tmp_path / "in", [[encoded, *images(1)]])
    settings = GenSettings(
        source=SourceSettings(src=str(tmp_path / "in"), val=0, test=0),
        faces=FaceSettings(cache="off"),
        crop=CropSettings(size=0),
        run=RunSettings(out=str(tmp_path / "out"), jobs=1),
    )
    report = generate(settings)
    assert report.triplets == 1
    assert sum(report.skipped.values()) == 1  # the other image is noise


@pytest.mark.fault
def test_row642_a_damaged_record_is_one_unreadable_photo(tmp_path):
    path, offsets = write_records(tmp_path, PEOPLE, ranges=False)
    data = bytearray(path.read_bytes())
    data[offsets[1]] ^= 1
    path.write_bytes(data)
    found = source(tmp_path)
    refs = found.refs()
    bad = [ref for ref in refs if isinstance(found.read(ref), Skip)]
    assert [(ref.id, ref.identity) for ref in bad] == [("unknown/00000001.jpg", "")]
    skip = found.read(bad[0])
    assert skip.reason == "unreadable"
    assert "record 1 of train.rec: byte" in skip.detail


@pytest.mark.fault
def test_row642_an_index_that_points_behind_the_end_counts_photos_as_unreadable(tmp_path):
    path, offsets = write_records(tmp_path, PEOPLE, ranges=False)
    path.write_bytes(path.read_bytes()[: offsets[4] + 20])
    found = source(tmp_path)
    details = [found.read(ref).detail for ref in found.refs() if isinstance(found.read(ref), Skip)]
    assert len(found.refs()) == 6
    assert any("behind the end of the file" in detail for detail in details)
    assert any("the file is cut" in detail for detail in details)


@pytest.mark.fault
def test_row642_a_file_cut_before_record_0_is_refused(tmp_path):
    path, offsets = write_records(tmp_path, PEOPLE)
    path.write_bytes(path.read_bytes()[: offsets[0]])
    with pytest.raises(InputError, match=r"record 0 byte \d+ is behind the end.*may be cut; copy it again"):
        source(tmp_path).refs()


@pytest.mark.fault
def test_row642_a_damaged_range_of_a_person_costs_no_photo(tmp_path):
    path, offsets = write_records(tmp_path, PEOPLE)
    data = bytearray(path.read_bytes())
    data[offsets[8]] ^= 1  # the range of the second person
    path.write_bytes(data)
    assert [ref.identity for ref in source(tmp_path).refs()] == ["0", "0", "0", "1", "2", "2"]


@pytest.mark.fault
def test_row642_a_missing_or_broken_index_is_named(tmp_path):
    path, _ = write_records(tmp_path, PEOPLE)
    path.with_suffix(".idx").write_text("1\tx\n")
    with pytest.raises(InputError, match=r"train\.idx: cannot be read as an index: line 1"):
        source(tmp_path).refs()
    path.with_suffix(".idx").write_text("")
    with pytest.raises(NoPhotosError, match="lists no record"):
        source(tmp_path).refs()
    path.with_suffix(".idx").unlink()
    with pytest.raises(InputError, match=r"its index train\.idx is not beside it"):
        source(tmp_path).refs()


@pytest.mark.fault
def test_row642_another_file_named_rec_is_refused(tmp_path):
    (tmp_path / "a.rec").write_bytes(b"\0" * 64)
    with pytest.raises(InputError, match="no RecordIO file"):
        source(tmp_path / "a.rec")
    with pytest.raises(InputError, match="no RecordIO file"):
        source(tmp_path)


@pytest.mark.fault
def test_row642_of_several_files_one_must_be_named(tmp_path):
    for stem in ("a", "b"):
        write_records(tmp_path, PEOPLE, stem=stem)
    with pytest.raises(InputError, match="holds several"):
        source(tmp_path)
    write_records(tmp_path, PEOPLE)
    assert len(source(tmp_path).refs()) == 6


@pytest.mark.fault
def test_row744_files_beside_train_rec_are_named_as_not_read(tmp_path):
    for stem in ("train", "val", "test"):
        write_records(tmp_path, PEOPLE, stem=stem)
    found = source(tmp_path)
    assert len(found.refs()) == 6
    (note,) = found.notes
    assert "only train.rec is read, and not test.rec, val.rec in" in note
    alone = source(tmp_path / "val.rec")
    assert len(alone.refs()) == 6
    assert alone.notes == ()


@pytest.mark.fault
@pytest.mark.parametrize("label", [float("nan"), -1.0, 2.5, float("inf")])
def test_row642_a_label_that_is_no_number_of_a_person_names_nobody(tmp_path, label):
    from maskgen.recordio import Record, frame_record, pack_record

    (tmp_path / "a.rec").write_bytes(frame_record(pack_record(Record((label,), images(1)[0], 1))))
    (tmp_path / "a.idx").write_text("1\t0\n")
    assert [(ref.id, ref.identity) for ref in source(tmp_path).refs()] == [("unknown/00000001.jpg", "")]


def flipped(path, at, bit, data):
    changed = bytearray(data)
    changed[at] ^= 1 << bit
    path.write_bytes(changed)


def people_read(folder):
    """Returns the people of the images that can be read, by image; and the warnings."""
    found = source(folder)
    refs = found.refs()
    return {found.read(ref): ref.identity for ref in refs if isinstance(found.read(ref), bytes)}, found.notes


@pytest.mark.fault
def test_row686_no_flipped_bit_of_labels_ranges_or_index_gives_an_image_to_another_person(tmp_path):
    people = [images(3, 1), images(2, 2), images(5, 3)]
    truth = {image: str(label) for label, group in enumerate(people) for image in group}
    path, offsets = write_records(tmp_path, people)
    data, index = path.read_bytes(), path.with_suffix(".idx").read_bytes()
    rng = np.random.default_rng(686)
    places = [
        (path, data, start + byte) for start in offsets.values() for byte in (12, 13, 14, 15, 32, 34, 35, 39)
    ]
    places += [(path.with_suffix(".idx"), index, at) for at in range(0, len(index), 3)]
    for file, content, at in places:
        flipped(file, min(at, len(content) - 1), int(rng.integers(8)), content)
        try:
            found, notes = people_read(tmp_path)
        except InputError:
            continue
        finally:
            file.write_bytes(content)
        wrong = {
            image for image, person in found.items() if image in truth and person not in ("", truth[image])
        }
        assert not wrong, (file, at)
        assert notes or len(found) >= 9, (file, at)


@pytest.mark.fault
def test_row686_an_image_with_another_label_than_its_range_is_not_used(tmp_path):
    path, offsets = write_records(tmp_path, [images(3, 1), images(3, 2)])
    data = bytearray(path.read_bytes())
    data[offsets[2] + 12 : offsets[2] + 16] = np.float32(1).tobytes()
    path.write_bytes(data)
    found = source(tmp_path)
    skip = found.read(found.refs()[1])
    assert skip.reason == "unreadable"
    assert "record 2 of train.rec: it has the label 1, the other images of its person 0" in skip.detail


@pytest.mark.fault
@pytest.mark.parametrize("ranges", [True, False])
def test_row686_a_cut_index_is_warned_of(tmp_path, ranges):
    path, _ = write_records(tmp_path, PEOPLE, ranges=ranges)
    index = path.with_suffix(".idx")
    lines = index.read_text().splitlines(keepends=True)
    for left in range(1, len(lines)):
        index.write_text("".join(lines[:left]))
        found = source(tmp_path)
        found.refs()
        assert "lists no record behind byte" in found.notes[0]
    if ranges:
        index.write_text("".join(lines[:1] + lines[2:]))
        found = source(tmp_path)
        assert len(found.refs()) == 5
        assert "lists 5 of the 6 images that record 0 promises" in found.notes[0]


@pytest.mark.fault
@pytest.mark.parametrize("span", [(float("nan"), 8.0), (7.0, float("nan")), (-np.inf, 3.0), (3e38, 3e38)])
def test_row686_damaged_numbers_in_record_0_cost_no_photo(tmp_path, span):
    from maskgen.recordio import Record, frame_record, pack_record

    path, offsets = write_records(tmp_path, PEOPLE)
    path.write_bytes(path.read_bytes()[: offsets[0]] + frame_record(pack_record(Record(span, b"", 0))))
    assert [ref.identity for ref in source(tmp_path).refs()] == ["0", "0", "0", "1", "2", "2"]


@pytest.mark.fault
def test_row686_a_label_or_an_offset_beyond_all_limits_is_named(tmp_path):
    from maskgen.recordio import Record, frame_record, pack_record

    (tmp_path / "a.rec").write_bytes(frame_record(pack_record(Record((1e30,), images(1)[0], 1))))
    (tmp_path / "a.idx").write_text("1\t0\n")
    assert source(tmp_path).refs()[0].identity == ""
    (tmp_path / "a.idx").write_text("1\t9223372036854775807\n")
    with pytest.raises(InputError, match=r"a\.idx: cannot be read as an index: line 1"):
        source(tmp_path).refs()
