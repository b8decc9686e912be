"""Pairs: folds share no person, and a reference is never a photo of its pair."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskgen.dataset.pairs import Pair, pairs_text
from unmasknet.recognition.pairs import (
    NONE,
    Pairs,
    choose_references,
    draw_impostors,
    listed_pairs,
    near_copies,
    read_listed,
)
from unmasknet.recognition.photos import NamedPhoto


def photos_of(counts):
    points = np.zeros((5, 2), np.float32)
    return [
        NamedPhoto(
            f"k{i:03d}-{n}", f"p{i}/p{i}_{n:04d}.jpg", f"p{i}", "cloth", "correct", 5.0, (0.0,) * 4, points
        )
        for i, count in enumerate(counts)
        for n in range(1, count + 1)
    ]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=24, max_size=50), st.integers(0, 5))
def test_a_person_is_never_in_two_folds(counts, seed):
    photos = photos_of([3, 3, *counts])
    pairs = listed_pairs(photos, {}, seed)
    folds = {}
    for at in range(len(pairs)):
        one, other = photos[pairs.gallery[at]].person, photos[pairs.probe[at]].person
        assert (one == other) == pairs.same[at]
        for person in (one, other):
            assert folds.setdefault(person, pairs.fold[at]) == pairs.fold[at]
    assert pairs.same.sum() == (~pairs.same).sum() > 0


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=4, max_size=20), st.integers(0, 5))
def test_a_reference_is_another_photo_of_the_probe_and_not_of_the_pair(counts, seed):
    photos = photos_of([3, 2, *counts])
    people, keys = [one.person for one in photos], [one.key for one in photos]
    for pairs in (listed_pairs(photos, {}, seed), draw_impostors(people, [""] * len(photos), 300, seed)):
        references = choose_references(pairs, people, keys, (), seed)
        for gallery, probe, reference in zip(pairs.gallery, pairs.probe, references, strict=True):
            further = people.count(people[probe]) - len(
                {probe, gallery} & {i for i, p in enumerate(people) if p == people[probe]}
            )
            assert (reference == NONE) == (further == 0)
            if reference != NONE:
                assert people[reference] == people[probe]
                assert reference not in (gallery, probe)


def test_a_probe_has_at_most_two_references():
    photos = photos_of([10, 10, 4, 3])
    people, keys = [one.person for one in photos], [one.key for one in photos]
    every = draw_impostors(people, [""] * len(photos), 10_000, 0)
    same = np.array([(i, j) for i in range(10) for j in range(10) if i != j])
    both = replace(
        every,
        gallery=np.concatenate([every.gallery, same[:, 0]]),
        probe=np.concatenate([every.probe, same[:, 1]]),
    )
    references = choose_references(both, people, keys, (), 0)
    for probe in range(len(photos)):
        assert len(set(references[both.probe == probe].tolist()) - {NONE}) <= 2


def test_pairs_depend_on_the_seed_alone():
    photos = photos_of([3] * 30)
    first, again, other = (listed_pairs(photos, {}, seed) for seed in (0, 0, 1))
    assert first.gallery.tolist() == again.gallery.tolist()
    assert first.gallery.tolist() != other.gallery.tolist()
    assert 0.2 < float((first.gallery < first.probe)[first.same].mean()) < 0.8, (
        "either photo may be the gallery's"
    )


def test_impostors_are_all_pairs_of_two_people_or_so_many_of_them():
    people = ["a", "a", "b", "c"]
    every = draw_impostors(people, [""] * 4, 1000, 0)
    assert len(every) == 12 - 2
    assert not any(
        people[one] == people[other] for one, other in zip(every.gallery, every.probe, strict=True)
    )
    many = [f"p{i // 3}" for i in range(600)]
    some = draw_impostors(many, [""] * 600, 2000, 0)
    assert len(set(zip(some.gallery.tolist(), some.probe.tolist(), strict=True))) == len(some) == 2000
    assert not any(many[one] == many[other] for one, other in zip(some.gallery, some.probe, strict=True))


def test_the_same_photo_under_two_names_is_no_impostor():
    found = draw_impostors(["a", "b", "c"], ["x", "x", ""], 100, 0)
    assert (0, 1) not in set(zip(found.gallery.tolist(), found.probe.tolist(), strict=True))
    assert len(found) == 4


def test_a_list_of_pairs_keeps_its_order_and_counts_what_is_missing(tmp_path):
    photos = photos_of([2, 2])
    named = [
        Pair("p1/p1_0002.jpg", "p1/p1_0001.jpg", True, 0),
        Pair("p0/p0_0001.jpg", "p1/p1_0001.jpg", False, 0),
        Pair("p0/p0_0001.jpg", "p0/p0_0002.jpg", True, 1),
        Pair("p0/p0_0001.jpg", "p7/p7_0001.jpg", False, 1),
    ]
    path = tmp_path / "pairs.txt"
    path.write_text(pairs_text(named, "lfw"))
    pairs, missing = read_listed(path, photos)
    assert missing == 1
    assert [photos[i].source for i in pairs.gallery] == ["p1/p1_0002.jpg", "p0/p0_0001.jpg", "p0/p0_0001.jpg"]
    assert pairs.same.tolist() == [True, False, True]
    assert pairs.fold.tolist() == [0, 0, 1]


@pytest.mark.parametrize("counts", [[2, 1], [2, 2], [5, 1, 1]])
def test_few_people_make_fewer_folds(counts):
    pairs = listed_pairs(photos_of(counts), {}, 0)
    assert pairs.same.any()
    assert not pairs.same.all()


def test_a_copy_of_a_photo_of_the_pair_is_no_reference():
    photos = photos_of([4, 2])
    look = "0f" * 16
    near = look[:-1] + "e"  # one bit apart
    looks = {photos[0].source: look, photos[1].source: near, photos[2].source: "3c" * 16}
    copies = near_copies(photos, looks)
    assert copies == {(0, 1), (1, 0)}
    people, keys = [one.person for one in photos], [one.key for one in photos]
    gallery, probe = (np.array(side) for side in ([2, 0, 1, 2, 4], [0, 2, 3, 3, 0]))
    pairs = Pairs(gallery, probe, gallery < 4, np.zeros(5, np.int64))
    for seed in range(20):
        references = choose_references(pairs, people, keys, copies, seed)
        assert references[0] == 3, "1 is a copy of the probe"
        assert references[1] == 3, "1 is a copy of the gallery's photo"
        assert references[2] == 2
        assert references[3] in (0, 1)
        assert references[4] in (2, 3)


def test_one_person_with_nearly_all_photos_makes_as_many_impostors_as_there_are():
    people = ["a"] * 400 + ["b"]  # 160,000 pairs, of which 800 are of two people
    found = draw_impostors(people, [""] * 401, 1000, 0)
    assert len(found) == 800
    assert {people[at] for at in found.gallery.tolist()} == {"a", "b"}
    same = draw_impostors(["a"] * 300 + ["b"] * 300, ["x"] * 600, 1000, 0)
    assert len(same) == 0, "the same photo under two names, however often it is drawn"


def test_copies_of_a_photo_do_not_make_a_fold():
    photos = photos_of([2, 2, 2, 1, 1, 1])
    digests = {photos[0].source: "x", photos[1].source: "x"}
    pairs = listed_pairs(photos, digests, 0)
    assert len(np.unique(pairs.fold)) == 2
    assert {photos[at].person for at in pairs.gallery[pairs.same]} == {"p1", "p2"}
