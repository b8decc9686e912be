import json
import os
import random
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maskgen.dataset.card import write_card
from maskgen.dataset.folder import DataSetFolder
from maskgen.dataset.shard_record import read_record, write_record
from maskgen.dataset.shards import Members, ShardWriter, decode, read_shard
from maskgen.dataset.verify import verify
from maskgen.errors import InputError, UnmaskError
from maskgen.generation.pipeline import generate
from maskgen.images import codecs
from maskgen.types import BARE
from tests.helpers.fake_worker_tools import build, draw_photos, settings_for

Change = Callable[[Members], Members]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    photos = draw_photos(folder / "people", 12, ("noface",))
    generate(settings_for(photos, folder / "out", shards={"format": "png", "shard_size": 4}), build=build)
    return folder / "out"


@pytest.fixture
def out(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "out")
    return tmp_path / "out"


def problems(out: Path) -> list[str]:
    return [problem.what for problem in verify(out).problems]


def forge(out: Path, change: Change, name: str = "train-000000") -> None:
    """Changes the first sample of a shard, and updates record, `dataset.json` and card to match."""
    samples = list(read_shard(out / f"{name}.tar"))
    samples[0] = (samples[0][0], change(samples[0][1]))
    record = read_record(out, name)
    assert record is not None
    with ShardWriter(out, out / ".work", name, 1) as shard:
        shard.add_photo(samples)
        size, digest = shard.finish()
    write_record(out, replace(record, bytes=size, sha256=digest))
    assert DataSetFolder(out).complete(write_card)


def relabel(**changes: Any) -> Change:
    def change(members: Members) -> Members:
        return members | {"json": json.dumps(json.loads(members["json"]) | changes).encode()}

    return change


def reface(**changes: Any) -> Change:
    def change(members: Members) -> Members:
        labels = json.loads(members["json"])
        labels["faces"][0] |= changes
        return members | {"json": json.dumps(labels).encode()}

    return change


def repaint(name: str, paint: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Change:
    """Returns a change of one image; `paint` takes the image and the map."""

    def change(members: Members) -> Members:
        sample = decode(members)
        image = paint(sample[name].copy(), sample["map"])  # type: ignore[literal-required]
        return members | {f"{name}.png": codecs.encode_lossless(image, "png")}

    return change


def test_a_new_data_set_has_no_problems(made: Path) -> None:
    report = verify(made)
    assert report.ok
    assert (report.samples, report.problems) == (12, ())
    assert report.shards == len(list(made.glob("records/*.record")))


def test_progress_is_reported_after_each_shard(made: Path) -> None:
    reported: list[tuple[int, int]] = []
    total = verify(made, lambda progress: reported.append((progress.done, progress.total))).shards
    assert reported == [(i, total) for i in range(total + 1)]


def test_a_folder_without_shards_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError, match="found no shards"):
            verify(folder)


def test_a_missing_tar_record_card_or_data_set_file_is_found(out: Path) -> None:
    (out / "train-000000.tar").unlink()
    (out / "records/train-000001.record").unlink()
    (out / "README.md").unlink()
    found = problems(out)
    assert "the tar is missing" in found
    assert any(what.startswith("the record is missing") for what in found)
    assert "the card README.md is missing" in found
    (out / "dataset.json").unlink()
    assert any(what.startswith("dataset.json is missing") for what in problems(out))


def test_a_shard_replaced_by_a_copy_of_another_is_found(out: Path) -> None:
    shutil.copy(out / "records/train-000001.record", out / "records/train-000000.record")
    shutil.copy(out / "train-000001.tar", out / "train-000000.tar")
    assert "the record is that of train-000001 (train)" in problems(out)
    assert "the key was there before" in problems(out)


def test_a_shard_deleted_with_its_record_is_found(out: Path) -> None:
    (out / "train-000000.tar").unlink()
    (out / "records/train-000000.record").unlink()
    assert problems(out) == ["dataset.json lists train-000000, but there is no sound record of it"]


