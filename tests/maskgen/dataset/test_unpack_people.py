"""Layouts for recognisers: a folder per person, and `.rec` files as InsightFace's own tools read them."""

import csv
import os

import numpy as np
import pytest

from maskgen.cli.unpack import report_text
from maskgen.dataset.reader import open_data_set
from maskgen.dataset.unpack import unpack
from maskgen.dataset.unpack.people import PersonFolders
from maskgen.dataset.unpack.record_file import RecordFile, label_people
from maskgen.errors import InputError, UnmaskError, UsageError
from maskgen.recordio import EXACT, read_framed, read_index, unpack_record
from maskgen.settings import SourceSettings
from maskgen.sources import build_source
from tests.helpers.small_images import write_data_set

SOURCES = ("Ann/Ann_0001.jpg", "Bob/Bob_0001.png", "Ann/Ann_0002.jpg", "Bob/x/Ann_0001.jpg", "stray.jpg")


def files_below(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def table_rows(folder):
    return list(csv.DictReader((folder / "samples.csv").read_text("utf-8").splitlines()))


def arcface_torch_samples(folder):
    """Reads images and labels by the steps of `MXFaceDataset` in InsightFace's arcface_torch/dataset.py."""
    index = read_index(folder / "train.idx")
    offsets = dict(zip(index.keys.tolist(), index.offsets.tolist(), strict=True))
    file = os.open(folder / "train.rec", os.O_RDONLY)
    header = unpack_record(read_framed(file, offsets[0]))
    assert header.several  # its flag > 0
    samples = []
    for key in range(1, int(header.labels[0])):
        record = unpack_record(read_framed(file, offsets[key]))
        assert record.id == key
        samples.append((record.content, int(record.labels[0])))
    ranges = range(int(header.labels[0]), int(header.labels[1]))  # as `FaceImageIter` of arcface_mxnet does
    people = [unpack_record(read_framed(file, offsets[key])).labels for key in ranges]
    os.close(file)
    return samples, people


def test_each_person_has_a_folder_with_the_bytes_of_the_shard(tmp_path):
    folder = write_data_set(tmp_path / "set", SOURCES)
    report = unpack(folder, tmp_path / "to", layout="identities")
    found = files_below(tmp_path / "to") - {"samples.csv", "skipped.csv"}
    assert found == {
        "train/Ann/Ann_0001.jpg",
        "train/Ann/Ann_0002.jpg",
        "train/Bob/Bob_0001.jpg",
        "train/Bob/Ann_0001.jpg",
    }
    assert (report.samples, report.people, report.files) == (4, 2, 4)
    assert report.warnings[-1] == "1 samples left out: their identity is unknown"
    rows = table_rows(tmp_path / "to")
    masked = {sample.key: sample.member("masked")[0] for sample in open_data_set(folder).samples()}
    assert all((tmp_path / "to" / row["file"]).read_bytes() == masked[row["key"]] for row in rows)


def test_originals_lie_beside_the_masked_images_except_of_bare_faces(tmp_path):
    folder = write_data_set(tmp_path / "set", SOURCES[:2], unmasked=SOURCES[1:2])
    unpack(folder, tmp_path / "to", layout="identities", also_original=True)
    assert files_below(tmp_path / "to/train") == {
        "Ann/Ann_0001.jpg",
        "Ann/Ann_0001-bare.jpg",
        "Bob/Bob_0001.jpg",
    }
    plain = {sample.labels["source"]: sample.member("gt")[0] for sample in open_data_set(folder).samples()}
    assert (tmp_path / "to/train/Ann/Ann_0001-bare.jpg").read_bytes() == plain[SOURCES[0]]


def test_two_photos_of_one_name_keep_both(tmp_path):
    folder = write_data_set(tmp_path / "set", ("Ann/a/1.jpg", "Ann/b/1.jpg"))
    unpack(folder, tmp_path / "to", layout="identities")
    assert len(files_below(tmp_path / "to/train/Ann")) == 2


def test_names_of_people_make_folders_of_their_own_on_any_system():
    folders = PersonFolders()
    names = ["Ann", "ann", "a/b", "a_b", "..", "x" * 300, "Zoë", "a\\b", "."]
    made = [folders.folder(name) for name in names]
    assert made[0] == "Ann"
    assert made[6] == "Zoë"
    assert len({name.casefold() for name in made}) == len(names)
    assert all(name not in ("", ".", "..") and not set(name) & set("/\\\0") for name in made)
    assert all(len(name.encode()) <= 255 for name in made)
    assert [folders.folder(name) for name in names] == made


def test_a_rec_file_gives_what_arcface_torch_expects(tmp_path):
    folder = write_data_set(tmp_path / "set", SOURCES, size_setting=64)
    report = unpack(folder, tmp_path / "to", layout="rec")
    samples, people = arcface_torch_samples(tmp_path / "to")
    by_source = {s.labels["source"]: s.member("masked")[0] for s in open_data_set(folder).samples()}
    assert {(content, label) for content, label in samples} == {
        (by_source[source], "AB".index(source[0])) for source in SOURCES[:4]
    }
    assert [label for _, label in samples] == [0, 0, 1, 1]  # a person's keys follow each other
    assert people == [(1.0, 3.0), (3.0, 5.0)]
    assert (tmp_path / "to/property").read_text() == "2,64,64\n"
    assert (report.samples, report.people, report.files) == (4, 2, 1)
    assert report_text(report) == f"4 samples of 2 people in {tmp_path / 'to'}: 1 file and its tables"
    assert (tmp_path / "to/train-labels.csv").read_text() == "label,identity,images\n0,Ann,2\n1,Bob,2\n"
    rows = {row["file"]: row for row in table_rows(tmp_path / "to")}
    assert set(rows) == {f"train.rec:{key}" for key in range(1, 5)}
    for key, label, name in (
        line.split("\t") for line in (tmp_path / "to/train.lst").read_text().splitlines()
    ):
        assert rows[f"train.rec:{key}"]["identity"] == ("Ann", "Bob")[int(label)]
        assert (
            rows[f"train.rec:{key}"]["source"].rpartition("/")[2].partition(".")[0] == name.partition(".")[0]
        )


def test_originals_of_a_rec_file_have_the_label_of_their_person(tmp_path):
    folder = write_data_set(tmp_path / "set", SOURCES[:2])
    unpack(folder, tmp_path / "to", layout="rec", also_original=True)
    samples, _ = arcface_torch_samples(tmp_path / "to")
    expected = {
        (sample.member(role)[0], "AB".index(sample.labels["source"][0]))
        for sample in open_data_set(folder).samples()
        for role in ("masked", "gt")
    }
    assert set(samples) == expected


def test_a_rec_file_that_was_written_is_a_source_with_the_same_people(tmp_path):
    folder = write_data_set(tmp_path / "set", ("7/a.jpg", "12/b.jpg", "7/c.jpg"))
    unpack(folder, tmp_path / "to", layout="rec")
    found = build_source(SourceSettings(src=str(tmp_path / "to")))
    assert sorted(ref.identity for ref in found.refs()) == ["12", "7", "7"]
    assert (tmp_path / "to/property").read_text() == "13,64,64\n"
    stored = {sample.member("masked")[0] for sample in open_data_set(folder).samples()}
    assert {found.read(ref) for ref in found.refs()} == stored


def test_numbers_of_people_stay_their_labels_and_names_are_counted():
    assert label_people(["10", "9", "0"]) == {"0": 0, "10": 10, "9": 9}
    assert label_people(["b", "10", "a"]) == {"10": 0, "a": 1, "b": 2}
    assert label_people(["01", "1"]) == {"01": 0, "1": 1}  # two people
    assert label_people(["\u0663", "1"]) == {"1": 0, "\u0663": 1}


def test_the_same_data_set_gives_the_same_bytes(tmp_path):
    folder = write_data_set(tmp_path / "set", SOURCES)
    for to in ("a", "b"):
        unpack(folder, tmp_path / to, layout="rec")
    assert all(
        (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
        for name in files_below(tmp_path / "a")
    )


@pytest.mark.fault
@pytest.mark.parametrize("layout", ["identities", "rec"])
def test_row643_without_known_people_nothing_is_written_for_recognisers(tmp_path, layout):
    folder = write_data_set(tmp_path / "set", ("1.jpg", "2.jpg"))
    with pytest.raises(InputError, match="no sample has a known identity"):
        unpack(folder, tmp_path / "to", layout=layout)
    assert not [name for name in files_below(tmp_path / "to") if not name.endswith(".csv")]


@pytest.mark.fault
def test_row643_images_of_several_sizes_or_webp_make_no_rec_file(tmp_path):
    large = np.zeros((96, 96, 3), np.uint8)
    folder = write_data_set(tmp_path / "set", SOURCES[:2])
    write_data_set(tmp_path / "set", ("Cid/1.jpg",), split="val", photo=large)
    with pytest.raises(InputError, match=r"images of 64 x 64 and of 96 x 96 pixels"):
        unpack(folder, tmp_path / "to", layout="rec")
    assert not files_below(tmp_path / "to")
    write_data_set(tmp_path / "webp", SOURCES[:2], encoding="webp")
    with pytest.raises(InputError, match="MXNet reads no WebP"):
        unpack(tmp_path / "webp", tmp_path / "to", layout="rec")


@pytest.mark.fault
def test_row643_more_images_than_the_format_counts_exactly_are_refused(tmp_path):
    with pytest.raises(InputError, match="16,777,216 exactly"):
        RecordFile(tmp_path, "train", {"a": EXACT}, (112, 112))


@pytest.mark.fault
def test_row643_an_interrupted_rec_file_leaves_no_part(tmp_path, monkeypatch):
    folder = write_data_set(tmp_path / "set", SOURCES)

    def fail(*_):
        raise UnmaskError("the disk is full")

    monkeypatch.setattr(RecordFile, "finish", fail)
    with pytest.raises(UnmaskError, match="the disk is full"):
        unpack(folder, tmp_path / "to", layout="rec")
    assert not files_below(tmp_path / "to")


@pytest.mark.fault
def test_row643_options_of_other_layouts_are_refused(tmp_path):
    folder = write_data_set(tmp_path / "set", SOURCES)
    with pytest.raises(UsageError, match="--names: has no meaning for --layout rec"):
        unpack(folder, tmp_path / "to", layout="rec", names="a,b,c")
