"""Rows 11 and 740 of the fault matrix: damaged and missing lists and downloads of CelebA."""

import pytest

from maskgen import doctor
from maskgen.errors import InputError
from maskgen.faces.landmarks import build_detector
from maskgen.generation.pipeline import generate, rehearse
from maskgen.settings import CropSettings, FaceSettings, GenSettings, RunSettings, SourceSettings
from maskgen.sources import build_source
from tests.helpers.celeba_folders import NAMES, lists, partition, photos, points, text, unpacked

pytestmark = pytest.mark.fault
PARTITION, PEOPLE = "list_eval_partition.txt", "identity_CelebA.txt"
LANDMARKS = "list_landmarks_align_celeba.txt"
PAGE = b"<!DOCTYPE html><html><title>Google Drive - Quota exceeded</title></html>"


def celeba(tmp_path, changed, split="auto"):
    """Builds a source of the photos and lists, with some files changed; None removes a file."""
    files = {f"img_align_celeba/{name}": data for name, data in photos().items()} | lists() | changed
    unpacked(tmp_path, {name: data for name, data in files.items() if data is not None})
    return build_source(SourceSettings(src="celeba", root=str(tmp_path), split=split))


def refused(tmp_path, name, data, *words):
    with pytest.raises(InputError) as caught:
        celeba(tmp_path, {name: data})
    for word in (name, *words):
        assert word in str(caught.value)


@pytest.mark.parametrize("count", [5, 7, 202599])
def test_row11_a_list_with_a_wrong_count_in_its_header_is_refused(tmp_path, count):
    data = lists()[LANDMARKS].replace(b"6\n", b"%d\n" % count, 1)
    refused(tmp_path, LANDMARKS, data, "line 1", f"promises {count} photos, but 6 follow")


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.split(b"\n", 2)[2],
        lambda data: data.split(b"\n", 1)[1],
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n") + b"\r\n\r\n",
        lambda data: data.rstrip(),
    ],
    ids=["no-header", "no-count", "crlf", "bom", "bom-crlf-blank", "no-last-newline"],
)
def test_row11_harmless_forms_of_a_list_are_read(tmp_path, change):
    source = celeba(tmp_path, {name: change(lists()[name]) for name in (LANDMARKS,)})
    assert [[v for point in ref.points for v in point] for ref in source.refs()] == list(points().values())


def test_row11_lists_without_a_header_may_have_crlf_and_a_byte_order_mark(tmp_path):
    changed = {name: b"\xef\xbb\xbf" + lists()[name].replace(b"\n", b"\r\n") for name in (PARTITION, PEOPLE)}
    refs = celeba(tmp_path, changed).refs()
    assert [(ref.split, ref.identity) for ref in refs][::2] == [
        ("train", "100"),
        ("val", "101"),
        ("test", "102"),
    ]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b"000003.jpg", "a photo's name and 1 whole numbers"),
        (b"000003.jpg one", "'000003.jpg one'"),
        (b"000003.jpg 1 1", "'000003.jpg 1 1'"),
        (b"000003.jpg 3", "from 0 to 2"),
        (b"photo3.jpg 1", "'photo3.jpg 1'"),
        (b"000002.jpg 1", "a second time"),
        (b"000003.jpg \xff", "no text"),
    ],
)
def test_row11_a_bad_line_is_named_by_its_number(tmp_path, line, what):
    data = lists()[PARTITION].replace(b"000003.jpg 1", line)
    refused(tmp_path, PARTITION, data, "line 3", what)


def test_row11_an_empty_list_is_refused(tmp_path):
    refused(tmp_path, PARTITION, b"", "no photo is named")


@pytest.mark.parametrize("name", [PARTITION, LANDMARKS, "img_align_celeba.zip"])
def test_row11_a_web_page_in_place_of_a_file_is_refused(tmp_path, name):
    changed = {f"img_align_celeba/{photo}": None for photo in NAMES} if name.endswith(".zip") else {}
    with pytest.raises(InputError, match=rf"(?s){name}.*looks like a download page"):
        celeba(tmp_path, {name: PAGE} | changed)


def test_row11_web_pages_in_place_of_photos_are_refused(tmp_path):
    with pytest.raises(InputError, match="looks like a download page"):
        celeba(tmp_path, {f"img_align_celeba/{name}": PAGE for name in NAMES})


def test_row11_a_partition_that_lacks_photos_is_refused_unless_the_split_is_by_hash(tmp_path):
    data = text({name: row for name, row in partition().items() if name > "000002.jpg"})
    refused(tmp_path, PARTITION, data, "no line for 000001.jpg and 1 more photos", "--split hash")
    source = celeba(tmp_path, {PARTITION: data}, split="hash")
    assert any("000001.jpg" in note for note in source.notes)