def changed_pixel_outside(image: np.ndarray, map: np.ndarray) -> np.ndarray:
    y, x = np.argwhere(map == 0)[0]
    image[y, x] ^= 1
    return image


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (repaint("masked", changed_pixel_outside), "1 pixels differ outside the map"),
        (repaint("gt", lambda image, map: image[:-1]), "members are of different sizes"),
        (repaint("gt", lambda image, map: np.zeros_like(image)), "pixels differ outside the map"),
        (lambda members: members | {"masked.png": members["gt.png"]}, "inside the map are equal in both"),
        (lambda members: members | {"gt.png": members["gt.png"][:-40]}, "gt.png is truncated"),
        (lambda members: members | {"map.png": b"no image"}, "map"),
        (
            lambda members: members | {"map.png": codecs.encode_map(np.zeros((64, 64), np.uint8))},
            "the map is empty, but the labels name a mask",
        ),
        (
            lambda members: members | {"parts.png": codecs.encode_parts(np.zeros((64, 64), np.uint8))},
            "map and parts do not cover the same pixels",
        ),
        (lambda members: {k: v for k, v in members.items() if k != "parts.png"}, "members are gt.png, json"),
        (lambda members: members | {"zz.txt": b"more"}, "members are gt.png, json"),
        (reface(mask=asdict(BARE)), "all faces are bare in the labels, but the map covers"),
        (relabel(hole=1), "json: hole missing, unknown or of the wrong type"),
        (relabel(identity=None), "json: identity missing, unknown or of the wrong type"),
        (relabel(extra=""), "json: extra missing, unknown or of the wrong type"),
        (relabel(hole=float("nan")), "json: hole missing, unknown or of the wrong type"),
        (
            relabel(faces=[{}]),
            "json: faces.box, faces.landmarks, faces.mask, faces.pose, faces.scheme missing",
        ),
        (reface(mask=None), "json: faces.mask missing"),
        (reface(landmarks=[[1.0, 2]]), "json: faces.landmarks missing"),
        (relabel(hole=0.9), "json: hole is 0.9, the map covers"),
        (relabel(split="test"), "json: split is test, the shard is of train"),
        (relabel(source="/home/me/a.jpg"), "json: source is an absolute path"),
        (relabel(terms="none"), "the samples have other terms than dataset.json"),
        (relabel(seed="7"), "json: seed missing, unknown or of the wrong type"),
        (relabel(seed=None), "json: seed missing, unknown or of the wrong type"),
        (relabel(seed=2**31), "json: seed is 2147483648, format 2 has seeds of 0 to 2147483647"),
        (lambda members: members | {"json": b"[]"}, "json: all missing, unknown or of the wrong type"),
        (lambda members: members | {"json": b"null"}, "json: all missing, unknown or of the wrong type"),
    ],
)
def test_an_invalid_sample_is_found_even_if_its_hash_is_right(change: Change, what: str, out: Path) -> None:
    forge(out, change)
    assert any(what in found for found in problems(out)), problems(out)


def test_a_person_in_two_splits_is_found(out: Path) -> None:
    other = next(path.stem for path in out.glob("*.tar") if not path.name.startswith("train"))
    forge(out, relabel(identity="Ann"))
    forge(out, relabel(identity="Ann"), other)
    assert any("Ann is in " in found for found in problems(out))


def test_several_processes_find_the_same_problems_in_the_same_order(out: Path) -> None:
    other = next(path.stem for path in out.glob("*.tar") if not path.name.startswith("train"))
    forge(out, relabel(identity="Ann"))
    forge(out, relabel(identity="Ann"), other)
    (out / "train-000001.tar").write_bytes(b"cut")
    reported: list[int] = []
    assert verify(out, lambda progress: reported.append(progress.done), jobs=2) == verify(out, jobs=1)
    assert reported == sorted(reported)


def test_a_killed_process_is_a_one_line_error(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maskgen.dataset.verify.check_shard", lambda folder, name: os._exit(9))
    with pytest.raises(UnmaskError, match="was killed; if memory is short, give fewer --jobs"):
        verify(made, jobs=2)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    photos = draw_photos(tmp_path / "people", 2, ("noface",))
    settings = settings_for(photos, tmp_path / "out", source={"val": 0, "test": 0})
    generate(settings, build=build)
    return tmp_path / "out"


@pytest.mark.fault
def test_row21_a_shard_cut_at_any_block_is_found(small: Path) -> None:
    path = small / "train-000000.tar"
    data = path.read_bytes()
    for size in range(0, len(data), 512):
        path.write_bytes(data[:size])
        assert not verify(small).ok, size


@pytest.mark.fault
@pytest.mark.parametrize("name", ["train-000000.tar", "records/train-000000.record", "dataset.json"])
def test_row21_a_bit_flipped_anywhere_is_found(name: str, small: Path) -> None:
    path, rng = small / name, random.Random(21)
    data = path.read_bytes()
    for at in rng.sample(range(len(data) * 8), k=200):
        changed = bytearray(data)
        changed[at // 8] ^= 1 << at % 8
        path.write_bytes(changed)
        assert not verify(small).ok, at


EMPTY = codecs.encode_map(np.zeros((64, 64), np.uint8)), codecs.encode_parts(np.zeros((64, 64), np.uint8))


def undress(members: Members) -> Members:
    """Makes a sample wholly bare."""
    bare = reface(mask=asdict(BARE))(relabel(hole=0.0)(members))
    return bare | {"map.png": EMPTY[0], "parts.png": EMPTY[1], "masked.png": members["gt.png"]}


def test_a_sample_in_which_all_faces_are_bare_is_sound(out: Path) -> None:
    forge(out, undress)
    assert problems(out) == []


def test_images_that_differ_though_all_faces_are_bare_are_found(out: Path) -> None:
    forge(out, lambda members: undress(members) | {"masked.png": members["masked.png"]})
    assert "the map is empty, but masked and gt differ" in problems(out)
