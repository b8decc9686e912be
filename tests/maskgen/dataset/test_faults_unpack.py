"""Rows 48, 57 and 687 of the fault matrix: unpacking of photos with odd names, of foreign labels, on a full disk."""

import io
import json
import tarfile
import zipfile

import pytest

from maskgen.dataset.unpack import unpack
from maskgen.dataset.unpack.record_file import RecordFile
from maskgen.errors import InputError, MissingError
from maskgen.generation.pipeline import generate
from tests.helpers.fake_worker_tools import build, draw_photo, settings_for
from tests.helpers.small_images import write_data_set

pytestmark = pytest.mark.fault


@pytest.mark.parametrize("name", ["caf\\xe9.jpg", "back\\slash.jpg", "Ann\\Ann_0001.jpg", "a/b\\c/d.jpg"])
def test_row57_a_backslash_in_a_name_does_not_keep_a_tree_from_being_unpacked(tmp_path, name):
    folder = write_data_set(tmp_path / "set", [name, "a.jpg"], size_setting=0)
    unpack(folder, tmp_path / "to", layout="tree")
    assert (tmp_path / "to" / name).read_bytes()[:2] == b"\xff\xd8"
    assert (tmp_path / "to/a.jpg").exists()


def test_row57_a_zip_of_windows_becomes_a_data_set_of_people_and_their_tree(tmp_path):
    photos = {rf"Ann_Lee\Ann_Lee_000{number}.jpg": number for number in range(1, 5)}
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as packed:
        for name, number in photos.items():
            draw_photo(tmp_path / f"{number}.jpg", number)
            member = zipfile.ZipInfo(name)
            member.create_system = 0
            packed.writestr(member, (tmp_path / f"{number}.jpg").read_bytes())
    report = generate(settings_for(tmp_path / "set.zip", tmp_path / "out"), build=build)
    assert (report.triplets, len(report.skipped)) == (4, 0)
    assert not any("who is on" in line for line in report.warnings)
    unpack(tmp_path / "out", tmp_path / "to", layout="tree")
    assert sorted(path.name for path in (tmp_path / "to/Ann_Lee").iterdir()) == [
        f"Ann_Lee_000{number}.jpg" for number in range(1, 5)
    ]


def test_row48_a_tree_keeps_names_without_a_suffix_of_a_photo(tmp_path):
    names = ["john.smith", "john.jones", "a.jpg_large", "b.jpg?w=640", "c.png_d.jpg"]
    folder = write_data_set(tmp_path / "set", names, size_setting=0)
    unpack(folder, tmp_path / "to", layout="tree")
    files = {path.name for path in (tmp_path / "to").iterdir()} - {"samples.csv", "skipped.csv"}
    assert files == {"john.smith.jpg", "john.jones.jpg", "a.jpg", "b.jpg", "c.png_d.jpg"}


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("faces.box", lambda labels: labels["faces"][0].update(box=[1.0, 2.0, 3.0])),
        ("faces.box", lambda labels: labels["faces"][0].update(box=[])),
        ("faces.landmarks", lambda labels: labels["faces"][0].update(landmarks=[[1.0, 2.0], [1.0]])),
        ("faces.landmarks", lambda labels: labels["faces"][0].update(landmarks=[[1.0, 2.0, 3.0]])),
        ("identity", lambda labels: labels.update(identity="Ann\ud800")),
        ("source", lambda labels: labels.update(source="\udcff.jpg")),
        ("faces.mask.texture", lambda labels: labels["faces"][0]["mask"].update(texture="\udc00")),
    ],
)
@pytest.mark.parametrize("layout", ["tree", "yolo", "identities"])
def test_row687_labels_of_a_foreign_shape_or_half_letters_are_named(tmp_path, path, change, layout):
    folder = write_data_set(tmp_path / "set", ["Ann/Ann_0001.jpg"], size_setting=0)
    (shard,) = folder.glob("*.tar")
    with tarfile.open(shard) as file:
        members = {member.name: file.extractfile(member).read() for member in file}
    with tarfile.open(shard, "w") as file:
        for name, data in members.items():
            if name.endswith(".json"):
                labels = json.loads(data)
                change(labels)
                data = json.dumps(labels).encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            file.addfile(entry, io.BytesIO(data))
    with pytest.raises(InputError, match=rf"labels are not ours, look at {path}\. Run unmask verify"):
        unpack(folder, tmp_path / "to", layout=layout)


def test_row687_a_full_disk_ends_a_rec_file_with_one_line_and_leaves_no_part(tmp_path):
    resource = pytest.importorskip("resource")
    (tmp_path / "train.rec.1-0a0b0c0d.part").write_bytes(b"of a run that was killed")
    (tmp_path / "train.idx").write_text("of an older file")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill() -> None:
        with RecordFile(tmp_path, "train", {"Ann": 2}, (8, 8)) as file:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
            for name in ("1.jpg", "2.jpg"):
                file.add("Ann", name, b"1" * 2000)
            file.finish()

    try:
        with pytest.raises(MissingError, match=r"no file may grow to train\.rec here"):
            fill()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in tmp_path.iterdir()] == ["train.idx"]
    with RecordFile(tmp_path, "train", {"Ann": 1}, (8, 8)) as file:
        file.add("Ann", "1.jpg", b"1" * 2000)
        file.finish()
    assert [path.name for path in tmp_path.iterdir()] == ["train.rec"]  # its index comes after it
