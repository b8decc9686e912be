import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskgen.dataset.assign import extend_plan
from maskgen.dataset.plan import (
    Plan,
    data_settings,
    differences,
    load_plan,
    save_plan,
    with_refs,
)
from maskgen.errors import InputError, UsageError
from maskgen.settings import GenSettings
from maskgen.types import PhotoRef

REFS = [
    PhotoRef(f"Person_{i // 3}/Person_{i // 3}_{i % 3}.jpg", identity=f"Person_{i // 3}") for i in range(300)
]


def settings_with(seed: int = 0, shard_size: int = 40, **source: object) -> GenSettings:
    return GenSettings.model_validate({"source": source, "shards": {"shard_size": shard_size}, "seed": seed})


def plan_of(refs: Sequence[PhotoRef], settings: GenSettings) -> Plan:
    return extend_plan(Plan("people", "terms", data_settings(settings), {"numpy": "2"}), refs, settings)


def test_every_photo_is_planned_once() -> None:
    plan = plan_of(REFS, settings_with())
    names = [ref.id for shard in plan.shards for ref in shard.refs]
    assert sorted(names) == sorted(ref.id for ref in REFS)


def test_no_person_is_in_two_splits() -> None:
    plan = plan_of(REFS, settings_with())
    splits = {
        split: {ref.identity for s in plan.shards if s.split == split for ref in s.refs}
        for split in ("train", "val", "test")
    }
    assert all(splits.values())
    assert (
        not splits["train"] & splits["val"]
        | splits["train"] & splits["test"]
        | splits["val"] & splits["test"]
    )


def test_shards_are_named_by_split_and_number_and_share_the_photos_evenly() -> None:
    shards = [shard for shard in plan_of(REFS, settings_with(shard_size=50)).shards if shard.split == "train"]
    photos = sum(shard.photos for shard in shards)
    assert [shard.name for shard in shards] == [f"train-{i:06d}" for i in range(math.ceil(photos / 50))]
    assert photos > 150
    assert max(shard.photos for shard in shards) - min(shard.photos for shard in shards) <= 1


def train_settings(shard_size: int, readers: int, **source: object) -> GenSettings:
    """Returns settings by which all photos are in the split train."""
    shards = {"shard_size": shard_size, "readers": readers}
    return GenSettings.model_validate({"source": {"val": 0, "test": 0, **source}, "shards": shards})


@pytest.mark.parametrize(
    ("photos", "shard_size", "readers", "sizes"),
    [
        (1, 1000, 4, [1]),
        (7, 1000, 4, [7]),
        (9, 1000, 4, [5, 4]),
        (15, 1000, 4, [5, 5, 5]),
        (16, 1000, 4, [4, 4, 4, 4]),
        (300, 1000, 4, [75, 75, 75, 75]),
        (300, 1000, 1, [300]),
        (300, 1000, 7, [43, 43, 43, 43, 43, 43, 42]),
        (300, 40, 4, [38, 38, 38, 38, 37, 37, 37, 37]),
        (10, 2, 4, [2, 2, 2, 2, 2]),
    ],
)
def test_a_split_has_a_shard_for_each_reader_where_it_has_photos_enough(
    photos: int, shard_size: int, readers: int, sizes: list[int]
) -> None:
    plan = plan_of(REFS[:photos], train_settings(shard_size, readers))
    assert [shard.photos for shard in plan.shards] == sizes


