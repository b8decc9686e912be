"""Rows 54 and 540 of the fault matrix: byte-identical photos in two splits; a split that cannot be trained on."""

import json
import tarfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskgen.cli.gen_data import rehearsal_text, report_text
from maskgen.command_settings import PackSettings
from maskgen.dataset.assign import extend_plan
from maskgen.dataset.plan import Plan, data_settings
from maskgen.dataset.verify import verify
from maskgen.errors import UsageError
from maskgen.files import record_path
from maskgen.generation.pack import pack
from maskgen.generation.pipeline import check_failures, generate, rehearse
from maskgen.settings import GenSettings
from maskgen.types import PhotoRef
from tests.helpers.fake_worker_tools import build, contents, draw_photo, settings_for

pytestmark = pytest.mark.fault

WIDE = {"val": 0.3, "test": 0.3}


def settings_with(**source: object) -> GenSettings:
    return GenSettings.model_validate({"source": WIDE | source, "shards": {"shard_size": 7}})


def plan_of(
    refs: Sequence[PhotoRef], copies: dict[str, str], before: Plan | None = None, **source: object
) -> Plan:
    settings = settings_with(**source)
    blank = Plan("people", "", data_settings(settings), {})
    return extend_plan(before or blank, refs, settings, copies)


def places(plan: Plan) -> dict[str, str]:
    return {ref.id: shard.split for shard in plan.shards for ref in shard.refs}


def skipped(plan: Plan) -> dict[str, str]:
    return {entry[0]: entry[1] for shard in plan.shards for entry in shard.skips}


