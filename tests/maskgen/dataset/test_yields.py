"""Yield by group of people: known intervals, groups that differ, photos of which nothing is known."""

from collections.abc import Mapping

import pytest

from maskgen.dataset.fairness import odd_groups
from maskgen.dataset.shard_record import ShardReport
from maskgen.dataset.yields import UNKNOWN, YieldCount, odd_attributes, wilson


@pytest.mark.parametrize(
    ("good", "of", "low", "high"),
    [  # R. G. Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_has_known_values(good: int, of: int, low: float, high: float) -> None:
    assert wilson(good, of) == pytest.approx((low, high), abs=5e-5)
    assert wilson(of - good, of) == pytest.approx((1 - high, 1 - low), abs=5e-5)


@pytest.mark.parametrize("of", [1, 29, 34, 62, 87, 1000])
def test_wilson_interval_of_all_or_none_ends_exactly_at_the_edge(of: int) -> None:
    assert wilson(of, of)[1] == 1
    assert wilson(0, of)[0] == 0


def counted(outcomes: Mapping[str, Mapping[str, int]], attribute: str = "sex") -> YieldCount:
    """Counts groups whose photos have the given outcomes; "" is a photo with a sample."""
    count = YieldCount(lambda photo: {attribute: photo.split("/")[0]} if photo[0] != "?" else {})
    for group, reasons in outcomes.items():
        for reason, number in reasons.items():
            photos = [f"{group}/{reason}{at}" for at in range(number)]
            count.add(photos, [(photo, reason, "") for photo in photos] if reason else [])
    return count


def test_a_group_with_a_lower_yield_is_flagged_and_equal_groups_are_not() -> None:
    found = counted({"a": {"": 95, "no_face": 5}, "b": {"": 94, "profile": 6}}).result()["sex"]
    assert [found[name]["differs"] for name in "ab"] == [False, False]
    assert found["b"]["skipped"] == {"profile": 6}
    assert found["a"]["yield"] == 0.95
    assert found["a"]["ci95"] == [round(edge, 6) for edge in wilson(95, 100)]
    worse = counted({"a": {"": 980, "no_face": 20}, "b": {"": 80, "no_face": 20}}).result()["sex"]
    assert [worse[name]["differs"] for name in "ab"] == [True, True]  # the whole, 96.4 %, lies outside both
    assert worse["b"]["ci95"][1] < 1060 / 1100 < worse["a"]["ci95"][0]


@pytest.mark.parametrize("outcome", ["", "no_face"])
def test_groups_of_which_all_or_none_gave_a_sample_do_not_differ(outcome: str) -> None:
    sizes = range(30, 200)
    found = counted({f"group {size}": {outcome: size} for size in sizes}).result()["sex"]
    assert not [name for name, entry in found.items() if entry["differs"]]


def test_a_small_group_is_never_flagged() -> None:
    found = counted({"a": {"": 1000}, "b": {"no_face": 29}, "c": {"no_face": 30}}).result()["sex"]
    assert {name: found[name]["differs"] for name in "abc"} == {"a": True, "b": False, "c": True}


@pytest.mark.fault
def test_row662_photos_without_a_value_are_counted_as_unknown() -> None:
    count = counted({"a": {"": 50}, "b": {"": 50}, "?": {"no_face": 60, "": 1}})
    found = count.result()["sex"]
    assert list(found) == ["a", "b", UNKNOWN]
    assert (found[UNKNOWN]["photos"], found[UNKNOWN]["made"]) == (61, 1)
    assert not any(group["differs"] for group in found.values())  # unknown photos are not in the whole either
    assert counted({"?": {"": 5}}).result() == {}


def test_copies_that_are_dropped_do_not_lower_the_yield() -> None:
    found = counted({"a": {"": 40, "duplicate": 40}, "b": {"": 40, "unreadable": 1}}).result()["sex"]
    assert (found["a"]["photos"], found["a"]["yield"]) == (40, 1.0)
    assert found["b"]["skipped"] == {"unreadable": 1}


def test_ages_are_in_the_order_of_age() -> None:
    assert list(counted({"65+": {"": 1}, "0-12": {"": 1}, "13-19": {"": 1}}, "age").result()["age"]) == [
        "0-12", "13-19", "65+",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"made": 94},
        {"photos": 101},
        {"yield": 0.94},
        {"ci95": [0.0, 1.0]},
        {"differs": True},
        {"skipped": {"no_face": 4}},
        {"skipped": {}},
    ],
)
def test_a_changed_number_is_noticed(change: dict[str, object]) -> None:
    by_group = counted({"a": {"": 95, "no_face": 5}, "b": {"": 94, "no_face": 6}}).result()
    assert odd_attributes(by_group, 200, 189) == []
    assert odd_attributes(by_group, 201, 189) == ["sex"]
    by_group["sex"]["a"] |= change
    assert odd_attributes(by_group, 200, 189) == ["sex"]


def test_records_decide_how_many_photos_and_tones_there_are() -> None:
    report = ShardReport(
        "train-000000", "train", 12, 8, 30720, "0" * 64, "0" * 16, {"no_face": 1, "duplicate": 3}
    )
    by_group = counted({"a": {"": 8, "no_face": 1}}).result()
    assert odd_groups({"by_group": by_group, "tones": {"light": 8}}, [report]) == []
    assert odd_groups({"by_group": by_group, "tones": {"light": 9}}, [report, report]) == ["sex", "tones"]
