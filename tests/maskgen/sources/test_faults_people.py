"""Row 56 of the fault matrix: one person's folder, spelt in two ways that look the same."""

import csv
import io
import json
import tarfile
import zipfile
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest

from maskgen.dataset.assign import extend_plan
from maskgen.dataset.missing import who_by_path
from maskgen.dataset.plan import Plan, data_settings
from maskgen.dataset.unpack import unpack
from maskgen.dataset.verify import verify
from maskgen.generation.pack import TripletSource
from maskgen.generation.pipeline import generate
from maskgen.images.codecs import encode_jpeg
from maskgen.settings import GenSettings, SourceSettings
from maskgen.sources import build_source
from tests.helpers.fake_worker_tools import build, draw_photo, settings_for
from tests.helpers.small_images import write_data_set

pytestmark = pytest.mark.fault

JPEG = encode_jpeg(np.full((40, 40, 3), 90, np.uint8), 90)
PEOPLE = ["Zoë_Müller", "Renée_Ibáñez", "Đặng_Thị", "Ångström", "가나다"]
BOTH = {person: (normalize("NFC", person), normalize("NFD", person)) for person in PEOPLE}
PHOTOS = [
    f"{spelt}/{spelt}_000{number}.jpg" for both in BOTH.values() for number, spelt in enumerate(both, 1)
]


def refs_of(path: Path, people: str = "auto"):
    return build_source(SourceSettings.model_validate({"src": str(path), "people": people})).refs()


def fill(path: Path, names: list[str]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as packed:
            for name in names:
                packed.writestr(name, JPEG)
    elif path.suffix == ".tar":
        with tarfile.open(path, "w") as tar:
            for name in names:
                header = tarfile.TarInfo(name)
                header.size = len(JPEG)
                tar.addfile(header, io.BytesIO(JPEG))
    else:
        for name in names:
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(JPEG)
    return path


@pytest.mark.parametrize("people", ["auto", "folders"])
@pytest.mark.parametrize("shape", ["folder", "set.zip", "set.tar"])
def test_row56_two_spellings_of_a_folder_are_one_person_in_one_split(tmp_path, shape, people):
    refs = refs_of(fill(tmp_path / shape, PHOTOS), people)
    assert len(refs) == len(PHOTOS)
    assert {ref.identity for ref in refs} == {normalize("NFC", person) for person in PEOPLE}
    settings = GenSettings.model_validate({"source": {"val": 0.3, "test": 0.3}})
    plan = extend_plan(Plan("people", "", data_settings(settings), {}), refs, settings)
    splits = {ref.identity: set() for ref in refs}
    for shard in plan.shards:
        for ref in shard.refs:
            splits[ref.identity].add(shard.split)
    assert all(len(found) == 1 for found in splits.values())
    assert len(set.union(*splits.values())) > 1  # else it would show nothing


def test_row56_the_ids_keep_the_spelling_of_the_files(tmp_path):
    assert {ref.id for ref in refs_of(fill(tmp_path / "folder", PHOTOS))} == set(PHOTOS)


def test_row56_a_file_may_be_spelt_otherwise_than_its_folder(tmp_path):
    folder, file = BOTH["Zoë_Müller"]
    names = [f"{folder}/{file}_0001.jpg", f"{file}/{folder}_0002.jpg"]
    assert [ref.identity for ref in refs_of(fill(tmp_path / "folder", names))] == [folder, folder]


def test_row56_people_in_tables_are_spelt_alike_too(tmp_path):
    for number, spelt in enumerate(BOTH["Zoë_Müller"]):
        (tmp_path / "video").mkdir(exist_ok=True)
        fill(tmp_path / "video", [f"{spelt}-{number}/{number}.jpg"])
        table = io.StringIO(newline="")
        csv.writer(table).writerows([["photo", "identity", "kept"], [f"{number}.jpg", "clip-p0", "1"]])
        (tmp_path / f"video/{spelt}-{number}/frames.csv").write_text(table.getvalue(), "utf-8")
    assert {ref.identity for ref in refs_of(tmp_path / "video")} == {
        f"{BOTH['Zoë_Müller'][0]}-{number}/clip-p0" for number in range(2)
    }


def test_row56_people_of_shards_and_of_packed_triplets_are_spelt_alike(tmp_path):
    first, second = BOTH["Zoë_Müller"]
    write_data_set(tmp_path / "set", [f"{first}/{first}_0001.jpg", f"{second}/{second}_0002.jpg"])
    labels = [json.loads(data) for data in members_of(tmp_path / "set", ".json")]
    assert {label["identity"] for label in labels} == {first, second}
    assert {ref.identity for ref in refs_of(tmp_path / "set")} == {first}
    unpack(tmp_path / "set", tmp_path / "to")
    assert {
        ref.identity for ref in TripletSource(tmp_path / "to", "inputs,outputs,binary_mask", "").refs()
    } == {first}


def members_of(folder: Path, suffix: str) -> list[bytes]:
    found = []
    for path in folder.glob("*.tar"):
        with tarfile.open(path) as tar:
            found += [tar.extractfile(member).read() for member in tar if member.name.endswith(suffix)]
    return found


def test_row56_older_data_sets_with_both_spellings_are_understood(tmp_path):
    first, second = BOTH["Zoë_Müller"]
    who = who_by_path([(f"{second}/{second}_0001.jpg", second)], "auto")
    assert who(f"{first}/{first}_0002.jpg") == first


def test_row56_verify_finds_one_person_in_two_splits_whatever_the_spelling(tmp_path):
    first, second = BOTH["Zoë_Müller"]
    write_data_set(tmp_path / "set", [f"{first}/{first}_0001.jpg"], split="train")
    write_data_set(tmp_path / "set", [f"{second}/{second}_0002.jpg"], split="val")
    assert any("is in train and in val" in problem.what for problem in verify(tmp_path / "set").problems)


def test_row56_a_data_set_of_both_spellings_shares_no_person(tmp_path):
    for number, name in enumerate(PHOTOS):
        draw_photo(tmp_path / "photos" / "x.jpg", number)
        target = tmp_path / "photos" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos/x.jpg").rename(target)
    report = generate(settings_for(tmp_path / "photos", tmp_path / "out"), build=build)
    assert report.triplets == len(PHOTOS)
    assert verify(tmp_path / "out").ok
    assert {json.loads(data)["identity"] for data in members_of(tmp_path / "out", ".json")} == {
        normalize("NFC", person) for person in PEOPLE
    }