def test_row11_missing_photos_of_a_partition_are_counted_in_a_note(tmp_path):
    data = lists()[PARTITION] + b"000900.jpg 0\n000901.jpg 2\n"
    source = celeba(tmp_path, {PARTITION: data})
    assert len(source.refs()) == len(NAMES)
    (note,) = source.notes
    assert "names 2 photos that are not there, such as 000900" in note


def test_row11_photos_without_a_partition_and_identities_are_usable(tmp_path):
    refs = celeba(tmp_path, {PARTITION: None, PEOPLE: None}).refs()
    assert {(ref.split, ref.identity) for ref in refs} == {("", "")}
    assert len(refs[0].points) == 5


def test_row11_a_photo_without_points_is_noted_and_skipped(tmp_path):
    data = text({name: row for name, row in points().items() if name != NAMES[0]})
    source = celeba(tmp_path, {LANDMARKS: data})
    assert "no line for 000001.jpg" in source.notes[0]
    assert source.refs()[0].points == ()
    assert build_detector(FaceSettings(landmarks="celeba")).detect(_pixels()).reason == "no_face"


def _pixels():
    from tests.helpers.faces import astronaut

    return astronaut()


def test_row11_a_nested_folder_with_macos_metadata_is_read(tmp_path):
    leavings = {f"__MACOSX/img_align_celeba/._{name}": b"Mac OS X" for name in NAMES}
    files = {f"img_align_celeba/img_align_celeba/{name}": data for name, data in photos().items()}
    unpacked(tmp_path, files | leavings | lists())
    source = build_source(SourceSettings(src="celeba", root=str(tmp_path)))
    assert [ref.id for ref in source.refs()] == [f"img_align_celeba/{name}" for name in NAMES]


EFFECTS = {
    PEOPLE: ("`identity` is empty", "may share people"),
    PARTITION: ("not the official ones", "hash of each photo"),
    LANDMARKS: ("faces are searched for",),
}


def rehearsed(tmp_path, absent, **more):
    celeba(tmp_path, dict.fromkeys(absent))
    source = SourceSettings(src="celeba", root=str(tmp_path), split=more.pop("split", "auto"))
    run = RunSettings(out=str(tmp_path / "out"))
    return rehearse(GenSettings(source=source, faces=FaceSettings(**more), run=run)).warnings


def test_row740_a_run_names_each_missing_list_and_what_follows_from_it(tmp_path):
    lines = [line for line in rehearsed(tmp_path, EFFECTS) if line.startswith("CelebA without")]
    assert len(lines) == len(EFFECTS)
    for line, (name, effects) in zip(lines, EFFECTS.items(), strict=True):
        for word in (name, *effects):
            assert word in line


def test_row740_nothing_is_said_of_lists_that_are_there_or_not_used(tmp_path):
    assert not [line for line in rehearsed(tmp_path / "all", ()) if "CelebA without" in line]
    unused = rehearsed(tmp_path / "unused", (PARTITION, LANDMARKS), split="hash", landmarks="mesh")
    assert not [line for line in unused if "CelebA without" in line]


def test_row740_official_splits_keep_people_apart_without_the_list_of_them(tmp_path):
    (line,) = [line for line in rehearsed(tmp_path / "a", (PEOPLE,)) if "CelebA without" in line]
    assert "official splits are disjoint in people" in line
    assert "may share people" in rehearsed(tmp_path / "b", (PEOPLE,), split="hash")[0]
    assert "hash of each person" in rehearsed(tmp_path / "c", (PARTITION,))[0]


def test_row740_gen_data_says_once_that_people_are_unknown(tmp_path):
    celeba(tmp_path, dict.fromkeys(EFFECTS))
    settings = GenSettings(
        source=SourceSettings(src="celeba", root=str(tmp_path), n=2),
        faces=FaceSettings(cache="off"),
        crop=CropSettings(size=64),
        run=RunSettings(out=str(tmp_path / "out"), jobs=1),
    )
    said = [line for line in generate(settings).warnings if "may share people" in line]
    assert len(said) == 1
    assert said[0].startswith(f"CelebA without {PEOPLE}")


def test_row740_doctor_names_each_missing_list(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "_faces", lambda: "a face")
    celeba(tmp_path, {PEOPLE: None})
    photos, people = (check for check in doctor.examine(tmp_path, str(tmp_path)) if check.name == "celeba")
    assert photos.ok
    assert "6 photos" in photos.found
    assert (people.ok, people.optional) == (False, True)
    assert PEOPLE in people.found
    assert PEOPLE in people.mend


def test_row740_doctor_names_a_folder_without_celeba_only_if_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "_faces", lambda: "a face")
    assert not [check for check in doctor.examine(tmp_path) if check.name == "celeba"]
    (check,) = [check for check in doctor.examine(tmp_path, str(tmp_path / "none")) if check.name == "celeba"]
    assert not check.ok
    assert check.mend