@given(st.integers(1, 300), st.integers(1, 60), st.integers(1, 12))
def test_no_shard_is_planned_empty_too_large_or_much_smaller_than_others(
    photos: int, shard_size: int, readers: int
) -> None:
    plan = plan_of(REFS[:photos], train_settings(shard_size, readers))
    sizes = [shard.photos for shard in plan.shards]
    assert sum(sizes) == photos
    assert 1 <= min(sizes) <= max(sizes) <= min(shard_size, min(sizes) + 1)
    assert len(sizes) >= min(readers, photos // 4)


def test_extending_adds_the_shards_that_readers_lack() -> None:
    before = plan_of(REFS[:6], train_settings(1000, 4))
    after = extend_plan(before, REFS[:40], train_settings(1000, 4))
    assert [shard.photos for shard in after.shards] == [6, 12, 11, 11]
    more = extend_plan(after, REFS[:50], train_settings(1000, 4))
    assert [shard.photos for shard in more.shards] == [6, 12, 11, 11, 10]


def test_copies_that_are_left_out_leave_no_shard_without_photos() -> None:
    refs = [*REFS[:16], *(PhotoRef(f"copies/{i}.jpg", "Ann") for i in range(100))]
    settings = train_settings(1000, 4, duplicates="drop")
    blank = Plan("people", "terms", data_settings(settings), {})
    plan = extend_plan(blank, refs, settings, {f"copies/{i}.jpg": "the same bytes" for i in range(100)})
    assert [len(shard.refs) for shard in plan.shards] == [5, 4, 4, 4]
    assert sum(shard.photos for shard in plan.shards) == 116


def test_a_plan_does_not_depend_on_the_order_of_the_listing() -> None:
    assert plan_of(REFS, settings_with()) == plan_of(REFS[::-1], settings_with())


def test_a_smaller_n_selects_a_subset_of_a_larger_n() -> None:
    few, many = plan_of(REFS, settings_with(n=50)), plan_of(REFS, settings_with(n=100))
    assert (len(few.ids), len(many.ids)) == (50, 100)
    assert few.ids < many.ids


def test_the_seed_chooses_photos_but_never_moves_a_person_to_another_split() -> None:
    one, other = (plan_of(REFS, settings_with(seed=seed, n=150)) for seed in (1, 2))
    assert one.ids != other.ids
    places = [{ref.identity: s.split for s in plan.shards for ref in s.refs} for plan in (one, other)]
    assert all(places[0][person] == places[1][person] for person in places[0].keys() & places[1].keys())


@given(st.integers(1, 200), st.integers(1, 300))
def test_extending_leaves_planned_shards_unchanged(first: int, second: int) -> None:
    before = plan_of(REFS, settings_with(n=first))
    after = extend_plan(before, REFS, settings_with(n=second))
    assert after.shards[: len(before.shards)] == before.shards
    assert len(after.ids) == max(first, second)
    assert len({shard.name for shard in after.shards}) == len(after.shards)


def test_people_stay_in_their_split_when_an_official_split_is_dropped() -> None:
    refs = [replace(ref, split="test") for ref in REFS[:30]]
    before = plan_of(refs[::2], settings_with(split="auto"))
    after = extend_plan(before, [*refs, PhotoRef("stray.jpg")], settings_with())
    assert len(after.ids) == 31
    assert {s.split for s in after.shards if any(ref.identity for ref in s.refs)} == {"test"}


def test_the_second_photo_with_the_same_key_is_counted_as_a_skip(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("maskgen.dataset.assign.key_base", lambda ref: "same-00000000")
    plan = plan_of(REFS[:3], settings_with(val=0, test=0))
    assert [len(shard.refs) for shard in plan.shards] == [1]
    assert {reason for _, reason, _ in plan.shards[0].skips} == {"key_collision"}
    assert plan.shards[0].photos == 3


def test_an_official_split_is_used_if_every_photo_has_one() -> None:
    refs = [replace(ref, split=("train", "val")[i % 2], identity="") for i, ref in enumerate(REFS)]
    plan = plan_of(refs, settings_with())
    assert {ref.split for s in plan.shards if s.split == "val" for ref in s.refs} == {"val"}
    with pytest.raises(InputError, match="gives it no official split; use --split hash"):
        plan_of([*refs, PhotoRef("odd.jpg")], settings_with(split="official"))


def test_an_official_split_with_a_person_in_two_splits_is_refused() -> None:
    refs = [PhotoRef("a.jpg", "Ann", "train"), PhotoRef("b.jpg", "Ann", "test")]
    with pytest.raises(InputError, match="Ann is in train and in test"):
        plan_of(refs, settings_with())
    assert plan_of(refs, settings_with(split="hash")).ids == {"a.jpg", "b.jpg"}


def test_the_hash_depends_only_on_settings_and_versions_that_change_bytes() -> None:
    plan = plan_of(REFS, settings_with())
    paths = GenSettings.model_validate(
        {"source": {"src": "/elsewhere", "n": 9}, "faces": {"cache": "off"}, "run": {"jobs": 7}}
    )
    assert plan_of(REFS, paths).hash == plan_of(REFS, GenSettings()).hash
    assert plan_of(REFS, settings_with(seed=1)).hash != plan.hash
    assert replace(plan, versions={"numpy": "3"}).hash != plan.hash


def test_differences_name_each_setting_and_version() -> None:
    one, other = plan_of(REFS, settings_with()), plan_of(REFS, settings_with(seed=3))
    assert differences(one, replace(other, versions={"numpy": "3"})) == [
        "seed: 0 there, 3 now",
        "version of numpy: 2 there, 3 now",
    ]
    assert differences(one, one) == []


def test_a_saved_plan_is_loaded_unchanged(tmp_path: Path) -> None:
    odd = [*REFS, PhotoRef("new\nline \u00e9 \udcff.jpg")]
    plan = plan_of(odd, settings_with())
    save_plan(tmp_path / "plan.json", plan)
    loaded = load_plan(tmp_path / "plan.json")
    assert loaded is not None
    assert with_refs(loaded, odd) == plan
    assert load_plan(tmp_path / "none.json") is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("settings",), 5),
        (("terms",), 5),
        (("versions",), None),
        (("versions",), ["a"]),
        (("shards", 0, "name"), "../../elsewhere"),
        (("shards", 0, "name"), None),
        (("shards", 0, "split"), "all"),
        (("shards", 0, "ids"), [1, 2]),
        (("shards", 0, "ids"), [["a"]]),
        (("shards", 0, "skips"), [[1, 2, 3]]),
        (("shards", 0, "skips"), [["a", "b"]]),
        (("shards", 1, "name"), "train-000000"),
    ],
)
def test_a_plan_with_a_part_of_another_kind_is_refused(path, value, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    save_plan(file, plan_of(REFS, settings_with()))
    facts = json.loads(file.read_bytes())
    part = facts
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    file.write_text(json.dumps(facts))
    with pytest.raises(UsageError, match=r"plan\.json: cannot be read"):
        load_plan(file)


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"format": 99}'])
def test_a_damaged_plan_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(content)
    with pytest.raises(UsageError, match=r"plan\.json"):
        load_plan(tmp_path / "plan.json")