STRANGERS = [PhotoRef(f"{number}.jpg") for number in range(200)]
PAIRS = {f"{number}.jpg": str(number // 4) for number in range(200)}  # 50 photos, each four times


def test_row54_all_copies_of_a_photo_are_in_one_split() -> None:
    plan = plan_of(STRANGERS, PAIRS)
    found = places(plan)
    assert len(found) == 200
    splits = [{found[f"{number}.jpg"] for number in range(4 * group, 4 * group + 4)} for group in range(50)]
    assert all(len(split) == 1 for split in splits)
    assert set.union(*splits) == {"train", "val", "test"}


def test_row54_photos_without_copies_stay_where_they_were() -> None:
    before, after = places(plan_of(STRANGERS, {})), places(plan_of(STRANGERS, {"3.jpg": "x", "9.jpg": "x"}))
    assert {name for name in before if before[name] != after[name]} <= {"3.jpg", "9.jpg"}
    assert plan_of(STRANGERS, {}).hash == plan_of(STRANGERS, PAIRS).hash


@given(st.integers(0, 200), st.integers(0, 5))
def test_row54_the_split_of_a_copy_does_not_depend_on_the_number_of_photos(n: int, seed: int) -> None:
    settings = settings_with(n=max(n, 1)).model_copy(update={"seed": seed})
    few = places(extend_plan(Plan("people", "", {}, {}), STRANGERS, settings, PAIRS))
    assert few.items() <= places(plan_of(STRANGERS, PAIRS)).items()


@pytest.mark.parametrize("duplicates", ["keep", "drop"])
@given(first=st.integers(1, 200), second=st.integers(1, 200))
def test_row54_extending_keeps_all_that_was_planned(duplicates: str, first: int, second: int) -> None:
    before = plan_of(STRANGERS, PAIRS, n=first, duplicates=duplicates)
    after = plan_of(STRANGERS, PAIRS, before, n=max(first, second), duplicates=duplicates)
    assert after.shards[: len(before.shards)] == before.shards
    assert len(after.ids) == max(first, second)
    kept: dict[str, set[str]] = {}
    for name, split in places(after).items():
        kept.setdefault(PAIRS[name], set()).add(split)
    assert all(len(splits) == 1 for splits in kept.values())
    if duplicates == "drop":
        assert len(places(after)) == len(kept)
        assert len(skipped(after)) == len(after.ids) - len(kept)
        assert set(skipped(after).values()) <= {"duplicate"}


def test_row54_a_new_copy_goes_where_the_planned_one_is() -> None:
    for name in ("0.jpg", "1.jpg", "2.jpg", "3.jpg"):
        before = plan_of([PhotoRef(name)], {})
        after = plan_of([PhotoRef(name), PhotoRef("z.jpg")], {name: "x", "z.jpg": "x"}, before)
        assert len(set(places(after).values())) == 1


def person(name: str, number: int = 1) -> PhotoRef:
    return PhotoRef(f"{name}/{name}_{number:04d}.jpg", name)


def test_row54_a_copy_of_an_unknown_person_follows_the_known_one() -> None:
    people = [person(f"P{number}") for number in range(60)]
    strays = [PhotoRef(f"stray/{number}.jpg") for number in range(60)]
    copies = {ref.id: str(number) for refs in (people, strays) for number, ref in enumerate(refs)}
    found, alone = places(plan_of([*people, *strays], copies)), places(plan_of(people, {}))
    for known, stray in zip(people, strays, strict=True):
        assert found[known.id] == found[stray.id] == alone[known.id]
    assert len(set(found.values())) == 3


@pytest.mark.parametrize("duplicates", ["keep", "drop"])
def test_row54_one_picture_under_many_names_shares_no_person_and_no_photo(duplicates: str) -> None:
    """A placeholder, or a wrongly named photo: joining all these people into one split would empty the others."""
    people = [person(f"P{number}", nth) for number in range(60) for nth in (1, 2, 3)]
    copies = {ref.id: "placeholder" for ref in people if ref.id.endswith("_0001.jpg")}
    plan = plan_of(people, copies, duplicates=duplicates)
    found, alone = places(plan), places(plan_of(people, {}))
    assert found.items() <= alone.items()
    assert len({found[name] for name in copies if name in found}) == 1
    left_out = skipped(plan)
    assert set(left_out) == alone.keys() - found.keys() <= set(copies)
    assert set(left_out.values()) == {"duplicate"}
    assert sum(name in found for name in copies) == (
        1 if duplicates == "drop" else len(copies) - len(left_out)
    )
    assert len(plan.ids) == len(people)


def test_row54_an_official_split_is_kept_and_dropping_leaves_one_of_each() -> None:
    refs = [replace(ref, split=("train", "val", "test")[i % 3]) for i, ref in enumerate(STRANGERS)]
    assert places(plan_of(refs, PAIRS, split="official")) == {ref.id: ref.split for ref in refs}
    dropped = places(plan_of(refs, PAIRS, split="official", duplicates="drop"))
    assert sorted(PAIRS[name] for name in dropped) == sorted(set(PAIRS.values()))
    assert all(dropped[ref.id] == ref.split for ref in refs if ref.id in dropped)


def test_row54_data_sets_from_before_the_setting_can_be_resumed() -> None:
    facts = data_settings(GenSettings())
    assert "duplicates" not in facts["source"]
    assert data_settings(settings_with(duplicates="drop"))["source"]["duplicates"] == "drop"


def draw(folder: Path, copies: int = 8, names: str = "{}.jpg") -> Path:
    """Draws 20 photos, of which `copies` are a copy of the first one."""
    for number in range(20):
        draw_photo(folder / names.format(number), 0 if number < copies else number)
    return folder


def sources_by_split(out: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for path in out.glob("*.tar"):
        with tarfile.open(path) as tar:
            for member in tar:
                if member.name.endswith(".json"):
                    found.setdefault(path.stem.partition("-")[0], set()).add(
                        json.load(tar.extractfile(member))["source"]
                    )
    return found


def test_row54_eight_copies_among_twenty_photos_land_in_one_split(tmp_path):
    photos, out = draw(tmp_path / "photos"), tmp_path / "out"
    settings = settings_for(photos, out, source={"val": 0.3, "test": 0.3})
    planned = rehearse(settings)
    report = generate(settings, build=build)
    assert (report.triplets, report.duplicates, planned.duplicates) == (20, 7, 7)
    found = sources_by_split(out)
    copies = {f"{number}.jpg" for number in range(8)}
    assert len(found) == 3
    assert [names & copies for names in found.values() if names & copies] == [copies]
    assert any("share no photo" in line for line in report.warnings)
    assert verify(out).ok
    facts = json.loads((out / "dataset.json").read_bytes())
    assert facts["copies"]["identical"] == {"photos": 7, "across_splits": 0}
    assert "7 photos have the same bytes as another one" in report_text(report)
    assert "7 photos have the same bytes as another one" in rehearsal_text(planned)


def test_row54_dropped_copies_are_counted_and_are_no_failures(tmp_path):
    photos, out = draw(tmp_path / "photos"), tmp_path / "out"
    settings = settings_for(photos, out, source={"duplicates": "drop"})
    assert rehearse(settings).duplicates == 7
    report = generate(settings, build=build)
    assert (report.triplets, report.skipped, report.photos) == (13, {"duplicate": 7}, 20)
    assert report.duplicates == 7
    check_failures(report, settings)  # 7 of 20 are more than --max-failures
    assert (
        "| duplicate | the file has the same bytes as another photo | 7 |" in (out / "README.md").read_text()
    )
    assert verify(out).ok
    entries = [
        entry for path in out.glob("records/*.record") for entry in json.loads(path.read_bytes())["skips"]
    ]
    kept = {entry[2].removeprefix("the same bytes as ") for entry in entries}
    assert len(kept) == 1
    assert kept <= set.union(*sources_by_split(out).values())


def test_row54_a_resumed_run_gives_the_same_bytes_and_does_not_look_for_copies_again(tmp_path, monkeypatch):
    photos = draw(tmp_path / "photos")
    generate(settings_for(photos, tmp_path / "whole", source={"duplicates": "drop"}), build=build)
    out = tmp_path / "out"
    settings = settings_for(photos, out, source={"duplicates": "drop"})
    generate(settings, build=build)
    (lost := next(iter(sorted(out.glob("*.tar"))))).unlink()
    record_path(lost.parent, lost.stem).unlink()

    def refuse(*_):
        raise AssertionError("the source was searched for copies")

    monkeypatch.setattr("maskgen.generation.pipeline.find_copies", refuse)
    report = generate(settings, build=build)
    assert report.duplicates == 7
    assert contents(out) == contents(tmp_path / "whole")
    with pytest.raises(UsageError, match=r"source.duplicates"):
        generate(settings_for(photos, out), build=build)


def test_row54_a_data_set_with_copies_in_two_splits_is_warned_of(tmp_path):
    """As the source's official split has them, and as data sets have them that were begun by an older version."""
    from maskgen.generation import pipeline

    photos, out = draw(tmp_path / "photos"), tmp_path / "out"
    settings = settings_for(photos, out, source={"val": 0.3, "test": 0.3})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "find_copies", lambda source, refs: {})
        report = generate(settings, build=build)
    facts = json.loads((out / "dataset.json").read_bytes())
    assert facts["copies"]["identical"]["across_splits"] > 0
    assert not any("share no photo" in line for line in report.warnings)
    (line,) = [line for line in report.warnings if "same bytes" in line]
    assert "in two splits" in line
    assert "--duplicates drop" in line
    assert "in two splits" in (out / "README.md").read_text()


def test_row54_packed_triplets_of_one_original_are_in_one_split(tmp_path):
    for number in range(20):
        draw_photo(tmp_path / f"folders/outputs/{number}.png", 0 if number < 8 else number)
        gt = cv2.imread(str(tmp_path / f"folders/outputs/{number}.png"))
        drawn = np.zeros(gt.shape[:2], np.uint8)
        drawn[30:50, 10 + number : 40 + number] = 255
        for folder, image in (
            ("inputs", np.where(drawn[..., None] > 0, 255 - gt, gt)),
            ("binary_mask", drawn),
        ):
            (tmp_path / "folders" / folder).mkdir(exist_ok=True)
            cv2.imwrite(str(tmp_path / f"folders/{folder}/{number}.png"), image)
    report = pack(
        PackSettings(
            dir=str(tmp_path / "folders"), to=str(tmp_path / "out"), val=0.3, test=0.3, shard_size=6, jobs=1
        )
    )
    assert (report.triplets, report.duplicates) == (20, 7)
    copies = {str(number) for number in range(8)}
    found = sources_by_split(tmp_path / "out")
    assert [names & copies for names in found.values() if names & copies] == [copies]


@pytest.mark.parametrize("share", ["val", "test"])
def test_row540_photos_of_one_person_that_miss_train_are_warned_of(tmp_path, share):
    others = {"val", "test"} - {share}
    fractions = {share: 0.99, others.pop(): 0.0}
    photos = draw(tmp_path / "photos", 0, "Ann_Lee/Ann_Lee_{:04d}.jpg")
    settings = settings_for(photos, tmp_path / "out", source=fractions)
    for warnings in (rehearse(settings).warnings, generate(settings, build=build).warnings):
        (line,) = [line for line in warnings if "train" in line]
        assert f"all 20 photos are in the split {share}" in line
        assert "one person, Ann_Lee" in line
        assert f"--set source.{share}=0" in line
    healed = settings_for(photos, tmp_path / "healed", source={"val": 0, "test": 0})
    assert not [line for line in generate(healed, build=build).warnings if "split" in line]


def test_row540_a_train_split_without_a_sample_is_warned_of(tmp_path):
    for number in range(30):
        draw_photo(tmp_path / f"photos/p{number}/{number}.jpg", number)
    settings = settings_for(tmp_path / "photos", tmp_path / "out", source=WIDE | {"people": "folders"})
    generate(settings, build=build)
    train = sources_by_split(tmp_path / "out")["train"]
    for name in train:
        path = tmp_path / "photos" / name
        path.rename(path.with_name(f"noface-{path.name}"))
    # the splits are by folder, so the renamed photos stay in train
    report = generate(
        settings_for(tmp_path / "photos", tmp_path / "again", source=WIDE | {"people": "folders"}),
        build=build,
    )
    assert report.triplets
    (line,) = [line for line in report.warnings if "train" in line]
    assert "no photo of the split train gave a triplet" in line
